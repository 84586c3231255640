"""The operator's board in a real browser: order, encoding, keys, held rows, actions (console design §15, 2–11)."""

import re

import pytest

from tests.console.conftest import FRAMES, PASSWORD, until

pytestmark = pytest.mark.browser

SECTIONS = ["unacked", "acked", "returned"]
# The board shows what an operator does before the server has answered: who asks the server next must wait for this.
ANSWERED = "() => !document.querySelector('.list .pending')"


def row(page, alert_id):
    return page.locator(f'.list [role=row][data-id="{alert_id}"]')


def first_of(rows, page, **wanted):
    return next(r["id"] for r in rows(page) if all(r[name] == value for name, value in wanted.items()))


def test_fifty_six_alerts_stand_in_the_order_of_the_rule_and_the_strip_counts_them(page, server, everything):
    found = everything(page)
    alerts = {a.id: a for a in server.house.database.journal.open_alerts()}
    shelved = {a.id for a in alerts.values() if a.suppressed}
    order = [
        (SECTIONS.index(section), level, alerts[key].kind != "fire", alerts[key].raised_ms)
        for key, level, _, section in found
    ]
    assert len(found) == 56
    assert order == sorted(order)
    assert {key for key, *_ in found} == set(alerts) - shelved
    for level in range(1, 5):
        figures = page.locator(f".level[data-level='{level}']")
        total, unacked = (int(figures.locator(f"[data-figure={name}]").inner_text()) for name in ("total", "unacked"))
        assert total == sum(1 for _, n, *_ in found if n == level)
        assert unacked == sum(1 for _, n, state, _ in found if n == level and state == "unacked")
    assert page.locator("[data-lane=shelved] b").inner_text() == "3"
    assert page.locator("[data-lane=returned] b").inner_text() == "4"
    assert page.title() == "(6) 值守台"
    assert page.locator("link[rel=icon]").get_attribute("href").endswith("level-1.svg")


def test_each_level_has_its_own_shape_digit_and_text_also_in_forced_colours(server, visitor):
    page = visitor(server, forced_colors="active")
    shapes = {}
    for level, text in ((1, "一级"), (2, "二级"), (3, "三级"), (4, "四级")):
        page.keyboard.press(f"Digit{level}")
        mark = page.locator(f".list [role=row][data-level='{level}'] .lv").first
        mark.wait_for()
        assert mark.inner_text().split() == [str(level), text]
        assert mark.is_visible()
        shapes[level] = mark.locator("svg").get_attribute("data-shape")
        page.keyboard.press("Digit0")
    assert shapes == {1: "octagon", 2: "triangle", 3: "square", 4: "circle"}


def test_a_raised_alert_of_level_one_is_pinned_within_a_second_and_said_once(page, server):
    page.locator(".vlist").hover()
    page.evaluate("document.querySelector('.vlist').scrollTop = 400")
    [raised] = server.post("make", rule="EL-01", compound="xf")["ids"]
    page.locator(f'.pinned [data-id="{raised}"]').wait_for(timeout=1_000)
    assert "电梯困人" in page.locator("[data-say=alert]").inner_text()
    assert page.locator("[role=alert]").filter(has_text="电梯困人").count() == 1


