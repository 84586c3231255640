"""Small hand-written rules for tests of the engine: each does one plain thing, so that the engine's part shows."""

from typing import Any

from msgspec.structs import replace

from alerts.alert import Evidence
from alerts.rules.base import CompiledRule, Finding, RuleInfo, Verdict
from domain.devices import Device
from domain.kinds import EbikeValues, GatewayValues, Values
from domain.places import Name, Place
from domain.readings import Batch, DeviceEvent, Reading, StateReport
from domain.registry import Registry

T0 = 1_795_000_000_000
"""A plain instant: 2026-11-18 in Shanghai."""


def info(rule: str, **changes: Any) -> RuleInfo:
    base = RuleInfo(
        id=rule, version=1, pack="test", title=Name("规则 " + rule, "Rule " + rule), kind="ebike", types=(),
        scope="device", severities=(1, 2), condition="temp_socket >= 70", signal="temp_socket", card="card-1",
        recipients=("property_firm",), basis="domain.md §7",
    )  # fmt: skip
    return replace(base, **changes)


class Rule:
    """What all test rules share."""

    ticks = False

    def __init__(self, about: RuleInfo) -> None:
        self.info = about
        self.params: dict[str, Any] = {}
        self.glance = None
        self.looks = None

    def screen(self, reading: Reading) -> bool:
        return True

    def judge(self, memory, view):
        return None

    def tick(self, memory, target, now_ms, silent_s, state):
        return None

    elapses = False

    def elapse(self, memory, device, until_ms):
        return None

    def settled(self, memory, severity, at_ms):
        return (True,) if severity is not None else None

    def without_instants(self, memory, at_ms):
        return memory

    def survey(self, memory, target, now_ms, offline, total):
        return None

    def found(self, what, severity, at_ms, value=None, source=None):
        evidence = Evidence(self.info.id, self.info.version, self.info.condition, inputs={"value": value})
        limit = {1: 80.0, 2: 70.0}.get(severity)
        return Finding(what, severity, at_ms, evidence, value, limit, "high", source)


class Hot(Rule):
    """Severity 2 from 70 ℃, severity 1 from 80 ℃; returns below 60 ℃. Memory: the level that holds."""

    def screen(self, reading):
        values = reading.values
        return values is not None and values.temp_socket is not None and values.temp_socket >= 70

    def judge(self, memory, view):
        value = view.value("temp_socket")
        reading = view.reading
        if value is None or reading.values is None or reading.values.temp_socket is None:
            return None
        level = 1 if value >= 80 else 2 if value >= 70 else None
        if level is None:
            if memory is not None and value < 60:
                return Verdict(None, (self.found("return", memory[0], reading.ts_ms, value, reading.device),))
            return None
        if memory is not None and memory[0] == level:
            return None
        return Verdict((level,), (self.found("breach", level, reading.ts_ms, value, reading.device),))


class Bell(Rule):
    """An event: breach, then again; `reset` ends it. Memory: how often."""

    def __init__(self, about, kind="smoke", severity=2, reset="zone_clear"):
        super().__init__(about)
        self.kind, self.severity, self.reset = kind, severity, reset

    def screen(self, reading):
        return reading.event is not None and reading.event.kind == self.kind

    def judge(self, memory, view):
        event, reading = view.reading.event, view.reading
        if event is None:
            return None
        if event.kind == self.reset and memory is not None:
            return Verdict(None, (self.found("return", self.severity, reading.ts_ms, None, reading.device),))
        if event.kind == self.kind:
            what = "breach" if memory is None else "again"
            return Verdict((1,), (self.found(what, self.severity, reading.ts_ms, None, reading.device),))
        return None


