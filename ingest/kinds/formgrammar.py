"""Reads mapping files (`ingest.kinds.mapped.Form`) from the tree of their text: every fault with file and line."""

import re
from collections.abc import Callable
from typing import Any, Final

from alerts.rules.nodes import Mapping, Node, PackError, Scalar
from alerts.rules.reader import Reader
from domain.ids import is_id
from domain.kinds import KINDS, DeviceKind
from domain.limits import FORM_STEPS_MAX
from ingest.kinds.mapped import Codes, Form, Moment, Path, Source, text_of

__all__ = ["read_form"]

_KEYS: Final = ("form", "title", "kind", "records", "time", "seq", "boot", "values", "events", "about")
_UNITS: Final = ("ms", "s", "rfc3339", "local")
_ZONE: Final = re.compile(r"([+-])(\d{2}):(\d{2})\Z")


def read_form(tree: Node, file: str) -> tuple[Form | None, list[PackError]]:
    """The form that `tree` describes, or None, and everything that is wrong with it."""
    reader = Reader(file)
    found = reader.mapping(tree, "a mapping file", _KEYS, ("form", "title", "kind"))
    if found is None or not {"form", "title", "kind"} <= found.keys():
        return None, reader.errors
    name, title = reader.text(found["form"], "form"), reader.name(found["title"], "title")
    kind = reader.choice(found["kind"], "kind", KINDS)
    if name is not None and not is_id(name):
        reader.error(found["form"], f"form {name!r} is no id", "write 1–64 of A–Z a–z 0–9 _ -")
    if name is None or title is None or kind is None:
        return None, reader.errors
    paths = {key: _path(reader, found[key], key) for key in ("records", "seq", "boot") if key in found}
    form = Form(
        name=name,
        kind=kind,
        zh=title.zh,
        en=title.en,
        records=paths.get("records") or (),
        time=_moment(reader, found["time"]) if "time" in found else None,
        seq=paths.get("seq"),
        boot=paths.get("boot"),
        values=_values(reader, found["values"], KINDS[kind]) if "values" in found else {},
        codes=_events(reader, found["events"], KINDS[kind]) if "events" in found else (),
    )
    if not form.values and not form.codes and not reader.errors:
        reader.error(tree, "the form maps neither values nor events", "add `values:` or `events:`")
    return (None if reader.errors else form), reader.errors


def _path(reader: Reader, node: Node, what: str) -> Path | None:
    """``data.0.temp``: names of maps and numbers of list items."""
    if isinstance(node, Scalar) and isinstance(node.value, int) and not isinstance(node.value, bool):
        node = Scalar(str(node.value), node.line)
    text = reader.text(node, what)
    if text is None:
        return None
    steps = text.split(".")
    if len(steps) > FORM_STEPS_MAX or not all(steps):
        reader.error(node, f"{what} {text[:60]!r} is no path", f"write up to {FORM_STEPS_MAX} names joined by dots")
        return None
    return tuple(int(step) if step.isdecimal() and len(step) < 6 else step for step in steps)


def _moment(reader: Reader, node: Node) -> Moment | None:
    found = reader.mapping(node, "time", ("at", "unit", "zone"), ("at",))
    if found is None or "at" not in found:
        return None
    at = _path(reader, found["at"], "time.at")
    unit = reader.choice(found["unit"], "time.unit", _UNITS) if "unit" in found else "ms"
    hours = 8.0
    if "zone" in found:
        text = reader.text(found["zone"], "time.zone") or ""
        match = _ZONE.match(text)
        if match is None:
            reader.error(found["zone"], f"time.zone {text!r} is no offset", "write it like +08:00")
        else:
            hours = (1 if match[1] == "+" else -1) * (int(match[2]) + int(match[3]) / 60)
            if abs(hours) > 14:
                reader.error(found["zone"], f"time.zone {text!r} is no offset", "write it like +08:00")
    return None if at is None or unit is None else Moment(at, unit, hours)


def _values(reader: Reader, node: Node, kind: DeviceKind) -> dict[str, Source]:
    sources: dict[str, Source] = {}
    for name, entry in (reader.mapping(node, "values", kind.signals) or {}).items():
        if isinstance(entry, Scalar):
            at = _path(reader, entry, name)
            if at is not None:
                sources[name] = Source(at)
            continue
        found = reader.mapping(entry, name, ("at", "times", "plus", "bit", "map"), ("at",))
        at = _path(reader, found["at"], f"{name}.at") if found and "at" in found else None
        if found is None or at is None:
            continue
        if "map" in found and found.keys() & {"times", "plus", "bit"}:
            reader.error(entry, f"{name} has `map` and arithmetic", "keep one of them")
        times = reader.number(found["times"], f"{name}.times") if "times" in found else 1.0
        plus = reader.number(found["plus"], f"{name}.plus") if "plus" in found else 0.0
        bit = reader.integer(found["bit"], f"{name}.bit", 0, 63) if "bit" in found else None
        words = _words(reader, found["map"], f"{name}.map", _canonical) if "map" in found else None
        if times is not None and plus is not None:
            sources[name] = Source(at, times, plus, bit, words)
    return sources


def _events(reader: Reader, node: Node, kind: DeviceKind) -> tuple[Codes, ...]:
    nodes = (node,) if isinstance(node, Mapping) else reader.items(node, "events") or ()
    codes = []
    for one in nodes:
        found = reader.mapping(one, "events", ("at", "scheme", "map", "ignore", "confidence"), ("at", "scheme", "map"))
        if found is None or not {"at", "scheme", "map"} <= found.keys():
            continue
        at, scheme = _path(reader, found["at"], "events.at"), reader.text(found["scheme"], "events.scheme")

        kinds = _words(reader, found["map"], "events.map", lambda r, node, what: r.choice(node, what, kind.events))
        items = (reader.items(found["ignore"], "events.ignore") or ()) if "ignore" in found else ()
        ignore = frozenset(text_of(item.value) for item in items if isinstance(item, Scalar))
        sure = _path(reader, found["confidence"], "events.confidence") if "confidence" in found else None
        if at is not None and scheme is not None:
            codes.append(Codes(at, scheme, kinds, ignore, sure))
    return tuple(codes)


def _canonical(reader: Reader, node: Node, what: str) -> Any:
    if isinstance(node, Scalar) and isinstance(node.value, bool | int | float):
        return node.value
    reader.error(node, f"{what} has no canonical value", "write true, false or a number")
    return None


def _words(reader: Reader, node: Node, what: str, value: Callable[[Reader, Node, str], Any]) -> dict[str, Any]:
    """A map from what a vendor writes; numbers and booleans may stand there without quotes."""
    if not isinstance(node, Mapping):
        reader.error(node, f"{what} is not a map", "write what is sent, a colon, and what it means")
        return {}
    words: dict[str, Any] = {}
    for key, entry in node.entries:
        text = text_of(key.value)
        if text in words:
            reader.error(key, f"{what} has {text!r} twice", "keep one of the two")
        words[text] = value(reader, entry, f"{what} of {text!r}")
    return words
