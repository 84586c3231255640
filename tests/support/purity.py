"""Everything an `EngineState` holds, as plain values: two equal pictures mean that nothing has changed."""

import msgspec

from alerts.checkpoint import snapshot
from alerts.state import EngineState


def frozen(state: EngineState) -> tuple:
    slots = {
        key: (slot.alert_id, slot.last_alert, slot.mark_ms, dict(slot.marks), slot.memory, dict(slot.seen), slot.flap,
              slot.settled, slot.watched)
        for key, slot in state.slots.items()
    }  # fmt: skip
    watches = {
        name: (watch.heard_ms, watch.live, watch.since_ms, watch.last, dict(watch.known), dict(watch.open))
        for name, watch in state.watches.items()
    }
    return (
        snapshot(state), msgspec.msgpack.encode([state.alerts, state.closed]), list(state.alerts), list(state.clocked),
        msgspec.msgpack.encode(state.windows), sorted(state.begun), dict(state.answers), state.number_day,
        state.last_number, state.unopened, state.started_ms, slots, watches, id(state.registry), id(state.rulebook),
    )  # fmt: skip
