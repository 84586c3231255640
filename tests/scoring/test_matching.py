"""What an alert explains, what it misses, and what is false: every case with a truth made by hand."""

import pytest

from scoring.house import Record, Told
from scoring.matching import AFTERMATH_MS, EARLY_MS, claims_of, claims_of_file, match
from simulators.scenarios import Due
from simulators.truth import Expectation, Truth

T0 = 1_768_000_000_000
SECOND, MINUTE = 1_000, 60_000
END = T0 + 3_600 * SECOND
LIFT = "c1-b1-lift1"


def truth(**changes):
    given = {
        "id": "t-1", "what": "entrapment", "device": LIFT, "compound": "c1", "from_ms": T0, "to_ms": T0 + 10 * MINUTE,
        "must_raise": [Expectation("EL-01", LIFT, 80.0, 1)], "devices": [LIFT], "life_safety": True,
    }  # fmt: skip
    return Truth(**given | changes)


def record(*tellings, rule="EL-01", target=LIFT, severities=((0, 1),), compound="c1"):
    """Alert told at seconds from T0: a number, or (seconds, how, muted)."""
    told = []
    for one in tellings:
        seconds, how, muted = one if isinstance(one, tuple) else (one, "raised", False)
        told.append(Told(T0 + round(seconds * 1000), how, severities[0][1], muted, target))
    steps = [(T0 + at * SECOND, severity) for at, severity in severities]
    return Record(f"{rule}-{target}", rule, target, compound, told[0].at_ms, told[0].at_ms, told, steps)


def held(truths, records, end_ms=END):
    return match([claims_of(one, end_ms) for one in truths], records, end_ms)


def only(matched):
    assert len(matched.outcomes) == 1
    return matched.outcomes[0]


def test_alert_before_the_deadline_is_in_time_and_explained():
    matched = held([truth()], [record(61)])
    assert only(matched).verdict == "in_time"
    assert only(matched).delay_ms == 61_000
    assert matched.false == []
    assert matched.explained == 1


@pytest.mark.parametrize(("at_s", "verdict"), [(80, "in_time"), (80.001, "late"), (-1, "in_time")])
def test_deadline_and_beginning_are_exact(at_s, verdict):
    assert only(held([truth()], [record(at_s)])).verdict == verdict


def test_alert_more_than_a_second_before_the_beginning_is_false_and_the_truth_missed():
    matched = held([truth()], [record(-(EARLY_MS + 1) / 1000)])
    assert only(matched).verdict == "missed"
    assert [one.rule for one in matched.false] == ["EL-01"]


def test_delay_is_never_below_nothing():
    assert only(held([truth()], [record(-0.5)])).delay_ms == 0


def test_alert_after_the_deadline_is_late_with_its_delay_and_not_false():
    matched = held([truth()], [record(300)])
    assert (only(matched).verdict, only(matched).delay_ms) == ("late", 300_000)
    assert matched.false == []


def test_late_ends_with_the_aftermath():
    last_s = 600 + AFTERMATH_MS / 1000
    assert only(held([truth()], [record(last_s)])).verdict == "late"
    beyond = held([truth()], [record(last_s + 0.001)])
    assert only(beyond).verdict == "missed"
    assert len(beyond.false) == 1


def test_nothing_raised_is_missed():
    matched = held([truth()], [])
    assert only(matched).verdict == "missed"
    assert only(matched).delay_ms is None


def test_deadline_after_the_end_of_play_is_undecided_unless_it_came():
    end_ms = T0 + 30 * SECOND
    assert only(held([truth(to_ms=None)], [], end_ms)).verdict == "undecided"
    assert only(held([truth(to_ms=None)], [record(20)], end_ms)).verdict == "in_time"


@pytest.mark.parametrize("wrong", [{"rule": "EL-02"}, {"target": "c1-b1-lift2"}])
def test_another_rule_or_target_explains_nothing(wrong):
    matched = held([truth()], [record(61, **wrong)])
    assert only(matched).verdict == "missed"
    assert len(matched.false) == 1


def test_what_may_come_is_neither_owed_nor_false_while_it_lasts_and_shortly_after():
    allowed = truth(must_raise=[], may_raise=[Expectation("EL-19", LIFT)])
    last_s = 600 + AFTERMATH_MS / 1000
    for at_s, wrong in ((0, 0), (last_s, 0), (last_s + 1, 1)):
        matched = held([allowed], [record(at_s, rule="EL-19")])
        assert matched.outcomes == []
        assert len(matched.false) == wrong


def test_what_must_not_come_is_false_and_named_as_forbidden():
    forbidding = truth(must_not_raise=[Expectation("EL-09", LIFT)])
    wrong = held([forbidding], [record(61), record(130, rule="EL-09")]).false
    assert [(one.rule, one.forbidden, one.during) for one in wrong] == [("EL-09", True, "entrapment")]