def test_acknowledging_by_key_outlines_the_row_before_the_server_has_answered(page, server, rows):
    wanted = first_of(rows, page, level=2, section="unacked")
    row(page, wanted).click()
    page.evaluate(
        """(id) => {
          const real = window.fetch;
          window.fetch = (...args) => (args[0].endsWith('/ack')
            ? new Promise((done) => { window.letGo = () => done(real(...args)); }) : real(...args));
          let frames = 0;
          const frame = () => { frames += 1; requestAnimationFrame(frame); };
          addEventListener('keydown', () => requestAnimationFrame(frame), { capture: true, once: true });
          new MutationObserver(() => {
            const row = document.querySelector(`[role=row][data-id="${id}"]`);
            if (row?.querySelector('[data-hollow]')) window.outlinedIn ??= frames;
          }).observe(document.body, { subtree: true, childList: true, attributes: true });
        }""",
        wanted,
    )
    page.keyboard.press("KeyA")
    until(page, "() => window.outlinedIn !== undefined")
    assert page.evaluate("window.outlinedIn") <= 2  # frames of the browser: a busy machine has longer ones
    assert server.state()["alerts"][wanted]["state"] == "unacked"
    page.evaluate("window.letGo()")
    until(page, ANSWERED)
    assert server.state()["alerts"][wanted]["state"] == "acked"
    assert server.state()["alerts"][wanted]["acked_by"] == "wxy"


def test_the_slower_of_two_operators_reads_who_was_faster(server, visitor, rows):
    fast, slow = visitor(server, "ljg"), visitor(server, "wxy")
    wanted = first_of(rows, fast, level=2, section="unacked")
    row(slow, wanted).click()

    # The slow one's stream is late: his page still shows the alert as waiting when he presses the key.
    def after_the_fast_one(route):
        row(fast, wanted).locator("button").first.click()
        row(fast, wanted).and_(fast.locator("[data-state=acked]:not(.pending)")).wait_for()
        route.continue_()

    slow.route("**/ack", after_the_fast_one)
    slow.keyboard.press("KeyA")
    slow.locator(".toast.wrong").wait_for()
    assert re.search(r"ljg 已于 \d\d:\d\d:\d\d 确认", slow.locator(".toast.wrong").inner_text())
    lines = [line.kind for line in server.house.database.journal.rows(alert_id=wanted)]
    assert lines.count("alert.acked") == 1
    slow.faults.clear()  # the browser itself reports every answer of 409


def test_new_rows_wait_while_the_pointer_is_in_the_list_and_n_shows_them(page, server, rows):
    page.locator(".vlist").hover()
    page.mouse.wheel(0, 300)
    until(page, "() => document.querySelector('.vlist').scrollTop === 300")
    page.evaluate(FRAMES)
    seen = [(r["id"], r["y"]) for r in rows(page)]
    ids = server.post("make", rule="FR-11", compound="xf", count=3)["ids"]
    page.locator(".held").filter(has_text="有 3 条新告警，最高三级").wait_for()
    assert [(r["id"], r["y"]) for r in rows(page)] == seen
    page.keyboard.press("KeyN")
    row(page, ids[0]).wait_for()
    assert page.locator(".held").count() == 0


def test_moving_by_key_neither_shows_the_rows_that_wait_nor_moves_those_that_are_seen(page, server, rows):
    page.keyboard.press("KeyJ")
    seen = [(r["id"], r["y"]) for r in rows(page)]
    server.post("make", rule="FR-11", compound="xf", count=3)
    page.locator(".held").filter(has_text="有 3 条新告警").wait_for()
    for _ in range(3):
        page.keyboard.press("KeyJ")
    until(page, "(id) => document.activeElement.dataset.id === id", seen[3][0])
    assert [(r["id"], r["y"]) for r in rows(page)] == seen
    assert page.locator(".held").is_visible()


def test_new_rows_enter_at_once_when_nobody_is_in_the_list(page, server):
    page.mouse.move(5, 5)
    [raised] = server.post("make", rule="EB-05", compound="xf")["ids"]
    row(page, raised).wait_for(timeout=1_500)


def test_an_alert_that_another_rings_for_stands_under_it_even_at_level_one(page, server, rows):
    page.mouse.move(5, 5)
    [told] = server.post("make", rule="EL-01", compound="xf")["ids"]
    behind = [{"by": "superseded", "reason": "source_alert", "ref": told}]
    [inferred] = server.post("make", rule="EL-01", compound="xf", cause=told, suppressed=behind)["ids"]
    [apart] = server.post("make", rule="EL-01", compound="xf", cause=told)["ids"]
    row(page, apart).wait_for()
    row(page, told).get_by_role("button", name="+1 关联").wait_for()
    assert inferred not in [r["id"] for r in rows(page)]
    row(page, told).get_by_role("button", name="+1 关联").click()
    row(page, inferred).wait_for()
    assert "并入同一事件" in row(page, inferred).inner_text()
    assert "child" in row(page, inferred).get_attribute("class")


