"""Count: something that came at least so many times within a window."""

from bisect import insort
from collections.abc import Mapping
from typing import Any, Final

from alerts.rules.kinds.base import Binding, Bound, Condition, ConditionKind, Context, Field, Frame, Operand, Truth
from alerts.rules.nodes import Node
from alerts.rules.reader import duration_text
from domain.limits import RULE_COUNT_MAX

__all__ = ["KIND", "Count"]


class Count(Condition, frozen=True, kw_only=True):
    """Events, or false-to-true transitions of a state, at least `at_least` of them within `within`.

    Exact with `at_least` instants remembered: the window holds n if and only if the n-th latest lies within it.
    """

    part: Condition
    at_least: Operand
    within: Operand
    apart: Operand | None = None
    """Two closer than this are one: a controller repeats the same fault."""

    def children(self) -> tuple[Condition, ...]:
        """What is counted."""
        return (self.part,)

    def words(self, params: Mapping[str, Any]) -> str:
        """``3 x event ucm within 7d``."""
        window = duration_text(self.within.resolve(params, {}) or 0)
        return f"{self.at_least.words(params)} x ({self.part.words(params)}) within {window}"

    def bind(self, binding: Binding) -> Bound:
        """A closure over its place in memory: (whether the part was true, instants in order of time)."""
        place = binding.slot()
        bound = self.part.bound(binding)
        judge, least = bound.evaluate, max(1, round(binding.number(self.at_least) or 1))
        within_ms, apart_ms = binding.ms(self.within), binding.ms(self.apart)

        def evaluate(frame: Frame) -> tuple[Truth, Truth]:
            before, frame.instant = frame.instant, False
            truth = judge(frame)[0]
            came, frame.instant = frame.instant, before
            was, times = frame.slots[place] or (0, ())
            kept = [at for at in times if frame.late or at >= frame.ts - within_ms]
            fresh = truth is True and (came or not was) and all(abs(frame.ts - at) >= apart_ms for at in kept)
            if fresh:
                insort(kept, frame.ts)
                kept = kept[-least:]
            if not frame.late:
                was = was if truth is None else int(truth and not came)
            frame.slots[place] = (was, tuple(kept)) if was or kept else None
            enough = len(kept) >= least and kept[-1] - kept[-least] <= within_ms
            if enough:
                frame.inputs["count"] = len(kept)
                frame.inputs["first_ms"] = kept[0]
                frame.instant = frame.instant or fresh
            return enough, enough

        return Bound(evaluate, bound.may, lambda _has: "False", bound.may)


def _read(context: Context, entries: dict[str, Node], line: int) -> Count | None:
    reader = context.reader
    found = reader.mapping(
        entries["count"], "`count`", ("of", "at_least", "within", "apart"), ("of", "at_least", "within")
    )
    if found is None or not {"of", "at_least", "within"} <= set(found):
        return None
    part = context.condition(found["of"], "what is counted")
    least = context.operand(found["at_least"], "at_least")
    if least is not None and least.constant is not None:
        number = least.constant
        if not number.is_integer() or not 1 <= number <= RULE_COUNT_MAX:
            reader.error(
                found["at_least"], f"at_least is {number:g}", f"write a whole number from 1 to {RULE_COUNT_MAX}"
            )
    within = context.seconds(found["within"], "within", 1)
    apart = context.seconds(found["apart"], "apart") if "apart" in found else None
    if part is None or least is None or within is None:
        return None
    return Count(line=line, part=part, at_least=least, within=within, apart=apart)


KIND: Final = ConditionKind(
    name="count",
    zh="窗口计数",
    en="Count in window",
    marks=("count",),
    fields=(
        Field("of", "condition", "计数对象", "what is counted", required=True),
        Field("at_least", "integer", "至少次数", "at least", required=True),
        Field("within", "seconds", "时间窗", "within", required=True),
        Field("apart", "seconds", "最小间隔", "least apart"),
    ),
    read=_read,
)
