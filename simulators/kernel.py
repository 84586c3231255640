"""The clock of the simulated world: a heap of things to do, in virtual time. Runs as fast as it is asked to."""

import heapq
from collections.abc import Callable, Generator, Iterator
from typing import Any

from msgspec import Struct

from domain.devices import Device

__all__ = ["Item", "Kernel", "Link", "Message", "Process", "Script"]

Script = Generator[float, None, None]
"""A thing that happens over time: each `yield` says how many seconds to wait."""


class Message(Struct, frozen=True, gc=False):
    """What one device says at one instant; becomes one MQTT packet."""

    device: str
    kind: str
    compound: str
    channel: str
    """``telemetry`` or ``event``."""
    gateway: str
    """Through which gateway it goes out; a gateway speaks through itself."""
    ts_ms: int
    seq: int
    """Per device, gapless from 1: a device that is cut off does not count on."""
    values: dict[str, Any] | None = None
    event: dict[str, Any] | None = None


class Link(Struct, frozen=True, gc=False):
    """The network of a gateway went away or came back."""

    gateway: str
    up: bool
    ts_ms: int


Item = Any
"""`Message`, `Link` or `simulators.truth.Truth`: what the world hands out, in order of virtual time."""


class Process:
    """A script under way."""

    __slots__ = ("_entry", "_kernel", "_script")

    def __init__(self, kernel: "Kernel", script: Script) -> None:
        self._kernel = kernel
        self._script = script
        self._entry: list[Any] = kernel.call_in(0.0, self._step)

    def _step(self) -> None:
        self._kernel.current = self
        try:
            delay = next(self._script)
        except StopIteration:
            return
        self._entry = self._kernel.call_in(delay, self._step)

    def hurry(self) -> None:
        """Ends the wait that the script is in: it goes on at the present instant. No effect when it has ended."""
        if self._entry[2] is not None:
            self._entry[2] = None
            self._entry = self._kernel.call_in(0.0, self._step)

    def cancel(self) -> None:
        """Ends the script where it stands."""
        self._entry[2] = None
        self._script.close()


class Kernel:
    """Virtual time and what is still to happen. Knows no clock: time moves only when `advance` is called."""

    def __init__(self, start_ms: int) -> None:
        self.now_ms = start_ms
        """Virtual time, epoch milliseconds."""
        self.current: Process | None = None
        """The script that runs at this instant, or ran last."""
        self.silent: set[str] = set()
        """Gateways without network, and devices that hang: what they say is lost."""
        self._heap: list[list[Any]] = []
        self._order = 0
        self._out: list[Item] = []
        self._seq: dict[str, int] = {}

    def call_in(self, delay_s: float, action: Callable[[], None]) -> list[Any]:
        """Does `action` after `delay_s` seconds of virtual time. Things due at one instant happen in order of asking.

        Returns the entry: setting its third element to None cancels it.
        """
        return self.call_at(self.now_ms + max(0, round(delay_s * 1000)), action)

    def call_at(self, at_ms: int, action: Callable[[], None]) -> list[Any]:
        """Does `action` at `at_ms`, or at once where that has passed."""
        self._order += 1
        entry: list[Any] = [max(at_ms, self.now_ms), self._order, action]
        heapq.heappush(self._heap, entry)
        return entry

    def spawn(self, script: Script) -> Process:
        """Starts a script at the present instant."""
        return Process(self, script)

    def emit(self, item: Item) -> None:
        """Hands an item out of the world."""
        self._out.append(item)

    def say(self, device: Device, values: dict[str, Any] | None, event: dict[str, Any] | None = None) -> None:
        """Hands a numbered message of `device` out, unless its gateway has no network: then nobody hears it."""
        gateway = device.gateway or device.id
        if gateway in self.silent or device.id in self.silent:
            return
        seq = self._seq.get(device.id, 0) + 1
        self._seq[device.id] = seq
        channel = "event" if event is not None else "telemetry"
        self._out.append(
            Message(device.id, device.kind, device.compound, channel, gateway, self.now_ms, seq, values, event)
        )

    @property
    def next_ms(self) -> int | None:
        """When the next thing happens; None when nothing ever will."""
        while self._heap and self._heap[0][2] is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def advance(self, until_ms: int) -> Iterator[Item]:
        """Lets the world live up to and including `until_ms`, handing out what it says as it says it."""
        if self._out:
            yield from self._drain()
        while self._heap and self._heap[0][0] <= until_ms:
            at_ms, _, action = entry = heapq.heappop(self._heap)
            if action is None:
                continue
            entry[2] = None
            self.now_ms = at_ms
            action()
            if self._out:
                yield from self._drain()
        self.now_ms = max(self.now_ms, until_ms)

    def _drain(self) -> list[Item]:
        out, self._out = self._out, []
        return out
