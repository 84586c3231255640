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
    """True at the instant that completes `first`, then `next` at most `within` later, in event time.

    `unless`, when it comes between the two, undoes `first`. Whatever is in doubt undoes nothing: what is unknown, what
    was said before `first` or with the same reading as either, and what arrives when `next` has long been judged.
    """

    first: Condition
    next: Condition
    within: Operand
    unless: Condition | None = None

    gathers: ClassVar[bool] = True

    def children(self) -> tuple[Condition, ...]:
        """The conditions."""
        return (self.first, self.next) if self.unless is None else (self.first, self.next, self.unless)

    def words(self, params: Mapping[str, Any]) -> str:
        """``a then b within 10min unless c``."""
        window = duration_text(self.within.resolve(params, {}) or 0)
        unless = "" if self.unless is None else f" unless {self.unless.words(params)}"
        return f"{self.first.words(params)} then {self.next.words(params)} within {window}{unless}"

    def bind(self, binding: Binding) -> Bound:
        """A closure over its place in memory: the latest instants of both, None where there was none."""
        place = binding.slot()
        first, second = self.first.bound(binding), self.next.bound(binding)
        unless = None if self.unless is None else _Undoing(self.unless, binding)
        within_ms = binding.ms(self.within)

        def evaluate(frame: Frame) -> tuple[Truth, Truth]:
            before = frame.instant
            began, followed = first.evaluate(frame)[0] is True, second.evaluate(frame)[0] is True
            earlier, two = frame.slots[place] or (None, None)
            undone = unless is not None and unless.came(frame, earlier)
            frame.instant = before
            here = frame.ts
            last = here if followed else two
            done = (followed and _fits(here if began else earlier, here, within_ms)) or (
                began and _fits(here, last, within_ms)
            )
            one = here if began and (earlier is None or here > earlier) else earlier
            two = here if followed and (two is None or here > two) else two
            if done:
                frame.instant = True
                frame.inputs["first_ms"] = here if one is None else one
            if undone and one == earlier:
                one = None
            if not frame.late:
                one = one if one is not None and here - one <= within_ms else None
                two = two if two is not None and here - two <= within_ms else None
            if unless is not None and one != earlier:
                unless.forget(frame)
            frame.slots[place] = None if one is None and two is None else (one, two)
            return done, done

        def touch(has: bool) -> str:
            # An idle rule has no `first` that `unless` could undo; but the events in `unless` may be remembered.
            own = [] if unless is None else [unless.touch(has)]
            return either([first.may(has), second.may(has), first.touch(has), second.touch(has), *own])

        return Bound(evaluate, lambda has: both_may(first, second, has), lambda _has: "False", touch)


class _Undoing:
    """`unless`, to which nothing is known that was said before `first` or with it. Remembers what was said since."""

    def __init__(self, condition: Condition, binding: Binding) -> None:
        self._place = binding.slot()
        bound = condition.bound(binding)
        self._evaluate, self.touch = bound.evaluate, bound.touch
        self._signals = tuple(dict.fromkeys(_signals(condition)))

    def came(self, frame: Frame, since: int | None) -> bool:
        """True when it holds, after `since`: the instant of `first`, None where there was none."""
        said = frame.slots[self._place] or 0
        values = None if frame.view is None or frame.late else frame.view.reading.values
        if values is not None and since is not None:
            for number, name in enumerate(self._signals):
                if getattr(values, name) is not None:
                    said |= 1 << number
        frame.slots[self._place] = said or None
        outer = frame.heard
        heard = {name for number, name in enumerate(self._signals) if said >> number & 1}
        frame.heard = heard if outer is None else heard & outer
        truth = self._evaluate(frame)[0]
        frame.heard = outer
        return truth is True and since is not None and frame.ts > since

    def forget(self, frame: Frame) -> None:
        """There is another `first` now, or none."""
        frame.slots[self._place] = None


def _signals(condition: Condition) -> list[str]:
    return [*condition.signals(), *(name for part in condition.children() for name in _signals(part))]


def both_may(first: Bound, second: Bound, has: bool) -> str:
    """Source: whether either part may be true, for either may complete the sequence when readings come late."""
    return either([first.may(has), second.may(has)])


def _fits(first: int | None, second: int | None, within_ms: int) -> bool:
    return first is not None and second is not None and 0 <= second - first <= within_ms


def _read(context: Context, entries: dict[str, Node], line: int) -> Then | None:
    keys = ("first", "next", "within")
    found = context.reader.mapping(entries["then"], "`then`", (*keys, "unless"), keys)
    if found is None or not set(keys) <= set(found):
        return None
    first = context.condition(found["first"], "the first condition")
    second = context.condition(found["next"], "the next condition")
    within = context.seconds(found["within"], "within", 1)
    unless = context.condition(found["unless"], "the undoing condition") if "unless" in found else None
    if first is None or second is None or within is None or (unless is None and "unless" in found):
        return None
    return Then(line=line, first=first, next=second, within=within, unless=unless)


KIND: Final = ConditionKind(
    name="then",
    zh="先后发生",
    en="Sequence",
    marks=("then",),
    fields=(
        Field("first", "condition", "先", "first", required=True),
        Field("next", "condition", "后", "next", required=True),
        Field("within", "seconds", "时间窗", "within", required=True),
        Field("unless", "condition", "除非其间", "unless, between them"),
    ),
    read=_read,
)
