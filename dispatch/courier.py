"""Claims intents from the outbox, hands them to their channels and writes down what became of them."""

import logging
import queue
import random
import threading
from collections.abc import Callable, Iterable
from typing import Final

from alerts.ports import Outbox, Owed
from dispatch.channels.base import Channel
from dispatch.retry import next_attempt_ms
from domain.errors import AnjuError, Unavailable
from domain.limits import OUTBOX_CLAIM_MAX

__all__ = ["Courier"]

log = logging.getLogger("anju.courier")

IDLE_S: Final = 1.0
"""How long it sleeps without a ring: bounds the wait of rows whose retry time has come."""


class Courier:
    """One thread between the outbox and the channels. At least once: a receiver drops doubles by the intent's key."""

    def __init__(
        self,
        outbox: Outbox,
        clock_ms: Callable[[], int],
        *,
        seed: int = 0,
        on_failure: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        """`on_failure` is told when the thread ends by a fault: nobody would be told of anything any more."""
        self.delivered = 0
        self.failed = 0
        self._outbox = outbox
        self._clock_ms = clock_ms
        self._on_failure = on_failure
        self._random = random.Random(seed)  # noqa: S311 - spreads retries, keeps no secret
        self._channels: dict[str, Channel] = {}
        self._attempts: dict[str, int] = {}
        self._outcomes: queue.SimpleQueue[tuple[str, str | None]] = queue.SimpleQueue()
        self._bell = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def serve(self, channels: Iterable[Channel]) -> None:
        """Takes on channels; before `start`."""
        self._channels.update({channel.name: channel for channel in channels})

    def ring(self) -> None:
        """New work may be in the outbox. From any thread; never blocks."""
        self._bell.set()

    def settled(self, key: str, error: str | None) -> None:
        """A channel reports what became of an intent. From any thread."""
        self._outcomes.put((key, error))
        self._bell.set()

    def start(self) -> None:
        """Starts the channels and the thread."""
        for channel in self._channels.values():
            channel.start()
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Writes down the outcomes known so far, then ends."""
        self._stopping = True
        self._bell.set()
        self._thread.join(timeout_s)
        for channel in self._channels.values():
            channel.stop()

    @property
    def alive(self) -> bool:
        """True while the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._turn()
            self._settle()
        except Unavailable:
            log.warning("some deliveries could not be written down and will be repeated")
        except BaseException as error:  # whoever runs the house must know
            log.exception("the courier stops")
            self._on_failure(error)

    def _turn(self) -> None:
        self._bell.wait(IDLE_S)
        self._bell.clear()
        try:
            self._settle()
            while self._deliver() == OUTBOX_CLAIM_MAX:
                self._settle()
        except Unavailable as error:
            # Leases give the rows back; the station is the one that stops the house when the database is gone.
            log.warning("the outbox does not answer: %s", error)
            self._bell.wait(IDLE_S)

    def _deliver(self) -> int:
        if not any(channel.ready for channel in self._channels.values()):
            return 0
        owed = self._outbox.claim(self._clock_ms(), OUTBOX_CLAIM_MAX)
        for row in owed:
            channel = self._channels.get(row.intent.channel)
            self._attempts[row.key] = row.attempts
            if channel is None:
                self._give_back(row.key, f"no channel {row.intent.channel!r} is configured")
            elif channel.ready:
                self._hand_over(row, channel)
            # What a channel that is away should carry comes back with its lease: that is no failed attempt.
        return len(owed)

    def _hand_over(self, row: Owed, channel: Channel) -> None:
        try:
            channel.send(row.intent)
        except Exception as error:  # one message that cannot be sent must not keep the others
            if not isinstance(error, AnjuError):
                log.exception("%s could not be handed over", row.key)
            self._give_back(row.key, str(error) or type(error).__name__)

    def _settle(self) -> None:
        done: list[str] = []
        while True:
            try:
                key, error = self._outcomes.get_nowait()
            except queue.Empty:
                break
            if error is None:
                done.append(key)
                self._attempts.pop(key, None)
            else:
                self._give_back(key, error)
        if done:
            self._outbox.settle_many(done, self._clock_ms())
            self.delivered += len(done)

    def _give_back(self, key: str, error: str) -> None:
        self.failed += 1
        attempts = self._attempts.pop(key, 0) + 1
        self._outbox.give_back(key, next_attempt_ms(attempts, self._clock_ms(), self._random.random()), error)
