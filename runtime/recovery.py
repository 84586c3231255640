"""Working memory after a start: the last checkpoint, then stored telemetry since, through the same `decide`."""

import logging
from collections.abc import Callable
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from alerts.checkpoint import restore, restore_liveness
from alerts.engine import evolve
from alerts.ports import Journal, Telemetry
from alerts.state import EngineState
from domain.errors import Invalid
from domain.readings import Batch, Reading
from runtime.judging import decisions

__all__ = ["Recovered", "recover"]

log = logging.getLogger("anju.recovery")

OVERLAP_MS: Final = 60_000
"""So much before the checkpoint the journal is read for liveness: a line bears the time at which its packet came, which
is earlier than that of the judging. Reading a change twice has no effect."""


class GateMemory(Protocol):
    """What recovery asks of the gate."""

    def restore(self, data: bytes) -> None:
        """Takes back a snapshot."""

    def learn(self, reading: Reading) -> None:
        """Remembers a reading that was accepted before."""


class Recovered(Struct, frozen=True):
    """What a recovery did."""

    checkpoint_batch: int
    batches: int
    readings: int
    entries: int
    """Journal lines written: findings of a batch that was stored before its alerts were. Normally 0."""


def recover(
    state: EngineState, gate: GateMemory, journal: Journal, telemetry: Telemetry, now_ms: Callable[[], int]
) -> Recovered:
    """Brings `state` and `gate` to where the stores are. Judging the same readings twice has no effect (slot marks)."""
    checkpoint = journal.latest_checkpoint()
    after = known_ms = 0
    # A checkpoint ahead of the time series would hide readings that must come again: it cannot be, but a restored
    # backup of one store and not of the other can make it so.
    if checkpoint is not None and checkpoint.batch <= telemetry.last_batch:
        try:
            restore(state, checkpoint.engine)
            gate.restore(checkpoint.gate)
        except (Invalid, msgspec.MsgspecError) as error:
            log.warning("the checkpoint cannot be read, everything stored is judged again: %s", error)
        else:
            after, known_ms = checkpoint.batch, checkpoint.at_ms - OVERLAP_MS
    batches = readings = entries = 0
    state.catching_up = True
    for number, rows in telemetry.replay(after):
        received_ms = max(row.received_ms for row in rows)
        for decision, dead in decisions(state, Batch(rows, [], [], received_ms, number)):
            if decision.entries or decision.intents or dead:
                journal.commit(decision.entries, decision.intents, dead, now_ms())
                entries += len(decision.entries)
            evolve(state, decision)
        for row in rows:
            gate.learn(row)
        batches += 1
        readings += len(rows)
    state.catching_up = False
    restore_liveness(state, journal.liveness_since(known_ms))
    log.info("recovered: checkpoint at batch %d, then %d readings of %d batches", after, readings, batches)
    return Recovered(after, batches, readings, entries)
