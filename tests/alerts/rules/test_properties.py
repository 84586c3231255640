"""Properties: three-valued logic, rates that miss nothing, exact holds, honest screens."""

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.rules.kinds.base import RateSlot
from alerts.rules.kinds.boolean import all_of, any_of, held_on, not_of
from alerts.rules.kinds.rate import slid
from alerts.rules.screen import screen_together
from domain.limits import RULE_RATE_STEPS
from domain.readings import DeviceEvent, Quality

TRUTHS = (True, False, None)
truth = st.sampled_from(TRUTHS)


@pytest.mark.parametrize(("a", "b", "c"), list(itertools.product(TRUTHS, repeat=3)))
def test_three_valued_logic_obeys_its_laws(a, b, c):
    assert not_of(not_of(a)) is a
    assert not_of(all_of((a, b))) is any_of((not_of(a), not_of(b)))
    assert not_of(any_of((a, b))) is all_of((not_of(a), not_of(b)))
    assert all_of((a, b)) is all_of((b, a))
    assert all_of((a, all_of((b, c)))) is all_of((all_of((a, b)), c))
    assert any_of((a, all_of((b, c)))) is all_of((any_of((a, b)), any_of((a, c))))
    assert all_of((a, any_of((a, b)))) is a


@pytest.mark.parametrize("known", [True, False])
def test_unknown_is_neither_true_nor_false(known):
    assert not_of(None) is None
    assert all_of((None, True)) is None
    assert all_of((None, False)) is False
    assert any_of((None, False)) is None
    assert any_of((None, True)) is True
    assert all_of(()) is True
    assert any_of(()) is False
    assert not_of(known) is (not known)


samples = st.lists(st.tuples(st.integers(0, 50), st.integers(-30, 30)), min_size=1, max_size=60)


def extremes(seen, now, window, step, rising):
    """The extreme of the window, and that of the window and a step: a rate may know either, or one in between."""
    pick = min if rising else max
    return [pick(value for at, value in seen if at >= now - reach) for reach in (window, window + step)]


@given(samples, st.integers(1, 120), st.booleans())
def test_monotone_queue_knows_the_extreme_of_every_window_and_stays_short(steps, window, rising):
    slot = RateSlot(0, "power", rising, 1.0, window * 1_000)
    queue, seen, now = (), [], 0
    for gap, value in steps:
        now += gap * 100
        seen.append((now, value))
        queue = slid(queue, now, value, slot)
        exact, wider = extremes(seen, now, slot.window_ms, slot.step_ms, rising)
        assert min(exact, wider) <= queue[1] <= max(exact, wider)
        assert list(queue[::2]) == sorted(queue[::2])
        assert list(queue[1::2]) == sorted(queue[1::2], reverse=not rising)
        assert len(queue) <= 2 * (RULE_RATE_STEPS + 2)


def test_samples_further_apart_than_a_step_are_all_looked_at():
    slot = RateSlot(0, "power", True, 1.0, 64_000)
    queue = ()
    for second in range(66):
        queue = slid(queue, 1_000 * second, second, slot)
    assert queue == tuple(number for second in range(66) for number in (1_000 * second, second))
    assert slid(queue, 66_000, 66, slot)[:2] == (1_000, 1)


@given(samples, st.integers(1, 40), st.integers(10, 120), st.sampled_from(["rise", "fall"]))
@settings(max_examples=60, deadline=None)
def test_rate_rule_misses_no_change_within_its_window_and_finds_none_that_took_a_step_longer(
    player_of, steps, limit, window, way
):
    player = player_of(
        f"levels: [{{severity: 2, when: {{signal: temp_socket, {way}: {limit}, within: {window}}}}}]\nclear: manual"
    )
    now, seen, breached = 0, [], False
    for gap, value in steps:
        now += gap
        seen.append((now, value))
        exact, wider = (
            abs(value - base) for base in extremes(seen, now, window, window / RULE_RATE_STEPS, way == "rise")
        )
        found = player.say(now, temp_socket=float(value))
        if breached or wider < limit:
            assert found == []
        elif exact >= limit:
            assert found == [("breach", 2)]
        breached = breached or bool(found)


def reference_hold(history, hold, grace):
    """Seconds known to be true without a break that matters, by looking at the whole history each time."""
    held, last, paused = None, None, False
    for at, value in history:
        if value is False:
            held = last = None
        elif value is None:
            if last is not None and at - last > grace:
                held = last = None
            paused = last is not None
        else:
            if last is None or at - last > grace:
                held = 0
            elif not paused:
                held += at - last
            last, paused = at, False
    value = history[-1][1]
    return False if value is False else True if value is True and held >= hold else None