def test_keys_reach_the_detail_and_come_back_to_the_same_alert_after_a_re_sort(page, server, rows):
    page.keyboard.press("KeyJ")
    page.keyboard.press("KeyJ")
    selected = [r["id"] for r in rows(page)][1]
    until(page, "(id) => document.activeElement.dataset.id === id", selected)
    page.keyboard.press("Enter")
    until(page, "() => document.activeElement.closest('.detail')")
    server.post("change", ids=[selected], what="acked")
    row(page, selected).locator("[data-hollow]").wait_for()
    page.keyboard.press("Escape")
    until(page, "(id) => document.activeElement.dataset.id === id", arg=selected)
    page.keyboard.press("KeyN")
    assert page.evaluate("new URLSearchParams(location.search).get('sel')") == selected


def test_the_address_keeps_filters_and_selection_over_a_reload(page, rows):
    page.keyboard.press("Digit2")
    page.keyboard.press("KeyJ")
    until(page, "() => location.search.includes('sel=')")
    kept = page.evaluate("location.search")
    page.goto(page.url)
    page.wait_for_selector("[data-phase=ready]")
    assert page.evaluate("location.search") == kept
    page.locator(".r.sel").wait_for()
    assert page.locator(".r.sel").count() == 1
    assert {r["level"] for r in rows(page)} == {2}


def test_a_key_that_comes_before_the_frame_of_the_last_one_acts_on_the_list_it_asked_for(page, rows):
    page.evaluate(
        """() => { for (const code of ['Digit2', 'KeyJ'])
            document.body.dispatchEvent(new KeyboardEvent('keydown', { code, bubbles: true })); }"""
    )
    page.locator(".r.sel").wait_for(timeout=5_000)
    assert {r["level"] for r in rows(page)} == {2}
    assert page.locator(".r.sel").get_attribute("data-id") == rows(page)[0]["id"]


def test_shortcuts_rest_in_fields_under_modifiers_and_while_a_name_is_composed(page, server, rows):
    page.keyboard.press("KeyJ")
    page.keyboard.press("Slash")
    page.keyboard.type("aaa")
    assert page.input_value("#search") == "aaa"
    page.fill("#search", "")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+KeyA")
    page.evaluate("dispatchEvent(new CompositionEvent('compositionstart', { bubbles: true }))")
    page.keyboard.press("KeyA")
    page.evaluate("dispatchEvent(new CompositionEvent('compositionend', { bubbles: true }))")
    page.keyboard.press("KeyC")
    page.locator("dialog[open] textarea").fill("")
    page.keyboard.type("a 请查看")
    assert page.input_value("dialog textarea") == "a 请查看"
    assert all(one["acked_by"] != "wxy" for one in server.state()["alerts"].values())


def test_search_finds_a_compound_by_its_pinyin_initials(page, rows):
    page.keyboard.press("Slash")
    page.keyboard.type("htyy")
    until(page, "() => document.querySelectorAll('.compound').length === 1")
    assert "和泰雅苑" in page.locator(".compound").inner_text()
    assert rows(page)


def test_bulk_acknowledging_skips_the_graver_levels_and_says_so(page, server, rows):
    page.keyboard.press("KeyJ")
    for _ in range(5):
        page.keyboard.press("Shift+KeyJ")
    picked = [r["id"] for r in rows(page) if r["section"] == "unacked"]
    page.keyboard.press("KeyA")
    page.locator(".toast").filter(has_text="3 条一级、二级告警须逐条确认").wait_for()
    until(page, "() => document.title.startsWith('(3)')")
    until(page, ANSWERED)
    states = server.state()["alerts"]
    assert sorted((states[key]["level"], states[key]["state"]) for key in picked) == [
        (1, "unacked"), (2, "unacked"), (2, "unacked"), (3, "acked"), (3, "acked"), (3, "acked"),
    ]  # fmt: skip


