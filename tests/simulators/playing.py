"""Plays a scenario through the real engine in-process, and says what differs from what is owed."""

import msgspec

from alerts.events import AlertRaised, ConditionReoccurred, SeverityChanged
from domain.readings import StateReport
from ingest.counters import Counters
from ingest.gate import Gate
from ingest.kinds import WIRES
from ingest.sorter import Draft, Sorter
from runtime.packs import load_rulebook
from scoring.house import STEP_MS, TICK_S, VirtualHouse, declarations, play
from simulators.kernel import Link, Message
from simulators.packets import Encoder
from simulators.scenarios import Raised, begin, problems
from simulators.wire import Wire, WireFaults

BOOK = load_rulebook()


class Door:
    """A bad wire, and the real ingestion at its end: topics, decoding, the gate."""

    def __init__(self, world):
        self.wire = Wire(Encoder(world.boot), world.scenario.wire, world.scenario.seed)
        self.counters = Counters()
        self._sorter = Sorter(WIRES, world.registry.devices, Gate(), self.counters)

    def readings(self, messages, now_ms):
        packets = [
            (b"", packet.topic.encode(), packet.payload, 0)
            for message in messages
            for packet in self.wire.send(message)
        ]
        draft, at = Draft(), 0
        while at < len(packets):
            at = self._sorter.sort(packets, at, now_ms, draft, len(packets))
        return draft.readings


class Story(VirtualHouse):
    """A scenario under way: `run` plays it to its end and returns what is wrong."""

    def __init__(self, scenario, **how):
        self.world = begin(scenario, **how)
        super().__init__(self.world.registry, BOOK)
        self.raised = []
        """Every raising and every return of an alert."""
        self.door = None if scenario.wire == WireFaults() else Door(self.world)
        self._newest = {}

    def run(self):
        inputs = declarations(self.world)
        if self.door is None:
            for _ in play(self.world, [self], self.world.end_ms, inputs):
                pass
        else:
            self._run_behind_the_door(inputs)
        return problems(self.world, self.raised)

    def _run_behind_the_door(self, inputs):
        for now_ms in range(self.world.start_ms + STEP_MS, self.world.end_ms + STEP_MS, STEP_MS):
            while inputs and inputs[0][0] < now_ms:
                self.take(inputs.pop(0)[1], now_ms)
            items = list(self.world.advance(now_ms))
            messages = [item for item in items if isinstance(item, Message)]
            states = [StateReport(one.gateway, one.up, one.ts_ms, one.ts_ms) for one in items if isinstance(one, Link)]
            self.batch(self.door.readings(messages, now_ms), states, [], now_ms)
            if now_ms // STEP_MS % TICK_S == 0:
                self.tick(now_ms)

    def take(self, entry, now_ms):
        decision = super().take(entry, now_ms)
        for line in decision.entries:
            alert = line.alert
            if isinstance(line.event, AlertRaised | ConditionReoccurred):
                self._newest[alert.id] = len(self.raised)
                muted, drill = bool(alert.suppressed), "drill" in alert.flags
                self.raised.append(Raised(alert.rule, alert.target, now_ms, alert.severity, muted, drill))
            elif isinstance(line.event, SeverityChanged):
                at = self._newest[alert.id]
                gravest = min(self.raised[at].severity, alert.severity)
                self.raised[at] = msgspec.structs.replace(self.raised[at], severity=gravest)
        return decision
