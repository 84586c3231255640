"""Co-occurrence: several devices, or several different conditions, within a window (fire confirmation, entrapment)."""

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
from domain.limits import LATE_MS_MAX, RULE_SOURCES_MAX

__all__ = ["KIND", "Together"]


class Together(Condition, frozen=True, kw_only=True):
    """At least `at_least` distinct devices (or conditions of the list) within `within`.

    Two messages of one device never count as two devices. In a zone's rule the memory is the zone's. An event of
    `until` ends what was seen up to its instant: after the reset of a panel only what comes then counts.
    """

    parts: tuple[Condition, ...]
    by_device: bool
    at_least: int
    within: Operand
    until: tuple[str, ...] = ()

    gathers: ClassVar[bool] = True

    def children(self) -> tuple[Condition, ...]:
        """The conditions, any of which makes a source."""
        return self.parts

    def events(self) -> tuple[str, ...]:
        """Kinds that end it; those waited for are the parts' own."""
        return self.until

    def words(self, params: Mapping[str, Any]) -> str:
        """``2 devices of [a; b] within 5min``."""
        what = "devices" if self.by_device else "conditions"
        listed = "; ".join(part.words(params) for part in self.parts)
        window = duration_text(self.within.resolve(params, {}) or 0)
        until = f" until {'|'.join(self.until)}" if self.until else ""
        return f"{self.at_least} {what} of [{listed}] within {window}{until}"

    def bind(self, binding: Binding) -> Bound:
        """A closure over its place in memory: (device, number of the condition, latest instant) in order of time."""
        place = binding.slot()
        bound = [part.bound(binding) for part in self.parts]
        judges = [part.evaluate for part in bound]
        within_ms, least, key = binding.ms(self.within), self.at_least, 0 if self.by_device else 1
        ended = _Ending(self.until, binding.slot(), within_ms) if self.until else None

        def evaluate(frame: Frame) -> tuple[Truth, Truth]:
            before = frame.instant
            true = [number for number, judge in enumerate([judge(frame)[0] for judge in judges]) if judge is True]
            frame.instant = before
            known = {(entry[0], entry[1]): entry[2] for entry in frame.slots[place] or ()}
            fresh = False
            for number in true:
                source = (frame.device, number)
                fresh = fresh or source not in known
                known[source] = max(known.get(source, frame.ts), frame.ts)
            if ended is not None and (over := ended.at(frame)) is not None:
                known = {source: at for source, at in known.items() if at > over}
            if not known:
                frame.slots[place] = None
                return False, False
            latest = max(known.values())
            since = (latest if frame.late else max(latest, frame.ts)) - within_ms
            entries = sorted((at, source) for source, at in known.items() if at >= since)[-RULE_SOURCES_MAX:]
            frame.slots[place] = tuple((*source, at) for at, source in entries) or None
            truth = len({source[key] for _, source in entries}) >= least
            if truth:
                frame.instant = frame.instant or fresh
                frame.sources = list(dict.fromkeys([*frame.sources, *(source[0] for _, source in entries)]))
                frame.inputs["first_ms"] = entries[0][0]
            return truth, truth

        def may(has: bool) -> str:
            return either([part.may(has) for part in bound])

        def touch(has: bool) -> str:
            return either([may(has), *(part.touch(has) for part in bound)])

        return Bound(evaluate, may, lambda _has: "False", touch)


class _Ending:
    """The latest event that ended what was seen before it. A report that arrives after it may be older than it."""

    def __init__(self, kinds: tuple[str, ...], place: int, within_ms: float) -> None:
        self._kinds = frozenset(kinds)
        self._place = place
        self._within_ms = within_ms

    def at(self, frame: Frame) -> int | None:
        """Its instant, None if there was none that still matters."""
        last: int | None = frame.slots[self._place]
        event = None if frame.view is None else frame.view.reading.event
        if event is not None and event.kind in self._kinds:
            last = frame.ts if last is None else max(last, frame.ts)
        elif last is not None and not frame.late and frame.ts - last > self._within_ms + LATE_MS_MAX:
            last = None
        frame.slots[self._place] = last
        return last


def _read(context: Context, entries: dict[str, Node], line: int) -> Together | None:
    reader = context.reader
    keys = ("of", "distinct", "at_least", "within", "until")
    found = reader.mapping(entries["together"], "`together`", keys, ("of", "at_least", "within"))
    if found is None or not {"of", "at_least", "within"} <= set(found):
        return None
    items = reader.items(found["of"], "`of`") or ()
    parts = [context.condition(item, "a condition under `of`") for item in items]
    by_device = True
    if "distinct" in found:
        by_device = reader.choice(found["distinct"], "distinct", ("device", "condition")) != "condition"
    least = reader.integer(found["at_least"], "at_least", 2, RULE_SOURCES_MAX)
    within = context.seconds(found["within"], "within", 1)
    if least is not None and not by_device and least > len(items):
        reader.error(found["at_least"], f"{least} distinct conditions of {len(items)} can never be", "write fewer")
    until = context.events(found["until"], "until") if "until" in found else ()
    kept = tuple(part for part in parts if part is not None)
    if not items or len(kept) != len(items) or least is None or within is None:
        if "of" in found and not items:
            reader.error(found["of"], "`of` has no conditions", "list at least one")
        return None
    return Together(line=line, parts=kept, by_device=by_device, at_least=least, within=within, until=until)


KIND: Final = ConditionKind(
    name="together",
    zh="同时出现",
    en="Co-occurrence",
    marks=("together",),
    fields=(
        Field("of", "conditions", "条件", "conditions", required=True),
        Field("distinct", "choice", "区分依据", "distinct by", choices=("device", "condition")),
        Field("at_least", "integer", "至少几个", "at least", required=True),
        Field("within", "seconds", "时间窗", "within", required=True),
        Field("until", "events", "直到事件", "until event"),
    ),
    read=_read,
)
