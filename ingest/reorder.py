"""Holding back readings that overtook redelivered ones.

After a lost connection a NATS broker sends unacknowledged packets again only after its ``ack_wait``, without the DUP
flag and behind newer ones. For `REORDER_WAIT_MS` after a connect, what lies beyond a gap therefore waits for what is
missing. Readings with an event never come here; what of their device waits goes before them (`take_before`).
"""

import heapq
from typing import Any, NamedTuple

from domain.limits import REORDER_READINGS_MAX, REORDER_WAIT_MS
from ingest.packets import Packet

__all__ = ["Held", "Waiting"]


class Held(NamedTuple):
    """A packet that waits: nothing of it has been judged."""

    packet: Packet
    route: Any
    decoded: Any
    received_ms: int


class Waiting:
    """What is held back, by device and boot."""

    def __init__(self) -> None:
        self.until_s: float | None = None
        """On the monotonic clock; None while nothing is to be held back."""
        self.count = 0
        self._heaps: dict[tuple[str, str | None], list[tuple[int, int, Held]]] = {}
        self._arrived = 0

    def begin(self, now_s: float) -> None:
        """A new connection stands. While something is held from the connection before, its deadline remains."""
        if self.count == 0 or self.until_s is None:
            self.until_s = now_s + REORDER_WAIT_MS / 1000

    def hold(self, device: str, boot: str | None, seq: int, held: Held) -> None:
        """Takes a packet in. When too much is held the wait is over at once, for all: order among them is kept."""
        self._arrived += 1
        heapq.heappush(self._heaps.setdefault((device, boot), []), (seq, self._arrived, held))
        self.count += 1
        if self.count >= REORDER_READINGS_MAX:
            self.until_s = float("-inf")

    def next_after(self, device: str, boot: str | None, high: int) -> Held | None:
        """Takes out the first packet of (`device`, `boot`) if nothing is missing between `high` and it."""
        heap = self._heaps.get((device, boot))
        if not heap or heap[0][0] > high + 1:
            return None
        self.count -= 1
        held = heapq.heappop(heap)[2]
        if not heap:
            del self._heaps[device, boot]
        return held

    def take_before(self, device: str, boot: str | None, seq: int | None) -> list[Held]:
        """Takes out what waits of `device` and may have come before `seq` of `boot`, boots in the order they came.

        Of `boot` that is what has a lower number. Numbers of another boot, or without one to compare (None), tell
        nothing: all of it goes.
        """
        found: list[Held] = []
        for key in [key for key in self._heaps if key[0] == device]:
            heap = self._heaps[key]
            while heap and (seq is None or key[1] != boot or heap[0][0] < seq):
                found.append(heapq.heappop(heap)[2])
            if not heap:
                del self._heaps[key]
        self.count -= len(found)
        return found

    def give_up(self) -> list[Held]:
        """The wait is over: everything still held, boots in the order in which they came, each in its own order."""
        self.until_s = None
        heaps, self._heaps, self.count = self._heaps, {}, 0
        return [item[2] for heap in heaps.values() for item in sorted(heap, key=lambda item: item[:2])]
