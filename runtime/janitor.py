"""Takes out what has been kept long enough."""

import logging
import threading
from collections.abc import Callable
from typing import Final, Protocol

from domain.errors import AnjuError

__all__ = ["Janitor"]

log = logging.getLogger("anju.janitor")

ROUND_S: Final = 6 * 3_600
DAY_MS: Final = 86_400_000


class Retaining(Protocol):
    """A store that can forget."""

    def retain(self, before_ms: int) -> int:
        """Deletes what ended by then; returns how much."""


class Janitor:
    """Some minutes after the start and then every six hours: readings older than `days` days go."""

    def __init__(self, telemetry: Retaining, clock_ms: Callable[[], int], days: int, *, first_s: float = 600.0) -> None:
        self._telemetry = telemetry
        self._clock_ms = clock_ms
        self._days = days
        self._first_s = first_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="janitor", daemon=True)

    def start(self) -> None:
        """Begins its rounds."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Ends after the round it is on."""
        self._stopping.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        pause_s = self._first_s
        while not self._stopping.wait(pause_s):
            pause_s = ROUND_S
            try:
                gone = self._telemetry.retain(self._clock_ms() - self._days * DAY_MS)
            except AnjuError as error:
                log.warning("old readings could not be deleted, trying again in %d s: %s", ROUND_S, error)
            else:
                log.info("deleted %d readings older than %d days", gone, self._days)
