"""What a wire form must offer, and the common shape that every form is decoded to."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final, Generic, Literal, NamedTuple, Protocol, TypeVar

from msgspec import Meta, Struct

from domain.limits import EVENT_RAW_CHARS_MAX, EVENT_TIME_MS_MIN, ID_CHARS_MAX
from ingest.outcomes import Outcome, Refusal

__all__ = ["Decoded", "EventIn", "Sample", "V", "Wire", "event_time"]

V = TypeVar("V")

_Word = Annotated[str, Meta(max_length=ID_CHARS_MAX)]


class EventIn(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """An event as a device wrote it, before its kind is looked up."""

    kind: _Word = ""
    scheme: _Word = ""
    code: _Word | int = ""
    raw: Annotated[str, Meta(max_length=EVENT_RAW_CHARS_MAX)] = ""
    confidence: Annotated[float, Meta(ge=0, le=1)] | None = None


class Sample(Struct, Generic[V], gc=False, forbid_unknown_fields=True):
    """One device at one instant as it is on the wire: time not yet understood, order not yet judged."""

    ts: int | float | str | None = None
    """Epoch milliseconds or RFC 3339 with an offset."""
    seq: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    boot: Annotated[str, Meta(min_length=1, max_length=ID_CHARS_MAX)] | int | None = None
    values: V | None = None
    event: EventIn | None = None
    src: Literal["device", "edge", "backfill"] | None = None
    v: Literal[1] | None = None
    units: Literal["SI-canonical"] | None = None
    id: _Word | int | None = None


class Decoded(NamedTuple):
    """One reading after the careful path: what could be kept, what was noticed, what had to be refused."""

    sample: Sample[Any] | None
    """None: refused whole, and `faults` says why."""
    marks: tuple[Outcome, ...] = ()
    faults: tuple[Refusal, ...] = ()


class Wire(Protocol):
    """One wire form."""

    @property
    def name(self) -> str:
        """Its name in the table."""

    def fast(self, kind: str) -> Callable[[bytes], Any]:
        """A decoder for payloads that are as they should be: `Sample`, or a list of them, for a device kind.

        Raises `msgspec.MsgspecError` or `UnicodeDecodeError` on anything else.
        """

    def careful(self, kind: str, payload: bytes) -> list[Decoded]:
        """Decodes what `fast` refused. Never raises, never returns an empty list: every fault has a name."""


_RFC3339: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)


def event_time(ts: float | str) -> int | Refusal:
    """Epoch milliseconds of what a device wrote as its time, or why it cannot be used."""
    if isinstance(ts, str):
        return _written_time(ts)
    # Comparisons first: int() of an infinity or a NaN would raise, and neither passes them.
    if EVENT_TIME_MS_MIN <= ts < 10**14:
        return int(ts)
    if EVENT_TIME_MS_MIN // 1000 <= ts < 10**10:
        return Refusal(Outcome.EPOCH_SECONDS, f"ts {ts} is in seconds: send milliseconds, {int(ts)}000")
    if 10**14 <= ts < 10**20:
        return Refusal(Outcome.BAD_TIME, f"ts {ts} is in micro- or nanoseconds: send milliseconds")
    if 0 <= ts < EVENT_TIME_MS_MIN:
        return Refusal(Outcome.CLOCK_UNSET, f"ts {ts} is before 2020: the device clock was never set")
    return Refusal(Outcome.BAD_TIME, f"ts {ts} is not a time in epoch milliseconds")


def _written_time(text: str) -> int | Refusal:
    if _RFC3339.fullmatch(text) is None:
        return Refusal(
            Outcome.BAD_TIME, f"ts {text[:40]!r} must be RFC 3339 with an offset, like 2026-06-01T08:15:30.120+08:00"
        )
    try:
        at = datetime.fromisoformat(text.upper())
        at_ms = round(at.timestamp() * 1000)
    except (ValueError, OverflowError):
        return Refusal(Outcome.BAD_TIME, f"ts {text[:40]!r} is not a day and time that exists")
    if at_ms < EVENT_TIME_MS_MIN:
        return Refusal(Outcome.CLOCK_UNSET, f"ts {text[:40]!r} is before 2020: the device clock was never set")
    return at_ms
