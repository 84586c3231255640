"""The state machine of a rule: raising, escalating, stepping down, coming again, returning; silence and late data."""

import pytest

from domain.readings import DeviceEvent, Quality

TIERS = """
signal: temp_socket
levels:
  - {severity: 3, when: {signal: temp_socket, ge: 60, for: 60}}
  - {severity: 1, when: {signal: temp_socket, ge: 80}}
  - {severity: 2, when: {signal: temp_socket, ge: 70, for: 10}, clear: {when: {signal: temp_socket, lt: 66}, for: 20}}
clear: {when: {signal: temp_socket, lt: 50}, for: 60}
"""


def test_a_hold_is_served_in_event_time(player_of):
    player = player_of(TIERS, period_s=10)
    found = {at: player.say(at, temp_socket=62.0) for at in range(0, 120, 10)}
    assert {at: said for at, said in found.items() if said} == {60: [("breach", 3)]}


def test_the_gravest_level_that_holds_is_raised_at_once_and_escalates_through_the_others(player_of):
    player = player_of(TIERS, period_s=10)
    assert player.rule.info.severities == (1, 2, 3)
    assert player.say(0, temp_socket=72.0) == []
    assert player.say(10, temp_socket=72.0) == [("breach", 2)]
    assert player.say(20, temp_socket=90.0) == [("breach", 1)]
    assert player.say(30, temp_socket=90.0) == []


def test_stepping_down_waits_for_the_clear_of_the_graver_level(player_of):
    player = player_of(TIERS, period_s=10)
    for at in range(0, 70, 10):
        player.say(at, temp_socket=72.0)
    assert player.say(70, temp_socket=68.0) == []
    assert player.say(80, temp_socket=68.0) == [], "below 70 but not below the 66 of its own clear"
    assert [player.say(at, temp_socket=64.0) for at in (90, 100, 110)] == [[], [], [("breach", 3)]]
    assert [player.say(at, temp_socket=72.0) for at in (120, 130)] == [[], [("breach", 2)]]


def test_return_needs_the_clear_condition_for_its_hold(player_of):
    player = player_of(TIERS, period_s=20)
    assert player.say(0, temp_socket=85.0) == [("breach", 1)]
    for at in range(20, 200, 20):
        assert player.say(at, temp_socket=55.0) == []
    assert [player.say(at, temp_socket=45.0) for at in (200, 220, 240)] == [[], [], []]
    assert player.say(250, temp_socket=51.0) == [], "the clear hold begins anew"
    assert [player.say(at, temp_socket=45.0) for at in (260, 280, 300)] == [[], [], []]
    assert player.say(320, temp_socket=45.0) == [("return", 1)]
    assert player.memory is None
    assert player.say(340, temp_socket=85.0) == [("breach", 1)]


def test_an_open_alert_never_clears_through_silence(player_of):
    player = player_of(TIERS, period_s=10)
    assert player.say(0, temp_socket=85.0) == [("breach", 1)]
    assert player.say(10, temp_socket=40.0) == []
    assert player.say(86_400, temp_socket=40.0) == [], "a day without data is no day of low temperature"
    assert player.say(86_410, power=3.0) == []
    assert [player.say(86_400 + at, temp_socket=40.0) for at in (20, 40, 59)] == [[], [], []]
    assert player.say(86_460, temp_socket=40.0) == [("return", 1)]


def test_a_hold_pauses_over_a_short_gap_and_begins_anew_after_a_long_one(player_of):
    player = player_of("levels: [{severity: 3, when: {signal: power, gt: 20, for: 60}}]\nclear: {for: 60}", period_s=10)
    player.say(0, power=30.0)
    player.say(20, power=30.0)
    player.say(45, power=30.0)  # 25 s: longer than two periods
    assert player.say(65, power=30.0) == []
    assert player.say(85, power=30.0) == []
    assert player.say(105, power=30.0) == [("breach", 3)]


def test_unknown_neither_raises_nor_clears(player_of):
    rule = """
levels: [{severity: 3, when: {all: [{signal: power, gt: 20}, {signal: session, is: false}]}}]
clear: {for: 0}"""
    player = player_of(rule, period_s=10)
    assert player.say(0, power=30.0) == []
    assert player.say(1, session=False) == [("breach", 3)], "the power is known from a second ago"
    assert player.say(40, session=False) == [], "the power is unknown by now"
    assert player.say(41, power=3.0) == [("return", 3)]


def test_the_same_event_again_is_told_as_again(player_of):
    player = player_of(
        "levels: [{severity: 1, when: {event: cut_off_failed}}]\nclear: {when: {event: cut_off_verified}}"
    )
    assert player.say(0, "cut_off_failed") == [("breach", 1)]
    assert player.say(1, "cut_off_failed") == [("again", 1)]
    assert player.say(2, power=1.0) == []
    assert player.say(3, "cut_off_verified") == [("return", 1)]


