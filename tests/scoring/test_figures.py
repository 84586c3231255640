"""The figures, from calls and outcomes made by hand."""

from collections import Counter

import pytest

from scoring.figures import Part, poisson, quantile, wilson
from scoring.load import load_of
from scoring.matching import FalseCall, Match, Outcome
from scoring.report import compared, differences, markdown, text
from scoring.sums import DAY_MS, score

T0 = 1_768_000_000_000
MINUTE = 60_000


def outcome(case, verdict, *, what="entrapment", rule="EL-01", delay_s=None, life_safety=True, weak=False, rang=True):
    delay_ms = None if delay_s is None else delay_s * 1000
    return Outcome(
        case=case, what=what, rule=rule, target="lift", life_safety=life_safety, verdict=verdict, delay_ms=delay_ms,
        weak=weak, rang=rang, from_ms=T0,
    )  # fmt: skip


def false(severity=2, rule="EL-09", during=None):
    return FalseCall(
        rule=rule, target="lift", device="lift", compound="c1", severity=severity, at_ms=T0, how="raised", muted=False,
        during=during,
    )  # fmt: skip


def part(outcomes=(), wrong=(), cases=(), *, rings=None, days=1.0, devices=100, series=""):
    return Part(
        match=Match(outcomes=list(outcomes), false=list(wrong), explained=0), cases=list(cases), series=series,
        operators=["firm"], rings={"firm": rings or []}, calls=Counter(one.rule for one in wrong),
        ringing={("EL-09", "lift"): rings} if rings else {}, device_ms=round(devices * days * DAY_MS), from_ms=T0,
        to_ms=T0 + round(days * DAY_MS),
    )  # fmt: skip


def test_wilson_is_as_in_the_books():
    assert wilson(0, 0) == (0.0, 100.0)
    low, high = wilson(81, 263)
    assert (low, high) == pytest.approx((25.53, 36.62), abs=0.02)
    assert wilson(100, 100)[0] == pytest.approx(96.30, abs=0.01)
    assert wilson(100, 100)[1] == 100.0


def test_interval_of_a_count_holds_the_exact_one_nearly():
    assert poisson(0) == (0.0, pytest.approx(3.92, abs=0.01))
    low, high = poisson(10)
    assert (low, high) == pytest.approx((4.80, 18.39), rel=0.02)


def test_quantile_is_a_number_that_occurred():
    assert quantile([], 0.5) is None
    assert quantile([3, 1, 2], 0.5) == 2
    assert quantile(list(range(1, 101)), 0.95) == 95
    assert quantile([7], 0.05) == 7


def test_incident_is_in_time_only_if_all_that_it_owed_was():
    cases = [(name, "entrapment", True) for name in "abcd"]
    outcomes = [
        outcome("a", "in_time", delay_s=60), outcome("a", "in_time", rule="EL-02", delay_s=50),
        outcome("b", "in_time", delay_s=70), outcome("b", "missed", rule="EL-02"),
        outcome("c", "late", delay_s=200), outcome("d", "undecided"),
    ]  # fmt: skip
    made = score("x", [part(outcomes, cases=cases)])
    row = made.kinds[0]
    assert (row.happened, row.decided, row.in_time, row.late, row.missed, row.noticed) == (4, 3, 1, 1, 1, 2)
    assert (row.delay.p50, row.delay.p95) == (70, 200)
    overall = made.overall
    assert (overall.life_safety, overall.life_safety_in_time, overall.life_safety_noticed) == (3, 1, 2)
    assert [one.verdict for one in made.missed] == ["missed", "late"]


def test_incident_that_owes_nothing_is_counted_and_judged_by_nothing():
    made = score("x", [part(wrong=[false(during="cooking_smoke")], cases=[("a", "cooking_smoke", False)])])
    row = made.kinds[0]
    assert (row.happened, row.decided, row.detected_pct, row.false) == (1, 0, None, 1)
    assert made.overall.life_safety_pct is None


def test_rule_row_counts_by_severity():
    made = score("x", [part([outcome("a", "in_time", delay_s=1)], [false(1), false(2), false(4)], [("a", "x", True)])])
    rows = {row.rule: row for row in made.rules}
    assert rows["EL-09"].false == {1: 1, 2: 1, 3: 0, 4: 1}
    assert rows["EL-01"].detected_pct == 100
    assert made.overall.false_12 == 2
    assert made.overall.false_12_per_1000 == 20.0
    assert made.overall.device_days == 100


def test_desks_of_the_same_time_are_one_and_of_other_series_another():
    rings = [T0 + n * 1000 for n in range(6)]
    one, _ = load_of([part(rings=rings, series="1"), part(rings=rings, series="1")])
    two, _ = load_of([part(rings=rings, series="1"), part(rings=rings, series="2")])
    assert (one.per_10_min_max, one.floods) == (12, 1)
    assert (two.per_10_min_max, two.floods) == (6, 0)
    assert one.per_10_min_mean == pytest.approx(12 / 144, abs=1e-4)


def test_flood_ends_only_below_five():
    spans = [11, 6, 12, 4, 11]
    rings = [T0 + span * 10 * MINUTE + n * 1000 for span, many in enumerate(spans) for n in range(many)]
    load, worst = load_of([part(rings=rings)])
    assert (load.floods, load.flood_10_min) == (2, 3)
    assert worst[:6] == [*spans, 0]


@pytest.mark.parametrize(("gap_s", "chatters"), [(30, 1), (31, 0)])
def test_chattering_is_three_in_a_minute(gap_s, chatters):
    load, _ = load_of([part(rings=[T0, T0 + gap_s * 1000, T0 + 2 * gap_s * 1000])])
    assert load.chattering == chatters


def test_two_scores_name_their_difference_and_equal_ones_do_not():
    old = score("old", [part([outcome("a", "missed")], [false()], [("a", "entrapment", True)])])
    new = score("new", [part([outcome("a", "in_time", delay_s=9)], [], [("a", "entrapment", True)])])
    names = [line[0] for line in differences(old, new)]
    assert {"rule EL-01", "rule EL-09", "no longer missed", "false EL-09 lift"} <= set(names)
    assert "no longer missed" in compared(old, new)
    assert "no difference" in compared(old, old)


def test_tables_name_the_missed_and_the_false():
    from runtime.packs import load_rulebook

    made = score("x", [part([outcome("a", "missed")], [false()], [("a", "entrapment", True)])])
    book = load_rulebook()
    for report in (text(made, book), markdown(made, book, "anju score")):
        assert "missed" in report
        assert "EL-09" in report
        assert "电梯困人" in report
