"""The session with the MQTT broker: MQTT 3.1.1, persistent, QoS 1, every acknowledgement in our hands.

paho-mqtt speaks the protocol (connect, subscribe, TLS); `ingest.packets.SplitSocket` takes the PUBLISH packets out of
its stream. One thread drives both, so it knows when the socket is drained, and nothing here needs a lock.
"""

import contextlib
import logging
import os
import random
import select
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, cast
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
from msgspec import Struct

from domain.errors import Invalid, Unavailable
from ingest.packets import Packet, SplitSocket, pubacks
from ingest.topics import FILTER

__all__ = ["Handler", "MqttSession", "Session", "SessionOptions"]

log = logging.getLogger("anju.ingest")

PINGREQ: Final = b"\xc0\x00"


class Handler(Protocol):
    """Who takes the packets. Every method is called on the session's thread."""

    def established(self, resumed: bool) -> None:
        """A new connection stands; `resumed` when the broker kept our session and will send again what we owe."""

    def room(self) -> bool:
        """False: do not read now, let packets wait at the broker."""

    def take(self, packets: list[Packet]) -> None:
        """Packets in the order of arrival. Each is to be given to `Session.ack` once, when it is safe."""

    def turn(self, drained: bool) -> float:
        """Called on every turn of the loop, connected or not. `drained`: the broker has sent no more for now.

        Returns after how many seconds it wants to be called again at the latest.
        """

    def redelivered(self, count: int) -> None:
        """The broker sent `count` packets again that are still being worked on; they are not handed over twice."""

    def failed(self, error: BaseException) -> None:
        """The session's thread has ended by a fault."""


class Session(Protocol):
    """What intake needs of a broker session."""

    @property
    def connected(self) -> bool:
        """True while connected *and* subscribed."""

    def start(self, handler: Handler) -> None:
        """Begins to connect, and to call `handler`."""

    def stop(self, timeout_s: float) -> None:
        """Disconnects and ends. Packets not acknowledged stay with the broker."""

    def wake(self) -> None:
        """Makes the loop turn now. Thread-safe."""

    def ack(self, packets: Sequence[Packet]) -> int:
        """Acknowledges packets; those of an earlier connection are passed over. Only on the session's thread.

        Returns how many acknowledgements were sent.
        """


class SessionOptions(Struct, frozen=True):
    """How to connect. Paths are of PEM files."""

    ca: str | None = None
    """CA certificates to trust for ``mqtts://``; None trusts the system's."""
    cert: str | None = None
    key: str | None = None
    user: str | None = None
    """Overrides the user of the URL."""
    password: str | None = None
    keepalive_s: float = 30.0
    connect_s: float = 5.0
    """To open the connection (and TLS)."""
    handshake_s: float = 10.0
    """From there to the answer to SUBSCRIBE."""
    backoff_first_s: float = 0.2
    backoff_longest_s: float = 15.0


class _Paho(paho.Client):
    """paho with our socket. `_create_socket` is private: tests/ingest/test_session.py pins how paho uses it."""

    split: SplitSocket | None = None

    def _create_socket(self) -> Any:
        sock = cast("socket.socket", super()._create_socket())
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.split = SplitSocket(sock)
        return self.split


