"""Gathers packets into batches, hands them to the station, and acknowledges them once they are durable and judged."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from typing import Any, Final

from alerts.ports import Desk
from domain.errors import Unavailable
from domain.limits import (
    BATCH_LINGER_MS,
    BATCH_MESSAGES_MAX,
    BATCH_READINGS_MAX,
    BATCHES_IN_FLIGHT_MAX,
    BATCHES_UNSTORED_MAX,
    CHECKPOINT_EVERY_MS,
    CHECKPOINT_READINGS_MAX,
    INFLIGHT_PACKETS_MAX,
    REORDER_WAIT_MS,
    UNSTORED_LINGER_MS_MAX,
    UNSTORED_READINGS_MAX,
)
from domain.readings import Batch
from ingest.counters import Counters
from ingest.gate import Gate
from ingest.kinds import WIRES, Wire
from ingest.packets import Packet
from ingest.reorder import Held
from ingest.session import Session
from ingest.sorter import Devices, Draft, Sorter

__all__ = ["Intake"]

log = logging.getLogger("anju.ingest")

PARTIAL_BATCHES: Final = 2
"""Part-filled batches are handed in only while fewer than this are unanswered. One is being stored, one waits: more
would only queue, each with the fixed cost of a commit; the next packets rather fill up a larger batch."""
RETRY_S_FIRST: Final = 0.05
RETRY_S_LONGEST: Final = 2.0
IDLE_S: Final = 1.0


class _Entry:
    """A batch on its way (or packets that need none, because nothing of them is new)."""

    __slots__ = ("batch", "future", "packets", "safe")

    def __init__(self, batch: Batch | None, packets: list[Packet]) -> None:
        self.batch = batch
        self.packets = packets
        self.future: Future[Any] | None = None
        self.safe = batch is None


class Intake:
    """The handler of a broker session: everything but `start`, `stop` and `adopt` runs on the session's thread.

    Acknowledgements go out in the order of the batches: a duplicate is acknowledged no earlier than its original.
    """

    def __init__(  # noqa: PLR0913  (its neighbours, then what a test must be able to replace)
        self,
        session: Session,
        desk: Desk,
        devices: Devices,
        gate: Gate,
        clock_ms: Callable[[], int],
        first_number: int,
        counters: Counters | None = None,
        *,
        wires: Mapping[str, Wire] = WIRES,
        checkpoint_ms: int = CHECKPOINT_EVERY_MS,
        behind: Callable[[], bool] = lambda: False,
        monotonic: Callable[[], float] = time.monotonic,
        on_failure: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        """`first_number`: the number for the first batch, `Telemetry.last_batch` + 1.

        `checkpoint_ms`: a checkpoint is due after so long, with the next batch that has readings.

        `behind`: true while what was judged cannot be stored. Then more is handed in without waiting for answers, to
        be judged at once and acknowledged later: an alert never waits for bulk storage.

        `on_failure` is called once, from the session's thread, when intake can do no more (the station has died, or
        refuses a batch for good). The process should then end: what was not acknowledged comes again.
        """
        self.counters = counters or Counters()
        self.last_number = first_number - 1
        """Number of the newest batch that had readings."""
        self._session = session
        self._desk = desk
        self._gate = gate
        self._clock_ms = clock_ms
        self._monotonic = monotonic
        self._on_failure = on_failure
        self._sorter = Sorter(wires, devices, gate, self.counters)
        self._adopted: deque[Devices] = deque(maxlen=1)
        """The newest registry not judged by yet. Its one place is filled and emptied by other threads at any time."""
        self._arrived: list[Packet] = []
        self._at = 0
        self._late: deque[Held] = deque()
        self._draft = Draft()
        self._flight: deque[_Entry] = deque()
        self._retry_at: float | None = None
        self._retry_s = RETRY_S_FIRST
        self._readings_since = 0
        self._behind = behind
        self._checkpoint_s = checkpoint_ms / 1000
        self._checkpoint_at = monotonic() + self._checkpoint_s
        self._backlog_from = 0.0
        self._failure: BaseException | None = None
        self._paused = False
        self._stopping = False
        self._settled = threading.Event()

    # --- for others ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begins to connect and to take packets in."""
        self._session.start(self)

    def stop(self, timeout_s: float = 10.0) -> bool:
        """Takes no more packets, waits for the answers that are due, acknowledges, and disconnects.

        False if answers were still due after `timeout_s`: their packets stay with the broker and come again.
        """
        self._stopping = True
        self._session.wake()
        settled = self._settled.wait(timeout_s) and self._failure is None
        self._session.stop(timeout_s)
        return settled

    def adopt(self, devices: Devices) -> None:
        """Judges by a new version of the registry from the next packets on. Thread-safe."""
        self._adopted.append(devices)

    @property
    def connected(self) -> bool:
        """True while packets can come."""
        return self._session.connected and self._failure is None

    @property
    def in_flight(self) -> int:
        """Batches handed in and not answered."""
        return len(self._flight)

    @property
    def failure(self) -> BaseException | None:
        """Why intake has given up; None while it works."""
        return self._failure

    # --- the session's handler ----------------------------------------------------------------------------------------

    def established(self, resumed: bool) -> None:
        """A new connection stands."""
        self.counters.connects += 1
        if resumed:
            now_s = self._monotonic()
            self._sorter.waiting.begin(now_s)
            self._sorter.backlog = True
            self._backlog_from = now_s

    def room(self) -> bool:
        """Room for one more read: nothing lies unsorted."""
        free = self._at >= len(self._arrived) and not self._late and not self._stopping and self._failure is None
        if not free and not self._paused:
            self.counters.pauses += 1
        self._paused = not free
        return free

    def take(self, packets: list[Packet]) -> None:
        """Packets from the broker."""
        self.counters.packets += len(packets)
        self.counters.bytes += sum([len(packet[2]) for packet in packets])
        if self._at >= len(self._arrived):
            self._arrived, self._at = packets, 0
        else:
            self._arrived = self._arrived[self._at :] + packets
            self._at = 0

    def redelivered(self, count: int) -> None:
        """Copies of packets that are being worked on."""
        self.counters.redelivered += count
        self.counters.packets += count

    def failed(self, error: BaseException) -> None:
        """The session's thread ended by a fault."""
        self._give_up(error)

    def turn(self, drained: bool) -> float:
        """One turn of the loop: settle what was answered, sort what came, hand in what is due."""
        now_s = self._monotonic()
        if self._adopted:
            self._sorter.adopt(self._adopted.popleft())
        self._settle(now_s)
        while self._failure is None:
            self._sort(now_s, drained)
            if not self._due(now_s, drained):
                break
            self._hand_in(now_s)
        if self._stopping and not self._flight and not self._draft.packets:
            self._settled.set()
        return self._rest_s(now_s)

    # --- sorting ------------------------------------------------------------------------------------------------------

    def _sort(self, now_s: float, drained: bool) -> None:
        waiting = self._sorter.waiting
        draft = self._draft
        if waiting.until_s is not None and now_s >= waiting.until_s:
            self._late.extend(waiting.give_up())
        if not draft.packets and (self._late or self._at < len(self._arrived)):
            draft.began_s = now_s
        while self._late and not self._full():
            self._sorter.judge_held(self._late.popleft(), draft)
        if not self._late and self._at < len(self._arrived) and not self._full() and not self._stopping:
            room = BATCH_MESSAGES_MAX - len(draft.packets)
            self._at = self._sorter.sort(self._arrived, self._at, self._clock_ms(), draft, room)
            if self._at >= len(self._arrived):
                self._arrived, self._at = [], 0
        if self._sorter.backlog and drained and now_s - self._backlog_from > REORDER_WAIT_MS / 1000:
            self._sorter.backlog = False

    def _full(self) -> bool:
        return len(self._draft.packets) >= BATCH_MESSAGES_MAX or len(self._draft.readings) >= BATCH_READINGS_MAX

    # --- handing in ---------------------------------------------------------------------------------------------------

    def _due(self, now_s: float, drained: bool) -> bool:
        """True when the draft should be handed in now."""
        draft, flight = self._draft, len(self._flight)
        if not draft.packets or self._retry_at is not None:
            return False
        if flight and self._behind():
            return (self._full() or now_s >= draft.began_s + self._linger_s()) and self._unstored_room()
        if flight >= BATCHES_IN_FLIGHT_MAX:
            return False
        if self._checkpoint_due(now_s) and flight:
            # The gate's memory must not hold what is not durable: let all that is on its way arrive first.
            return False
        if self._full() or (flight == 0 and (drained or self._stopping)):
            return True
        return flight < PARTIAL_BATCHES and now_s >= draft.began_s + BATCH_LINGER_MS / 1000

    def _linger_s(self) -> float:
        """How long a part-filled batch waits for company while nothing is stored."""
        return min(UNSTORED_LINGER_MS_MAX, BATCH_LINGER_MS * len(self._flight)) / 1000

    def _unstored_room(self) -> bool:
        """While nothing is stored: room for one more batch to be judged and kept in memory."""
        flight = self._flight
        return (
            len(flight) < BATCHES_UNSTORED_MAX
            and sum(len(entry.packets) for entry in flight) < INFLIGHT_PACKETS_MAX
            and sum(len(entry.batch.readings) for entry in flight if entry.batch is not None) < UNSTORED_READINGS_MAX
        )

    def _checkpoint_due(self, now_s: float) -> bool:
        """True when the draft is to carry the gate's memory."""
        count = len(self._draft.readings)
        return count > 0 and (now_s >= self._checkpoint_at or self._readings_since + count >= CHECKPOINT_READINGS_MAX)

    def _hand_in(self, now_s: float) -> None:
        # Only when nothing is on its way: the gate's memory must not hold what is not durable.
        with_memory = not self._flight and self._checkpoint_due(now_s)
        draft, self._draft = self._draft, Draft()
        memory = None
        if draft.readings:
            # Only batches with readings leave a row, so only they have numbers of their own.
            self.last_number += 1
            self._readings_since += len(draft.readings)
            if with_memory:
                memory = self._gate.snapshot()
                self._checkpoint_at = now_s + self._checkpoint_s
                self._readings_since = 0
        batch = None
        if draft.readings or draft.states or draft.dead:
            batch = Batch(draft.readings, draft.states, draft.dead, draft.received_ms, self.last_number, memory)
        entry = _Entry(batch, draft.packets)
        self._flight.append(entry)
        if batch is not None:
            self._submit(entry)
        self._settle(now_s)

    def _submit(self, entry: _Entry) -> None:
        assert entry.batch is not None  # noqa: S101  (entries without a batch are safe from the start)
        try:
            entry.future = self._desk.submit(entry.batch)
        except Unavailable as error:
            entry.future = Future()
            entry.future.set_exception(error)
        entry.future.add_done_callback(lambda _: self._session.wake())

    # --- answers ------------------------------------------------------------------------------------------------------

    def _settle(self, now_s: float) -> None:
        """Acknowledges what is safe; hands in again what the station could not take."""
        pending = False
        for entry in self._flight:
            future = entry.future
            if future is None:
                continue
            if not future.done():
                pending = True
                continue
            error = _error_of(future)
            entry.future = None
            if error is None:
                entry.safe = True
                self.counters.batches += 1
            elif isinstance(error, Unavailable) and error.code != "station.stopped":
                log.warning("batch %d must be handed in again: %s", entry.batch.number if entry.batch else 0, error)
                self._retry_at = now_s + self._retry_s
            else:
                self._give_up(error)
                return
        flight = self._flight
        while flight and flight[0].safe:
            self.counters.acked += self._session.ack(flight.popleft().packets)
        if self._retry_at is not None and not pending and self._failure is None:
            self._try_again(now_s)

    def _try_again(self, now_s: float) -> None:
        owed = [entry for entry in self._flight if not entry.safe]
        if not owed:
            self._retry_at = None
            self._retry_s = RETRY_S_FIRST
        elif self._retry_at is not None and now_s >= self._retry_at:
            self._retry_s = min(2 * self._retry_s, RETRY_S_LONGEST)
            self._retry_at = now_s + self._retry_s
            for entry in owed:
                self.counters.batch_retries += 1
                self._submit(entry)

    def _give_up(self, error: BaseException) -> None:
        if self._failure is not None:
            return
        self._failure = error
        self._settled.set()
        log.error("intake gives up, unacknowledged packets stay with the broker: %s", error)
        self._on_failure(error)

    def _rest_s(self, now_s: float) -> float:
        """Seconds until the next turn is needed, if nothing happens before."""
        rest_s = IDLE_S
        flight = len(self._flight)
        behind = bool(flight) and self._behind()
        blocked = self._retry_at is not None or (flight and self._checkpoint_due(now_s))
        if behind and self._draft.packets and self._retry_at is None and self._unstored_room():
            rest_s = min(rest_s, self._draft.began_s + self._linger_s() - now_s)
        elif self._draft.packets and not behind and flight < PARTIAL_BATCHES and not blocked:
            rest_s = min(rest_s, self._draft.began_s + BATCH_LINGER_MS / 1000 - now_s)
        retry_at = None if any(entry.future is not None for entry in self._flight) else self._retry_at
        for at_s in (retry_at, self._sorter.waiting.until_s):
            if at_s is not None:
                rest_s = min(rest_s, at_s - now_s)
        return max(rest_s, 0.0)


def _error_of(future: "Future[Any]") -> BaseException | None:
    try:
        return future.exception()
    except CancelledError as error:
        return error
