"""Rule tests as written beside a pack: devices, what they say and when, and what must have come of it."""

from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from alerts.rules.nodes import Mapping, Node, PackError, Scalar, Sequence, kind_of
from alerts.rules.reader import Reader
from domain.kinds import KINDS
from domain.limits import RULE_WINDOW_S_MAX, TIMELINE_STEPS_MAX
from domain.readings import DeviceEvent

__all__ = ["Case", "Expectation", "Step", "Suite", "TestDevice", "read_suite"]

_START: Final = "2024-06-01T08:00:00+08:00"
_DEVICE_KEYS: Final = ("kind", "type", "zone", "gateway", "period", "attrs", "overrides", "count")
_STEP_KEYS: Final = (
    "at", "until", "every", "device", "values", "event", "arrives", "state", "ack", "silence",
)  # fmt: skip
_EXPECT_KEYS: Final = ("at", "rule", "target", "raised", "not_raised", "cleared")


class TestDevice(Struct, frozen=True):
    """A device of a test."""

    __test__ = False

    id: str
    kind: str | None = None
    type: str = ""
    zone: str | None = None
    gateway: str | None = None
    period_s: float | None = None
    attrs: dict[str, Any] = field(default_factory=dict)
    overrides: dict[str, dict[str, Any]] = field(default_factory=dict)


class Step(Struct, frozen=True):
    """Something that happens at one instant, in seconds from the start."""

    at_s: float
    device: str | None = None
    """None means every device of the test."""
    values: dict[str, Any] | None = None
    event: DeviceEvent | None = None
    arrives_s: float | None = None
    state: str | None = None
    ack: bool = False
    silence: bool = False
    line: int = 0


class Expectation(Struct, frozen=True):
    """What must be so at one instant."""

    at_s: float
    what: str
    """``raised``, ``not_raised`` or ``cleared``."""
    severity: int | None = None
    rule: str | None = None
    target: str | None = None
    line: int = 0


class Case(Struct, frozen=True):
    """One test."""

    name: str
    rule: str
    start_ms: int
    devices: tuple[TestDevice, ...]
    steps: tuple[Step, ...]
    expect: tuple[Expectation, ...]
    compound_overrides: dict[str, dict[str, Any]] = field(default_factory=dict)
    line: int = 0


class Suite(Struct, frozen=True):
    """The tests of one file."""

    file: str
    cases: tuple[Case, ...]


def read_suite(tree: Node, file: str) -> tuple[Suite, list[PackError]]:
    """Reads one test file; with errors, the suite holds what was right."""
    reader = Reader(file)
    found = reader.mapping(tree, "the file", ("tests",), ("tests",)) or {}
    items = (reader.items(found["tests"], "tests") or ()) if "tests" in found else ()
    cases = [_case(reader, item) for item in items]
    if not items and not reader.errors:
        reader.error(tree, "the file has no tests", "list at least one under `tests:`")
    return Suite(file, tuple(case for case in cases if case is not None)), reader.errors


def _case(reader: Reader, node: Node) -> Case | None:
    keys = ("name", "rule", "start", "device", "devices", "compound_overrides", "steps", "expect")
    required = ("name", "rule", "steps", "expect")
    found = reader.mapping(node, "a test", keys, required)
    if found is None or not set(required) <= set(found):
        return None
    name, rule = reader.text(found["name"], "name"), reader.text(found["rule"], "rule")
    devices = _devices(reader, node, found)
    steps = [s for item in reader.items(found["steps"], "steps") or () for s in _steps(reader, item, devices)]
    expect = [e for item in reader.items(found["expect"], "expect") or () for e in _expectation(reader, item)]
    if len(steps) > TIMELINE_STEPS_MAX:
        reader.error(found["steps"], f"the test has {len(steps)} readings", f"write at most {TIMELINE_STEPS_MAX}")
        return None
    if not expect:
        reader.error(found["expect"], "the test expects nothing", "write at least one `{at:, raised:}`")
    if name is None or rule is None:
        return None
    overrides = plain(found["compound_overrides"]) if "compound_overrides" in found else {}
    return Case(
        name=name, rule=rule, start_ms=_start(reader, found.get("start")), devices=devices, steps=tuple(steps),
        expect=tuple(expect), compound_overrides=overrides if isinstance(overrides, dict) else {}, line=node.line,
    )  # fmt: skip


def _start(reader: Reader, node: Node | None) -> int:
    text = _START if node is None else reader.text(node, "start") or _START
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        reader.error(node or 1, f"start {text!r} is no instant", f"write it with its zone, such as {_START!r}")
        return 0
    return round(at.timestamp() * 1_000)


def plain(node: Node) -> Any:
    """The tree as builtins, for values whose form is checked elsewhere."""
    if isinstance(node, Mapping):
        return {str(key.value): plain(value) for key, value in node.entries}
    return [plain(item) for item in node.items] if isinstance(node, Sequence) else node.value


def _devices(reader: Reader, node: Node, found: dict[str, Node]) -> tuple[TestDevice, ...]:
    if ("device" in found) == ("devices" in found):
        reader.error(node, "the test needs one of 'device' and 'devices'", "write `device: {type: lift}`")
        return ()
    if "device" in found:
        return _device(reader, "d", found["device"])
    listed = reader.mapping(found["devices"], "devices", None) or {}
    return tuple(device for name, item in listed.items() for device in _device(reader, name, item))


