"""Judges a batch so that one reading can never take the others with it."""

import logging
from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace

from alerts.decision import Decision
from alerts.engine import decide
from alerts.state import EngineState
from domain.limits import DEAD_LETTER_BYTES_MAX
from domain.readings import Batch, DeadLetter

__all__ = ["decisions"]

log = logging.getLogger("anju.station")


def decisions(state: EngineState, batch: Batch) -> Iterator[tuple[Decision, Sequence[DeadLetter]]]:
    """What follows from `batch`, with the dead letters to store beside it: one decision, normally.

    Each must be applied to `state` before the next is asked for. If a fault in a rule or in the engine raises, the
    batch is judged reading by reading; the reading that cannot be judged is kept as a dead letter ``internal_error``.
    Otherwise the broker would send it again after each restart, and nothing behind it would ever be judged.
    """
    try:
        whole = decide(state, batch, batch.received_ms)
    except Exception:
        log.exception("batch %d could not be judged as one; judging each reading by itself", batch.number)
    else:
        yield whole, batch.dead
        return
    yield decide(state, replace(batch, readings=[]), batch.received_ms), batch.dead
    for reading in batch.readings:
        try:
            one = decide(state, replace(batch, readings=[reading], states=[], dead=[]), batch.received_ms)
        except Exception as error:
            log.exception("a reading of %s could not be judged", reading.device)
            raw = msgspec.json.encode(reading)[:DEAD_LETTER_BYTES_MAX]
            detail = f"{type(error).__name__}: {error}"[:300]
            letter = DeadLetter("", "internal_error", detail, raw, reading.received_ms, reading.device)
            yield Decision(), (letter,)
        else:
            yield one, ()
