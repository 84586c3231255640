"""The live connection: kills, stalls, gaps and many tabs (console design §15, 14–17)."""

import pytest

from tests.console.conftest import until
from tests.support.console_scene import COMPOUNDS

pytestmark = pytest.mark.browser

LIVE = "() => document.querySelector('.live').dataset.status === 'live'"
BANNER = "[data-banner=link]"
ABORTS = ("net::ERR_", "Failed to load resource", "EventSource")


def forgive(page):
    """A browser reports every request that a dead server did not answer: those reports were caused on purpose."""
    page.faults[:] = [fault for fault in page.faults if not any(word in fault for word in ABORTS)]


@pytest.mark.slow
def test_a_killed_server_shows_a_banner_and_comes_back_without_a_reload(process, visitor, everything):
    page = visitor(process)
    page.evaluate("window.marker = 'same page'")
    page.keyboard.press("KeyJ")
    page.keyboard.press("KeyJ")
    selected = page.evaluate("new URLSearchParams(location.search).get('sel')")
    gone = [row[0] for row in everything(page)][10]
    process.kill()
    page.locator(BANNER).filter(has_text="数据停在").wait_for(timeout=10_000)
    assert "正在重连" in page.locator(BANNER).inner_text()
    process.start()
    [raised] = process.post("make", rule="EL-09", compound="xf")["ids"]
    process.post("change", ids=[gone], what="closed")
    until(page, LIVE, timeout=8)
    until(page, "() => document.querySelector('[data-banner=link]').textContent === ''")
    page.keyboard.press("KeyN")
    page.locator(f"[role=row][data-id='{raised}']").wait_for(timeout=5_000)
    assert page.evaluate("window.marker") == "same page"
    assert page.evaluate("new URLSearchParams(location.search).get('sel')") == selected
    page.keyboard.press("KeyN")
    drawn = {row[0]: row[2] for row in everything(page)}
    truth = {key: one["state"] for key, one in process.state()["alerts"].items()}
    assert raised in drawn
    assert gone not in drawn
    assert drawn == {key: state for key, state in truth.items() if key in drawn}
    forgive(page)


@pytest.mark.slow
def test_a_client_too_far_behind_fetches_the_board_anew_and_keeps_its_selection(process, visitor):
    page = visitor(process)
    page.evaluate("window.marker = 'same page'")
    page.keyboard.press("KeyJ")
    selected = page.evaluate("new URLSearchParams(location.search).get('sel')")
    process.kill()
    process.start("--burst", "2300")
    until(page, "() => document.querySelector('.list .sub').textContent.startsWith('2356')", timeout=15)
    board = page.evaluate("fetch('/api/v1/board').then((answer) => answer.json())")
    active = [one for one in board["alerts"] if not one["shelved_until"]]
    assert page.locator(".list .sub").first.inner_text() == f"{len(active)} 条"
    assert page.evaluate("window.marker") == "same page"
    assert page.evaluate("new URLSearchParams(location.search).get('sel')") == selected
    assert process.state()["resets"] >= 1
    forgive(page)


@pytest.mark.slow
def test_a_silent_connection_is_called_stalled_within_fifteen_seconds(process, visitor):
    page = visitor(process)
    process.freeze()
    page.locator(BANNER).filter(has_text="数据停在").wait_for(timeout=15_000)
    assert page.locator(BANNER).get_attribute("role") == "status"
    process.thaw()
    until(page, LIVE, timeout=10)
    forgive(page)


@pytest.mark.slow
def test_a_page_that_never_got_its_stream_is_called_stalled_too(process, visitor):
    page = visitor(process, path="/login")
    unanswered = []

    def keep(route):
        unanswered.append(route)  # neither answered nor refused

    page.route("**/api/v1/stream*", keep)
    page.add_init_script("delete window.SharedWorker")
    page.goto(process.url + "/?lang=zh")
    page.wait_for_selector("[data-phase=ready]")
    page.locator(BANNER).filter(has_text="数据停在").wait_for(timeout=15_000)
    for route in unanswered:
        route.abort()
    page.unroute_all()
    forgive(page)


@pytest.mark.slow
def test_ten_tabs_share_one_stream_and_all_show_a_new_alert(process, visitor):
    first = visitor(process, viewport={"width": 1100, "height": 700})
    pages = [first]
    for _ in range(9):
        page = first.context.new_page()
        page.goto(process.url + "/?lang=zh")
        page.wait_for_selector("[data-phase=ready]")
        pages.append(page)
    assert process.state()["streams"] <= 2
    process.post("make", rule="EL-01", compound=COMPOUNDS[0][0])
    for page in pages:
        until(page, "() => document.title.startsWith('(7)')", timeout=2)
    assert process.state()["streams"] <= 2


def test_without_a_shared_worker_the_page_connects_by_itself(server, visitor):
    page = visitor(server, path="/login")
    page.add_init_script("delete window.SharedWorker")
    page.goto(server.url + "/?lang=zh")
    page.wait_for_selector("[data-phase=ready]")
    page.mouse.move(5, 5)
    [raised] = server.post("make", rule="EL-09", compound="xf")["ids"]
    page.locator(f"[role=row][data-id='{raised}']").wait_for(timeout=3_000)


def test_signing_out_in_one_tab_ends_the_watch_in_the_other(server, visitor):
    page = visitor(server)
    other = page.context.new_page()
    other.goto(server.url + "/?lang=zh")
    other.wait_for_selector("[data-phase=ready]")
    other.get_by_text("退出").click()
    page.locator("[name=password]").wait_for(timeout=15_000)
    assert page.locator(".list").count() == 0
    forgive(page)
