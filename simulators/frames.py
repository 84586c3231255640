"""A deterministic load: N devices, M messages, made of pre-encoded pieces so that making them costs next to nothing.

Message number m is sequence number ``m // N + 1`` of device ``m % N``: what was acknowledged, stored or lost can be
told apart by one integer.
"""

import random
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from domain.devices import Device
from domain.places import Name, Place
from domain.registry import Registry

__all__ = ["Breach", "Frames"]

COMPOUND: Final = "load"
VARIANTS: Final = 16
"""Different sets of ordinary values for each kind."""

_TYPES: Final = (("elevator", "lift"), ("fire", "residual_current"), ("ebike", "port"), ("fire", "smoke"))
_encode = msgspec.json.Encoder().encode


class Breach(NamedTuple):
    """One breach hidden in the load, and the alert that it must lead to."""

    device: str
    seq: int
    rule: str


def _ordinary(kind: str, rng: random.Random) -> dict[str, Any]:
    """Values that no default rule minds."""
    if kind == "lift":
        floor = rng.randint(1, 18)
        return {
            "service_mode": 1, "car_status": 0, "direction": 0, "door_zone": True, "floor": floor, "door_state": 0,
            "presence": False, "maintenance_flag": False, "call_pending": False, "speed": 0.0, "load": 0.0,
            "run_count": 500_000 + floor, "alarm_button": False, "main_power": True,
            "temp_machine_room": round(rng.uniform(18, 28), 1),
        }  # fmt: skip
    if kind == "residual_current":
        return {"residual_current": round(rng.uniform(60, 140), 1)}
    if kind == "smoke":
        values = {"smoke": round(rng.uniform(0, 0.4), 2), "heat": round(rng.uniform(18, 24), 1)}
        return {"fire": False, "fault": False, "shielded": False, **values}
    watts = round(rng.uniform(120, 320), 1)
    return {
        "port_state": 2, "session": True, "session_s": 3600, "power": watts, "current": round(watts / 218, 3),
        "voltage": round(rng.uniform(222, 234), 1), "energy": 0.3, "temp_socket": round(rng.uniform(20, 32), 1),
        "leakage": round(rng.uniform(0.5, 4), 2), "relay_closed": True,
    }  # fmt: skip


_BREACHES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "lift": ("EL-01", {"event": {"kind": "entrapment", "scheme": "vendor4", "code": "0101"}}),
    "smoke": ("FC-01", {"event": {"kind": "fire_alarm", "scheme": "gb26875", "code": "2/1/42"}}),
    "port": ("EB-03", {"values": {"temp_socket": 85.0, "session": True, "relay_closed": True}}),
}
"""Device type → rule and payload of a breach that is one at once, without any hold."""


class Frames:
    """The load. Same arguments, same bytes."""

    def __init__(
        self,
        devices: int,
        messages: int,
        *,
        start_ms: int,
        period_ms: int = 1_000,
        seed: int = 1,
        breaches: float = 0.0,
        compound: str = COMPOUND,
    ) -> None:
        """`devices` take turns; each turn is `period_ms` of event time after the one before, from `start_ms` on.

        `breaches`: share of the devices (of those types that have one) that breach a rule once.
        """
        if devices < 1 or messages < 0:
            msg = f"a load needs at least one device and no negative count, not {devices} and {messages}"
            raise ValueError(msg)
        self.devices = devices
        self.messages = messages
        self.start_ms = start_ms
        self.period_ms = period_ms
        self.compound = compound
        self.boot = f"{random.Random(f'{seed}/{start_ms}/load').getrandbits(32):08x}"  # noqa: S311
        rng = random.Random(f"{seed}/values")  # noqa: S311 (a reproducible load, not secrets)
        self._tails = {
            kind: [self._tail({"values": _ordinary(kind, rng)}) for _ in range(VARIANTS)] for _, kind in _TYPES
        }
        self._topics = [
            f"anju/v1/{compound}/{_TYPES[i % len(_TYPES)][0]}/{self.device_id(i)}/telemetry".encode()
            for i in range(devices)
        ]
        self._breaches = self._hide(breaches, random.Random(f"{seed}/breaches"))  # noqa: S311

    def _tail(self, body: dict[str, Any]) -> bytes:
        return b',"boot":"' + self.boot.encode() + b'",' + _encode(body)[1:]

    def _hide(self, share: float, rng: random.Random) -> dict[int, Breach]:
        turns = self.messages // self.devices
        hidden: dict[int, Breach] = {}
        for index in range(self.devices):
            rule = _BREACHES.get(_TYPES[index % len(_TYPES)][1])
            if rule is not None and turns and rng.random() < share:
                seq = rng.randint(1, turns)
                hidden[(seq - 1) * self.devices + index] = Breach(self.device_id(index), seq, rule[0])
        return hidden

    def device_id(self, index: int) -> str:
        """Id of device number `index`."""
        return f"{self.compound}-{index:05d}"

    def key(self, number: int) -> tuple[str, int]:
        """(device, seq) of message `number`."""
        return self.device_id(number % self.devices), number // self.devices + 1

    @property
    def expected(self) -> list[Breach]:
        """The breaches, in the order in which they are sent."""
        return [self._breaches[number] for number in sorted(self._breaches)]

    def registry(self) -> Registry:
        """The devices as a registry, so that the service knows them."""
        district = Place("load-district", "district", Name("压测区", "Load district"))
        compound = Place(self.compound, "compound", Name("压测小区", "Load compound"), "load-district")
        devices = []
        for index in range(self.devices):
            kind, kind_type = _TYPES[index % len(_TYPES)]
            name = Name(f"压测{index:05d}号", f"Load device {index}")
            devices.append(Device(self.device_id(index), kind, self.compound, self.compound, name, type=kind_type))
        return Registry([district, compound], devices=devices)

    def frame(self, number: int) -> tuple[bytes, bytes]:
        """Topic and payload of message `number`."""
        turn, index = divmod(number, self.devices)
        if number in self._breaches:
            tail = self._tail(_BREACHES[_TYPES[index % len(_TYPES)][1]][1])
        else:
            tail = self._tails[_TYPES[index % len(_TYPES)][1]][(number * 7 + turn) % VARIANTS]
        payload = b'{"ts":%d,"seq":%d' % (self.start_ms + turn * self.period_ms, turn + 1) + tail
        return self._topics[index], payload

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        return (self.frame(number) for number in range(self.messages))
