"""A rule written in a few lines, and a way to play readings to it."""

from typing import Any

import msgspec
import pytest

from alerts.rules.book import Book
from alerts.rules.grammar import cross_check, read_pack
from domain.devices import Device
from domain.kinds import KINDS
from domain.places import Name
from domain.readings import DeviceEvent, Reading
from runtime.packs import parse_tree

HEAD = """
pack: t
version: 1
cards: {C: {title: {zh: 卡, en: card}, edition: "1", steps: {zh: [一], en: [one]}}}
rules:
  - id: T
    version: 1
    title: {zh: 测, en: test}
    kind: KIND
    card: C
    recipients: [property_firm]
    basis: test
"""


class Player:
    """One rule, one or more devices, and the memory between readings."""

    def __init__(self, book: Book, *devices: Device, compound: dict[str, dict[str, Any]] | None = None) -> None:
        self.book = book
        self.devices = {device.id: device for device in devices}
        self.rules = {device.id: book.for_device(device, compound or {})[0] for device in devices}
        self.memory: Any = None
        self.last: dict[tuple[str, str], tuple[Any, int]] = {}
        self.newest: dict[str, int] = {}

    @property
    def rule(self):
        return next(iter(self.rules.values()))

    def reading(self, at: float, event: str | DeviceEvent | None = None, device: str = "d", quality: int = 0, **values):
        kind = self.devices[device].kind
        made = msgspec.convert(values, KINDS[kind].values) if values else None
        event = DeviceEvent(event) if isinstance(event, str) else event
        ts = round(1_000 * at)
        return Reading(device, kind, ts, ts, made, event, quality=quality)

    def view(self, reading: Reading) -> "View":
        return View(self, reading)

    def say(self, at: float, event: str | DeviceEvent | None = None, device: str = "d", quality: int = 0, **values):
        """Plays one reading; the findings as (what, severity)."""
        reading = self.reading(at, event, device, quality, **values)
        return [(finding.what, finding.severity) for finding in self.findings(reading)]

    def findings(self, reading: Reading):
        rule = self.rules[reading.device]
        if not reading.quality & 1:
            self.newest[reading.device] = reading.ts_ms
        verdict = rule.judge(self.memory, View(self, reading))
        if self.memory is None and not rule.screen(reading):
            assert verdict is None, "screen said nothing would change"
        for name, value in ((n, getattr(reading.values, n)) for n in (reading.values or Nothing).__struct_fields__):
            if value is not None and not reading.quality & 1:
                self.last[reading.device, name] = (value, reading.ts_ms)
        if verdict is None:
            return ()
        self.memory = msgspec.json.decode(msgspec.json.encode(verdict.memory))
        return verdict.findings

    def tick(self, now: float, silent: float | None, state: str = "online"):
        verdict = self.rule.tick(self.memory, "d", round(1_000 * now), silent, state)
        if verdict is None:
            return []
        self.memory = msgspec.json.decode(msgspec.json.encode(verdict.memory))
        return [(finding.what, finding.severity) for finding in verdict.findings]


class Nothing(msgspec.Struct):
    pass


class View:
    def __init__(self, player: Player, reading: Reading) -> None:
        self._player = player
        self.reading = reading
        self.device = player.devices[reading.device]
        self.clock_ms = player.newest.get(reading.device, reading.ts_ms)

    def value(self, signal: str) -> Any:
        value = getattr(self.reading.values, signal, None)
        if value is not None:
            return value
        known = self.newest(signal)
        period_s = self.device.period_s or KINDS[self.device.kind].period_s
        return known[0] if known is not None and 0 <= self.reading.ts_ms - known[1] <= 2_000 * period_s else None

    def newest(self, signal: str) -> tuple[Any, int] | None:
        return self._player.last.get((self.reading.device, signal))


def make_book(body: str, kind: str = "ebike") -> Book:
    lines = "\n".join("    " + line for line in body.strip().splitlines())
    tree = parse_tree((HEAD.replace("KIND", kind) + lines + "\n").encode(), "t.yml")
    pack, errors = read_pack(tree, "t.yml")
    assert pack is not None
    found = errors or cross_check([pack])
    assert not found, [str(error) for error in found]
    return Book([pack])


def make_device(name: str = "d", kind: str = "ebike", period_s: float = 60, **more: Any) -> Device:
    return Device(id=name, kind=kind, compound="c", place="c", name=Name(name), period_s=period_s, **more)


@pytest.fixture(scope="session")
def book_of():
    return make_book


@pytest.fixture(scope="session")
def device_of():
    return make_device


@pytest.fixture(scope="session")
def player_of():
    def player(body: str, kind: str = "ebike", compound: Any = None, devices: Any = None, **more: Any) -> Player:
        made = devices or [make_device(kind=kind, **more)]
        return Player(make_book(body, kind), *made, compound=compound)

    return player
