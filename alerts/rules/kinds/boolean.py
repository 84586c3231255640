"""Combinations with three-valued logic: all, any, not; and the two keys every condition may carry, `for` and `types`.

A false part makes `all` false and a true part makes `any` true whatever is unknown; otherwise unknown stays unknown.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from alerts.rules.kinds.base import (
    Binding,
    Bound,
    Condition,
    ConditionKind,
    Context,
    Field,
    Frame,
    Operand,
    Truth,
    both,
    constant,
    either,
    negated,
)  # fmt: skip
from alerts.rules.nodes import Node
from alerts.rules.reader import duration_text

__all__ = ["ALL", "ANY", "NOT", "Hold", "OnlyTypes", "all_of", "any_of", "held_on", "not_of"]


def all_of(parts: Iterable[Truth]) -> Truth:
    """Conjunction: false beats unknown beats true."""
    result: Truth = True
    for part in parts:
        if part is False:
            return False
        if part is None:
            result = None
    return result


def any_of(parts: Iterable[Truth]) -> Truth:
    """Disjunction: true beats unknown beats false."""
    result: Truth = False
    for part in parts:
        if part is True:
            return True
        if part is None:
            result = None
    return result


def not_of(part: Truth) -> Truth:
    """Negation: unknown stays unknown."""
    return None if part is None else not part


class Combination(Condition, frozen=True, kw_only=True):
    """`all` or `any` of several conditions. Every part is looked at each time, for some of them remember."""

    conjunction: bool
    parts: tuple[Condition, ...]

    basis: ClassVar[str] = "parts"

    def children(self) -> tuple[Condition, ...]:
        """The parts."""
        return self.parts

    def words(self, params: Mapping[str, Any]) -> str:
        """``(a and b)``."""
        return f"({(' and ' if self.conjunction else ' or ').join(part.words(params) for part in self.parts)})"

    def bind(self, binding: Binding) -> Bound:
        """Binds the parts in their order."""
        bound = [part.bound(binding) for part in self.parts]
        judges = [part.evaluate for part in bound]
        logic = all_of if self.conjunction else any_of
        join = both if self.conjunction else either

        def evaluate(frame: Frame) -> tuple[Truth, Truth]:
            pairs = [judge(frame) for judge in judges]
            return logic(pair[0] for pair in pairs), logic(pair[1] for pair in pairs)

        return Bound(
            evaluate,
            lambda has: join([part.may(has) for part in bound]),
            lambda has: join([part.must(has) for part in bound]),
            lambda has: either([part.touch(has) for part in bound]),
            lambda now, silent_s, state: any(part.stirs(now, silent_s, state) for part in bound),
        )


class Negation(Condition, frozen=True, kw_only=True):
    """`not`: true where its part is known to be false."""

    part: Condition

    basis: ClassVar[str] = "parts"

    @property
    def latches(self) -> bool:
        """No: that nothing was told is nothing that lasts by itself."""
        return False

    def children(self) -> tuple[Condition, ...]:
        """The part."""
        return (self.part,)

    def words(self, params: Mapping[str, Any]) -> str:
        """``not (a)``."""
        return f"not ({self.part.words(params)})"

    def bind(self, binding: Binding) -> Bound:
        """Binds the part."""
        bound = self.part.bound(binding)

        def evaluate(frame: Frame) -> tuple[Truth, Truth]:
            held, raw = bound.evaluate(frame)
            return not_of(held), not_of(raw)

        return Bound(
            evaluate, lambda has: negated(bound.must(has)), lambda has: negated(bound.may(has)), bound.touch
        )  # fmt: skip


def held_on(slot: Any, truth: Truth, ts: int, hold_ms: int, grace_ms: int) -> tuple[Any, Truth]:
    """One step of a hold in event time: (what to remember, whether it has been held long enough).

    Remembered: (since, known-true milliseconds, last known-true instant, paused). Only time over which the condition
    was known to be true counts: a value stands for up to `grace_ms` (two reporting periods) after it was said. While
    the condition is unknown the hold pauses; after more than `grace_ms` without knowledge it starts anew.
    """
    if slot is not None and ts < slot[2]:
        return slot, True if slot[1] >= hold_ms else None
    if truth is False:
        return None, False
    if truth is None:
        if slot is None:
            return None, None
        return ((slot[0], slot[1], slot[2], 1) if ts - slot[2] <= grace_ms else None), None
    if slot is None or ts - slot[2] > grace_ms:
        slot = (ts, 0, ts, 0)
    else:
        slot = (slot[0], slot[1] + (0 if slot[3] else ts - slot[2]), ts, 0)
    return slot, True if slot[1] >= hold_ms else None


class Hold(Condition, frozen=True, kw_only=True):
    """`for`: true once its part has held so long in event time; unknown until then."""

    part: Condition
    hold: Operand

    basis: ClassVar[str] = "parts"

    def children(self) -> tuple[Condition, ...]:
        """The part."""
        return (self.part,)

    def words(self, params: Mapping[str, Any]) -> str:
        """``a for 10s``."""
        seconds = self.hold.resolve(params, {}) or 0
        return f"{self.part.words(params)} for {duration_text(seconds)}" if seconds else self.part.words(params)

    def bind(self, binding: Binding) -> Bound:
        """Reserves a place for the hold, then binds the part."""
        place = binding.slot()
        bound = self.part.bound(binding)
        hold_ms, grace_ms = binding.ms(self.hold), binding.grace_ms
        if hold_ms == 0:
            return bound
        judge = bound.evaluate
        latches = self.part.latches
        if latches:
            binding.holds.append((place, hold_ms))

        def evaluate(frame: Frame) -> tuple[Truth, Truth]:
            held, raw = judge(frame)
            slot = frame.slots[place]
            if frame.elapsing and latches and slot is not None and held is True and not slot[3]:
                # What was told for good has been true all the while: no grace for silence is needed.
                frame.slots[place] = slot = (slot[0], slot[1] + frame.ts - slot[2], frame.ts, 0)
            if latches and frame.late and held is True and raw is True and slot is None and frame.view is not None:
                # Told late for good: nobody knows what has been said in between, so it counts from now.
                frame.slots[place] = slot = (frame.ts, 0, frame.view.clock_ms, 0)
            if frame.late or frame.elapsing:
                return (True if slot is not None and slot[1] >= hold_ms else None), raw
            frame.slots[place], held = held_on(slot, held, frame.ts, hold_ms, grace_ms)
            return held, raw

        return Bound(
            evaluate,
            bound.may,
            lambda _has: "False",
            lambda has: either([bound.may(has), bound.touch(has)]),
            bound.stirs,
        )


class OnlyTypes(Condition, frozen=True, kw_only=True):
    """`types`: false for devices of any other type."""

    part: Condition
    only: tuple[str, ...]

    basis: ClassVar[str] = "parts"

    def children(self) -> tuple[Condition, ...]:
        """The part."""
        return (self.part,)

    def words(self, params: Mapping[str, Any]) -> str:
        """``smoke|heat: a``."""
        return f"{'|'.join(self.only)}: {self.part.words(params)}"

    def bind(self, binding: Binding) -> Bound:
        """Binds the part all the same: places in memory must not depend on the device."""
        bound = self.part.bound(binding)
        return bound if binding.device_type in self.only else constant(False)


def _read_parts(context: Context, node: Node, line: int, key: str) -> Condition | None:
    items = context.reader.items(node, f"`{key}`")
    if items is None:
        return None
    if not items:
        context.reader.error(node, f"`{key}` has no conditions", "list at least one")
        return None
    found = [context.condition(item, f"a condition under `{key}`") for item in items]
    parts = tuple(part for part in found if part is not None)
    return Combination(line=line, conjunction=key == "all", parts=parts) if len(parts) == len(items) else None


def _read_not(context: Context, entries: dict[str, Node], line: int) -> Condition | None:
    part = context.condition(entries["not"], "the condition under `not`")
    return None if part is None else Negation(line=line, part=part)


ALL: Final = ConditionKind(
    name="all",
    zh="全部满足",
    en="All of",
    marks=("all",),
    fields=(Field("all", "conditions", "条件", "conditions", required=True),),
    read=lambda context, entries, line: _read_parts(context, entries["all"], line, "all"),
)
ANY: Final = ConditionKind(
    name="any",
    zh="任一满足",
    en="Any of",
    marks=("any",),
    fields=(Field("any", "conditions", "条件", "conditions", required=True),),
    read=lambda context, entries, line: _read_parts(context, entries["any"], line, "any"),
)
NOT: Final = ConditionKind(
    name="not",
    zh="不满足",
    en="Not",
    marks=("not",),
    fields=(Field("not", "condition", "条件", "condition", required=True),),
    read=_read_not,
)
