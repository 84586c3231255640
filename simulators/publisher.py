"""Plays the part of all gateways of a district at one broker: connections, Last Wills, retained states, PUBACKs."""

import selectors
import time
import zlib
from collections.abc import Callable
from typing import Any, Final

import msgspec

from domain.devices import Device
from domain.errors import Unavailable
from domain.limits import SIM_GATEWAY_CONNECTIONS_MAX, SIM_INFLIGHT_MAX
from domain.registry import Registry
from simulators.broker import Broker
from simulators.connection import Connection
from simulators.packets import ROOT, Packet, offline, online, state_topic

__all__ = ["Publisher"]

COMMANDS: Final = f"{ROOT}/+/+/+/cmd"
POOL: Final = 8
TEND_S: Final = 0.2
"""Beat of keep-alive and reconnecting."""


class Publisher:
    """Single-threaded: time passes for it only inside `pump`, `wait_connected`, `drain` and `close`.

    Up to `SIM_GATEWAY_CONNECTIONS_MAX` gateways have a connection each, and the broker announces their death by Last
    Will. More of them share a small pool; then a cut link is announced by a retained offline state instead.
    """

    def __init__(
        self, broker: Broker, registry: Registry, name: str = "sim", obey: Callable[[str, Any], Any] | None = None
    ) -> None:
        """`obey` is told of commands to devices (id, body) and returns the body of the ``cmd_ack``, or None."""
        self.broker = broker
        self._registry = registry
        self._obey = obey
        self._selector = selectors.DefaultSelector()
        self._tended_at = 0.0
        gateways = sorted(
            {device.gateway or device.id for device in registry.devices.values() if device.in_service},
        )
        self._own = len(gateways) <= SIM_GATEWAY_CONNECTIONS_MAX
        self._cut: set[str] = set()
        self._members: dict[Connection, list[str]] = {}
        own = self._open(f"{name}-truth", None, [], (COMMANDS, self._heard))
        self._connection: dict[str | None, Connection] = {None: own}
        pool: dict[int, list[str]] = {}
        for gateway in gateways:
            if self._own:
                device = registry.devices.get(gateway)
                will = state_topic(device) if device is not None else None
                self._connection[gateway] = self._open(f"{name}-{gateway}", will, [gateway])
            else:
                pool.setdefault(zlib.crc32(gateway.encode()) % POOL, []).append(gateway)
        for number, members in pool.items():
            shared = self._open(f"{name}-pool{number}", None, members)
            self._connection.update(dict.fromkeys(members, shared))

    def _open(
        self,
        client_id: str,
        will: str | None,
        members: list[str],
        hears: tuple[str, Callable[[str, bytes], None]] | None = None,
    ) -> Connection:
        connection = Connection(self.broker, client_id, will, self._greet, self._watch, hears)
        self._members[connection] = members
        return connection

    def _heard(self, topic: str, payload: bytes) -> None:
        """A command came: the device obeys, or does not, and answers through its own gateway."""
        device = self._registry.devices.get(topic.split("/")[4])
        if self._obey is None or device is None:
            return
        try:
            body = msgspec.json.decode(payload)
        except msgspec.DecodeError:
            body = None
        answer = self._obey(device.id, body)
        if answer is not None:
            gateway = device.gateway or device.id
            self.publish(Packet(f"{topic}_ack", msgspec.json.encode(answer), gateway))

    # --- figures -------------------------------------------------------------------------------------------------
    @property
    def connections(self) -> int:
        """How many connections there are."""
        return len(self._members)

    @property
    def gateways(self) -> list[str]:
        """All that connect."""
        return [name for name in self._connection if name is not None]

    @property
    def sent(self) -> int:
        """Packets handed over so far."""
        return sum(connection.sent for connection in self._members)

    @property
    def acked(self) -> int:
        """Packets acknowledged by the broker so far."""
        return sum(connection.acked for connection in self._members)

    @property
    def dropped(self) -> int:
        """Packets lost because the broker was away for longer than the gateways can remember."""
        return sum(connection.dropped for connection in self._members)

    @property
    def connects(self) -> int:
        """Times that a connection was made."""
        return sum(connection.connects for connection in self._members)

    # --- publishing ----------------------------------------------------------------------------------------------
    def room(self, packet: Packet) -> bool:
        """True while the packet's gateway has fewer unacknowledged packets than its window."""
        return self._for(packet).waiting < SIM_INFLIGHT_MAX

    def publish(self, packet: Packet) -> bool:
        """Hands a packet to its gateway; False when the broker was away for so long that it is lost."""
        return self._for(packet).publish(packet)

    def _for(self, packet: Packet) -> Connection:
        return self._connection.get(packet.gateway) or self._connection[None]

    def pump(self, timeout_s: float) -> None:
        """Waits at most `timeout_s` for the brokers' answers, and deals with them."""
        now = time.monotonic()
        if now - self._tended_at >= TEND_S:
            self._tend(now)
        for key, _ in self._selector.select(max(0.0, min(timeout_s, TEND_S))):
            key.data.readable()
        if time.monotonic() - self._tended_at >= TEND_S:
            self._tend(time.monotonic())

    def _tend(self, now: float) -> None:
        self._tended_at = now
        for connection in self._members:
            connection.tend(now)

    def _watch(self, connection: Connection, sock: Any, came: bool) -> None:
        if came:
            self._selector.register(sock, selectors.EVENT_READ, connection)
        else:
            self._selector.unregister(sock)

    def _greet(self, connection: Connection) -> None:
        """Everything behind this connection is online again."""
        now_ms = time.time_ns() // 1_000_000
        for gateway in self._members[connection]:
            if gateway not in self._cut:
                self._say_online(connection, gateway, now_ms)

    def _behind(self, gateway: str) -> list[Device]:
        """The gateway itself, as far as it is registered, then every device that speaks through it."""
        own = self._registry.devices.get(gateway)
        devices = [] if own is None else [own]
        return devices + [device for device in self._registry.devices_behind(gateway) if device.in_service]

    def _say_online(self, connection: Connection, gateway: str, now_ms: int) -> None:
        for device in self._behind(gateway):
            connection.publish(online(device, now_ms))

    # --- links ---------------------------------------------------------------------------------------------------
    def link(self, gateway: str, *, up: bool) -> None:
        """The network of `gateway` went away or came back."""
        connection = self._connection[gateway]
        if up:
            self._cut.discard(gateway)
            if self._own:
                connection.regain()
            else:
                self._say_online(connection, gateway, time.time_ns() // 1_000_000)
        else:
            self._cut.add(gateway)
            if self._own:
                connection.lose()
            elif gateway in self._registry.devices:
                connection.publish(offline(self._registry.devices[gateway]))
        self._tended_at = 0.0

    def wait_connected(self, timeout_s: float) -> None:
        """Waits until every connection stands. Raises `Unavailable`, with the broker's reason, if one does not."""
        until = time.monotonic() + timeout_s
        while not all(connection.connected or connection.cut for connection in self._members):
            where = f"{self.broker.host}:{self.broker.port}"
            refusal = next((connection.refusal for connection in self._members if connection.refusal), "")
            if refusal:
                raise Unavailable("broker.refused", f"broker {where} refuses us: {refusal}", broker=where)
            if time.monotonic() > until:
                raise Unavailable("broker.unreachable", f"broker {where}: no answer", broker=where)
            self.pump(0.1)

    def drain(self, timeout_s: float) -> int:
        """Waits until all that was sent is acknowledged; returns how many packets are not, after `timeout_s`."""
        until = time.monotonic() + timeout_s
        while (left := sum(c.waiting for c in self._members if not c.cut)) and time.monotonic() < until:
            self.pump(0.05)
        return left

    def close(self, timeout_s: float = 5.0) -> int:
        """Every device says that it goes offline, then the connections end. Returns packets never acknowledged."""
        for connection, members in self._members.items():
            if not connection.connected:
                continue
            for gateway in members:
                for device in self._behind(gateway):
                    connection.publish(offline(device))
        left = self.drain(timeout_s)
        for connection in self._members:
            connection.close()
        self._selector.close()
        return left