def test_shelving_asks_for_reason_and_time_and_the_alert_returns_by_itself(page, server, rows):
    wanted = first_of(rows, page, level=3, section="unacked")
    row(page, wanted).click()
    page.keyboard.press("KeyS")
    dialog = page.locator("dialog[open]")
    dialog.locator("button.primary").click()
    dialog.locator(".wrong").filter(has_text="请选择原因").wait_for()
    dialog.get_by_text("已知故障").click()
    dialog.get_by_text("30 分钟").click()
    dialog.locator("button.primary").click()
    until(page, "() => document.querySelector('[data-lane=shelved] b').textContent === '4'")
    assert row(page, wanted).count() == 0
    page.locator("[data-lane=shelved]").click()
    row(page, wanted).wait_for()
    assert "至" in row(page, wanted).inner_text()
    server.post("advance", seconds=31 * 60)
    until(page, "() => document.querySelector('[data-lane=shelved] b').textContent === '2'")
    page.locator("[data-lane=shelved]").click()
    row(page, wanted).wait_for()


def test_level_one_offers_no_shelving(page, rows):
    wanted = first_of(rows, page, level=1, section="unacked")
    row(page, wanted).click()
    page.locator(f"[data-detail='{wanted}']").wait_for()
    assert page.locator(".acts").inner_text().count("搁置") == 0
    page.keyboard.press("KeyS")
    page.locator(".toast").filter(has_text="一级告警不能搁置").wait_for()
    assert page.locator("dialog").count() == 0


def test_a_false_alarm_needs_its_reason_and_leaves_the_list(page, server, rows):
    wanted = first_of(rows, page, level=2, section="unacked")
    row(page, wanted).click()
    page.keyboard.press("KeyF")
    dialog = page.locator("dialog[open]")
    dialog.locator("button.primary").click()
    dialog.locator(".wrong").filter(has_text="请选择").wait_for()
    dialog.get_by_text("传感器故障").click()
    with page.expect_response("**/resolve"):
        dialog.locator("button.primary").click()
    row(page, wanted).wait_for(state="detached", timeout=5_000)  # sooner than the hand in the list would let it go
    assert wanted not in server.state()["alerts"]
    closed = server.house.find(wanted)
    assert (closed.close_reason, closed.closed_by) == ("false_alarm", "wxy")


def life_safety_that_holds(server, **more):
    """An alert that readings still speak for, so that ending it as not real needs two people."""
    [made] = server.post("make", rule="FR-02", compound="xf", **more)["ids"]
    one = server.house.find(made)
    slot = server.house.state.slots[one.rule, one.target]
    slot.watched, slot.memory = True, "on"
    return made


def test_a_false_alarm_of_life_safety_asks_a_second_person_and_keeps_the_question_when_refused(page, server):
    wanted = life_safety_that_holds(server)
    page.locator(f"[role=row][data-id='{wanted}']").click()
    page.keyboard.press("KeyF")
    dialog = page.locator("dialog[open]")
    assert dialog.locator("[name=second]").count() == 0
    dialog.get_by_text("传感器故障").click()
    dialog.locator("button.primary").click()
    until(page, "() => document.querySelector('dialog .wrong').textContent.includes('须有第二人')")
    dialog.locator("[name=second]").fill("ljg")
    dialog.locator("[name=second_password]").fill("wrong")
    dialog.locator("button.primary").click()
    until(page, "() => document.querySelector('dialog .wrong').textContent.includes('第二人未确认')")
    assert dialog.locator("[name=second_password]").input_value() == ""
    assert server.house.find(wanted).open
    dialog.locator("[name=second_password]").fill(PASSWORD)
    dialog.locator("button.primary").click()
    dialog.wait_for(state="detached")
    assert server.house.find(wanted).close_reason == "false_alarm"
    assert server.house.database.journal.rows(alert_id=wanted)[-1].event.second == "ljg"
    page.faults.clear()  # the browser reports the two refusals