@given(st.lists(st.tuples(st.integers(0, 40), truth), min_size=1, max_size=40), st.integers(1, 100), st.integers(5, 60))
def test_hold_counts_known_time_only(steps, hold, grace):
    slot, now, history = None, 0, []
    for gap, value in steps:
        now += gap
        history.append((now, value))
        slot, held = held_on(slot, value, now, hold, grace)
        assert held is reference_hold(history, hold, grace)


RULES = {
    "threshold": "levels: [{severity: 2, when: {signal: power, gt: 20, for: 10}}]\nclear: {for: 20}",
    "mixed": """
levels:
  - severity: 1
    when: {all: [{signal: temp_socket, rise: 5, within: 60}, {not: {signal: session, is: false}}]}
  - severity: 3
    when: {any: [{event: smoke}, {signal: power, lt: 5, for: 5}]}
clear: {when: {signal: power, ge: 10}, for: 5}""",
    "count": "levels: [{severity: 2, when: {count: {of: {signal: smoke, is: true}, at_least: 2, within: 60}}}]\n"
    "clear: {for: 5}",
    "latch": "levels: [{severity: 2, when: {event: over_temp, until: [zone_clear], for: 5}}]\nclear: {for: 5}",
    "unless": "levels: [{severity: 2, when: {then: {first: {event: smoke}, next: {signal: power, gt: 9}, within: 30,\n"
    "  unless: {signal: session, is: false}}}}]\n"
    "clear: {for: 5}",
    "then": "levels: [{severity: 2, when: {then: {first: {event: smoke}, next: {signal: power, gt: 9}, within: 30}}}]\n"
    "clear: {for: 5}",
    "together": "levels: [{severity: 2, when: {together: {distinct: condition, at_least: 2, within: 30,\n"
    "  of: [{event: smoke}, {signal: power, gt: 20, for: 5}, {not: {signal: session, is: true}}]}}}]\nclear: {for: 5}",
    "unknown": "levels: [{severity: 2, when: {all: [{signal: power, gt: 20},\n"
    "  {signal: session, is: false, if_unknown: true}]}}]\n"
    "clear: {for: 5}",
}


def same(one, other):
    """Tuples and lists are one thing to a rule."""
    return msgspec.json.encode(one) == msgspec.json.encode(other)


maybe = st.one_of(st.none(), st.sampled_from([0.0, 4.0, 12.0, 25.0]))
says = st.fixed_dictionaries(
    {
        "power": maybe,
        "temp_socket": maybe,
        "session": st.one_of(st.none(), st.booleans()),
        "smoke": st.one_of(st.none(), st.booleans()),
        "event": st.one_of(st.none(), st.sampled_from(["smoke", "over_temp", "zone_clear", "other"])),
        "late": st.booleans(),
        "gap": st.integers(0, 90),
    }
)


@given(st.sampled_from(sorted(RULES)), st.lists(says, min_size=1, max_size=25))
@settings(max_examples=150, deadline=None)
def test_screen_is_false_only_if_judging_changes_nothing_and_memory_survives_json(player_of, name, steps):
    player = player_of(RULES[name], period_s=20)
    other = player_of(RULES["threshold"]).rule
    plain = None
    now = 1_000
    for step in steps:
        now += step["gap"]
        values = {key: step[key] for key in ("power", "temp_socket", "session", "smoke") if step[key] is not None}
        event = None if step["event"] is None else DeviceEvent(step["event"])
        late = int(Quality.LATE) if step["late"] else 0
        reading = player.reading(now - (30 if late else 0), event, quality=late, **values)
        view = player.view(reading)
        assert screen_together((player.rule, other))(reading) is (player.rule.screen(reading) or other.screen(reading))
        if not player.rule.screen(reading):
            assert player.rule.judge(None, view) is None
        direct = player.rule.judge(plain, view)
        thawed = player.rule.judge(msgspec.json.decode(msgspec.json.encode(plain)), view)
        if direct is None:
            assert thawed is None or (not thawed.findings and same(thawed.memory, plain))
        else:
            assert thawed is not None
            assert thawed.findings == direct.findings
            assert same(thawed.memory, direct.memory)
            plain = direct.memory
        player.memory = plain
        player.findings(reading)  # folds the reading into the last known values
        player.memory = plain