class Pair(Rule):
    """Two different devices of one target within five minutes. Memory: who spoke, when."""

    def screen(self, reading):
        return reading.event is not None and reading.event.kind == "smoke"

    def judge(self, memory, view):
        reading = view.reading
        if reading.event is None or reading.event.kind != "smoke":
            return None
        if memory is not None and memory[0] != reading.device and reading.ts_ms - memory[1] <= 300_000:
            return Verdict(None, (self.found("breach", 1, reading.ts_ms, None, reading.device),))
        return Verdict((reading.device, reading.ts_ms))


class Silent(Rule):
    """Severity 3 after five minutes of silence or a Last Will; any reading ends it. Memory: True while silent."""

    ticks = True

    def screen(self, reading):
        return False

    def judge(self, memory, view):
        return Verdict(None, (self.found("return", 3, view.reading.ts_ms, None, view.reading.device),))

    def tick(self, memory, target, now_ms, silent_s, state):
        if memory is None and (state == "offline" or (silent_s is not None and silent_s >= 300)):
            return Verdict((True,), (self.found("breach", 3, now_ms, silent_s),))
        return None


class Hasty(Silent):
    """A wrong rule: it takes an engine restarted a moment ago for a device that is back."""

    def tick(self, memory, target, now_ms, silent_s, state):
        if memory is not None and silent_s is not None and silent_s < 60:
            return Verdict(None, (self.found("return", 3, now_ms),))
        return super().tick(memory, target, now_ms, silent_s, state)


class Share(Rule):
    """Severity 2 while more than 30 % of the devices at the target are offline."""

    def screen(self, reading):
        return False

    def survey(self, memory, target, now_ms, offline, total):
        many = total > 0 and offline / total > 0.3
        if many == (memory is not None):
            return None
        what = "breach" if many else "return"
        return Verdict((True,) if many else None, (self.found(what, 2, now_ms, float(offline)),))


class Book:
    """A rulebook of given rules; each applies to its info's kind and types."""

    def __init__(self, *rules: CompiledRule) -> None:
        self.compiled = rules
        self.rules = {rule.info.id: rule.info for rule in rules}
        self.cards: dict[str, dict[str, Any]] = {"card-1": {"title": {"zh": "处置卡", "en": "Card"}}}
        self.digest = "test"

    def for_device(self, device, compound_overrides):
        return tuple(
            rule
            for rule in self.compiled
            if rule.info.kind == device.kind and (not rule.info.types or device.type in rule.info.types)
        )


def place(place_id: str, kind: str, parent: str | None) -> Place:
    return Place(place_id, kind, Name(place_id, place_id + "-en"), parent)


def port(device_id: str, **changes: Any) -> Device:
    base = Device(device_id, "ebike", "c1", "b1", Name(device_id), type="port", period_s=60.0)
    return replace(base, **changes)


def gateway(device_id: str, **changes: Any) -> Device:
    base = Device(device_id, "gateway", "c1", "b1", Name(device_id), type="gateway", period_s=30.0)
    return replace(base, **changes)


def registry(*devices: Device) -> Registry:
    places = [
        place("d", "district", None), place("s", "street", "d"), place("c1", "compound", "s"),
        place("b1", "building", "c1"), place("b2", "building", "c1"), place("u1", "unit", "b1"),
        place("f1", "floor", "u1"), place("shed", "site", "c1"),
    ]  # fmt: skip
    return Registry(places=places, devices=devices)


def reading(
    device: str, ts_ms: int, *, values: Values | None = None, event: str | None = None, quality: int = 0,
    received_ms: int | None = None, **signals: Any,
) -> Reading:  # fmt: skip
    made = values if values is not None else EbikeValues(**signals) if signals else None
    kind = "gateway" if isinstance(made, GatewayValues) else "ebike"
    said = DeviceEvent(event) if event else None
    received = ts_ms if received_ms is None else received_ms
    return Reading(device, kind, ts_ms, received, made, said, quality=quality)


def batch(*readings: Reading, states: tuple[StateReport, ...] = (), number: int = 1) -> Batch:
    received = [r.received_ms for r in readings] + [s.received_ms for s in states]
    return Batch(list(readings), list(states), [], max(received, default=T0), number)
