"""Sequence: one condition, then another within a window (e-bike in the car, then the door opens upstairs)."""

from collections.abc import Mapping
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
    either,
)  # fmt: skip
from alerts.rules.nodes import Node
from alerts.rules.reader import duration_text

__all__ = ["KIND", "Then"]


class Then(Condition, frozen=True, kw_only=True):
    """True at the instant that completes `first`, then `next` at most `within` later, in event time."""

    first: Condition
    next: Condition
    within: Operand

    gathers: ClassVar[bool] = True

    def children(self) -> tuple[Condition, ...]:
        """Both conditions."""
        return (self.first, self.next)

    def words(self, params: Mapping[str, Any]) -> str:
        """``a then b within 10min``."""
        window = duration_text(self.within.resolve(params, {}) or 0)
        return f"{self.first.words(params)} then {self.next.words(params)} within {window}"

    def bind(self, binding: Binding) -> Bound:
        """A closure over its place in memory: the latest instants of both, None where there was none."""
        place = binding.slot()
        first, second = self.first.bind(binding), self.next.bind(binding)
        within_ms = binding.ms(self.within)

        def evaluate(frame: Frame) -> tuple[Truth, Truth]:
            before = frame.instant
            began, followed = first.evaluate(frame)[0] is True, second.evaluate(frame)[0] is True
            frame.instant = before
            one, two = frame.slots[place] or (None, None)
            here = frame.ts
            last = here if followed else two
            done = (followed and _fits(here if began else one, here, within_ms)) or (
                began and _fits(here, last, within_ms)
            )
            one = here if began and (one is None or here > one) else one
            two = here if followed and (two is None or here > two) else two
            if not frame.late:
                one = one if one is not None and here - one <= within_ms else None
                two = two if two is not None and here - two <= within_ms else None
            frame.slots[place] = None if one is None and two is None else (one, two)
            if done:
                frame.instant = True
                frame.inputs["first_ms"] = here if one is None else one
            return done, done

        def touch(has: bool) -> str:
            return either([first.may(has), second.may(has), first.touch(has), second.touch(has)])

        return Bound(evaluate, lambda has: both_may(first, second, has), lambda _has: "False", touch)


def both_may(first: Bound, second: Bound, has: bool) -> str:
    """Source: whether either part may be true, for either may complete the sequence when readings come late."""
    return either([first.may(has), second.may(has)])


def _fits(first: int | None, second: int | None, within_ms: int) -> bool:
    return first is not None and second is not None and 0 <= second - first <= within_ms


def _read(context: Context, entries: dict[str, Node], line: int) -> Then | None:
    keys = ("first", "next", "within")
    found = context.reader.mapping(entries["then"], "`then`", keys, keys)
    if found is None or set(found) != set(keys):
        return None
    first = context.condition(found["first"], "the first condition")
    second = context.condition(found["next"], "the next condition")
    within = context.seconds(found["within"], "within", 1)
    if first is None or second is None or within is None:
        return None
    return Then(line=line, first=first, next=second, within=within)


KIND: Final = ConditionKind(
    name="then",
    zh="先后发生",
    en="Sequence",
    marks=("then",),
    fields=(
        Field("first", "condition", "先", "first", required=True),
        Field("next", "condition", "后", "next", required=True),
        Field("within", "seconds", "时间窗", "within", required=True),
    ),
    read=_read,
)
