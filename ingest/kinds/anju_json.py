"""Anju's own JSON: an object, or an array of objects, of ``ts seq boot values event`` (docs/ingest.md)."""

import json
import math
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

import msgspec

from domain.kinds import KINDS, Signal
from domain.limits import EVENT_RAW_CHARS_MAX, ID_CHARS_MAX, READINGS_PER_MESSAGE_MAX
from ingest.kinds.base import Decoded, EventIn, Sample
from ingest.outcomes import Outcome, Refusal

__all__ = ["AnjuJson", "reading_of"]

_KEYS: Final = frozenset(Sample.__struct_fields__)
_EVENT_KEYS: Final = frozenset(EventIn.__struct_fields__)


class AnjuJson:
    """The canonical form (domain.md §8)."""

    name = "anju_json"

    def __init__(self) -> None:
        self._fast: dict[str, Callable[[bytes], Any]] = {}
        for kind in KINDS.values():
            one: Any = Sample.__class_getitem__(kind.values)  # type: ignore[attr-defined]  # a type made at run time
            many = Annotated[list[one], msgspec.Meta(min_length=1, max_length=READINGS_PER_MESSAGE_MAX)]
            self._fast[kind.name] = msgspec.json.Decoder(one | many).decode

    def fast(self, kind: str) -> Callable[[bytes], Any]:
        """The typed decoder of a kind."""
        return self._fast[kind]

    def careful(self, kind: str, payload: bytes) -> list[Decoded]:  # noqa: PLR0911  (one for each named fault)
        """Looks at every part by itself, keeps what is good and names what is not."""
        try:
            text = payload.decode("utf-8")
        except UnicodeDecodeError as error:
            return [_refused(Outcome.NOT_UTF8, f"byte {error.start} is not UTF-8")]
        if not text.strip():
            return [_refused(Outcome.EMPTY, "the payload is empty")]
        try:
            tree = json.loads(text)
        except (ValueError, RecursionError) as error:
            return [_refused(Outcome.BAD_JSON, str(error)[:200])]
        if not isinstance(tree, list):
            return [reading_of(kind, tree)]
        if not tree:
            return [_refused(Outcome.EMPTY, "the array has no readings")]
        if len(tree) > READINGS_PER_MESSAGE_MAX:
            detail = f"{len(tree)} readings in one message, at most {READINGS_PER_MESSAGE_MAX} are allowed"
            return [_refused(Outcome.TOO_MANY_READINGS, detail)]
        return [reading_of(kind, item) for item in tree]


def _refused(outcome: Outcome, detail: str) -> Decoded:
    return Decoded(None, (), (Refusal(outcome, detail),))


class _Notes:
    """What was noticed while one reading was taken apart."""

    def __init__(self) -> None:
        self.marks: set[Outcome] = set()
        self.faults: list[Refusal] = []

    def fault(self, outcome: Outcome, detail: str) -> None:
        self.faults.append(Refusal(outcome, detail))


def reading_of(kind: str, tree: Any) -> Decoded:
    """One reading in canonical form, checked part by part: what is good is kept, what is not is named."""
    if not isinstance(tree, dict):
        return _refused(Outcome.WRONG_TYPE, f"a reading must be an object, not {_name(tree)}")
    version = tree.get("v")
    if version is not None and (isinstance(version, bool) or version not in (1, "1")):
        return _refused(Outcome.WRONG_VERSION, f"v must be 1, not {str(version)[:20]}")
    notes = _Notes()
    if not tree.keys() <= _KEYS:
        notes.marks.add(Outcome.UNKNOWN_KEYS)
    ts = tree.get("ts")
    if ts is not None and (isinstance(ts, bool) or not isinstance(ts, int | float | str)):
        ts = f"({_name(ts)})"  # refused by `event_time` like any other text that is no time
    seq, boot = _order(tree.get("seq"), tree.get("boot"), notes)
    units = tree.get("units")
    values = tree.get("values")
    if units is not None and units != "SI-canonical":
        notes.fault(Outcome.WRONG_UNITS, f"units {str(units)[:40]!r} are not understood: send SI-canonical values")
        values = None
    found = _values(kind, values, notes)
    event = _event(tree.get("event"), notes)
    if found is None and event is None:
        if not notes.faults:
            notes.fault(Outcome.EMPTY, "the reading has neither values nor an event")
        return Decoded(None, tuple(notes.marks), tuple(notes.faults))
    src = tree.get("src")
    backfill: Literal["backfill"] | None = "backfill" if src == "backfill" else None
    sample = Sample[Any](ts=ts, seq=seq, boot=boot, values=found, event=event, src=backfill)
    return Decoded(sample, tuple(notes.marks), tuple(notes.faults))


