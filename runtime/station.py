"""The one loop: takes inputs in order, decides, commits, applies, answers. Nobody else writes the journal's alerts."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final

from alerts.checkpoint import snapshot
from alerts.decision import Answer, Decision
from alerts.engine import decide, evolve
from alerts.inputs import Input, Tick
from alerts.ports import Checkpoint, Feed, Journal
from alerts.state import EngineState
from domain.errors import Unavailable
from domain.limits import COMMIT_RETRY_S_MAX, INBOX_DEPTH_MAX
from domain.readings import Batch, DeadLetter
from runtime.judging import decisions
from runtime.keeper import Keeper

__all__ = ["Station"]

log = logging.getLogger("anju.station")

TICK_S: Final = 1.0


class Station:
    """The one writer. Its thread owns `state`; all others hand in inputs through `submit` (the `Desk` port).

    Order for a batch: decide → journal (alerts, outbox; one transaction) → evolve → feed → telemetry → answer. An
    alert never waits for bulk storage; an acknowledgement to the broker waits for both.

    A journal that cannot be written for `COMMIT_RETRY_S_MAX` seconds stops the station: memory would run ahead of the
    truth. `on_failure` is then called; the process should end, and what was not acknowledged comes again.
    """

    def __init__(
        self,
        state: EngineState,
        journal: Journal,
        keeper: Keeper,
        feed: Feed,
        *,
        clock_ms: Callable[[], int],
        ring: Callable[[], None] = lambda: None,
        on_failure: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        self.state = state
        self.processed = 0
        """Readings judged since the start."""
        self.cycle_s = 0.0
        """Seconds spent on inputs since the start."""
        self.inputs = 0
        self.last_data_ms: int | None = None
        """Receive time of the newest batch."""
        self._journal = journal
        self._keeper = keeper
        self._feed = feed
        self._clock_ms = clock_ms
        self._ring = ring
        self._on_failure = on_failure
        self._inbox: queue.Queue[tuple[Input, Future[Answer]] | None] = queue.Queue(INBOX_DEPTH_MAX)
        self._open = True
        self._ended = False
        self._next_tick_s = 0.0
        """On the monotonic clock: deadlines must go on when the wall clock is set back."""
        self._thread = threading.Thread(target=self._run, name="station", daemon=True)

    # --- the Desk port ------------------------------------------------------------------------------------------

    def submit(self, entry: Input) -> "Future[Answer]":
        """See `alerts.ports.Desk`. Thread-safe; never blocks."""
        answer: Future[Answer] = Future()
        if not self._open:
            answer.set_exception(Unavailable("station.stopped", "the station is stopping"))
            return answer
        try:
            self._inbox.put_nowait((entry, answer))
        except queue.Full:
            answer.set_exception(Unavailable("station.inbox_full", f"more than {INBOX_DEPTH_MAX} inputs are waiting"))
        if self._ended:
            self._refuse_rest()  # it came while the loop was ending: nobody else will look
        return answer

    # --- life ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begins to take inputs."""
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Takes what is already in the inbox, then ends. Inputs handed in later are refused."""
        self._open = False
        self._inbox.put(None)
        self._thread.join(timeout_s)

    @property
    def alive(self) -> bool:
        """True while the loop runs."""
        return self._thread.is_alive()

    @property
    def inbox_depth(self) -> int:
        """Inputs waiting."""
        return self._inbox.qsize()

    def checkpoint(self, number: int, gate: bytes) -> Checkpoint:
        """The working memory as it is now. Only on the station's thread, or while it is not running."""
        return Checkpoint(batch=number, at_ms=self._clock_ms(), engine=snapshot(self.state), gate=gate)

    # --- the loop -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while True:
                item = self._next()
                now_ms = self._clock_ms()
                if time.monotonic() >= self._next_tick_s:
                    self._next_tick_s = time.monotonic() + TICK_S
                    self._take(Tick(), now_ms, Future())
                if item is _STOP:
                    return
                if item is not None:
                    self._take(item[0], now_ms, item[1])
        except BaseException as error:  # the one place where a bug must not become a silent, frozen board
            log.exception("the station stops")
            self._open = False
            self._on_failure(error)
        finally:
            self._ended = True
            self._refuse_rest()

    def _next(self) -> "tuple[Input, Future[Answer]] | None":
        wait_s = max(0.0, self._next_tick_s - time.monotonic())
        try:
            item = self._inbox.get(timeout=wait_s)
        except queue.Empty:
            return None
        return _STOP if item is None else item

    def _take(self, entry: Input, now_ms: int, answer: "Future[Answer]") -> None:
        try:
            self._work(entry, now_ms, answer)
        except BaseException as error:
            if not answer.done():  # whoever waits must not wait for ever
                answer.set_exception(error)
            raise

    def _work(self, entry: Input, now_ms: int, answer: "Future[Answer]") -> None:
        began = time.perf_counter()
        if isinstance(entry, Batch):
            for decision, dead in decisions(self.state, entry):
                self._apply(decision, dead, now_ms)
            self.processed += len(entry.readings)
            self.last_data_ms = entry.received_ms
            memory = self.checkpoint(entry.number, entry.gate) if entry.gate is not None else None
            self._keeper.keep(entry, memory, answer)
        else:
            decision = decide(self.state, entry, now_ms)
            self._apply(decision, (), now_ms)
            if decision.refusal is not None:
                answer.set_exception(decision.refusal)
            else:
                answer.set_result(decision.answer)
        self.inputs += 1
        self.cycle_s += time.perf_counter() - began

    def _apply(self, decision: Decision, dead: Sequence[DeadLetter], now_ms: int) -> None:
        """Makes a decision durable, then true, then known."""
        if decision.entries or decision.intents or dead:
            self._commit(decision, dead, now_ms)
        evolve(self.state, decision)
        if decision.entries or decision.values:
            self._feed.publish(self._journal.seq, decision.entries, decision.values, now_ms)
        if decision.intents:
            self._ring()

    def _commit(self, decision: Decision, dead: Sequence[DeadLetter], now_ms: int) -> None:
        give_up = time.monotonic() + COMMIT_RETRY_S_MAX
        pause_s = 0.05
        while True:
            try:
                self._journal.commit(decision.entries, decision.intents, dead, now_ms)
            except Unavailable as error:
                if time.monotonic() >= give_up:
                    raise
                log.warning("the journal cannot be written, trying again in %.2f s: %s", pause_s, error)
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, 2.0)
            else:
                return

    def _refuse_rest(self) -> None:
        while True:
            try:
                item = self._inbox.get_nowait()
            except queue.Empty:
                return
            if item is not None:
                item[1].set_exception(Unavailable("station.stopped", "the station has stopped"))


_STOP: "tuple[Input, Future[Answer]]" = (Tick(), Future())