def _device(reader: Reader, name: str, node: Node) -> tuple[TestDevice, ...]:
    found = reader.mapping(node, f"device {name}", _DEVICE_KEYS)
    if found is None:
        return ()
    made = TestDevice(
        id=name,
        kind=reader.choice(found["kind"], "kind", tuple(KINDS)) if "kind" in found else None,
        type=(reader.text(found["type"], "type") or "") if "type" in found else "",
        zone=reader.text(found["zone"], "zone") if "zone" in found else None,
        gateway=reader.text(found["gateway"], "gateway") if "gateway" in found else None,
        period_s=reader.seconds(found["period"], "period", 1) if "period" in found else None,
        attrs=plain(found["attrs"]) if "attrs" in found else {},
        overrides=plain(found["overrides"]) if "overrides" in found else {},
    )
    count = reader.integer(found["count"], "count", 1, 1_000) if "count" in found else None
    if count is None:
        return (made,)
    return tuple(msgspec.structs.replace(made, id=f"{name}-{number}") for number in range(1, count + 1))


def _steps(reader: Reader, node: Node, devices: tuple[TestDevice, ...]) -> list[Step]:
    found = reader.mapping(node, "a step", _STEP_KEYS, ("at",))
    if found is None or "at" not in found:
        return []
    at = _instant(reader, found["at"], "at")
    until = _instant(reader, found["until"], "until") if "until" in found else at
    every = reader.seconds(found["every"], "every", 0.001) if "every" in found else None
    arrives = _instant(reader, found["arrives"], "arrives") if "arrives" in found else None
    names = {device.id for device in devices}
    groups = {device.id.rpartition("-")[0] for device in devices if device.id.rpartition("-")[0]}
    device = reader.choice(found["device"], "device", names | groups) if "device" in found else None
    if at is None or until is None:
        return []
    if ("until" in found) != ("every" in found) or until < at:
        reader.error(
            node, "a repeated step needs 'every', and 'until' after 'at'", "write `{at: 0, until: 600, every: 60}`"
        )
        return []
    common: dict[str, Any] = {"device": device, "arrives_s": arrives, "line": node.line}
    common["event"] = _event(reader, found["event"]) if "event" in found else None
    common["state"] = reader.choice(found["state"], "state", ("online", "offline")) if "state" in found else None
    common["ack"] = bool(reader.boolean(found["ack"], "ack")) if "ack" in found else False
    common["silence"] = bool(reader.boolean(found["silence"], "silence")) if "silence" in found else False
    if not {"values", "event", "state", "ack", "silence"} & set(found):
        reader.error(node, "nothing happens in this step", "write values, event, state, ack or silence")
    count = 1 if every is None else int((until - at) / every + 1e-9) + 1
    if count > TIMELINE_STEPS_MAX:
        reader.error(node, f"the step repeats {count} times", f"write at most {TIMELINE_STEPS_MAX}")
        return []
    return [
        Step(at_s=at + number * (every or 0), values=_values(reader, found.get("values"), number, count), **common)
        for number in range(count)
    ]


def _instant(reader: Reader, node: Node, what: str) -> float | None:
    value = reader.seconds(node, what)
    return None if value is None else min(value, RULE_WINDOW_S_MAX)


def _values(reader: Reader, node: Node | None, number: int, count: int) -> dict[str, Any] | None:
    """Values of one repetition; ``{from: 20, to: 80}`` runs evenly over all of them."""
    if node is None:
        return None
    values: dict[str, Any] = {}
    for name, item in (reader.mapping(node, "values", None) or {}).items():
        if isinstance(item, Mapping):
            span = reader.mapping(item, name, ("from", "to"), ("from", "to")) or {}
            if len(span) == 2:
                low, high = reader.number(span["from"], "from") or 0.0, reader.number(span["to"], "to") or 0.0
                values[name] = low + (high - low) * (number / max(1, count - 1))
        elif isinstance(item, Scalar) and isinstance(item.value, bool | int | float):
            values[name] = item.value
        else:
            reader.error(item, f"the value of {name} is {kind_of(item)}", "write a number, true or false")
    return values


def _event(reader: Reader, node: Node) -> DeviceEvent | None:
    if isinstance(node, Scalar):
        kind = reader.text(node, "event")
        return None if kind is None else DeviceEvent(kind)
    found = reader.mapping(node, "event", ("kind", "scheme", "code", "confidence"), ("kind",))
    if found is None or "kind" not in found:
        return None
    return DeviceEvent(
        kind=reader.text(found["kind"], "kind") or "other",
        scheme=(reader.text(found["scheme"], "scheme") or "") if "scheme" in found else "",
        code=(reader.text(found["code"], "code") or "") if "code" in found else "",
        confidence=reader.number(found["confidence"], "confidence", 0, 1) if "confidence" in found else None,
    )


def _expectation(reader: Reader, node: Node) -> list[Expectation]:
    found = reader.mapping(node, "an expectation", _EXPECT_KEYS, ("at",))
    if found is None or "at" not in found:
        return []
    at = _instant(reader, found["at"], "at")
    chosen = [key for key in ("raised", "not_raised", "cleared") if key in found]
    if len(chosen) != 1:
        reader.error(
            node, "an expectation needs one of 'raised', 'not_raised', 'cleared'", "write `raised: 2` (severity)"
        )
        return []
    severity = reader.integer(found["raised"], "raised", 1, 4) if "raised" in found else None
    if "raised" not in found and reader.boolean(found[chosen[0]], chosen[0]) is False:
        reader.error(node, f"`{chosen[0]}: false` says nothing", "write `true`, or expect its opposite")
    return [] if at is None else [
        Expectation(
            at_s=at, what=chosen[0], severity=severity, line=node.line,
            rule=reader.text(found["rule"], "rule") if "rule" in found else None,
            target=reader.text(found["target"], "target") if "target" in found else None,
        )
    ]  # fmt: skip
