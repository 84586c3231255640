"""The figures: per rule, per kind of incident, overall, and for those who sit at the desks; and their statistics."""

import math
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct, field

from scoring.matching import Match, Outcome

__all__ = [
    "Delays", "FalseRow", "KindRow", "Load", "Overall", "Part", "Row", "RuleRow", "Score", "poisson", "quantile",
    "wilson",
]  # fmt: skip


def wilson(hits: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % confidence interval of a share after Wilson, in per cent; (0, 100) where nothing was tried."""
    if of == 0:
        return 0.0, 100.0
    share, square = hits / of, z * z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = z / (1 + square / of) * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    return round(100 * max(0.0, middle - half), 3), round(100 * min(1.0, middle + half), 3)


def poisson(count: int) -> tuple[float, float]:
    """A 95 % interval for the mean of a count: the root of a Poisson number is nearly normal. Wide at 0: 0 … 3.9."""
    return max(0.0, math.sqrt(count) - 0.98) ** 2, (math.sqrt(count + 1) + 0.98) ** 2


def quantile(numbers: Sequence[float], share: float) -> float | None:
    """The smallest number that at least `share` (0…1) of all are not above; None where there are none."""
    if not numbers:
        return None
    ordered = sorted(numbers)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


class Delays(Struct, frozen=True, kw_only=True):
    """Seconds from the beginning of what happened to the alert."""

    p50: float | None = None
    p95: float | None = None


class Row(Struct, frozen=True, kw_only=True):
    """What was owed and what came of it."""

    happened: int
    """Times that it happened, or was owed."""
    decided: int
    """Of these, those whose deadline was over by the end."""
    in_time: int
    late: int
    missed: int
    weak: int
    """Came, but never as grave as owed."""
    delay: Delays

    @property
    def detected_pct(self) -> float | None:
        """In time, as a share of what was decided."""
        return round(100 * self.in_time / self.decided, 2) if self.decided else None


class RuleRow(Row, frozen=True, kw_only=True):
    """One rule."""

    rule: str
    calls: int
    """Times that it was raised, or rang anew."""
    false: dict[int, int]
    """Severity → calls that nothing asked for."""
    false_muted: int
    """Of these, those that rang nobody."""


class KindRow(Row, frozen=True, kw_only=True):
    """One kind of incident. In time: every alert it owed came in time."""

    what: str
    life_safety: bool
    noticed: int
    """At least one alert that it owed came in time."""
    false: int
    """Calls that nothing asked for, at its devices or in its compound while it went on."""
    forbidden: int
    """Of these, those of which it says that they must not come."""


class FalseRow(Struct, frozen=True, kw_only=True):
    """False calls of one rule at one target."""

    rule: str
    target: str
    compound: str
    severity: int
    count: int
    first_ms: int
    during: str | None


class Load(Struct, frozen=True, kw_only=True):
    """What the desks bore."""

    operators: int
    rings: int
    per_10_min_mean: float
    per_10_min_p95: int
    per_10_min_max: int
    floods: int
    flood_10_min: int
    """Ten-minute spans of any operator with more than ten calls."""
    chattering: int
    """Alerts (rule and target) that chattered at least once."""
    fleeting: int
    stale: int
    top10_share_pct: float
    """Share of all rings that the ten busiest (rule, target) had."""


class Overall(Struct, frozen=True, kw_only=True):
    """The figures that decide."""

    device_days: float
    cases: int
    life_safety: int
    life_safety_in_time: int
    """Every alert that it owed came in time, as grave as owed, and at least one of them rang in time."""
    life_safety_quiet: int
    """Every alert that it owed came in time, but none of them called anybody by then."""
    life_safety_noticed: int
    life_safety_pct: float | None
    life_safety_ci_pct: tuple[float, float]
    false: dict[int, int]
    false_12: int
    false_12_per_1000: float
    false_12_per_1000_ci: tuple[float, float]
    """95 % interval: see `poisson`."""
    false_per_1000: dict[int, float]


class Score(Struct, frozen=True, kw_only=True):
    """Everything that `anju score` says of one rule set."""

    name: str
    overall: Overall
    load: Load
    rules: list[RuleRow]
    kinds: list[KindRow]
    offenders: list[FalseRow]
    missed: list[Outcome]
    """What was missed or late, life safety first."""
    delays: dict[str, list[float]]
    """Incident → seconds to the first alert that it owed, ascending."""
    false_by_hour: list[int]
    """False calls by hour of day, local."""
    unhappened: dict[str, int]
    """Incident → how often it was planned, and no device was free for it: what nobody could detect."""
    worst_load: list[int]
    """Rings in each ten minutes of the operator with the fullest ten minutes."""


class Part(Struct, kw_only=True):
    """One world played before one rule set: a compound's month, or a scenario."""

    match: Match
    cases: list[tuple[str, str, bool]]
    """(id, kind, life safety) of all that happened."""
    unhappened: Counter[str] = field(default_factory=Counter)
    """Incident → how often it was planned, and no device was free for it."""
    series: str = ""
    """What else shares its desks and its time: the seed, or the scenario."""
    rings: dict[str, list[int]] = field(default_factory=dict)
    """Operator → when they were called."""
    operators: list[str] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    """Rule → times that it was raised or rang anew."""
    ringing: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    """(rule, target) → when it rang."""
    fleeting: int = 0
    stale: int = 0
    device_ms: int = 0
    from_ms: int = 0
    to_ms: int = 0
