"""What was raised, held against what really happened.

An alert explains a truth only if it is about the same rule and target and came within [begin - 1 s, deadline]. One that
came later, while it still went on or within `AFTERMATH_MS` of its end, is detected but late and counted by itself. A
call (an alert raised, or ringing anew after it had returned) that no truth asked for or allows is false. Nothing else
is forgiven: no tolerance by zone, no likeness of rules, no warming up.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from msgspec import Struct, field

from scoring.house import Record, Told
from simulators.scenarios import Due
from simulators.truth import Truth

__all__ = [
    "AFTERMATH_MS", "EARLY_MS", "FROM_FILE", "Case", "Claim", "FalseCall", "Match", "Outcome", "claims_of",
    "claims_of_file", "match",
]  # fmt: skip

EARLY_MS: Final = 1_000
"""Truth and alert are told on two clocks of the same program: an event of the same instant may come first."""
AFTERMATH_MS: Final = 600_000
"""How long after its end an incident still explains what it may lead to: holds, periods of sensors, back-fill."""


FROM_FILE: Final = "scenario:"
"""Before the name of a scenario, for what its file asks for by itself."""


class Claim(Struct, frozen=True, kw_only=True):
    """An alert that something which happened asks for, allows, or forbids."""

    role: str
    """``must``, ``may`` or ``must_not``."""
    rule: str
    target: str | None
    """None: any."""
    from_ms: int
    until_ms: int
    """The last instant at which an alert has to do with it."""
    by_ms: int | None = None
    """For what must come: the deadline; None: any time until `until_ms`."""
    severity: int | None = None
    """Gravest severity it must reach."""

    def about(self, rule: str, target: str, at_ms: int) -> bool:
        """True if an alert of `rule` at `target`, told at `at_ms`, has to do with it."""
        return rule == self.rule and self.target in {None, target} and self.from_ms - EARLY_MS <= at_ms <= self.until_ms


class Case(Struct, kw_only=True):
    """Something that happened, and what it asks of alerting."""

    id: str
    what: str
    """Name of the incident; ``scenario:NAME`` for what a scenario's file asks for by itself."""
    device: str
    compound: str
    from_ms: int
    to_ms: int | None
    life_safety: bool = False
    claims: list[Claim] = field(default_factory=list)
    devices: frozenset[str] = frozenset()


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of one alert that had to come."""

    case: str
    what: str
    rule: str
    target: str | None
    life_safety: bool
    verdict: str
    """``in_time``, ``late``, ``missed``, or ``undecided`` where the deadline lies after the end."""
    delay_ms: int | None = None
    """From the truth's beginning to the alert; never below 0."""
    weak: bool = False
    """It came, but never reached the severity that was owed, although all is over: late as well."""
    rang: bool = False
    """It called people between the truth's beginning and the deadline."""
    from_ms: int = 0


class FalseCall(Struct, frozen=True, kw_only=True):
    """A call that nothing asked for."""

    rule: str
    target: str
    device: str
    compound: str
    severity: int
    at_ms: int
    how: str
    muted: bool
    during: str | None = None
    """The incident that went on at its device, else in its compound, when it came. A hint, not an excuse."""
    forbidden: bool = False
    """That incident says that this alert must not come."""


class Match(Struct, kw_only=True):
    """Everything that follows from holding calls against truths."""

    outcomes: list[Outcome]
    false: list[FalseCall]
    explained: int
    """Calls that something asked for or allows."""


def claims_of(truth: Truth, end_ms: int, world: str = "") -> Case:
    """What one incident asks of alerting. `end_ms`: when playing ended, for those that still go on.

    `world`: tells the incidents of several worlds apart, which number them alike.
    """
    over_ms = end_ms if truth.to_ms is None else truth.to_ms
    after_ms, from_ms = over_ms + AFTERMATH_MS, truth.from_ms
    claims = []
    for one in truth.must_raise:
        by_ms = None if one.within_s is None else from_ms + round(one.within_s * 1000)
        claims.append(Claim(
            role="must", rule=one.rule, target=one.target, from_ms=from_ms, until_ms=max(after_ms, by_ms or 0),
            by_ms=by_ms, severity=one.severity,
        ))  # fmt: skip
    for role, expected, until_ms in (("may", truth.may_raise, after_ms), ("must_not", truth.must_not_raise, over_ms)):
        claims += [Claim(role=role, rule=o.rule, target=o.target, from_ms=from_ms, until_ms=until_ms) for o in expected]
    return Case(
        id=f"{world}/{truth.id}" if world else truth.id,
        what=truth.what, device=truth.device, compound=truth.compound, from_ms=from_ms, to_ms=truth.to_ms,
        life_safety=truth.life_safety, claims=claims, devices=frozenset((truth.device, *truth.devices)),
    )  # fmt: skip


