"""Drives a load at a broker: MQTT 3.1.1, QoS 1, one thread, a wide window, and a record of every PUBACK.

Only what a publisher needs of the protocol, on a bare socket, because a general client costs more than the service
under test: about 3 µs for each message here. What is not acknowledged when a connection breaks is sent again on the
next one, with the same content, so that a broker killed at any point loses nothing that was acknowledged.
"""

import select
import socket
import ssl
import time
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from domain.errors import Unavailable
from domain.limits import LOAD_INFLIGHT_MAX
from simulators.broker import Broker
from simulators.frames import Frames

__all__ = ["LoadPublisher", "LoadReport"]

CHUNK_BYTES: Final = 65_536
CHUNK_FRAMES: Final = 512
BEAT_S: Final = 0.005
GATHER_S: Final = 0.0005
KEEPALIVE_S: Final = 60
STALL_S: Final = 15.0
"""A broker that acknowledges nothing for so long, while it should, is taken for dead."""
RETRY_S: Final = 0.1
PACKET_IDS: Final = 65_535
_AGAIN: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class LoadReport(Struct):
    """What a load came to."""

    sent: int
    """Messages handed to the network at least once."""
    acked: int
    resent: int
    connects: int
    wall_s: float
    cpu_s: float
    """Processor time of this thread meanwhile."""
    per_s: list[int]
    """Acknowledgements in each second of the run."""

    @property
    def acked_per_s(self) -> float:
        """Mean rate."""
        return self.acked / self.wall_s if self.wall_s > 0 else 0.0

    @property
    def cpu_us_per_message(self) -> float:
        """This publisher's own cost."""
        return self.cpu_s / self.acked * 1e6 if self.acked else 0.0


