"""A rule as read from a pack: immutable, not yet tied to a device's parameters."""

from typing import Any

from msgspec import Struct, field

from alerts.rules.base import Param, RuleInfo
from alerts.rules.kinds.base import Binding, Bound, Condition, Operand
from alerts.rules.kinds.rate import Rate
from alerts.rules.kinds.threshold import Threshold
from alerts.rules.reader import duration_text

__all__ = ["Clear", "Level", "Pack", "RuleSpec", "conditions_in", "limit_of"]


class Clear(Struct, frozen=True):
    """When trouble is over. Without `when`: when no level's condition holds."""

    manual: bool = False
    when: Condition | None = None
    hold: Operand | None = None

    def bound(self, binding: Binding) -> Bound | None:
        """Its condition made ready, if it has one."""
        return None if self.when is None else self.when.bound(binding)

    def words(self, params: dict[str, Any]) -> str:
        """In words of the pack."""
        if self.manual:
            return "manual"
        text = "no level holds" if self.when is None else self.when.words(params)
        seconds = 0.0 if self.hold is None else self.hold.resolve(params, {}) or 0.0
        return f"{text} for {duration_text(seconds)}" if seconds else text


class Level(Struct, frozen=True):
    """One severity of a rule and what calls for it."""

    severity: int
    when: Condition
    clear: Clear | None = None
    """When to step down to a milder level; without it, when its condition is false for the hold of the rule's clear."""
    line: int = 0


class RuleSpec(Struct, frozen=True):
    """One rule of a pack."""

    info: RuleInfo
    levels: tuple[Level, ...]
    """Gravest first."""
    clear: Clear
    params: dict[str, Param] = field(default_factory=dict)
    timed: bool = False
    """Judged by ticks, not by readings."""
    attrs: tuple[str, ...] = ()
    """Facts about the device it needs."""


class Pack(Struct, frozen=True):
    """One pack file."""

    name: str
    version: int
    rules: tuple[RuleSpec, ...] = ()
    cards: dict[str, dict[str, Any]] = field(default_factory=dict)
    file: str = ""


def conditions_in(condition: Condition) -> list[Condition]:
    """The condition and everything inside it, outermost first."""
    found = [condition]
    for part in condition.children():
        found.extend(conditions_in(part))
    return found


def limit_of(level: Level, signal: str | None, binding: Binding) -> tuple[float | None, str | None]:
    """Limit and direction of the comparison that the level makes with the rule's main signal, if it makes one."""
    for part in conditions_in(level.when):
        if (
            isinstance(part, Threshold)
            and part.signal == signal
            and part.direction is not None
            and part.limit is not None
        ):
            return binding.number(part.limit), part.direction
    for part in conditions_in(level.when):
        if isinstance(part, Rate) and part.signal == signal:
            return None, part.direction
    return None, None
