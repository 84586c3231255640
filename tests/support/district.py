"""A simulated district in front of the real intake and engine, on virtual time: bytes in, alerts out, no broker."""

import time
from concurrent.futures import Future

from msgspec import Struct

from alerts.alert import Alert, AlertState
from alerts.engine import decide, evolve
from alerts.events import AlertEvent
from alerts.inputs import Command, Tick
from alerts.state import EngineState
from domain.readings import Batch
from ingest.gate import Gate
from ingest.intake import Intake
from runtime.judging import decisions
from runtime.packs import load_rulebook
from simulators.kernel import Link, Message
from simulators.packets import Encoder, Packet, offline, online
from simulators.world import World

SECOND_MS = 1_000
MINUTE_MS = 60_000
QOS1 = 0x32


class Line:
    """A broker session without a network: counts acknowledgements."""

    connected = True

    def __init__(self) -> None:
        self.acked = 0

    def start(self, handler) -> None:
        pass

    def stop(self, timeout_s: float) -> None:
        pass

    def wake(self) -> None:
        pass

    def ack(self, packets) -> int:
        self.acked += len(packets)
        return len(packets)


class Episode(Struct):
    """One alert, from its raising to wherever it has got."""

    alert: Alert
    """As it is now."""
    raised_ms: int
    severity: int
    """The gravest it had."""
    states: list[AlertState]
    """Every state it went through, in order."""
    rang: bool
    """True once nothing kept it from ringing while nobody had acknowledged it."""


class Desk:
    """The station's part without threads and stores: decide, keep what a journal would keep, evolve, answer."""

    def __init__(self, registry) -> None:
        self.state = EngineState.fresh(registry, load_rulebook())
        self.episodes: dict[str, Episode] = {}
        self.dead = []
        self.readings = 0

    def submit(self, batch: Batch) -> Future:
        for decision, dead in decisions(self.state, batch):
            self.dead += dead
            self._apply(decision)
        self.readings += len(batch.readings)
        answer: Future = Future()
        answer.set_result(None)
        return answer

    def take(self, entry: Tick | Command, now_ms: int) -> None:
        decision = decide(self.state, entry, now_ms)
        assert decision.refusal is None, decision.refusal
        self._apply(decision)

    def _apply(self, decision) -> None:
        for entry in decision.entries:
            if isinstance(entry.event, AlertEvent):
                self._note(entry.alert)
        evolve(self.state, decision)

    def _note(self, alert: Alert) -> None:
        found = self.episodes.get(alert.id)
        if found is None:
            twins = [one for one in self.episodes.values() if one.alert.open and _slot(one.alert) == _slot(alert)]
            assert twins == [], f"two open alerts of {_slot(alert)}"
            found = self.episodes[alert.id] = Episode(alert, alert.raised_ms, alert.severity, [alert.state], rang=False)
        found.alert = alert
        found.severity = min(found.severity, alert.severity)
        if alert.state is not found.states[-1]:
            found.states.append(alert.state)
        found.rang |= alert.state is AlertState.UNACKNOWLEDGED and not alert.suppressed


def _slot(alert: Alert) -> tuple[str, str]:
    return alert.rule, alert.target


class District:
    """Devices, gateways, broker and service in one loop of virtual seconds."""

    def __init__(self, registry, seed: int, start_ms: int) -> None:
        self.registry = registry
        self.world = World(registry, seed, start_ms)
        self.now_ms = start_ms
        self.desk = Desk(registry)
        self.line = Line()
        self.packets = 0
        self._encoder = Encoder(self.world.boot)
        self.intake = Intake(
            self.line, self.desk, registry.devices, Gate(), lambda: self.now_ms, 1,
            monotonic=lambda: self.now_ms / 1000,
        )  # fmt: skip
        self.intake.established(resumed=False)
        speakers = (device for device in registry.devices.values() if device.in_service)
        self._arrive([online(device, start_ms) for device in speakers])

    @property
    def outcomes(self) -> dict[str, int]:
        """How packets ended, without those that ended well."""
        plain = {"accepted", "state"}
        return {str(name): n for name, n in self.intake.counters.outcomes.items() if n and str(name) not in plain}

    @property
    def episodes(self) -> list[Episode]:
        return list(self.desk.episodes.values())

    def play(self, until_ms: int) -> float:
        """Lives second by second. Returns virtual device-seconds per second of the wall's clock."""
        began, before_ms = time.perf_counter(), self.now_ms
        while self.now_ms < until_ms:
            self.now_ms += SECOND_MS
            packets: list[Packet] = []
            for item in self.world.advance(self.now_ms):
                if isinstance(item, Message):
                    packets.append(self._encoder.message(item))
                elif isinstance(item, Link):
                    packets += self._link(item)
            self._arrive(packets)
            self.desk.take(Tick(), self.now_ms)
        virtual_s = (self.now_ms - before_ms) / 1000
        return len(self.world.models) * virtual_s / (time.perf_counter() - began)

    def _link(self, link: Link) -> list[Packet]:
        """What the broker hears of a gateway's network: its Last Will, or the greeting after the reconnect."""
        gateway = self.registry.devices[link.gateway]
        if not link.up:
            return [offline(gateway)]
        behind = [device for device in self.registry.devices_behind(gateway.id) if device.in_service]
        return [online(device, link.ts_ms) for device in (gateway, *behind)]

    def _arrive(self, packets: list[Packet]) -> None:
        if not packets:
            return
        raw = [
            ((self.packets + n & 0xFFFF).to_bytes(2, "big"), packet.topic.encode(), packet.payload, QOS1)
            for n, packet in enumerate(packets)
        ]
        self.packets += len(raw)
        self.intake.take(raw)
        self.intake.turn(drained=True)
        assert self.line.acked == self.packets, "everything that came is judged and acknowledged within the second"
