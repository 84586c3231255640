"""Puts judged batches into the time series and answers for them; bulk writing never stands in an alert's way."""

import logging
import queue
import threading
from concurrent.futures import Future
from typing import Final

from alerts.alert import Alert
from alerts.ports import Checkpoint, Journal, Telemetry
from domain.errors import Unavailable
from domain.limits import BATCHES_IN_FLIGHT_MAX
from domain.readings import Batch

__all__ = ["Keeper"]

log = logging.getLogger("anju.keeper")

RETRY_S_FIRST: Final = 0.1
RETRY_S_LONGEST: Final = 5.0


class Keeper:
    """Takes batches from the station in order, appends them durably, then sets their answers.

    While the store cannot be written the batch is tried again, its packets stay unacknowledged with the broker, and
    `failing` says why; intake stops reading once `BATCHES_IN_FLIGHT_MAX` batches wait. A batch that the store refuses
    for any other reason is answered with that error, and so is every later one: intake gives up, the process ends.
    """

    def __init__(self, telemetry: Telemetry, journal: Journal) -> None:
        self._broken: Exception | None = None
        """What the store refused for good; the house must start anew."""
        self.failing: str | None = None
        """Why the last attempt failed; None while all is well."""
        self._telemetry = telemetry
        self._journal = journal
        self._shelf: queue.Queue[tuple[Batch, Checkpoint | None, Future[Alert | None]] | None] = queue.Queue(
            2 * BATCHES_IN_FLIGHT_MAX
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Begins to store."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """True while its thread runs."""
        return self._thread.is_alive()

    def keep(self, batch: Batch, memory: Checkpoint | None, answer: "Future[Alert | None]") -> None:
        """Queues a judged batch; `memory` is saved once the batch is durable. Blocks only when the shelf is full."""
        self._shelf.put((batch, memory, answer))

    def stop(self, timeout_s: float = 10.0) -> None:
        """Stores what is queued, then ends; gives up at once if the store is failing."""
        self._stopping.set()
        self._shelf.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while (item := self._shelf.get()) is not None:
            batch, memory, answer = item
            if self._broken is not None:
                # A later batch must not overtake one that is not stored: its number would close the door behind it.
                answer.set_exception(self._broken)
                continue
            try:
                self._append(batch)
            except Exception as error:
                self.failing = str(error)
                self._broken = error
                log.exception("batch %d is not stored; its packets will come again", batch.number)
                answer.set_exception(error)
            else:
                answer.set_result(None)
                self._remember(memory)

    def _remember(self, memory: Checkpoint | None) -> None:
        """Saves a checkpoint. If it cannot be saved, the next start replays a little more: nobody waits for it."""
        if memory is None:
            return
        try:
            self._journal.save_checkpoint(memory)
        except Exception:  # whatever it is, what is stored is safe and the batches behind it are waiting
            log.exception("the checkpoint after batch %d is not saved", memory.batch)

    def _append(self, batch: Batch) -> None:
        pause_s = RETRY_S_FIRST
        while batch.readings:
            try:
                self._telemetry.append(batch.number, batch.readings)
            except Unavailable as error:
                self.failing = str(error)
                log.warning("the time series cannot be written, trying again in %.1f s: %s", pause_s, error)
                if self._stopping.wait(pause_s):
                    raise
                pause_s = min(2 * pause_s, RETRY_S_LONGEST)
            else:
                break
        self.failing = None