class LoadPublisher:
    """Sends every message of `frames` until each is acknowledged, at most `rate` a second."""

    def __init__(
        self, broker: Broker, frames: Frames, *, rate: float | None = None, window: int = 4_000, client_id: str = "load"
    ) -> None:
        if not 1 <= window <= LOAD_INFLIGHT_MAX:
            msg = f"the window must be 1…{LOAD_INFLIGHT_MAX}, not {window}"
            raise ValueError(msg)
        self.frames = frames
        self.acked = bytearray(frames.messages)
        """1 for each message number that the broker acknowledged."""
        self.acked_count = 0
        self.sent = 0
        """Messages handed to the network at least once: numbers 0 … sent-1."""
        self.resent = 0
        self.connects = 0
        self._broker = broker
        self._rate = rate
        self._window = window
        self._client_id = client_id.encode()
        self._sock: socket.socket | None = None
        self._out = bytearray()
        self._in = b""
        self._pending: dict[int, int] = {}
        self._next_id = 1
        self._heard_at = 0.0
        self._retry_at = 0.0
        self._per_s: list[int] = []

    def acked_keys(self) -> set[tuple[str, int]]:
        """(device, seq) of everything acknowledged."""
        return {self.frames.key(number) for number, done in enumerate(self.acked) if done}

    def run(self, deadline_s: float = 600.0, stop: Callable[[], bool] = lambda: False) -> LoadReport:
        """Sends until all is acknowledged, `stop` says so, or `deadline_s` has passed. Never raises for a dead broker.

        Raises `Unavailable` when the broker refuses us or breaks the protocol.
        """
        began, cpu = time.monotonic(), time.thread_time()
        while self.acked_count < self.frames.messages and not stop():
            now = time.monotonic()
            if now - began > deadline_s:
                break
            second = int(now - began)
            if len(self._per_s) <= second:
                self._per_s += [0] * (second + 1 - len(self._per_s))
            if self._sock is None and not self._connect(now):
                time.sleep(RETRY_S)
                continue
            try:
                self._turn(now, now - began)
            except OSError:
                self._lose()
        wall_s, cpu_s = time.monotonic() - began, time.thread_time() - cpu
        return LoadReport(self.sent, self.acked_count, self.resent, self.connects, wall_s, cpu_s, list(self._per_s))

    def close(self) -> None:
        """Says good-bye."""
        if self._sock is not None:
            try:
                self._sock.settimeout(1.0)
                self._sock.sendall(bytes(self._out) + b"\xe0\x00")
            except OSError:
                pass  # the broker is gone: there is nobody to say it to
            self._lose()

    # --- one turn of the loop ------------------------------------------------------------------------------------
    def _turn(self, now: float, gone_s: float) -> None:
        sock = self._sock
        if sock is None:
            return
        quota = self._quota(gone_s)
        if quota > 0 and len(self._out) < CHUNK_BYTES:
            self._fill(quota)
        if self._out:
            self._send(sock)
        # Full pipe: wait until it takes more. Nothing to send yet: wait for answers, or for the pace. Else: only look.
        wait_s = 0.05 if self._out else 0.0 if quota >= CHUNK_FRAMES else BEAT_S
        readable, _, _ = select.select([sock], [sock] if self._out else [], [], wait_s)
        if readable and wait_s == BEAT_S and self._pending:
            # Answers trickle in one by one; letting a few gather saves most of the system calls.
            time.sleep(GATHER_S)
        if readable:
            self._receive(sock, now)
        elif self._pending and now - self._heard_at > STALL_S:
            raise ConnectionResetError("the broker acknowledges nothing")
        elif now - self._heard_at > KEEPALIVE_S / 2 and not self._out:
            self._out += b"\xc0\x00"
            self._heard_at = now

    def _quota(self, gone_s: float) -> int:
        """How many messages may be sent now; 0 until it is worth a system call."""
        left = self.frames.messages - self.sent
        if self._rate is not None:
            # Paced on a grid of `BEAT_S`: a few messages at a time, the exact number over any longer time.
            left = min(left, int((gone_s // BEAT_S + 1) * BEAT_S * self._rate) - self.sent)
            return min(self._window - len(self._pending), left)
        room = self._window - len(self._pending)
        return min(room, left) if room >= min(left, CHUNK_FRAMES, self._window // 4 or 1) else 0

    def _fill(self, quota: int) -> None:
        frame, pending, out = self.frames.frame, self._pending, self._out
        number = self.sent
        last = number + min(quota, CHUNK_FRAMES)
        packet_id = self._next_id
        while number < last:
            while packet_id in pending:
                packet_id = packet_id % PACKET_IDS + 1
            pending[packet_id] = number
            out += _publish(*frame(number), packet_id, 0x32)
            packet_id = packet_id % PACKET_IDS + 1
            number += 1
        self.sent, self._next_id = number, packet_id

    def _send(self, sock: socket.socket) -> None:
        try:
            done = sock.send(self._out)
        except _AGAIN:
            return
        del self._out[:done]

    def _receive(self, sock: socket.socket, now: float) -> None:
        try:
            data = sock.recv(CHUNK_BYTES)
        except _AGAIN:
            return
        if not data:
            raise ConnectionResetError("the broker closed the connection")
        self._heard_at = now
        data = self._in + data
        at, end, done = 0, len(data), 0
        pending, acked = self._pending, self.acked
        while end - at >= 4 and data[at] == 0x40:
            number = pending.pop((data[at + 2] << 8) | data[at + 3], None)
            if number is None:
                raise Unavailable("load.puback", "the broker acknowledged a message that was not sent")
            acked[number] = 1
            done += 1
            at += 4
        if end - at >= 2 and data[at] == 0xD0:
            at += 2
        elif end - at >= 1 and data[at] not in (0x40, 0xD0):
            raise Unavailable("load.protocol", f"the broker sent packet type {data[at] >> 4} to a publisher")
        self._in = data[at:]
        self.acked_count += done
        self._per_s[-1] += done

    # --- the connection ------------------------------------------------------------------------------------------
    def _connect(self, now: float) -> bool:
        """Connects and sends again what was not acknowledged; False when the broker is not there."""
        broker = self._broker
        try:
            sock = socket.create_connection((broker.host, broker.port), timeout=3.0)
        except OSError:
            return False
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if broker.tls:
                sock = ssl.create_default_context().wrap_socket(sock, server_hostname=broker.host)
            sock.sendall(_connect(self._client_id, broker.user, broker.password))
            answer = b""
            while len(answer) < 4:
                part = sock.recv(4 - len(answer))
                if not part:
                    raise ConnectionResetError("the broker closed the connection")
                answer += part
        except OSError:
            sock.close()
            return False
        if answer[0] != 0x20 or answer[3] != 0:
            sock.close()
            raise Unavailable("load.refused", f"the broker refused the connection with code {answer[3]}")
        sock.setblocking(False)
        self._sock, self._heard_at = sock, now
        self.connects += 1
        for packet_id, number in sorted(self._pending.items(), key=lambda item: item[1]):
            self._out += _publish(*self.frames.frame(number), packet_id, 0x3A)
            self.resent += 1
        return True

    def _lose(self) -> None:
        if self._sock is not None:
            self._sock.close()
        self._sock = None
        self._out.clear()
        self._in = b""


def _publish(topic: bytes, payload: bytes, packet_id: int, first: int) -> bytes:
    """One PUBLISH; `first` is 0x32 for QoS 1, 0x3A when it is sent again."""
    length = 4 + len(topic) + len(payload)
    return b"%c%b%c%c%b%c%c%b" % (
        first, _varint(length), len(topic) >> 8, len(topic) & 255, topic, packet_id >> 8, packet_id & 255, payload,
    )  # fmt: skip


def _varint(length: int) -> bytes:
    if length < 128:
        return bytes((length,))
    if length < 16_384:
        return bytes((length & 127 | 128, length >> 7))
    return bytes((length & 127 | 128, length >> 7 & 127 | 128, length >> 14))


def _connect(client_id: bytes, user: str, password: str) -> bytes:
    """One CONNECT: MQTT 3.1.1, clean session."""
    flags, fields = 0x02, [client_id]
    if user:
        flags |= 0x80
        fields.append(user.encode())
        if password:
            flags |= 0x40
            fields.append(password.encode())
    body = b"\x00\x04MQTT\x04" + bytes((flags, KEEPALIVE_S >> 8, KEEPALIVE_S & 255))
    for text in fields:
        body += len(text).to_bytes(2, "big") + text
    return b"\x10" + _varint(len(body)) + body
