"""What comes late: it may raise an alert, for it happened; what was said since is known, and ends it at once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.limits import LATE_MS_MAX
from domain.readings import Quality

LATE = int(Quality.LATE)
LATCH = "levels: [{severity: 2, when: {event: over_temp, until: [zone_clear]}}]\nclear: {for: 0}"
SIGNAL = "levels: [{severity: 2, when: {event: smoke}}]\nclear: {when: {signal: session, is: false}}"


def test_late_event_whose_end_was_told_before_it_raises_and_clears_at_once(player_of):
    player = player_of(LATCH)
    assert player.say(100, "zone_clear") == []
    assert player.say(90, "over_temp", quality=LATE) == [("breach", 2), ("return", 2)]
    assert player.say(110, power=1.0) == []
    assert player.say(120, "over_temp") == [("breach", 2)]


def test_late_event_after_the_last_end_stands_until_the_next(player_of):
    player = player_of(LATCH)
    player.say(100, "zone_clear")
    player.say(200, power=1.0)
    assert player.say(150, "over_temp", quality=LATE) == [("breach", 2)]
    assert player.say(210, power=1.0) == []
    assert player.say(220, "zone_clear") == [("return", 2)]
    assert player.say(215, "over_temp", quality=LATE) == [("breach", 2), ("return", 2)]


def test_an_end_is_forgotten_when_nothing_as_old_is_judged_any_more(player_of):
    player = player_of(LATCH)
    player.say(100, "zone_clear")
    assert player.memory is not None
    player.say(101 + LATE_MS_MAX / 1_000, power=1.0)
    assert player.memory is None


def test_hold_over_a_latch_does_not_begin_with_what_was_over_before_it_was_heard_of(player_of):
    player = player_of(LATCH.replace("]}}]", "], for: 5}}]"))
    player.say(100, "zone_clear")
    assert player.say(90, "over_temp", quality=LATE) == []
    assert player.say(130, power=1.0) == []


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"session": False}, [("breach", 2), ("return", 2)]),
        ({"session": True}, [("breach", 2)]),
        ({"power": 1.0}, [("breach", 2)]),
    ],
)
def test_value_said_after_a_late_event_ends_its_alert_at_once_and_no_other_does(player_of, said, found):
    player = player_of(SIGNAL)
    player.say(100, **said)
    assert player.say(90, "smoke", quality=LATE) == found


def test_value_said_before_a_late_event_does_not_end_its_alert(player_of):
    player = player_of(SIGNAL)
    player.say(80, session=False)
    player.say(100, power=1.0)
    assert player.say(90, "smoke", quality=LATE) == [("breach", 2)]
    assert player.say(110, power=1.0) == []
    assert player.say(120, session=False) == [("return", 2)]


def test_value_too_old_to_be_true_still_does_not_end_it(player_of):
    player = player_of(SIGNAL, period_s=10)
    player.say(95, session=False)
    player.say(130, power=1.0)
    assert player.say(90, "smoke", quality=LATE) == [("breach", 2)]


def test_time_since_the_end_was_said_counts_for_the_hold_of_the_clear(player_of):
    player = player_of(SIGNAL.replace("is: false}", "is: false}, for: 20s"))
    player.say(100, session=False)
    player.say(110, power=1.0)
    assert player.say(90, "smoke", quality=LATE) == [("breach", 2)]
    assert player.say(119, power=1.0) == []
    assert player.say(120, power=1.0) == [("return", 2)]
    player.say(150, session=False)
    player.say(175, power=1.0)
    assert player.say(140, "smoke", quality=LATE) == [("breach", 2), ("return", 2)]


def test_alert_that_only_a_person_ends_is_not_ended_by_what_was_said_since(player_of):
    player = player_of("levels: [{severity: 2, when: {event: smoke}}]\nclear: manual")
    player.say(100, session=False)
    assert player.say(90, "smoke", quality=LATE) == [("breach", 2)]


steps = st.lists(
    st.tuples(st.sampled_from(["over_temp", "zone_clear", "smoke", None]), st.sampled_from([None, True, False])),
    min_size=1, max_size=14,
)  # fmt: skip


@given(steps, st.data())
@settings(max_examples=200, deadline=None)
def test_no_alert_stands_that_newer_words_contradict_in_whatever_order_they_came(player_of, told, data):
    """The reference: what happened, in order of event time. The rule hears it in any order."""
    rules = {"latch": player_of(LATCH), "signal": player_of(SIGNAL, period_s=3_600)}
    order = data.draw(st.permutations(range(len(told))))
    up = dict.fromkeys(rules, False)
    heard, on_time, newest = [], [], 0
    for number in order:
        at, (event, session) = 10 * number + 10, told[number]
        values = {} if session is None else {"session": session}
        late = LATE if at < newest else 0
        newest = max(newest, at)
        heard.append((at, event, session))
        if not late and session is not None:
            on_time.append((at, session))  # late values say nothing about the present
        for name, player in rules.items():
            for what, _ in player.say(at, event, quality=late, **values):
                up[name] = what != "return"
        ended = max((at for at, event, _ in heard if event == "zone_clear"), default=-1)
        if not any(at > ended and event == "over_temp" for at, event, _ in heard):
            assert not up["latch"]
        smoke = max((at for at, event, _ in heard if event == "smoke"), default=None)
        last = max(on_time, default=(-1, None))
        if smoke is None or (last[1] is False and last[0] > smoke and late and event == "smoke"):
            assert not up["signal"]


@given(steps)
@settings(max_examples=100, deadline=None)
def test_latch_told_in_order_is_what_it_always_was(player_of, told):
    player, up, expected = player_of(LATCH), False, False
    for number, (event, _) in enumerate(told, 1):
        for what, _ in player.say(10 * number, event, power=1.0):
            up = what != "return"
        expected = event == "over_temp" or (expected and event != "zone_clear")
        assert up is expected