def _order(seq: Any, boot: Any, notes: _Notes) -> tuple[int | None, str | int | None]:
    """`seq` and `boot` if they can be used. Without them a reading is still good: its digest stands in."""
    if boot is not None and (
        isinstance(boot, bool) or not isinstance(boot, str | int) or not 1 <= len(str(boot)[:100]) <= ID_CHARS_MAX
    ):
        notes.fault(Outcome.WRONG_TYPE, f"boot must be text of 1–{ID_CHARS_MAX} characters; seq and boot are ignored")
        return None, None
    if isinstance(seq, float) and seq.is_integer():
        seq = int(seq)
        notes.marks.add(Outcome.COERCED)
    if seq is not None and (isinstance(seq, bool) or not isinstance(seq, int) or not 0 <= seq < 2**63):
        notes.fault(Outcome.WRONG_TYPE, f"seq must be a whole number from 0 to 2^63-1, not {str(seq)[:40]}; ignored")
        return None, boot
    return seq, boot


def _values(kind: str, tree: Any, notes: _Notes) -> Any:
    if tree is None:
        return None
    if not isinstance(tree, dict):
        notes.fault(Outcome.WRONG_TYPE, f"values must be an object, not {_name(tree)}")
        return None
    signals = KINDS[kind].signals
    good: dict[str, Any] = {}
    dropped = False
    for key, raw in tree.items():
        signal = signals.get(key)
        if signal is None:
            notes.marks.add(Outcome.UNKNOWN_KEYS)
        elif raw is not None:
            checked = _value(signal, raw, notes)
            if checked is None:
                dropped = True
            else:
                good[key] = checked
    return KINDS[kind].values(**good) if good or not dropped else None


def _value(signal: Signal, raw: Any, notes: _Notes) -> float | None:  # noqa: PLR0911  (one for each named fault)
    """The value as its signal wants it; None, with a named fault, if it cannot be used."""
    name = signal.name
    if isinstance(raw, float) and not math.isfinite(raw):
        notes.fault(Outcome.NONFINITE, f"{name} is not a finite number")
        return None
    if signal.type == "boolean":
        if isinstance(raw, bool):
            return raw
        if isinstance(raw, int | float) and raw in (0, 1):
            notes.marks.add(Outcome.COERCED)
            return bool(raw)
        notes.fault(Outcome.WRONG_TYPE, f"{name} must be true or false, not {str(raw)[:40]!r}")
        return None
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        notes.fault(Outcome.WRONG_TYPE, f"{name} must be a number, not {str(raw)[:40]!r}")
        return None
    if signal.type == "integer" and isinstance(raw, float):
        if not raw.is_integer():
            notes.fault(Outcome.WRONG_TYPE, f"{name} must be a whole number, not {raw}")
            return None
        raw = int(raw)
        notes.marks.add(Outcome.COERCED)
    if (signal.low is not None and raw < signal.low) or (signal.high is not None and raw > signal.high):
        detail = f"{name}={str(raw)[:40]} is outside {signal.low:g}…{signal.high:g} {signal.unit}".rstrip()
        notes.fault(Outcome.IMPLAUSIBLE, detail)
        return None
    return raw if signal.type == "integer" else float(raw)


def _event(tree: Any, notes: _Notes) -> EventIn | None:
    if tree is None:
        return None
    if not isinstance(tree, dict):
        notes.fault(Outcome.WRONG_TYPE, f"event must be an object, not {_name(tree)}")
        return None
    if not tree.keys() <= _EVENT_KEYS:
        notes.marks.add(Outcome.UNKNOWN_KEYS)
    words = _words(tree, notes)
    confidence = tree.get("confidence")
    if confidence is not None and (
        isinstance(confidence, bool) or not isinstance(confidence, int | float) or not 0 <= confidence <= 1
    ):
        notes.fault(Outcome.IMPLAUSIBLE, f"event.confidence must be 0…1, not {str(confidence)[:40]!r}; ignored")
        confidence = None
    if not words.get("kind") and not words.get("code"):
        notes.fault(Outcome.WRONG_TYPE, "an event needs a kind, or a scheme and a code")
        return None
    return EventIn(**words, confidence=None if confidence is None else float(confidence))


def _words(tree: dict[str, Any], notes: _Notes) -> dict[str, str]:
    """The texts of an event, each no longer than may be kept."""
    words: dict[str, str] = {}
    for key, longest in (
        ("kind", ID_CHARS_MAX), ("scheme", ID_CHARS_MAX), ("code", ID_CHARS_MAX), ("raw", EVENT_RAW_CHARS_MAX),
    ):  # fmt: skip
        word = tree.get(key)
        if isinstance(word, int | float) and not isinstance(word, bool):
            word = str(word)
            notes.marks.add(Outcome.COERCED)
        if word is None:
            continue
        if not isinstance(word, str):
            notes.fault(Outcome.WRONG_TYPE, f"event.{key} must be text, not {_name(word)}; ignored")
        elif len(word) > longest:
            notes.fault(Outcome.OVERSIZE, f"event.{key} has {len(word)} characters, at most {longest} are kept")
            words[key] = word[:longest]
        else:
            words[key] = word
    return words


def _name(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