def test_ban_ends_with_the_incident():
    forbidding = truth(must_not_raise=[Expectation("EL-09", LIFT)])
    wrong = held([forbidding], [record(601, rule="EL-09")]).false
    assert [one.forbidden for one in wrong] == [False]


def test_what_one_truth_forbids_another_may_ask_for():
    asking = truth(id="t-2", what="stop", must_raise=[Expectation("EL-09", LIFT, 120.0)])
    forbidding = truth(must_not_raise=[Expectation("EL-09", LIFT)])
    assert held([asking, forbidding], [record(61), record(100, rule="EL-09")]).false == []


def test_alert_that_rings_again_is_a_call_of_its_own():
    again = [(61, "raised", False), (90, "again", False), (5_000, "again", False)]
    matched = held([truth()], [record(*again)], T0 + 7_200 * SECOND)
    assert matched.explained == 2
    assert [(one.how, one.at_ms) for one in matched.false] == [("again", T0 + 5_000 * SECOND)]


def test_second_truth_met_by_an_alert_that_is_still_open_is_detected():
    second = truth(id="t-2", from_ms=T0 + 700 * SECOND, to_ms=T0 + 900 * SECOND)
    outcomes = held([truth(), second], [record(61, (760, "counted", False))]).outcomes
    assert [one.verdict for one in outcomes] == ["in_time", "in_time"]


def test_occurrence_at_an_open_alert_is_no_false_call():
    assert held([], [record((61, "counted", False))]).false == []


def test_muted_alert_counts_as_told_and_as_false_but_says_so():
    assert only(held([truth()], [record((61, "raised", True))])).verdict == "in_time"
    assert [one.muted for one in held([], [record((61, "raised", True))]).false] == [True]


def ringing(*seconds, **given):
    made = record(*seconds, **given)
    made.rings = [(told.at_ms, told.severity) for told in made.told if not told.muted and told.how != "counted"]
    return made


def test_alert_that_was_muted_or_open_anyway_has_rung_nobody():
    assert only(held([truth()], [ringing(61)])).rang
    assert not only(held([truth()], [ringing((61, "raised", True))])).rang
    assert not only(held([truth()], [ringing((61, "counted", False))])).rang
    late = only(held([truth()], [ringing((61, "raised", True), (300, "again", False))]))
    assert (late.verdict, late.rang) == ("in_time", False), "it rang after its deadline only"


def test_alert_is_in_time_when_it_is_as_grave_as_owed_and_not_before():
    steps = ((61, 2), (200, 1))
    assert only(held([truth()], [record(61, severities=steps)])).verdict == "late"
    assert only(held([truth()], [record(61, severities=((61, 2), (80, 1)))])).verdict == "in_time"
    assert only(held([truth()], [record(61, severities=((10, 3), (50, 1), (70, 2)))])).verdict == "in_time"
    assert only(held([truth()], [record(61, severities=((61, 2),))])).verdict == "late"


def test_alert_that_never_got_as_grave_as_owed_is_weak():
    assert only(held([truth()], [record(61, severities=((61, 2),))])).weak
    assert not only(held([truth()], [record(61, severities=((61, 2), (200, 1)))])).weak
    assert not only(held([truth(to_ms=None)], [record(61, severities=((61, 2),))])).weak, "it may yet become so"


def test_first_of_several_alerts_counts():
    assert only(held([truth()], [record(70), record(65)])).delay_ms == 65_000


def test_false_call_names_what_went_on_at_its_device_before_what_went_on_in_its_compound():
    elsewhere = truth(id="t-2", what="hydrant_leak", device="c1-hydrant", devices=["c1-hydrant"], must_raise=[])
    mine = truth(must_raise=[])
    during = [one.during for one in held([mine, elsewhere], [record(30, rule="EL-11")]).false]
    assert during == ["entrapment"]
    other = [one.during for one in held([elsewhere], [record(30, rule="EL-11")]).false]
    assert other == ["hydrant_leak"]
    nothing = [one.during for one in held([elsewhere], [record(30, rule="EL-11", compound="c2")]).false]
    assert nothing == [None]


def test_lines_of_a_scenario_are_asked_for_beside_its_incidents():
    dues = [("must", Due("FC-18", "gw", "a.yml:3", T0, by_ms=T0 + 60_000)), ("may", Due("SY-03", None, "a.yml:4", T0))]
    case = claims_of_file("a", T0, END, dues)
    matched = match([case], [record(30, rule="FC-18", target="gw"), record(40, rule="SY-03", target="c9")], END)
    assert [one.verdict for one in matched.outcomes] == ["in_time"]
    assert matched.false == []
    assert case.what == "scenario:a"


def test_incidents_of_two_worlds_are_told_apart():
    assert claims_of(truth(), END, "north").id != claims_of(truth(), END, "south").id
