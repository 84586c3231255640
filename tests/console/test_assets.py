"""The files themselves: sizes, licences, words, and rules that keep a build-free console healthy (§1, §13; §15, 24)."""

import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest

from tests.console.conftest import until

CONSOLE = Path(__file__).parents[2] / "api" / "console"
MODULES = sorted((CONSOLE / "app").rglob("*.js"))
FIRST_LOAD_JS_MAX = 60_000
CSS_MAX = 15_000
LINES_MAX = 400


def words(language):
    return json.loads((CONSOLE / "i18n" / f"{language}.json").read_text())


def zipped(files):
    return sum(len(gzip.compress(path.read_bytes(), 6)) for path in files)


def loaded_with(module, found):
    """The module and all that it imports at once; what it fetches later is not among them."""
    if module not in found:
        found.add(module)
        for target in re.findall(r"from ?\"(\.[^\"]+)\"", module.read_text()):
            loaded_with((module.parent / target).resolve(), found)
    return found


def test_what_is_loaded_first_is_within_its_budget():
    first = loaded_with(CONSOLE / "app" / "main.js", set()) | {CONSOLE / "app" / "stream-worker.js"}
    assert CONSOLE / "vendor" / "preact.mjs" in first
    assert CONSOLE / "vendor" / "uplot.js" not in first
    assert zipped(first) <= FIRST_LOAD_JS_MAX
    print(f"\nfirst load: {zipped(first)} bytes of JavaScript in {len(first)} files, gzip")
    assert zipped((CONSOLE / "css").glob("*.css")) <= CSS_MAX


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_no_module_is_longer_than_a_person_can_hold(module):
    assert len(module.read_text().splitlines()) <= LINES_MAX


def test_vendored_files_are_those_that_are_written_down():
    listed = json.loads((CONSOLE / "vendor" / "VENDOR.json").read_text())["files"]
    here = {path.name for path in (CONSOLE / "vendor").iterdir()} - {"VENDOR.json", "LICENSES"}
    assert {one["file"] for one in listed} == here
    for one in listed:
        assert hashlib.sha256((CONSOLE / "vendor" / one["file"]).read_bytes()).hexdigest() == one["sha256"], one["file"]
        assert one["package"] in (CONSOLE / "vendor" / "LICENSES").read_text()


def test_both_languages_have_the_same_words():
    assert list(words("zh-CN")) == list(words("en"))
    for key, text in words("zh-CN").items():
        holes = [set(re.findall(r"\{(\w+)", one)) for one in (text, words("en")[key])]
        assert holes[0] == holes[1], key


def test_every_sentence_asked_for_exists():
    known = set(words("zh-CN"))
    asked, stems = set(), set()
    for module in MODULES:
        text = module.read_text()
        asked |= set(re.findall(r"\bt\(\s*\"([\w.]+)\"", text))
        asked |= {key for pair in re.findall(r"\bt\([^\"`()]*\? \"([\w.]+)\" : \"([\w.]+)\"", text) for key in pair}
        stems |= set(re.findall(r"\bt\(`([\w.]+\.)\$\{", text))
    assert asked - known == set()
    assert {stem for stem in stems if not any(key.startswith(stem) for key in known)} == set()
    assert len(asked) > 100


def test_the_page_has_no_inline_script_or_style():
    text = (CONSOLE / "index.html").read_text()
    assert re.findall(r"<script(?![^>]*\ssrc=)", text) == []
    assert "<style" not in text
    assert " style=" not in text
    assert re.findall(r"\son\w+=", text) == []


def test_modules_import_only_what_lies_beside_them():
    for module in MODULES:
        for target in re.findall(r"(?:from |import\()\"([^\"]+)\"", module.read_text()):
            assert target.startswith("."), f"{module.name} imports {target}"
            assert (module.parent / target).resolve().is_file(), f"{module.name} imports {target}"


@pytest.mark.browser
def test_no_request_fails_none_leaves_the_machine_and_uplot_waits_for_its_first_curve(server, visitor):
    page = visitor(server, path="/login")
    asked = []
    page.on("response", lambda response: asked.append((response.status, response.url)))
    answer = page.goto(server.url + "/?lang=zh")
    page.wait_for_selector("[data-phase=ready]")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert [one for one in asked if one[0] >= 400] == []
    assert [url for _, url in asked if not url.startswith(server.url)] == []
    assert not any("uplot" in url for _, url in asked)
    page.locator(".list [role=row][data-id='a000000000002']").click()
    page.locator(".detail canvas").wait_for()
    assert any("uplot" in url for _, url in asked)


@pytest.mark.browser
def test_times_and_lengths_are_written_as_people_here_read_them(page):
    told = page.evaluate(
        """async () => {
          const main = document.querySelector('script[type=module]').src;
          const time = await import(main.replace('main.js', 'time.js'));
          const at = Date.parse('2026-11-22T14:36:08+08:00');
          const says = [60_000, 86_400_000, 366 * 86_400_000].map((ago) => time.stamp(at - ago, at));
          return [...says, time.span(102_000), time.span(9_240_000), time.span(273_600_000), time.iso(at)];
        }"""
    )
    assert told == [
        "14:35:08", "11-21 14:36", "2025-11-21 14:36", "01:42", "2 时 34 分", "3 天 4 时",
        "2026-11-22T14:36:08.000+08:00",
    ]  # fmt: skip
    until(page, "() => /^\\d\\d:\\d\\d:\\d\\d$/.test(document.querySelector('.clock time').textContent)")
