"""Takes the pictures of the board for the documentation: ``python tests/console/shoot.py URL USER FOLDER``.

The password comes from the environment variable ``ANJU_PASSWORD``. The server must have alerts to show.
"""

import argparse
import os
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
SHOTS = (
    # name, width, height, theme, language
    ("board-light", 1920, 1080, "light", "zh"),
    ("board-dark", 1920, 1080, "dark", "zh"),
    ("board-english", 1920, 1080, "light", "en"),
    ("board-small-light", 1280, 720, "light", "zh"),
    ("board-small-dark", 1280, 720, "dark", "zh"),
    ("board-small-english", 1280, 720, "light", "en"),
)


def sign_in(page: Page, url: str, user: str, password: str) -> None:
    page.goto(url)
    page.fill("[name=user]", user)
    page.fill("[name=password]", password)
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-phase=ready]")


def select(page: Page, prefer: str) -> None:
    """Opens the row whose title has `prefer`, or the first one with a curve."""
    rows = page.locator(".list [role=row][data-id]")
    rows.first.wait_for()
    wanted = rows.filter(has_text=prefer)
    (wanted.first if prefer and wanted.count() else rows.first).click()
    page.wait_for_selector(".detail .tl li")
    page.wait_for_timeout(1_500)
    page.mouse.move(5, 5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("user")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--prefer", default="", help="part of the title of the alert to open")
    parser.add_argument("--only", nargs="*", help="names of pictures; all by default")
    asked = parser.parse_args()
    password = os.environ["ANJU_PASSWORD"]
    asked.folder.mkdir(parents=True, exist_ok=True)
    profile = tempfile.mkdtemp(prefix="anju-shoot-")
    try:
        with sync_playwright() as playwright:
            context = playwright.chromium.launch_persistent_context(
                profile, executable_path=shutil.which("chromium"), args=list(ARGUMENTS), timezone_id="Asia/Shanghai"
            )
            page = context.new_page()
            sign_in(page, asked.url, asked.user, password)
            page.locator("button.shift").click()
            for name, width, height, theme, language in SHOTS:
                if asked.only and name not in asked.only:
                    continue
                page.set_viewport_size({"width": width, "height": height})
                page.goto(f"{asked.url}/?theme={theme}&lang={language}")
                page.wait_for_selector("[data-phase=ready]")
                blocked = page.locator("[data-banner=sound] button")
                if blocked.count():
                    blocked.click()
                select(page, asked.prefer)
                page.screenshot(path=asked.folder / f"{name}.png")
            context.close()
    finally:
        shutil.rmtree(profile, ignore_errors=True)


if __name__ == "__main__":
    main()
