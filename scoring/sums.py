"""From what was played to figures."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from scoring.figures import Delays, FalseRow, KindRow, Overall, Part, RuleRow, Score, poisson, quantile, wilson
from scoring.house import Record
from scoring.load import load_of
from scoring.matching import FROM_FILE, FalseCall, Match, Outcome

__all__ = ["DAY_MS", "part_of", "score"]

DAY_MS: Final = 86_400_000
FLEETING_MS: Final = 10_000
"""Fleeting: gone again before anybody could have looked."""
STALE_MS: Final = DAY_MS
"""Stale: its condition holds for more than a day."""
SEVERITIES: Final = (1, 2, 3, 4)


def part_of(
    records: Iterable[Record],
    matched: Match,
    cases: Iterable[tuple[str, str, bool]],
    operator_of: dict[str, str],
    devices: int,
    span: tuple[int, int],
    series: str = "",
) -> Part:
    """Sums one played world up; `operator_of`: compound → who sits at its desk."""
    part = Part(
        match=matched, cases=list(cases), operators=sorted(set(operator_of.values())), series=series,
        device_ms=devices * (span[1] - span[0]), from_ms=span[0], to_ms=span[1],
    )  # fmt: skip
    for record in records:
        part.calls[record.rule] += sum(1 for told in record.told if told.how != "counted")
        rings = [at_ms for at_ms, _ in record.rings]
        if rings:
            part.rings.setdefault(operator_of.get(record.compound, record.compound), []).extend(rings)
            part.ringing.setdefault((record.rule, record.target), []).extend(rings)
        spans = _held(record, span[1])
        part.fleeting += sum(1 for begun, over in spans if over is not None and over - begun < FLEETING_MS)
        part.stale += sum(1 for begun, over in spans if (over or span[1]) - begun > STALE_MS)
    return part


def _held(record: Record, end_ms: int) -> list[tuple[int, int | None]]:
    """From when to when the condition held, each time."""
    begins = [told.at_ms for told in record.told if told.how != "counted"]
    spans: list[tuple[int, int | None]] = []
    for begun in begins:
        over = next((at_ms for at_ms in record.returned if at_ms >= begun), None)
        closed = next((at_ms for at_ms, state in record.states if state == "closed"), None)
        spans.append((begun, over if over is not None else closed if closed is not None and closed <= end_ms else None))
    return spans


def score(name: str, parts: Sequence[Part]) -> Score:
    """All figures of `parts` together."""
    outcomes = [one for part in parts for one in part.match.outcomes]
    false = [one for part in parts for one in part.match.false]
    days = sum(part.device_ms for part in parts) / DAY_MS
    calls: Counter[str] = Counter()
    for part in parts:
        calls.update(part.calls)
    failed = [one for one in outcomes if one.verdict in {"missed", "late"}]
    load, worst = load_of(parts)
    delays = {what: sorted(first) for what, first in _first_delays(outcomes).items()}
    return Score(
        name=name,
        overall=_overall(parts, outcomes, false, days),
        load=load,
        rules=_rule_rows(outcomes, false, calls),
        kinds=_kind_rows(parts, outcomes, false, delays),
        offenders=_offenders(false),
        missed=sorted(failed, key=lambda one: (not one.life_safety, one.verdict != "missed", one.rule, one.from_ms)),
        delays=delays,
        false_by_hour=_by_hour(false),
        unhappened=dict(sorted(sum((part.unhappened for part in parts), Counter[str]()).items())),
        worst_load=worst,
    )


def _per_1000(count: float, days: float) -> float:
    return round(1000 * count / days, 3) if days else 0.0


def _overall(parts: Sequence[Part], outcomes: list[Outcome], false: list[FalseCall], days: float) -> Overall:
    verdicts = _verdicts(outcomes)
    cases = [case for part in parts for case in part.cases]
    owing = [case for case, _, life_safety in cases if life_safety and _decided(verdicts.get(case))]
    vital = [verdicts[case] for case in owing]
    rang = {one.case for one in outcomes if one.rang}
    # An alert that calls nobody is none: one of those that an incident owed must have rung in time.
    whole = sum(1 for case in owing if verdicts[case] == {"in_time"} and case in rang)
    quiet = sum(1 for case in owing if verdicts[case] == {"in_time"} and case not in rang)
    by_severity = Counter(one.severity for one in false)
    grave = by_severity[1] + by_severity[2]
    low, high = poisson(grave)
    return Overall(
        device_days=round(days, 3),
        cases=sum(1 for _, what, _ in cases if not what.startswith(FROM_FILE)),
        life_safety=len(vital),
        life_safety_in_time=whole,
        life_safety_quiet=quiet,
        life_safety_noticed=sum(1 for found in vital if "in_time" in found),
        life_safety_pct=round(100 * whole / len(vital), 3) if vital else None,
        life_safety_ci_pct=wilson(whole, len(vital)),
        false={severity: by_severity[severity] for severity in SEVERITIES},
        false_12=grave,
        false_12_per_1000=_per_1000(grave, days),
        false_12_per_1000_ci=(_per_1000(low, days), _per_1000(high, days)),
        false_per_1000={severity: _per_1000(by_severity[severity], days) for severity in SEVERITIES},
    )


def _verdicts(outcomes: Iterable[Outcome]) -> dict[str, set[str]]:
    """Case → the verdicts on what it owed."""
    found: dict[str, set[str]] = defaultdict(set)
    for one in outcomes:
        found[one.case].add(one.verdict)
    return found


def _decided(verdicts: set[str] | None) -> bool:
    """True if all that was owed could be told by the end, or something is known to have failed."""
    return bool(verdicts) and ("undecided" not in verdicts or bool(verdicts & {"missed", "late"}))  # type: ignore[operator]


def _delays(outcomes: Iterable[Outcome]) -> Delays:
    seconds = [one.delay_ms / 1000 for one in outcomes if one.delay_ms is not None]
    return Delays(p50=quantile(seconds, 0.5), p95=quantile(seconds, 0.95))


def _first_delays(outcomes: Iterable[Outcome]) -> dict[str, list[float]]:
    first: dict[tuple[str, str], float] = {}
    for one in outcomes:
        if one.delay_ms is not None:
            key = (one.what, one.case)
            first[key] = min(first.get(key, math.inf), one.delay_ms / 1000)
    found: dict[str, list[float]] = defaultdict(list)
    for (what, _), seconds in first.items():
        found[what].append(seconds)
    return found


def _rule_rows(outcomes: list[Outcome], false: list[FalseCall], calls: Counter[str]) -> list[RuleRow]:
    rows = []
    for rule in sorted({one.rule for one in outcomes} | {one.rule for one in false} | set(+calls)):
        mine = [one for one in outcomes if one.rule == rule]
        wrong = [one for one in false if one.rule == rule]
        verdicts = Counter(one.verdict for one in mine)
        by_severity = Counter(one.severity for one in wrong)
        rows.append(RuleRow(
            rule=rule, happened=len(mine), decided=len(mine) - verdicts["undecided"], in_time=verdicts["in_time"],
            late=verdicts["late"], missed=verdicts["missed"], weak=sum(one.weak for one in mine), delay=_delays(mine),
            calls=calls[rule], false={severity: by_severity[severity] for severity in SEVERITIES},
            false_muted=sum(one.muted for one in wrong),
        ))  # fmt: skip
    return rows


def _kind_rows(
    parts: Sequence[Part], outcomes: list[Outcome], false: list[FalseCall], delays: dict[str, list[float]]
) -> list[KindRow]:
    verdicts, weak = _verdicts(outcomes), {one.case for one in outcomes if one.weak}
    cases: dict[str, list[str]] = defaultdict(list)
    vital = {what: life_safety for part in parts for _, what, life_safety in part.cases}
    for part in parts:
        for case, what, _ in part.cases:
            cases[what].append(case)
    rows = []
    for what in sorted(cases):
        owing = [verdicts[case] for case in cases[what] if case in verdicts]
        decided = [found for found in owing if _decided(found)]
        first = delays.get(what, [])
        rows.append(KindRow(
            what=what, life_safety=vital[what], happened=len(cases[what]), decided=len(decided),
            in_time=sum(1 for found in decided if found == {"in_time"}),
            late=sum(1 for found in decided if "late" in found and "missed" not in found),
            missed=sum(1 for found in decided if "missed" in found),
            noticed=sum(1 for found in decided if "in_time" in found),
            weak=sum(1 for case in cases[what] if case in weak),
            delay=Delays(p50=quantile(first, 0.5), p95=quantile(first, 0.95)),
            false=sum(1 for one in false if one.during == what),
            forbidden=sum(1 for one in false if one.during == what and one.forbidden),
        ))  # fmt: skip
    return rows


def _offenders(false: list[FalseCall]) -> list[FalseRow]:
    groups: dict[tuple[str, str], list[FalseCall]] = defaultdict(list)
    for one in false:
        groups[one.rule, one.target].append(one)
    rows = [
        FalseRow(
            rule=rule, target=target, compound=found[0].compound, severity=min(one.severity for one in found),
            count=len(found), first_ms=min(one.at_ms for one in found),
            during=Counter(one.during for one in found).most_common(1)[0][0],
        )
        for (rule, target), found in groups.items()
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (row.severity > 2, -row.count, row.rule, row.target))


def _by_hour(false: list[FalseCall]) -> list[int]:
    hours = Counter((one.at_ms + 8 * 3_600_000) // 3_600_000 % 24 for one in false)
    return [hours[hour] for hour in range(24)]
