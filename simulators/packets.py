"""What the world says, as MQTT packets in the contract's own form (design.md §4)."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from domain.devices import Device
from simulators.kernel import Message
from simulators.truth import TRUTH_TOPIC, Truth
from simulators.vendors import VENDORS

__all__ = ["OFFLINE", "ROOT", "Encoder", "Packet", "offline", "online", "state_topic"]

ROOT: Final = "anju/v1"
OFFLINE: Final = b'{"online":false}'
"""Without a time: a Last Will is written when the gateway connects, and sent who knows when."""

_encode = msgspec.json.Encoder().encode


class Packet(Struct, frozen=True, gc=False):
    """One PUBLISH at QoS 1."""

    topic: str
    payload: bytes
    gateway: str | None
    """Whose connection it goes out on; None for what is not a device's (the truth)."""
    retain: bool = False


def state_topic(device: Device) -> str:
    """Where a device's retained online/offline state lives."""
    return f"{ROOT}/{device.compound}/{device.kind}/{device.id}/state"


def online(device: Device, at_ms: int) -> Packet:
    """`device` came online."""
    return Packet(state_topic(device), _encode({"online": True, "ts": at_ms}), device.gateway or device.id, retain=True)


def offline(device: Device) -> Packet:
    """`device` went offline in good order."""
    return Packet(state_topic(device), OFFLINE, device.gateway or device.id, retain=True)


class Encoder:
    """Turns items of one world into packets."""

    def __init__(self, boot: str, ahead_ms: int = 0, forms: Mapping[str, str] | None = None) -> None:
        """`ahead_ms`: how far the clock that receivers go by is ahead of the world's.

        `forms`: devices that speak a vendor's form, by id.
        """
        self.boot = boot
        self._forms = {device: VENDORS[form] for device, form in (forms or {}).items() if form in VENDORS}
        self.ahead_ms = ahead_ms
        self._topics: dict[tuple[str, str], str] = {}

    def message(self, message: Message, shift_ms: int = 0, *, backfill: bool = False) -> Packet:
        """A reading or an event; `shift_ms` is the error of the device's clock, `backfill` marks it as sent late."""
        topic = self._topics.get((message.device, message.channel))
        if topic is None:
            topic = f"{ROOT}/{message.compound}/{message.kind}/{message.device}/{message.channel}"
            self._topics[message.device, message.channel] = topic
        ts_ms = message.ts_ms + self.ahead_ms + shift_ms
        vendor = self._forms.get(message.device)
        if vendor is not None:
            return Packet(topic, _encode(vendor(message, ts_ms, self.boot)), message.gateway)
        body: dict[str, Any] = {"ts": ts_ms, "seq": message.seq, "boot": self.boot}
        if message.values is not None:
            body["values"] = message.values
        if message.event is not None:
            body["event"] = message.event
        if backfill:
            body["src"] = "backfill"
        return Packet(topic, _encode(body), message.gateway)

    @staticmethod
    def truth(truth: Truth) -> Packet:
        """What really happened."""
        return Packet(TRUTH_TOPIC, _encode(truth), None)