def test_shelving_life_safety_takes_the_second_persons_password(page, server):
    wanted = life_safety_that_holds(server, level=2)
    page.locator(f"[role=row][data-id='{wanted}']").click()
    page.keyboard.press("KeyS")
    dialog = page.locator("dialog[open]")
    dialog.get_by_text("已知故障").click()
    assert dialog.locator("[name=second_password]").get_attribute("type") == "password"
    dialog.locator("[name=second]").fill("ljg")
    dialog.locator("[name=second_password]").fill(PASSWORD)
    dialog.locator("button.primary").click()
    dialog.wait_for(state="detached")
    (found,) = server.house.find(wanted).suppressed
    assert (found.actor, found.second) == ("wxy", "ljg")


def test_an_operator_signs_in_with_name_and_password_and_a_wrong_one_is_told_plainly(server, browser):
    context = browser.new_context()
    page = context.new_page()
    page.goto(server.url)
    page.fill("[name=user]", "wxy")
    page.fill("[name=password]", "wrong")
    page.keyboard.press("Enter")
    page.locator(".wrong").filter(has_text="用户名或密码不正确").wait_for()
    page.fill("[name=password]", "值守 correct horse")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-phase=ready]")
    assert page.locator(".who").inner_text() == "wxy"
    page.get_by_text("退出").click()
    page.locator("[name=user]").wait_for()
    assert page.locator(".list").count() == 0
    context.close()


def test_after_a_row_is_sent_away_no_key_acts_on_the_next_one_before_a_look(page, server, rows):
    """Two fires: whoever closes one must not close the other with a second press of the same key."""
    first = first_of(rows, page, level=2, section="unacked")
    row(page, first).click()
    page.keyboard.press("KeyF")
    dialog = page.locator("dialog[open]")
    dialog.get_by_text("传感器故障").click()
    dialog.locator("button.primary").click()
    row(page, first).wait_for(state="detached", timeout=5_000)
    second = page.locator(".list [role=row].sel").get_attribute("data-id")
    assert second != first
    page.keyboard.press("KeyA")
    page.locator(".toast").filter(has_text="再按一次").wait_for()
    assert server.state()["alerts"][second]["state"] == "unacked"
    page.keyboard.press("KeyA")
    until(page, ANSWERED)
    assert server.state()["alerts"][second]["state"] == "acked"


def test_everything_leaves_the_lane_and_what_is_not_listed_is_not_under_the_cursor(page, rows):
    page.keyboard.press("KeyJ")
    page.locator(".lane[data-lane=shelved]").click()
    until(page, "() => !new URLSearchParams(location.search).get('sel')")
    assert page.locator("[data-detail]").count() == 0
    page.keyboard.press("Digit0")
    until(page, "() => !new URLSearchParams(location.search).get('lane')")
    assert page.locator(".list [role=row].r").count() > 3


def test_each_tab_and_lane_counts_what_a_click_shows(page, rows):
    page.keyboard.press("Digit2")
    for tab in page.locator(".tabs button").all()[1:]:
        _, _, number = tab.inner_text().rpartition(" ")
        tab.click()
        until(page, f"() => document.querySelector('.list h1 + .sub').textContent.includes('{number}')")
    page.locator(".tabs button").first.click()
    for lane in ("shelved", "returned"):
        button = page.locator(f".lane[data-lane={lane}]")
        number = button.locator("b").inner_text()
        button.click()
        until(page, f"() => document.querySelector('.list h1 + .sub').textContent.includes('{number}')")
        button.click()