class MqttSession:
    """A `Session` over paho-mqtt."""

    def __init__(
        self,
        url: str,
        client_id: str,
        topics: Sequence[str] = (FILTER,),
        *,
        options: SessionOptions = SessionOptions(),  # noqa: B008  (frozen)
        rng: random.Random | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`url`: ``mqtt://[user:password@]host[:port]`` or ``mqtts://…``; otherwise raises `Invalid`."""
        self.connects = 0
        """Connections that came to stand."""
        self.last_error: str | None = None
        """Why the session is not connected; None while it is."""
        self._topics = tuple(topics)
        self._options = options
        self._rng = rng or random.Random()  # noqa: S311  (jitter of reconnects, not a secret)
        self._monotonic = monotonic
        self._client = _client(url, client_id, options)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._connected = False
        self._refusal: str | None = None
        self._outstanding: dict[bytes, Packet] = {}
        self._stopping = threading.Event()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for descriptor in (self._wake_read, self._wake_write):
            # Not closed in `stop`: answers may still wake us then, and the numbers could belong to others.
            weakref.finalize(self, os.close, descriptor)
        self._handler: Handler | None = None
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
        self._backoff_s = options.backoff_first_s
        self._sent_at = self._heard_at = self._pinged_at = 0.0

    # --- for others -----------------------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """See `Session`."""
        return self._connected

    @property
    def alive(self) -> bool:
        """True while the session's thread runs."""
        return self._thread.is_alive()

    def start(self, handler: Handler) -> None:
        """See `Session`."""
        self._handler = handler
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """See `Session`."""
        self._stopping.set()
        self.wake()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def wake(self) -> None:
        """See `Session`."""
        with contextlib.suppress(BlockingIOError):  # the pipe is full of wakes already
            os.write(self._wake_write, b"\0")

    def ack(self, packets: Sequence[Packet]) -> int:
        """See `Session`."""
        outstanding = self._outstanding
        ids = []
        for packet in packets:
            key = packet[0]
            # Identity, not the id alone: after a reconnect the same id stands for another message.
            if outstanding.get(key) is packet:
                del outstanding[key]
                ids.append(key)
        split = self._client.split
        if ids and split is not None:
            split.send(pubacks(ids))
        return len(ids)

    # --- the loop -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        handler = cast("Handler", self._handler)
        try:
            while not self._stopping.is_set():
                try:
                    self._connect()
                    self._converse(handler)
                except (OSError, Unavailable) as error:
                    self._lost(error)
                finally:
                    self._hang_up()
                self._pause(handler)
        except BaseException as error:
            log.exception("the broker session stops")
            self.last_error = repr(error)
            handler.failed(error)
            raise

    def _connect(self) -> None:
        self._refusal = None
        self._outstanding.clear()
        try:
            self._client.reconnect()
        except ValueError as error:  # paho: a host name that cannot be encoded
            raise Unavailable("mqtt.connect", str(error)) from error

    def _converse(self, handler: Handler) -> None:
        split = cast("SplitSocket", self._client.split)
        poll = select.poll()
        poll.register(self._wake_read, select.POLLIN)
        poll.register(split.fileno(), 0)
        now = self._monotonic()
        give_up = now + self._options.handshake_s
        self._sent_at = self._heard_at = self._pinged_at = now
        drained = False
        while not self._stopping.is_set():
            wanted_s = handler.turn(drained)
            self._flush(split)
            now = self._monotonic()
            if not self._connected and now > give_up:
                raise Unavailable("mqtt.handshake", "the broker did not answer CONNECT and SUBSCRIBE in time")
            room = not self._connected or handler.room()
            wanted_s = min(wanted_s, self._keep_alive(split, now, paused=not room))
            poll.modify(split.fileno(), (select.POLLIN if room else 0) | (select.POLLOUT if split.wants_write else 0))
            at_once = room and not drained
            drained = True
            for descriptor, happened in poll.poll(0 if at_once else max(0.0, wanted_s) * 1000):
                if descriptor == self._wake_read:
                    os.read(self._wake_read, 4096)
                elif happened & select.POLLIN:
                    drained = self._read(split, handler)
                elif happened & ~select.POLLOUT:
                    raise ConnectionResetError("the connection to the broker broke")

    def _flush(self, split: SplitSocket) -> None:
        if self._client.want_write():
            self._client.loop_write()
        if split.wants_write:
            split.flush()
            self._sent_at = self._monotonic()

    def _read(self, split: SplitSocket, handler: Handler) -> bool:
        drained = split.fill()
        self._heard_at = self._monotonic()
        while split.pending():
            if self._client.loop_read() != paho.MQTT_ERR_SUCCESS or self._refusal:
                raise Unavailable("mqtt.refused", self._refusal or "the broker broke the protocol")
        if split.packets:
            packets, split.packets = split.packets, []
            handler.take(self._register(packets, handler))
        return drained

    def _register(self, packets: list[Packet], handler: Handler) -> list[Packet]:
        """Remembers whom to acknowledge; leaves out what is being worked on already."""
        fresh = {packet[0]: packet for packet in packets}
        outstanding = self._outstanding
        if len(fresh) == len(packets) and b"" not in fresh and outstanding.keys().isdisjoint(fresh):
            outstanding.update(fresh)
            return packets
        kept = []
        for packet in packets:
            key, topic, payload, _ = packet
            known = outstanding.get(key) if key else None
            if known is not None and known[1] == topic and known[2] == payload:
                continue
            if key:
                outstanding[key] = packet
            kept.append(packet)
        handler.redelivered(len(packets) - len(kept))
        return kept

    def _keep_alive(self, split: SplitSocket, now: float, *, paused: bool) -> float:
        """Pings when either side was silent for half the keep-alive time. Returns when to look again, in seconds.

        Not left to paho: while reading is paused its PINGRESP waits behind packets, and it would hang up.
        """
        half_s = self._options.keepalive_s / 2
        if paused:
            self._heard_at = now
        elif now - self._heard_at > 3 * half_s:
            raise Unavailable("mqtt.silent", "the broker has fallen silent")
        quiet_since = max(self._pinged_at, min(self._sent_at, self._heard_at))
        if paused:
            quiet_since = max(self._pinged_at, self._sent_at)
        if now - quiet_since >= half_s:
            self._pinged_at = now
            split.send(PINGREQ)
            return 0.0
        return quiet_since + half_s - now

    def _pause(self, handler: Handler) -> None:
        if self._stopping.is_set():
            return
        until = self._monotonic() + self._backoff_s * self._rng.uniform(0.5, 1.0)
        self._backoff_s = min(2 * self._backoff_s, self._options.backoff_longest_s)
        poll = select.poll()
        poll.register(self._wake_read, select.POLLIN)
        while not self._stopping.is_set() and (left_s := until - self._monotonic()) > 0:
            wanted_s = handler.turn(True)
            if poll.poll(max(0.0, min(left_s, wanted_s)) * 1000):
                os.read(self._wake_read, 4096)

    def _lost(self, error: Exception) -> None:
        if self._connected or self.last_error != str(error):
            log.warning("no session with the broker: %s", error)
        self.last_error = str(error)

    def _hang_up(self) -> None:
        self._connected = False
        self._outstanding.clear()
        split = self._client.split
        if split is None:
            return
        self._client.split = None
        if self._stopping.is_set():
            self._client.disconnect()
            self._client.loop_write()
        split.close()

    # --- what paho calls ------------------------------------------------------------------------------------------

    def _on_connect(self, client: paho.Client, _: Any, flags: Any, reason: Any, __: Any) -> None:
        if reason.is_failure:
            self._refusal = f"the broker refused the connection: {reason}"
            return
        cast("Handler", self._handler).established(bool(flags.session_present))
        client.subscribe([(topic, 1) for topic in self._topics])

    def _on_subscribe(self, _: paho.Client, __: Any, ___: int, reasons: list[Any], ____: Any) -> None:
        refused = [topic for topic, reason in zip(self._topics, reasons, strict=False) if reason.is_failure]
        if refused or len(reasons) != len(self._topics):
            self._refusal = f"the broker refused the subscription to {', '.join(refused) or 'some topics'}"
            return
        self._connected = True
        self.connects += 1
        self.last_error = None
        self._backoff_s = self._options.backoff_first_s
        log.info("connected to the broker")


def _client(url: str, client_id: str, options: SessionOptions) -> _Paho:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError as error:
        raise Invalid("broker.url", f"broker URL: {error}") from error
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or parts.path not in ("", "/"):
        raise Invalid("broker.url", "a broker URL is mqtt://[user:password@]host[:port] or mqtts://…")
    client = _Paho(
        paho.CallbackAPIVersion.VERSION2,  # type: ignore[attr-defined]
        client_id=client_id,
        clean_session=False,
        protocol=paho.MQTTv311,
        manual_ack=True,
        reconnect_on_failure=False,
    )
    client.connect_timeout = options.connect_s
    user = options.user or (unquote(parts.username) if parts.username else None)
    password = options.password or (unquote(parts.password) if parts.password else None)
    if user is not None:
        client.username_pw_set(user, password)
    secured = parts.scheme == "mqtts"
    if secured:
        try:
            client.tls_set(
                ca_certs=options.ca, certfile=options.cert, keyfile=options.key, tls_version=ssl.PROTOCOL_TLS_CLIENT
            )
        except (OSError, ValueError) as error:
            raise Invalid("broker.tls", f"TLS files of the broker: {error}") from error
    client.connect_async(parts.hostname, port or (8883 if secured else 1883), max(2, round(options.keepalive_s)))
    return client
