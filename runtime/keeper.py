"""Puts judged batches into the time series and answers for them; bulk writing never stands in an alert's way."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from alerts.decision import Answer
from alerts.ports import Checkpoint, Journal, Telemetry
from domain.errors import Unavailable
from domain.limits import BATCHES_IN_FLIGHT_MAX, BATCHES_UNSTORED_MAX
from domain.readings import Batch

__all__ = ["Keeper"]

log = logging.getLogger("anju.keeper")

RETRY_S_FIRST: Final = 0.1
RETRY_S_LONGEST: Final = 5.0
SLOW_S: Final = 1.0
"""A batch that takes longer is not worth waiting for with the next ones."""
HANGS_S: Final = 10.0
"""A disk that has not answered for so long is taken for one that fails."""

_Item = tuple[Batch, Checkpoint | None, "Future[Answer]"]


class Keeper:
    """Takes batches from the station in order, appends them durably, then sets their answers.

    While the store cannot be written the batch is tried again, its packets stay unacknowledged with the broker, and
    `trouble` says why. Judging goes on: `behind` tells intake to hand in more than usual, up to `BATCHES_UNSTORED_MAX`.
    A batch that the store refuses for any other reason is answered with that error, and so is every later one: intake
    gives up, the process ends.
    """

    def __init__(
        self,
        telemetry: Telemetry,
        journal: Journal,
        *,
        on_trouble: Callable[[str | None], None] = lambda _: None,
        on_failure: Callable[[BaseException], None] = lambda _: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Both are called from the keeper's thread.

        `on_trouble` is told why the store cannot be written as soon as it cannot, and None when it can again.
        `on_failure` is told why the keeper has ended: nothing is stored any more, the process should end.
        """
        self._broken: Exception | None = None
        """What the store refused for good; the house must start anew."""
        self.failing: str | None = None
        """Why the last attempt failed; None while all is well."""
        self._telemetry = telemetry
        self._journal = journal
        self._on_trouble = on_trouble
        self._on_failure = on_failure
        self._monotonic = monotonic
        self._since: float | None = None
        """Since when the batch in hand is being stored."""
        self._shelf: queue.Queue[_Item | None] = queue.Queue(BATCHES_UNSTORED_MAX + 2 * BATCHES_IN_FLIGHT_MAX)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Begins to store."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """True while its thread runs."""
        return self._thread.is_alive()

    @property
    def behind(self) -> bool:
        """True while judging should not wait for storing: the store fails or takes long. Thread-safe."""
        return self.failing is not None or self._at_it_s() > SLOW_S

    @property
    def trouble(self) -> str | None:
        """Why nothing is stored at the moment; None while all is well. Thread-safe."""
        if self.failing is None and self._at_it_s() > HANGS_S:
            return f"the disk has not answered for {self._at_it_s():.0f} s"
        return self.failing

    def keep(self, batch: Batch, memory: Checkpoint | None, answer: "Future[Answer]") -> None:
        """Queues a judged batch; `memory` is saved once the batch is durable. Blocks only when the shelf is full."""
        self._shelf.put((batch, memory, answer))

    def stop(self, timeout_s: float = 10.0) -> None:
        """Stores what is queued, then ends; gives up at once if the store is failing."""
        self._stopping.set()
        self._shelf.put(None)
        self._thread.join(timeout_s)

    def _at_it_s(self) -> float:
        since = self._since
        return 0.0 if since is None else self._monotonic() - since

    def _run(self) -> None:
        try:
            while (item := self._shelf.get()) is not None:
                self._since = self._monotonic()
                self._store(*item)
                self._since = None
        except BaseException as error:  # whatever it is: batches must not pile up behind a thread that has gone
            self.failing = repr(error)
            log.exception("the keeper stops")
            self._on_failure(error)

    def _store(self, batch: Batch, memory: Checkpoint | None, answer: "Future[Answer]") -> None:
        if self._broken is not None:
            # A later batch must not overtake one that is not stored: its number would close the door behind it.
            answer.set_exception(self._broken)
            return
        try:
            self._append(batch)
        except Exception as error:
            self.failing = str(error)
            self._broken = error
            log.exception("batch %d is not stored; its packets will come again", batch.number)
            answer.set_exception(error)
        except BaseException as error:
            answer.set_exception(error)  # whoever waits must not wait for ever
            raise
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
                if self.failing is None:
                    self._on_trouble(str(error))
                self.failing = str(error)
                log.warning("the time series cannot be written, trying again in %.1f s: %s", pause_s, error)
                if self._stopping.wait(pause_s):
                    raise
                pause_s = min(2 * pause_s, RETRY_S_LONGEST)
            else:
                break
        if self.failing is not None:
            self._on_trouble(None)
        self.failing = None
