"""Faults of the wire, by choice: packets twice, out of order, lost, stamped by a wrong clock, or damaged."""

import math
import random
from collections import deque
from collections.abc import Callable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from domain.limits import SIM_GATEWAY_KEEPS_MAX
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
    drifting: float = 0.0
    """Of devices whose clock runs fast or slow."""
    drift_per_day_s: float = 20.0
    """By how much at most, either way."""
    silent: float = 0.0
    """Of devices that never say anything."""
    held: float = 0.0
    """Of gateways that are cut off now and then, keep what they hear, and send it as back-fill afterwards."""
    held_every_s: float = 3_600.0
    """From one such time to the next, on average."""
    held_s: float = 300.0
    """How long each lasts."""
    storm_every_s: float = 0.0
    """All gateways lose their connection at once and come back at once, every so many seconds; 0: never."""


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


class _Cuts:
    """When one gateway is cut off, and what it keeps meanwhile."""

    def __init__(self, rng: random.Random, now_ms: int, every_s: float, lasts_s: float) -> None:
        self._rng, self._every_s, self._lasts_ms = rng, every_s, round(lasts_s * 1000)
        self._kept: deque[Packet] = deque(maxlen=SIM_GATEWAY_KEEPS_MAX)
        self._from_ms = self._next(now_ms)

    def _next(self, after_ms: int) -> float:
        return after_ms + (math.inf if self._every_s == math.inf else 1000 * self._rng.expovariate(1 / self._every_s))

    def cut(self, now_ms: int) -> bool:
        """True while it is cut off. Asked with rising time."""
        while now_ms >= self._from_ms + self._lasts_ms:
            self._from_ms = self._next(round(self._from_ms) + self._lasts_ms)
        return now_ms >= self._from_ms

    def keep(self, packet: Packet) -> int:
        """Keeps a packet for later, and forgets the oldest when there are too many. Returns 1 (packets held back)."""
        self._kept.append(packet)
        return 1

    def release(self) -> list[Packet]:
        """What was kept, oldest first."""
        out = list(self._kept)
        self._kept.clear()
        return out


class Wire:
    """Encodes messages and does to them what bad networks do. Seeded: the same messages meet the same faults."""

    def __init__(self, encoder: Encoder, faults: WireFaults, seed: int) -> None:
        self.encoder = encoder
        self.faults = faults
        self.counts = dict.fromkeys(
            ("sent", "duplicates", "reordered", "lost", "corrupt", "held", "silent", "storms"), 0
        )
        self._rng = random.Random(f"{seed}/wire")  # noqa: S311 (reproducible faults, not secrets)
        self._seed = seed
        self._shifts: dict[str, int] = {}
        self._held: list[tuple[int, Packet]] = []
        self._drifts: dict[str, float] = {}
        self._began_ms: int | None = None
        self._cuts: dict[str, _Cuts] = {}
        self._stormed_ms: int | None = None

    def storms(self, now_ms: int) -> bool:
        """True when it is time for all gateways to lose their connection and come back. Asked with rising time."""
        every_ms = round(self.faults.storm_every_s * 1000)
        if every_ms <= 0:
            return False
        if self._stormed_ms is None:
            self._stormed_ms = now_ms
        if now_ms - self._stormed_ms < every_ms:
            return False
        self._stormed_ms = now_ms
        self.counts["storms"] += 1
        return True

    def send(self, message: Message, *, backfill: bool = False) -> list[Packet]:
        """The packets that leave now: usually one, sometimes none, two, or an older one as well."""
        faults, rng, counts = self.faults, self._rng, self.counts
        if self._mute(message.device):
            counts["silent"] += 1
            return []
        kept: list[Packet] = []
        if faults.held:
            cuts = self._cuts_of(message.gateway, message.ts_ms)
            if cuts.cut(message.ts_ms):
                late = self.encoder.message(message, self._shift(message.device, message.ts_ms), backfill=True)
                counts["held"] += cuts.keep(late)
                return []
            kept = cuts.release()
            counts["sent"] += len(kept)
        packet = self.encoder.message(message, self._shift(message.device, message.ts_ms), backfill=backfill)
        out = [*kept, *self._due()]
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
        counts["sent"] += len(out) - len(kept)
        return out

    def flush(self) -> list[Packet]:
        """What is still held back."""
        out = [packet for cuts in self._cuts.values() for packet in cuts.release()]
        out += [packet for _, packet in self._held]
        self._held.clear()
        self.counts["sent"] += len(out)
        return out

    def _due(self) -> list[Packet]:
        if not self._held:
            return []
        out = [packet for left, packet in self._held if left <= 1]
        self._held = [(left - 1, packet) for left, packet in self._held if left > 1]
        return out

    def _mute(self, device: str) -> bool:
        if not self.faults.silent:
            return False
        return random.Random(f"{self._seed}/mute/{device}").random() < self.faults.silent  # noqa: S311

    def _cuts_of(self, gateway: str, now_ms: int) -> "_Cuts":
        cuts = self._cuts.get(gateway)
        if cuts is None:
            rng = random.Random(f"{self._seed}/cuts/{gateway}")  # noqa: S311
            every_s = self.faults.held_every_s if rng.random() < self.faults.held else math.inf
            cuts = self._cuts[gateway] = _Cuts(rng, now_ms, every_s, self.faults.held_s)
        return cuts

    def _shift(self, device: str, now_ms: int) -> int:
        """Error of a device's clock in milliseconds."""
        if self._began_ms is None:
            self._began_ms = now_ms
        return self._skew(device) + round(self._drift(device) * (now_ms - self._began_ms))

    def _drift(self, device: str) -> float:
        """Seconds that a device's clock gains in each second."""
        if not self.faults.drifting:
            return 0.0
        drift = self._drifts.get(device)
        if drift is None:
            rng = random.Random(f"{self._seed}/drift/{device}")  # noqa: S311
            wrong = rng.random() < self.faults.drifting
            drift = rng.uniform(-1, 1) * self.faults.drift_per_day_s / 86_400 if wrong else 0.0
            self._drifts[device] = drift
        return drift

    def _skew(self, device: str) -> int:
        if not self.faults.skewed:
            return 0
        shift = self._shifts.get(device)
        if shift is None:
            rng = random.Random(f"{self._seed}/clock/{device}")  # noqa: S311
            wrong = rng.random() < self.faults.skewed
            shift = round(rng.uniform(-1, 1) * self.faults.skew_s * 1000) if wrong else 0
            self._shifts[device] = shift
        return shift
