"""Event: something a device reports at an instant, by canonical kind or by scheme and code."""

from collections.abc import Mapping
from typing import Any, Final

from alerts.rules.kinds.base import Binding, Bound, Condition, ConditionKind, Context, Field, Frame, Operand, either
from alerts.rules.nodes import Node
from domain.limits import LATE_MS_MAX
from domain.readings import DeviceEvent

__all__ = ["KIND", "Event"]


class Event(Condition, frozen=True, kw_only=True):
    """True at the instant of the event; with `until`, from then until one of those events.

    Late events count, at their own event time: one that was over before it was heard of is true for that one look.
    """

    kinds: tuple[str, ...] = ()
    """Canonical kinds; empty means any."""
    scheme: str | None = None
    codes: tuple[str, ...] = ()
    """The number means nothing without its scheme."""
    confidence: Operand | None = None
    """Least confidence, 0…1. An event without one passes: it comes from a controller, not a camera."""
    until: tuple[str, ...] = ()

    def events(self) -> tuple[str, ...]:
        """Kinds waited for, and those that end it."""
        return self.kinds + self.until

    @property
    def latches(self) -> bool:
        """With `until`, it does."""
        return bool(self.until)

    def words(self, params: Mapping[str, Any]) -> str:
        """``event safety_circuit until no_fault``."""
        text = "event " + ("|".join(self.kinds) or "any")
        if self.scheme is not None:
            text += f" {self.scheme}" + (f":{'|'.join(self.codes)}" if self.codes else "")
        if self.confidence is not None:
            text += f" (confidence >= {self.confidence.words(params)})"
        return text + (f" until {'|'.join(self.until)}" if self.until else "")

    def bind(self, binding: Binding) -> Bound:
        """An instant test, or a latch with a place in memory."""
        kinds, codes, scheme = frozenset(self.kinds), frozenset(self.codes), self.scheme
        confidence = None if self.confidence is None else binding.number(self.confidence)

        def matches(event: DeviceEvent | None) -> bool:
            return (
                event is not None
                and (not kinds or event.kind in kinds)
                and (scheme is None or event.scheme == scheme)
                and (not codes or event.code in codes)
                and (confidence is None or event.confidence is None or event.confidence >= confidence)
            )

        def evaluate(frame: Frame) -> tuple[bool | None, bool | None]:
            event = None if frame.view is None else frame.view.reading.event
            truth = matches(event)
            if truth and event is not None:
                frame.instant = True
                _note(frame, event)
            return truth, truth

        if not self.until:
            return Bound(evaluate, self._code, self._code, lambda _has: "False")
        place, until = binding.slot(), frozenset(self.until)
        binding.latches.append(place)

        def latched(frame: Frame) -> tuple[bool | None, bool | None]:
            event = None if frame.view is None else frame.view.reading.event
            since, ended = _latch(frame.slots[place])
            if matches(event):
                evaluate(frame)
                if ended is not None and ended >= frame.ts:
                    return True, False  # it happened, and was over before we heard of it
                since = frame.ts if since is None else min(since, frame.ts)
            else:
                since, ended = _unlatched(since, ended, frame, event is not None and event.kind in until)
            frame.slots[place] = since if since is not None else None if ended is None else (ended,)
            if frame.elapsing and since is not None:
                frame.inputs["first_ms"] = since
            return since is not None, since is not None

        def touch(has: bool) -> str:
            return either([self._code(has), f"(e is not None and e.kind in {self.until!r})"])

        return Bound(latched, self._code, lambda _has: "False", touch)

    def _code(self, _has: bool) -> str:
        parts = ["e is not None"]
        if self.kinds:
            parts.append(f"e.kind == {self.kinds[0]!r}" if len(self.kinds) == 1 else f"e.kind in {self.kinds!r}")
        if self.scheme is not None:
            parts.append(f"e.scheme == {self.scheme!r}")
        if self.codes:
            parts.append(f"e.code in {self.codes!r}")
        return f"({' and '.join(parts)})"


def _latch(slot: Any) -> tuple[int | None, int | None]:
    """(true since, or ended at) from memory: an instant, or a list with the instant of the end; None for neither."""
    if slot is None or isinstance(slot, int):
        return slot, None
    return None, slot[0]


def _unlatched(since: int | None, ended: int | None, frame: Frame, end: bool) -> tuple[int | None, int | None]:
    """(true since, ended at) after a look without the event, at one of its ends or at nothing that matters."""
    if end and (since is None or frame.ts >= since):
        return None, frame.ts if ended is None else max(ended, frame.ts)
    if ended is not None and not frame.late and frame.ts - ended > LATE_MS_MAX:
        return since, None  # nothing as old as that is judged any more
    return since, ended


def _note(frame: Frame, event: DeviceEvent) -> None:
    frame.inputs["event"] = event.kind
    if event.scheme or event.code:
        frame.inputs["code"] = f"{event.scheme}:{event.code}"
    if event.confidence is not None:
        frame.inputs["confidence"] = event.confidence


def _read(context: Context, entries: dict[str, Node], line: int) -> Event | None:
    reader = context.reader
    kinds = context.events(entries["event"], "event") if "event" in entries else ()
    scheme = reader.text(entries["scheme"], "scheme") if "scheme" in entries else None
    codes = reader.texts(entries["code"], "code") if "code" in entries else ()
    if "code" in entries and scheme is None:
        reader.error(
            entries["code"], "a code without its scheme", "add `scheme:`; the same number differs between schemes"
        )
    if "event" in entries and not kinds:
        return None
    confidence = None
    if "confidence" in entries:
        confidence = context.operand(entries["confidence"], "confidence")
        if confidence is not None and confidence.constant is not None and not 0 <= confidence.constant <= 1:
            reader.error(entries["confidence"], "confidence is not between 0 and 1", "write a fraction such as 0.8")
    until = context.events(entries["until"], "until") if "until" in entries else ()
    return Event(line=line, kinds=kinds, scheme=scheme, codes=codes, confidence=confidence, until=until)


KIND: Final = ConditionKind(
    name="event",
    zh="事件",
    en="Event",
    marks=("event", "scheme"),
    fields=(
        Field("event", "events", "事件类型", "event kind"),
        Field("scheme", "text", "编码体系", "code scheme"),
        Field("code", "text", "代码", "code"),
        Field("confidence", "number", "最低置信度", "least confidence"),
        Field("until", "events", "直到事件", "until event"),
    ),
    read=_read,
)
