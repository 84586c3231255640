"""Everybody can use it: axe, focus, names (console design §12; §15, 25)."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.console.conftest import until

pytestmark = pytest.mark.browser

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


def serious(page):
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        (one["id"], node["html"][:160], node["failureSummary"])
        for one in found
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_serious_fault_on_board_detail_and_dialogs(server, visitor, theme, language):
    page = visitor(server, path=f"/?lang={language}&theme={theme}")
    page.keyboard.press("KeyJ")
    page.keyboard.press("KeyJ")
    page.locator(".detail canvas").wait_for()
    page.locator(".detail .tl li").first.wait_for()
    assert serious(page) == []
    page.keyboard.press("KeyS")
    page.locator("dialog[open]").wait_for()
    assert serious(page) == []
    page.keyboard.press("Escape")
    page.locator("[data-lane=shelved]").click()
    page.keyboard.press("Shift+Slash")
    page.locator("dialog[open]").wait_for()
    assert serious(page) == []


def test_no_serious_fault_where_a_second_person_confirms(server, visitor):
    page = visitor(server)
    [made] = server.post("make", rule="FR-02", compound="xf", level=2)["ids"]
    page.locator(f"[role=row][data-id='{made}']").click()
    for key in ("KeyS", "KeyF"):
        page.keyboard.press(key)
        page.locator("dialog[open]").wait_for()
        if key == "KeyF":
            page.locator("dialog[open]").get_by_text("传感器故障").click()
        page.locator("dialog [name=second_password]").wait_for()
        assert serious(page) == []
        page.keyboard.press("Escape")
        page.locator("dialog").wait_for(state="detached")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_serious_fault_on_the_sign_in_page(server, browser, theme):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{server.url}/?theme={theme}")
    page.locator("[name=user]").wait_for()
    assert serious(page) == []
    context.close()


def test_rows_of_the_grid_have_a_name_a_number_and_one_tab_stop(page):
    page.keyboard.press("KeyJ")
    grid = page.locator("[role=grid]")
    assert int(grid.get_attribute("aria-rowcount")) >= 57
    name = page.locator(".pinned [role=row]").first.get_attribute("aria-label")
    assert name.startswith("一级 危急，电梯困人，桥东花园")
    assert "待确认" in name
    assert page.locator(".list [role=row][tabindex='0']").count() == 1


def test_every_word_on_the_board_is_translated(server, visitor):
    page = visitor(server, path="/?lang=en&theme=light")
    page.keyboard.press("KeyJ")
    page.locator(".detail .tl li").first.wait_for()
    text = page.evaluate("document.body.innerText")
    left = [line for line in text.splitlines() if any("\u4e00" <= letter <= "\u9fff" for letter in line)]
    people = {"李建国", "孙伟", "张志强", "周凯", "王晓燕", "中文"}
    assert [line for line in left if not any(name in line for name in people)] == []
    assert page.evaluate("document.documentElement.lang") == "en"
    page.get_by_role("button", name="中文").click()
    until(page, "() => document.documentElement.lang === 'zh-CN'")
    assert page.locator(".list h1").inner_text() == "活动告警"


def test_nothing_moves_for_those_who_asked_for_no_motion(server, visitor):
    page = visitor(server)
    page.mouse.move(5, 5)
    [raised] = server.post("make", rule="EL-01", compound="xf")["ids"]
    row = page.locator(f"[role=row][data-id='{raised}']")
    row.wait_for()
    assert row.evaluate("(element) => getComputedStyle(element).animationName") == "none"


def test_single_key_shortcuts_can_be_switched_off(page, server):
    page.keyboard.press("Shift+Slash")
    page.locator("dialog input[type=checkbox]").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("KeyJ")
    page.keyboard.press("KeyA")
    page.wait_for_timeout(300)
    assert all(one["acked_by"] != "wxy" for one in server.state()["alerts"].values())


@pytest.mark.parametrize(("width", "height"), [(1024, 700), (1280, 720), (1600, 900)])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_screen_scrolls_sideways(server, visitor, width, height, language):
    page = visitor(server, path=f"/?lang={language}", viewport={"width": width, "height": height})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = page.evaluate(
        """() => [...document.querySelectorAll('.list .own .btn')].filter((button) => {
          const cell = button.closest('.own').getBoundingClientRect();
          return button.getBoundingClientRect().right > cell.right + 1; }).length"""
    )
    assert wide == 0
