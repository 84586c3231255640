"""What rings and what is kept from ringing: chatter, floods, sound (console design §7; §15, 12, 13, 18)."""

import pytest

from tests.console.conftest import until
from tests.support.console_scene import COMPOUNDS

pytestmark = pytest.mark.browser

EMPTY = pytest.mark.parametrize("server", [0], indirect=True)


def played(page):
    return page.evaluate(
        """() => import(document.querySelector('script[type=module]').src.replace('main.js', 'sound.js'))
            .then(({ sound }) => [sound.status, sound.contextState, ...sound.played])"""
    )


def begin(page):
    """Begins the shift as a person does, and waits for its test tones to end."""
    page.locator("button.shift").click()
    page.locator("[data-sound=on]").wait_for()
    page.wait_for_timeout(3_300)
    return len(played(page))


@EMPTY
def test_an_empty_board_proves_that_it_is_alive(page):
    text = page.locator(".list .empty").inner_text()
    assert "当前没有活动告警" in text
    assert "18 台设备在线" in text


def test_filters_that_let_nothing_through_say_so_and_can_be_cleared(page):
    page.goto(page.url.split("?")[0] + "?lv=1&dom=gateway&lang=zh")
    page.locator(".list .empty").filter(has_text="筛选后没有结果").wait_for()
    page.get_by_text("清除筛选").click()
    page.locator(".list [role=row][data-id]").first.wait_for()


@EMPTY
def test_a_chattering_source_is_one_row_with_its_count_and_one_tone(page, server):
    before = begin(page)
    [source] = server.post("make", rule="EL-07", compound="qd")["ids"]
    server.post("change", ids=[source] * 8, what="again")
    tag = page.locator(f"[role=row][data-id='{source}'] .tag").first
    until(page, "(id) => document.querySelector(`[data-id='${id}'] .tag`)?.textContent === '抖动 9'", arg=source)
    assert tag.is_visible()
    assert page.locator(".list [role=row][data-id]").count() == 1
    assert len(played(page)) - before <= 1


@EMPTY
def test_a_flood_is_announced_and_merged_by_compound_but_never_level_one(page, server):
    page.mouse.move(5, 5)
    for compound, *_ in COMPOUNDS[:2]:
        server.post("make", rule="FR-11", compound=compound, count=11)
    [trapped] = server.post("make", rule="EL-01", compound="qd")["ids"]
    banner = page.locator("[data-banner=flood]")
    banner.filter(has_text="告警洪泛：10 分钟 23 条").wait_for(timeout=15_000)
    until(page, "() => document.querySelectorAll('[data-group]').length === 2")
    assert page.locator(f".pinned [data-id='{trapped}']").count() == 1
    assert page.locator(".list [role=row][data-id]").count() == 3
    assert "合并 11 条" in page.locator("[data-group]").first.inner_text()
    page.locator("[data-group]").first.click()
    until(page, "() => document.querySelectorAll('.list .r.child').length > 5")
    server.post("advance", seconds=700)
    banner.wait_for(state="detached", timeout=15_000)
    page.keyboard.press("KeyN")  # the hand was in the list: the order waited for it
    until(page, "() => document.querySelectorAll('[data-group]').length === 0")


@EMPTY
def test_a_new_alert_rings_by_its_level_and_muting_acknowledges_nothing(page, server):
    before = begin(page)
    [first] = server.post("make", rule="EB-03", compound="ht")["ids"]
    page.locator(f"[role=row][data-id='{first}']").wait_for()
    until(page, "() => document.title.startsWith('(1)')")
    page.wait_for_timeout(1_200)
    assert played(page)[before:] == [2]
    page.keyboard.press("KeyM")
    page.locator("[data-sound=muted]").wait_for()
    assert server.state()["alerts"][first]["state"] == "unacked"
    server.post("make", rule="EL-01", compound="ht")
    page.locator("[data-sound=on]").wait_for()
    until(page, "() => document.title.startsWith('(2)')")
    page.wait_for_timeout(2_500)
    assert played(page)[-1] == 1


def test_sound_that_the_browser_holds_back_is_told_and_can_be_restored(server, visitor):
    page = visitor(server)
    page.locator("button.shift").click()
    page.locator("[data-sound=on]").wait_for()
    page.reload()
    page.wait_for_selector("[data-phase=ready]")
    page.locator("[data-banner=sound]").filter(has_text="浏览器阻止了声音").wait_for()
    page.locator("[data-banner=sound] button").click()
    page.locator("[data-sound=on]").wait_for()
    assert played(page)[:2] == ["on", "running"]
    assert page.locator("[data-banner=sound]").count() == 0
