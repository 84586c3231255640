"""The real engine on virtual time, fed by a simulated world: what the service would raise, without a broker."""

import msgspec

from alerts.engine import decide, evolve
from alerts.events import AlertRaised, SeverityChanged
from alerts.inputs import Tick
from alerts.state import EngineState
from domain.kinds import KINDS
from domain.readings import Batch, DeviceEvent, Reading, StateReport
from runtime.packs import load_rulebook
from simulators.kernel import Link, Message

STEP_MS = 1_000


def reading(message):
    values = None if message.values is None else msgspec.convert(message.values, KINDS[message.kind].values)
    event = None if message.event is None else DeviceEvent(**message.event)
    return Reading(message.device, message.kind, message.ts_ms, message.ts_ms, values, event, message.seq, "boot")


class Bench:
    """Plays a world and remembers every alert that was raised: (rule, target) -> (event time, gravest severity)."""

    def __init__(self, registry, world):
        self.world = world
        self.state = EngineState.fresh(registry, load_rulebook())
        self.raised = {}
        self.events = []
        self._batch = 0

    def play(self, until_ms, tick_s=5):
        now_ms = self.world.kernel.now_ms
        steps = 0
        while now_ms < until_ms:
            now_ms += STEP_MS
            steps += 1
            readings, states = [], []
            for item in self.world.advance(now_ms):
                if isinstance(item, Message):
                    readings.append(reading(item))
                elif isinstance(item, Link):
                    states.append(StateReport(item.gateway, item.up, item.ts_ms, item.ts_ms))
            if readings or states:
                self._batch += 1
                self._take(Batch(readings, states, [], now_ms, self._batch), now_ms)
            if steps % tick_s == 0:
                self._take(Tick(), now_ms)

    def _take(self, entry, now_ms):
        decision = decide(self.state, entry, now_ms)
        for line in decision.entries:
            alert = line.alert
            if isinstance(line.event, AlertRaised | SeverityChanged):
                key = (alert.rule, alert.target)
                at_ms, severity = self.raised.get(key, (now_ms, 9))
                self.raised[key] = (at_ms, min(severity, alert.severity))
        evolve(self.state, decision)
