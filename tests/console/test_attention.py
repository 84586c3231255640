"""What rings and what is kept from ringing: chatter, floods, sound (console design §7; §15, 12, 13, 18)."""

import pytest

from tests.console.conftest import PASSWORD, until
from tests.support.console_scene import COMPOUNDS

pytestmark = pytest.mark.browser

# What a browser does to sound is done here by hand: the contexts the console makes are kept, and can be broken.
SOUND_OF_THE_BROWSER = """
  const Real = window.AudioContext;
  window.made = [];
  window.frozen = false;
  window.AudioContext = class extends Real {
    constructor() {
      super();
      window.made.push(this);
      console.info('sound made, by a hand: ' + navigator.userActivation.hasBeenActive);
    }
    get currentTime() { return window.frozen ? 1 : super.currentTime; }
  };
"""
NO_SOUND = "window.AudioContext = class { constructor() { throw new DOMException('none', 'NotSupportedError'); } };"

EMPTY = pytest.mark.parametrize("server", [0], indirect=True)


HAS_PLAYED = """(tones) => import(document.querySelector('script[type=module]').src.replace('main.js', 'sound.js'))
    .then(({ sound }) => JSON.stringify(sound.played.slice(-tones.length)) === JSON.stringify(tones))"""


def played(page):
    return page.evaluate(
        """() => import(document.querySelector('script[type=module]').src.replace('main.js', 'sound.js'))
            .then(({ sound }) => sound.played)"""
    )


def sounds(page, status, seconds=8):
    """Waits for what the header says about the sound."""
    question = "(status) => document.querySelector('[data-sound]')?.dataset.sound === status"
    until(page, question, status, timeout=seconds)


def begin(page):
    """Begins the shift as a person does, and waits for its three test tones, and for the pause between two tones."""
    page.locator("button.shift").click()
    sounds(page, "on")
    until(page, HAS_PLAYED, [3, 2, 1])
    page.wait_for_timeout(1_600)
    return 3


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
    sounds(page, "muted")
    assert server.state()["alerts"][first]["state"] == "unacked"
    server.post("make", rule="EL-01", compound="ht")
    sounds(page, "on")
    until(page, HAS_PLAYED, [1])


def reload_untouched(page):
    """As F5. Playwright's every look into a page counts as a person's hand to the browser, which then lets it sound:
    so nothing may look before the console has made its context."""
    with page.expect_console_message(lambda message: message.text.startswith("sound made")) as made:
        page.reload(wait_until="commit")
    assert made.value.text == "sound made, by a hand: false"
    page.wait_for_selector("[data-phase=ready]")


@pytest.fixture
def heard(server, visitor):
    """A page whose shift has begun, and whose contexts can be broken."""
    page = visitor(server, path="/login")
    page.add_init_script(SOUND_OF_THE_BROWSER)
    page.goto(server.url + "/?lang=zh")
    page.wait_for_selector("[data-phase=ready]")
    page.locator("button.shift").click()
    sounds(page, "on")
    return page


def test_sound_that_the_browser_holds_back_is_told_and_can_be_restored(heard):
    reload_untouched(heard)
    heard.locator("[data-banner=sound]").filter(has_text="浏览器阻止了声音").wait_for()
    sounds(heard, "blocked")
    assert played(heard) == []
    heard.locator("[data-banner=sound] button").click()
    sounds(heard, "on")
    assert heard.evaluate("window.made.map((context) => context.state)") == ["running"]
    until(heard, "() => !document.querySelector('[data-banner=sound]')")


@pytest.mark.parametrize("touch", ["key", "pointer", "button"])
def test_any_key_or_click_gives_held_back_sound_its_voice_again_and_mutes_nothing(heard, touch):
    reload_untouched(heard)
    sounds(heard, "blocked")
    if touch == "key":
        heard.keyboard.press("KeyM")
    elif touch == "pointer":
        heard.locator(".list h1").click()
    else:
        heard.locator("[data-sound=blocked]").click()
    sounds(heard, "on")
    until(heard, HAS_PLAYED, [1])  # the scene has an entrapment that nobody has acknowledged


def test_sound_that_is_interrupted_starts_again_by_itself(heard):
    assert heard.evaluate("window.made[0].suspend().then(() => window.made[0].state)") == "suspended"
    until(heard, "() => window.made[0].state === 'running'")
    sounds(heard, "on")
    assert heard.evaluate("window.made.length") == 1


def test_sound_that_only_says_it_runs_is_told_replaced_and_trusted_when_it_moves_again(heard):
    heard.evaluate("window.frozen = true")
    heard.locator("[data-banner=sound]").filter(has_text="声音设备没有响应").wait_for()
    sounds(heard, "blocked")
    until(heard, "() => window.made.length > 1 && window.made[0].state === 'closed'")
    sounds(heard, "blocked")
    heard.evaluate("window.frozen = false")
    sounds(heard, "on")
    until(heard, "() => !document.querySelector('[data-banner=sound]')")


def test_a_machine_without_sound_still_shows_its_board_and_says_that_it_is_silent(server, visitor):
    page = visitor(server, path="/login")
    page.add_init_script(NO_SOUND)
    page.goto(server.url + "/?lang=zh")
    page.wait_for_selector("[data-phase=ready]")
    page.locator("button.shift").click()
    page.locator("[data-banner=sound]").filter(has_text="声音设备没有响应").wait_for()
    page.reload()
    page.wait_for_selector("[data-phase=ready]")
    page.locator(".list [role=row][data-id]").first.wait_for()
    page.locator("[data-banner=sound]").filter(has_text="声音设备没有响应").wait_for()


def test_a_session_that_ends_under_a_shift_is_heard_and_leaving_ends_the_shift(heard, server):
    server.house.database.users.revoke("wxy", server.house.clock())
    heard.locator("[name=password]").wait_for(timeout=15_000)
    until(heard, HAS_PLAYED, ["lost"])
    heard.faults.clear()  # the browser reports the answer of 401
    heard.fill("[name=user]", "wxy")
    heard.fill("[name=password]", PASSWORD)
    heard.keyboard.press("Enter")
    sounds(heard, "on")
    heard.get_by_text("退出").click()
    heard.fill("[name=user]", "ljg")
    heard.fill("[name=password]", PASSWORD)
    heard.keyboard.press("Enter")
    heard.locator("button.shift").wait_for()
    assert heard.locator("[data-sound]").count() == 0