def test_what_was_said_before_the_breach_cannot_end_it(player_of):
    rule = """
levels: [{severity: 1, when: {event: entrapment}}]
clear: {when: {all: [{signal: door_state, eq: 1}, {signal: presence, is: false}]}}"""
    player = player_of(rule, "elevator", period_s=60)
    assert player.say(0, door_state=1, presence=False) == []
    assert player.say(50, "entrapment") == [("breach", 1)]
    assert player.say(51, speed=0.0) == []
    assert player.say(60, presence=False) == [], "the door was open before, not since"
    assert player.say(70, door_state=1) == [("return", 1)]


def test_a_manual_clear_never_returns(player_of):
    player = player_of("levels: [{severity: 1, when: {signal: smoke, is: true}}]\nclear: manual")
    assert player.say(0, smoke=True) == [("breach", 1)]
    assert all(player.say(at, smoke=False) == [] for at in range(60, 6_000, 60))


def test_late_events_count_at_their_own_time_and_late_values_do_not(player_of):
    player = player_of(
        "levels: [{severity: 1, when: {any: [{event: smoke}, {signal: smoke, is: true}]}}]\nclear: manual"
    )
    late = int(Quality.LATE)
    assert player.say(100, smoke=False) == []
    assert player.say(50, quality=late, smoke=True) == []
    reading = player.reading(60, "smoke", quality=late)
    (finding,) = player.findings(reading)
    assert (finding.what, finding.at_ms) == ("breach", 60_000)


def test_late_readings_do_not_disturb_holds_and_rates(player_of):
    rule = "levels: [{severity: 2, when: {signal: temp_socket, rise: 10, within: 60}}]\nclear: manual"
    player = player_of(rule)
    player.say(100, temp_socket=20.0)
    before = player.memory
    assert player.say(90, quality=int(Quality.LATE), temp_socket=0.0) == []
    assert player.memory == before
    assert player.say(110, temp_socket=29.0) == []


def test_events_are_told_apart_by_scheme_and_code(player_of):
    player = player_of(
        "levels: [{severity: 3, when: {scheme: vendor_mx, code: ['8', '37']}}]\nclear: {for: 60}", "elevator"
    )
    assert player.say(0, DeviceEvent("other", "gbt24476", "8")) == []
    assert player.say(1, DeviceEvent("other", "vendor_mx", "9")) == []
    assert player.say(2, DeviceEvent("other", "vendor_mx", "37")) == [("breach", 3)]


def test_transitions_are_counted_and_a_lasting_state_once(player_of):
    rule = """
levels: [{severity: 3, when: {count: {of: {signal: door_state, eq: 1}, at_least: 3, within: 100}}}]
clear: {for: 60}"""
    player = player_of(rule, "elevator")
    for at in range(0, 50, 10):
        assert player.say(at, door_state=1) == []
    player.say(50, door_state=0)
    assert player.say(60, door_state=1) == []
    player.say(70, door_state=0)
    assert player.say(80, door_state=1) == [("breach", 3)]


def test_counts_forget_what_left_the_window(player_of):
    rule = "levels: [{severity: 3, when: {count: {of: {event: smoke}, at_least: 2, within: 60}}}]\nclear: {for: 30}"
    player = player_of(rule)
    assert player.say(0, "smoke") == []
    assert player.say(61, "smoke") == []
    assert player.say(121, "smoke") == [("breach", 3)]


def test_evidence_says_what_was_judged(player_of):
    player = player_of(
        TIERS.replace("signal: temp_socket\nlevels", "signal: temp_socket\nparams: {low: 60}\nlevels").replace(
            "ge: 60", "ge: $low"
        ),
        period_s=10,
        compound={"T": {"low": 55}},
        overrides={"T": {"low": 58}},
    )
    findings = [f for at in range(0, 70, 10) for f in player.findings(player.reading(at, temp_socket=59.0))]
    (finding,) = findings
    evidence = finding.evidence
    assert evidence.condition == "temp_socket >= 58 for 60s"
    assert evidence.params == {"low": 58.0}
    assert evidence.overrides == {"low": "device:d"}
    assert evidence.inputs == {"temp_socket": 59.0}
    assert evidence.sources == ["d"]
    assert (evidence.window_from_ms, evidence.window_until_ms) == (0, 60_000)
    assert evidence.samples == [(at * 1_000, 59.0) for at in range(0, 70, 10)]
    assert (finding.value, finding.limit, finding.direction, finding.source) == (59.0, 58.0, "high", "d")


