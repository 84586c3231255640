"""Rate of change: a signal that rose or fell by so much within a window.

What is remembered is a monotone queue of samples that may yet be the extreme of a window. Samples closer together than
1/64 of the window are thinned out, so that neither memory nor work grows with the rate at which a device reports: the
kept one stands for them and stays as much longer. So no change within the window is ever missed, and what is found
took at most 1/64 longer. At reporting periods above 1/64 of the window nothing is thinned out.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from alerts.rules.kinds.base import Binding, Bound, Condition, ConditionKind, Context, Field, Frame, Operand, RateSlot
from alerts.rules.nodes import Node
from alerts.rules.reader import duration_text

__all__ = ["KIND", "Rate", "slid"]


def slid(queue: Sequence[float], ts: int, value: float, slot: RateSlot) -> tuple[float, ...]:
    """The monotone queue after one more sample: flat (time, value, time, value, …), its first value the extreme.

    Rising keeps minima, falling keeps maxima. Samples older than the window and a step leave, those that can never
    again be the extreme leave too. A sample that is no new extreme is not kept within a step of one that is.
    """
    head, tail = 0, len(queue)
    since = ts - slot.window_ms - slot.step_ms
    while head < tail and queue[head] < since:
        head += 2
    if slot.rising:
        while tail > head and queue[tail - 1] >= value:
            tail -= 2
    else:
        while tail > head and queue[tail - 1] <= value:
            tail -= 2
    kept = tuple(queue[head:tail])
    return kept if kept and ts - kept[-2] < slot.step_ms else (*kept, ts, value)


class Rate(Condition, frozen=True, kw_only=True):
    """Some earlier sample within the window differs from this one by at least `limit` in the given direction."""

    signal: str
    rising: bool
    limit: Operand
    within: Operand

    def signals(self) -> tuple[str, ...]:
        """The signal watched."""
        return (self.signal,)

    @property
    def direction(self) -> str:
        """``high`` for a rise, ``low`` for a fall."""
        return "high" if self.rising else "low"

    def words(self, params: Mapping[str, Any]) -> str:
        """``temp_socket rises 10 within 5min``."""
        window = duration_text(self.within.resolve(params, {}) or 0)
        return f"{self.signal} {'rises' if self.rising else 'falls'} {self.limit.words(params)} within {window}"

    def bind(self, binding: Binding) -> Bound:
        """A closure over its queue's place in memory."""
        place, signal, rising = binding.slot(), self.signal, self.rising
        limit, window_ms = binding.number(self.limit) or 0.0, binding.ms(self.within)
        slot = RateSlot(place, signal, rising, limit, window_ms)
        binding.rates.append(slot)

        def evaluate(frame: Frame) -> tuple[bool | None, bool | None]:
            values = None if frame.view is None else frame.view.reading.values
            value = None if values is None else getattr(values, signal)
            queue = frame.slots[place] or ()
            if value is None or frame.late or (queue and frame.ts < queue[-2]):
                return None, None
            queue = slid(queue, frame.ts, value, slot)
            frame.slots[place] = queue
            change = value - queue[1] if rising else queue[1] - value
            frame.inputs[signal] = value
            truth = change >= limit
            if truth:
                frame.inputs[f"{signal}_change"] = value - queue[1]
            return truth, truth

        return Bound(evaluate, lambda _has: slot.may, lambda _has: "False", lambda _has: slot.touch)


def _read(context: Context, entries: dict[str, Node], line: int) -> Rate | None:
    reader = context.reader
    if "rise" in entries and "fall" in entries:
        reader.error(
            line, "the rate has both 'rise' and 'fall'", "keep one; for both directions write two under `any:`"
        )
        return None
    missing = [key for key in ("signal", "within") if key not in entries]
    for key in missing:
        reader.error(line, f"the rate has no {key!r}", f"add `{key}:`")
    if missing:
        return None
    signal = context.signal(entries["signal"])
    rising = "rise" in entries
    node = entries["rise" if rising else "fall"]
    limit = context.operand(node, "the change")
    within = context.seconds(entries["within"], "within", 1)
    if signal is not None and signal.type == "boolean":
        reader.error(
            entries["signal"], f"{signal.name} is a boolean signal: it has no rate", "watch it by `is:` or a count"
        )
        return None
    if limit is not None and limit.constant is not None and limit.constant <= 0:
        reader.error(node, "the change is not positive", "write how much it rises or falls, as a positive number")
        return None
    if signal is None or limit is None or within is None:
        return None
    return Rate(line=line, signal=signal.name, rising=rising, limit=limit, within=within)


KIND: Final = ConditionKind(
    name="rate",
    zh="变化率",
    en="Rate of change",
    marks=("rise", "fall"),
    fields=(
        Field("signal", "signal", "信号", "signal", required=True),
        Field("rise", "number", "上升量", "rises by"),
        Field("fall", "number", "下降量", "falls by"),
        Field("within", "seconds", "时间窗", "within", required=True),
    ),
    read=_read,
)
