"""Faults of the wire, by choice: packets twice, out of order, lost, stamped by a wrong clock, or damaged."""

import random
from collections.abc import Callable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from simulators.kernel import Message
from simulators.packets import Encoder, Packet

__all__ = ["Wire", "WireFaults"]

HOLD_PACKETS: Final = 6
"""A reordered packet is overtaken by at most this many others."""


class WireFaults(Struct, frozen=True, kw_only=True):
    """Rates (0…1) of each fault; all 0 is a good wire."""

    duplicates: float = 0.0
    reorder: float = 0.0
    loss: float = 0.0
    """Of packets that never reach the broker: their sequence numbers stay missing."""
    corrupt: float = 0.0
    """Of packets that arrive damaged: refused, and seen as dead letters."""
    skewed: float = 0.0
    """Of devices whose clock is wrong."""
    skew_s: float = 400.0
    """How far such a clock is off at most, either way."""


def _truncated(packet: Packet, rng: random.Random) -> Packet:
    return replace(packet, payload=packet.payload[: rng.randrange(1, len(packet.payload))])


def _not_utf8(packet: Packet, rng: random.Random) -> Packet:
    at = rng.randrange(len(packet.payload))
    return replace(packet, payload=packet.payload[:at] + b"\xff\xfe" + packet.payload[at:])


def _seconds(packet: Packet, rng: random.Random) -> Packet:
    del rng
    head, _, tail = packet.payload.partition(b",")
    return replace(packet, payload=head[:-3] + b"," + tail)


def _infinite(packet: Packet, rng: random.Random) -> Packet:
    value = rng.choice((b"NaN", b"Infinity", b"1e999"))
    return replace(packet, payload=packet.payload.replace(b'"values":{', b'"values":{"rssi":' + value + b",", 1))


def _unknown_device(packet: Packet, rng: random.Random) -> Packet:
    parts = packet.topic.split("/")
    parts[4] = f"ghost-{rng.randrange(10)}"
    return replace(packet, topic="/".join(parts))


def _wrong_topic(packet: Packet, rng: random.Random) -> Packet:
    del rng
    return replace(packet, topic=packet.topic.replace("/v1/", "/v9/", 1))


def _wrong_type(packet: Packet, rng: random.Random) -> Packet:
    del rng
    return replace(packet, payload=packet.payload.replace(b'"values":{', b'"values":{"rssi":"strong",', 1))


def _implausible(packet: Packet, rng: random.Random) -> Packet:
    del rng
    return replace(packet, payload=packet.payload.replace(b'"values":{', b'"values":{"rssi":9999,', 1))


_DAMAGE: Final[tuple[Callable[[Packet, random.Random], Packet], ...]] = (
    _truncated,
    _not_utf8,
    _seconds,
    _infinite,
    _unknown_device,
    _wrong_topic,
    _wrong_type,
    _implausible,
)


class Wire:
    """Encodes messages and does to them what bad networks do. Seeded: the same messages meet the same faults."""

    def __init__(self, encoder: Encoder, faults: WireFaults, seed: int) -> None:
        self.encoder = encoder
        self.faults = faults
        self.counts = {"sent": 0, "duplicates": 0, "reordered": 0, "lost": 0, "corrupt": 0}
        self._rng = random.Random(f"{seed}/wire")  # noqa: S311 (reproducible faults, not secrets)
        self._seed = seed
        self._shifts: dict[str, int] = {}
        self._held: list[tuple[int, Packet]] = []

    def send(self, message: Message, *, backfill: bool = False) -> list[Packet]:
        """The packets that leave now: usually one, sometimes none, two, or an older one as well."""
        faults, rng, counts = self.faults, self._rng, self.counts
        packet = self.encoder.message(message, self._shift(message.device), backfill=backfill)
        out = self._due()
        if faults.loss and rng.random() < faults.loss:
            counts["lost"] += 1
            return out
        if faults.corrupt and rng.random() < faults.corrupt:
            counts["corrupt"] += 1
            damaged = rng.choice(_DAMAGE)(packet, rng)
            # Some kinds of damage need values to act on; an event is cut short instead.
            packet = damaged if damaged != packet else _truncated(packet, rng)
        if faults.reorder and rng.random() < faults.reorder:
            counts["reordered"] += 1
            self._held.append((rng.randint(1, HOLD_PACKETS), packet))
        else:
            out.append(packet)
        if faults.duplicates and rng.random() < faults.duplicates:
            counts["duplicates"] += 1
            out.append(packet)
        counts["sent"] += len(out)
        return out

    def flush(self) -> list[Packet]:
        """What is still held back."""
        out = [packet for _, packet in self._held]
        self._held.clear()
        self.counts["sent"] += len(out)
        return out

    def _due(self) -> list[Packet]:
        if not self._held:
            return []
        out = [packet for left, packet in self._held if left <= 1]
        self._held = [(left - 1, packet) for left, packet in self._held if left > 1]
        return out

    def _shift(self, device: str) -> int:
        if not self.faults.skewed:
            return 0
        shift = self._shifts.get(device)
        if shift is None:
            rng = random.Random(f"{self._seed}/clock/{device}")  # noqa: S311
            wrong = rng.random() < self.faults.skewed
            shift = round(rng.uniform(-1, 1) * self.faults.skew_s * 1000) if wrong else 0
            self._shifts[device] = shift
        return shift