def test_evidence_of_a_confirmed_fire_names_both_detectors(player_of, device_of):
    rule = """
scope: zone
levels:
  - severity: 1
    when: {together: {at_least: 2, within: 300, of: [{signal: fire, is: true}]}}
clear: manual"""
    devices = [device_of(name, "fire", zone="z") for name in ("a", "b", "c")]
    player = player_of(rule, "fire", devices=devices)
    assert player.say(0, device="a", fire=True) == []
    assert player.say(60, device="a", fire=True) == []
    (finding,) = player.findings(player.reading(200, device="b", fire=True))
    assert finding.evidence.sources == ["a", "b"]
    assert finding.source == "b"
    assert player.say(210, device="c", fire=True) == [("again", 1)]
    assert player.say(220, device="b", fire=True) == []


def test_missing_data_raises_by_time_and_only_talk_clears_it(player_of):
    player = player_of(
        "levels: [{severity: 4, when: {missing: 600}}, {severity: 3, when: {missing: 1h}}]\nclear: {for: 60}"
    )
    assert player.rule.ticks
    assert player.tick(0, None) == [], "never heard: perhaps not installed"
    assert player.tick(10, 599.9) == []
    assert player.memory is None
    assert player.tick(11, 600.0) == [("breach", 4)]
    assert player.tick(12, 3_600.0) == [("breach", 3)]
    assert player.tick(13, 1.0) == []
    assert player.tick(73, 61.0) == [("return", 3)]


@pytest.mark.parametrize("silent", [130.0, 599.0])
def test_a_returned_device_that_falls_silent_again_does_not_clear(player_of, silent):
    player = player_of("levels: [{severity: 4, when: {missing: 600}}]\nclear: {for: 60}")
    assert player.tick(0, 600.0) == [("breach", 4)]
    assert player.tick(10, 0.0) == []
    assert player.tick(75, silent) == []


def test_memory_of_another_layout_starts_afresh(player_of):
    player = player_of(TIERS, period_s=10)
    player.memory = [1, 0, 0, [], None, None, 0, [1, 2, 3, 0]]
    assert player.say(0, temp_socket=85.0) == [("breach", 1)]


UNLESS = """
levels:
  - severity: 2
    when:
      then:
        first: {event: ebike_in_car}
        next: {signal: floor, gt: 1}
        within: 3m
        unless: {all: [{signal: floor, le: 1}, {signal: presence, is: false}]}
clear: {for: 60}"""


@pytest.fixture
def carried(player_of):
    """A car into which an e-bike has been pushed at second 0."""
    player = player_of(UNLESS, "elevator")
    player.say(-20, floor=1, presence=False)
    assert player.say(0, "ebike_in_car") == []
    return player


def test_what_comes_between_undoes_the_first(carried):
    assert carried.say(10, floor=1, presence=False) == []
    assert carried.memory is None
    assert carried.say(20, floor=9, presence=True) == []


def test_what_came_between_is_forgotten_when_the_first_comes_again(carried):
    carried.say(10, floor=1, presence=False)
    carried.say(20, "ebike_in_car")
    assert carried.say(30, presence=True) == [], "the empty car was before"
    assert carried.say(40, floor=9) == [("breach", 2)]


def test_what_was_known_before_the_first_or_with_it_undoes_nothing(carried):
    assert carried.say(5, speed=0.0) == []
    assert carried.say(6, "ebike_in_car", floor=1, presence=False) == []
    assert carried.say(7, floor=1) == [], "nothing said of presence since"
    assert carried.say(40, floor=9, presence=True) == [("breach", 2)]


def test_what_comes_with_the_next_or_is_unknown_undoes_nothing(player_of):
    player = player_of("levels: [{severity: 2, when: {then: {first: {event: ebike_in_car},\n"
                       "  next: {signal: floor, gt: 1}, within: 3m, unless: {signal: presence, is: false}}}}]\n"
                       "clear: {for: 60}", "elevator")  # fmt: skip
    player.say(0, "ebike_in_car")
    player.say(10, speed=1.0)
    (finding,) = player.findings(player.reading(40, floor=9, presence=False))
    assert (finding.what, finding.evidence.inputs["first_ms"]) == ("breach", 0)


def test_what_arrives_late_undoes_only_by_an_event_after_the_first(player_of):
    rule = """
levels: [{severity: 2, when: {then: {first: {event: ebike_in_car}, next: {signal: floor, gt: 1}, within: 3m,
  unless: {event: door_held}}}}]
clear: {for: 60}"""
    late = int(Quality.LATE)
    for at, found in ((5, []), (-5, [("breach", 2)])):
        player = player_of(rule, "elevator")
        player.say(0, "ebike_in_car")
        player.say(10, speed=1.0)
        player.say(at, "door_held", quality=late)
        assert player.say(20, floor=9) == found
