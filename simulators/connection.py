"""One MQTT connection of a simulated gateway: paho without threads, driven from outside."""

import contextlib
import socket
import time
from collections.abc import Callable
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from domain.limits import SIM_INFLIGHT_MAX, SIM_QUEUE_MAX
from simulators.broker import Broker
from simulators.packets import OFFLINE, Packet

__all__ = ["Connection"]

KEEPALIVE_S: Final = 30
RETRY_S: Final = (0.5, 5.0)
CONNECT_TIMEOUT_S: Final = 3.0


class Connection:
    """Publishes at QoS 1, keeps what is not acknowledged, connects again by itself unless its link is cut."""

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        will: str | None,
        greet: Callable[["Connection"], None],
        watch: Callable[["Connection", Any, bool], None],
        hears: tuple[str, Callable[[str, bytes], None]] | None = None,
    ) -> None:
        """`will`: topic of the retained state that the broker sets to offline when this connection dies.

        `greet` is called at every connect, to publish what is online; `watch` when a socket came (True) or is about
        to go (False), so that it can be waited on. `hears`: a topic filter and who is told of its messages.
        """
        self.cut = False
        """True while the simulated network is away: no attempt to connect."""
        self.connected = False
        self.refusal = ""
        """Why the broker turned us away, for people; empty when it did not."""
        self.sent = self.acked = self.dropped = self.connects = 0
        self._broker = broker
        self._greet = greet
        self._hears = hears
        self._retry_s = RETRY_S[0]
        self._retry_at = 0.0
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=True)
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.max_inflight_messages_set(SIM_INFLIGHT_MAX)
        client.max_queued_messages_set(SIM_QUEUE_MAX)
        if broker.user:
            client.username_pw_set(broker.user, broker.password or None)
        if broker.tls:
            client.tls_set()
        if will is not None:
            client.will_set(will, OFFLINE, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        if hears is not None:
            client.on_message = lambda _client, _data, message: hears[1](message.topic, bytes(message.payload))
        client.on_socket_open = lambda _client, _data, sock: watch(self, sock, True)
        client.on_socket_close = lambda _client, _data, sock: watch(self, sock, False)
        self._client = client

    @property
    def waiting(self) -> int:
        """Packets handed over and not yet acknowledged."""
        return self.sent - self.acked

    def publish(self, packet: Packet) -> bool:
        """Hands a packet over; False when the queue is full and it is lost."""
        info = self._client.publish(packet.topic, packet.payload, qos=1, retain=packet.retain)
        if info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
            self.dropped += 1
            return False
        self.sent += 1
        return True

    def readable(self) -> None:
        """Reads what the broker sent, and writes what that called for."""
        self._client.loop_read()
        if self._client.want_write():
            self._client.loop_write()

    def tend(self, now: float) -> None:
        """Writes what waits, keeps alive, connects again when it is time. `now` is monotonic seconds."""
        if self._client.socket() is None:
            if not self.cut and now >= self._retry_at:
                self._connect(now)
            return
        if self._client.want_write():
            self._client.loop_write()
        self._client.loop_misc()

    def _connect(self, now: float) -> None:
        self._retry_at = now + self._retry_s
        self._retry_s = min(2 * self._retry_s, RETRY_S[1])
        # Refused or unreachable: the next attempt is already planned.
        with contextlib.suppress(OSError):
            self._client.connect(self._broker.host, self._broker.port, KEEPALIVE_S)

    def lose(self) -> None:
        """The network goes away without good-bye: the broker will send the Last Will."""
        self.cut = True
        found = self._client.socket()
        if isinstance(found, socket.socket):
            with contextlib.suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)
            self._client.loop_read()

    def regain(self) -> None:
        """The network is back."""
        self.cut = False
        self._retry_s, self._retry_at = RETRY_S[0], time.monotonic()

    def close(self) -> None:
        """Says good-bye: no Last Will."""
        self.cut = True
        if self._client.socket() is not None:
            self._client.disconnect()
            self._client.loop_write()
            # Reading to the end lets the broker close first; what it still says is of no interest.
            self._client.loop_read()

    def _on_connect(self, client: mqtt.Client, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        del client, userdata, flags, properties
        if reason.is_failure:
            self.refusal = str(reason)
            return
        self.refusal = ""
        self.connected = True
        self.connects += 1
        self._retry_s = RETRY_S[0]
        if self._hears is not None:
            self._client.subscribe(self._hears[0], qos=1)
        self._greet(self)

    def _on_disconnect(self, client: mqtt.Client, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        del client, userdata, flags, reason, properties
        self.connected = False
        self._retry_at = time.monotonic() + self._retry_s

    def _on_publish(self, client: mqtt.Client, userdata: Any, mid: int, reason: Any, properties: Any) -> None:
        del client, userdata, mid, reason, properties
        self.acked += 1