def claims_of_file(name: str, start_ms: int, end_ms: int, dues: Iterable[tuple[str, Due]]) -> Case:
    """What a scenario's file asks for beside its incidents: (role, due). It counts as no incident of its own."""
    claims = [
        Claim(
            role=role, rule=due.rule, target=due.target, from_ms=due.from_ms,
            until_ms=end_ms if due.until_ms is None else due.until_ms, by_ms=due.by_ms, severity=due.severity,
        )
        for role, due in dues
    ]  # fmt: skip
    what = FROM_FILE + name
    return Case(
        id=what, what=what, device="", compound="", from_ms=start_ms, to_ms=end_ms, claims=claims,
    )  # fmt: skip


def match(cases: Iterable[Case], records: Iterable[Record], end_ms: int) -> Match:
    """Holds `records` against `cases`; playing ended at `end_ms`."""
    cases, records = list(cases), list(records)
    by_rule: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_rule[record.rule].append(record)
    asked: dict[str, list[Claim]] = defaultdict(list)
    outcomes = []
    for case in cases:
        for claim in case.claims:
            if claim.role == "must":
                outcomes.append(_outcome(case, claim, by_rule[claim.rule], end_ms))
            if claim.role != "must_not":
                asked[claim.rule].append(claim)
    false, explained = [], 0
    for record in records:
        for told in record.told:
            if told.how == "counted":
                continue
            if any(claim.about(record.rule, record.target, told.at_ms) for claim in asked[record.rule]):
                explained += 1
            else:
                false.append(_false(record, told, cases))
    return Match(outcomes=outcomes, false=false, explained=explained)


def _outcome(case: Case, claim: Claim, records: list[Record], end_ms: int) -> Outcome:
    hits = [
        (told.at_ms, record)
        for record in records
        for told in record.told
        if claim.about(record.rule, record.target, told.at_ms)
    ]
    by_ms = claim.until_ms if claim.by_ms is None else claim.by_ms
    verdict, delay_ms, weak, rang = "missed", None, False, False
    if hits:
        delay_ms = max(0, min(at_ms for at_ms, _ in hits) - claim.from_ms)
        reached = (_reached(record, at_ms, claim.severity) for at_ms, record in hits)
        grave = min((ms for ms in reached if ms is not None), default=None)
        verdict = "in_time" if grave is not None and grave <= by_ms else "late"
        if grave is None and (by_ms > end_ms or case.to_ms is None):
            verdict = "undecided"
        weak = grave is None and verdict == "late"
        ringing = [at_ms for _, record in hits for at_ms, _ in record.rings]
        rang = any(claim.from_ms - EARLY_MS <= at_ms <= by_ms for at_ms in ringing)
    elif by_ms > end_ms:
        verdict = "undecided"
    return Outcome(
        case=case.id, what=case.what, rule=claim.rule, target=claim.target, life_safety=case.life_safety,
        verdict=verdict, delay_ms=delay_ms, weak=weak, rang=rang, from_ms=claim.from_ms,
    )  # fmt: skip


def _reached(record: Record, at_ms: int, severity: int | None) -> int | None:
    """When an alert that spoke at `at_ms` was first as grave as `severity` from then on; None: never."""
    if severity is None:
        return at_ms
    grave = record.severities[0][1]
    for since_ms, now in record.severities:
        if since_ms > at_ms and grave <= severity:
            return at_ms
        if since_ms > at_ms and now <= severity:
            return since_ms
        grave = now
    return at_ms if grave <= severity else None


def _false(record: Record, told: Told, cases: list[Case]) -> FalseCall:
    at_ms = told.at_ms
    going_on = [
        case
        for case in cases
        if case.device and case.from_ms - EARLY_MS <= at_ms <= (case.to_ms or at_ms) + AFTERMATH_MS
    ]
    near = [case for case in going_on if {told.device, record.target} & case.devices]
    near = near or [case for case in going_on if case.compound == record.compound]
    return FalseCall(
        rule=record.rule, target=record.target, device=told.device, compound=record.compound, severity=told.severity,
        at_ms=at_ms, how=told.how, muted=told.muted, during=near[-1].what if near else None,
        forbidden=any(
            claim.role == "must_not" and claim.about(record.rule, record.target, at_ms)
            for case in cases
            for claim in case.claims
        ),
    )  # fmt: skip
