"""A vendor's JSON, understood by a mapping file: where each signal lies, in which unit, and what its codes mean.

The payload is first brought into the canonical form and then goes the same careful way as any other: what a mapping
makes of a bad value is refused by the same names.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from domain.limits import EVENTS_PER_READING_MAX, READINGS_PER_MESSAGE_MAX
from ingest.kinds.anju_json import reading_of
from ingest.kinds.base import Decoded
from ingest.outcomes import Outcome, Refusal

__all__ = ["Codes", "Form", "Mapped", "Moment", "Source"]

Path = tuple[str | int, ...]
_ABSENT: Final = object()


class Source(Struct, frozen=True):
    """Where one signal lies, and how it becomes canonical."""

    at: Path
    times: float = 1.0
    plus: float = 0.0
    bit: int | None = None
    """Number of the bit (0 is the lowest) of a whole number."""
    words: dict[str, Any] | None = None
    """What is sent, as text → the canonical value; what is not listed is refused."""

    def value(self, tree: Any) -> Any:
        """The canonical value; `_ABSENT` if it is not there. What cannot be converted is left to be refused by name."""
        raw = found(tree, self.at)
        if raw is _ABSENT or raw is None:
            return _ABSENT
        if self.words is not None:
            return self.words.get(text_of(raw), raw if isinstance(raw, str) else str(raw))
        if isinstance(raw, str):
            try:
                raw = float(raw)
            except ValueError:
                return raw
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            return raw
        if self.bit is not None:
            return bool(int(raw) >> self.bit & 1) if float(raw).is_integer() else raw
        return raw if self.times == 1.0 and self.plus == 0.0 else round(raw * self.times + self.plus, 9)


class Moment(Struct, frozen=True):
    """Where the time lies, and how it is written."""

    at: Path
    unit: str = "ms"
    """``ms``, ``s``, ``rfc3339`` or ``local`` (text without a zone, or one that GB frames use)."""
    zone_h: float = 8.0
    """Offset of a local time from UTC, in hours."""

    def value(self, tree: Any) -> Any:
        """The time as the canonical form writes it."""
        raw = found(tree, self.at)
        if raw is _ABSENT or raw is None:
            return None
        if self.unit == "s" and isinstance(raw, int | float) and not isinstance(raw, bool):
            return round(raw * 1_000)
        if self.unit == "local" and isinstance(raw, str):
            try:
                written = datetime.fromisoformat(raw)
            except ValueError:
                return raw
            return written.replace(tzinfo=timezone(timedelta(hours=self.zone_h))).isoformat()
        return raw


class Codes(Struct, frozen=True):
    """Where codes lie that say what has happened, and what they mean."""

    at: Path
    scheme: str
    kinds: dict[str, str]
    """Code as text → canonical event kind; what is not listed becomes ``other``."""
    ignore: frozenset[str] = frozenset()
    """Codes that say that nothing has happened."""
    confidence: Path | None = None

    def events(self, tree: Any) -> Iterator[dict[str, Any]]:
        """The events of a record, in order."""
        raw = found(tree, self.at)
        if raw is _ABSENT or raw is None:
            return
        for code in raw if isinstance(raw, list) else [raw]:
            text = text_of(code)
            if text in self.ignore:
                continue
            event = {"kind": self.kinds.get(text, "other"), "scheme": self.scheme, "code": text[:64]}
            sure = _ABSENT if self.confidence is None else found(tree, self.confidence)
            yield event if sure is _ABSENT else {**event, "confidence": sure}


class Form(Struct, frozen=True):
    """One mapping file."""

    name: str
    kind: str
    """Device kind it is for."""
    zh: str
    en: str
    records: Path = ()
    """Where the list of records lies; empty: the payload is one record, or a list of them."""
    time: Moment | None = None
    seq: Path | None = None
    boot: Path | None = None
    values: dict[str, Source] = field(default_factory=dict)
    codes: tuple[Codes, ...] = ()


class Mapped:
    """A wire form made of a mapping (`ingest.kinds.base.Wire`)."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.name = form.name

    def fast(self, kind: str) -> Callable[[bytes], Any]:
        """There is none: every payload is looked at with care."""
        del kind

        def never(_: bytes) -> Any:
            raise msgspec.DecodeError

        return never

    def careful(self, kind: str, payload: bytes) -> list[Decoded]:
        """See `Wire.careful`."""
        try:
            tree = json.loads(payload.decode("utf-8"))
        except UnicodeDecodeError as error:
            return [_refused(Outcome.NOT_UTF8, f"byte {error.start} is not UTF-8")]
        except (ValueError, RecursionError) as error:
            return [_refused(Outcome.BAD_JSON, str(error)[:200])]
        records = found(tree, self.form.records)
        if records is _ABSENT:
            where = ".".join(map(str, self.form.records))
            return [_refused(Outcome.WRONG_TYPE, f"form {self.name}: the payload has no {where}")]
        if not isinstance(records, list):
            records = [records]
        if not records:
            return [_refused(Outcome.EMPTY, f"form {self.name}: there are no records")]
        if len(records) > READINGS_PER_MESSAGE_MAX:
            detail = f"{len(records)} records in one message, at most {READINGS_PER_MESSAGE_MAX} are allowed"
            return [_refused(Outcome.TOO_MANY_READINGS, detail)]
        decoded = [one for record in records for one in self._record(kind, record, tree)]
        return decoded or [_refused(Outcome.EMPTY, f"form {self.name}: nothing in it has a meaning")]

    def _record(self, kind: str, record: Any, whole: Any) -> Iterator[Decoded]:
        form = self.form
        values = {name: value for name, one in form.values.items() if (value := one.value(record)) is not _ABSENT}
        events = [event for codes in form.codes for event in codes.events(record)][:EVENTS_PER_READING_MAX]
        head: dict[str, Any] = {}
        if form.time is not None:
            # Some say the time once, for all records of a message.
            head["ts"] = form.time.value(record) or form.time.value(whole)
        if len(events) < 2 and form.seq is not None:
            # One number for several events would make doubles of them.
            head |= {"seq": _given(record, form.seq), "boot": None if form.boot is None else _given(record, form.boot)}
        if values:
            event = events.pop(0) if len(events) == 1 else None
            yield reading_of(kind, {**head, "values": values, **({} if event is None else {"event": event})})
        for event in events:
            yield reading_of(kind, {**head, "event": event})


def found(tree: Any, path: Path) -> Any:
    """What lies at `path`; `_ABSENT` if nothing does."""
    for step in path:
        if isinstance(step, int) and isinstance(tree, list):
            if step >= len(tree):
                return _ABSENT
            tree = tree[step]
        elif isinstance(tree, Mapping) and str(step) in tree:
            tree = tree[str(step)]
        else:
            return _ABSENT
    return tree


def text_of(raw: Any) -> str:
    """A code or word as the mapping file writes it: ``3`` for 3 and 3.0, ``true`` for true."""
    if isinstance(raw, bool):
        return str(raw).lower()
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    return str(raw)


def _given(tree: Any, path: Path) -> Any:
    value = found(tree, path)
    return None if value is _ABSENT else value


def _refused(outcome: Outcome, detail: str) -> Decoded:
    return Decoded(None, (), (Refusal(outcome, detail),))
