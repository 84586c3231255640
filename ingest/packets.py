"""The MQTT byte stream, taken apart in bulk: PUBLISH packets for us, everything else for paho."""

import socket
import ssl
from typing import Final

from domain.errors import Unavailable
from domain.limits import FRAME_BYTES_MAX, PAYLOAD_BYTES_MAX

__all__ = ["Packet", "SplitSocket", "pubacks"]

Packet = tuple[bytes, bytes, bytes, int]
"""(packet id of 2 bytes, empty at QoS 0; topic; payload; first byte of the fixed header). A plain tuple: this is the
hottest object of the house."""

RETAIN: Final = 0x01
READ_BYTES: Final = 65_536
WRITE_WAIT_S: Final = 1.0
CONTROL_BYTES: Final = 4_096
"""CONNACK, SUBACK and PINGRESP have a few bytes."""
KEPT_BYTES: Final = PAYLOAD_BYTES_MAX + 1_024
"""The head of an oversize packet: enough to see that it is oversize and to keep evidence."""


def pubacks(ids: list[bytes]) -> bytes:
    """One PUBACK packet for each id, as they go on the wire."""
    return b"\x40\x02" + b"\x40\x02".join(ids) if ids else b""


class SplitSocket:
    """A connected non-blocking socket that paho may use, with the PUBLISH packets taken out.

    paho reads a packet with three or more calls of `recv` and sends each PUBACK with a call of `send`: most of its cost
    per message. Here one `recv` brings up to 64 KiB, PUBLISH packets go to `packets`, the few others are what paho's
    `recv` returns; what paho sends is gathered and leaves with our acknowledgements in one `send`.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.packets: list[Packet] = []
        """PUBLISH packets read and not yet taken."""
        self.bytes_in = 0
        """Bytes received."""
        self._sock = sock
        self._secured = isinstance(sock, ssl.SSLSocket)
        self._rest = b""
        self._skip = 0
        self._control = bytearray()
        self._out = bytearray()

    # --- what paho sees -----------------------------------------------------------------------------------------

    def recv(self, size: int) -> bytes:
        """The next bytes that are not of a PUBLISH packet. Raises `BlockingIOError` if there are none."""
        if not self._control:
            raise BlockingIOError
        part = bytes(self._control[:size])
        del self._control[:size]
        return part

    def send(self, data: bytes | bytearray) -> int:
        """Queues `data` for the next `flush`."""
        self._out += data
        return len(data)

    def fileno(self) -> int:
        """For poll."""
        return self._sock.fileno()

    def setblocking(self, flag: bool) -> None:
        """As of a socket."""
        self._sock.setblocking(flag)

    def pending(self) -> int:
        """Bytes that `recv` would return."""
        return len(self._control)

    def close(self) -> None:
        """Sends what is queued (a DISCONNECT), as far as that is possible at once, and closes."""
        try:
            self._sock.settimeout(WRITE_WAIT_S)
            if self._out:
                self._sock.sendall(self._out)
        except OSError:
            pass  # the other side is gone; what was queued comes again after the next connect
        finally:
            self._out.clear()
            self._sock.close()

    # --- what the session sees ----------------------------------------------------------------------------------

    @property
    def wants_write(self) -> bool:
        """True while something is queued."""
        return bool(self._out)

    def flush(self) -> None:
        """Sends as much of the queue as the kernel takes. Raises `OSError` when the connection is gone."""
        while self._out:
            try:
                sent = self._sock.send(self._out)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            del self._out[:sent]

    def fill(self) -> bool:
        """Reads once and splits what came. True if nothing more is waiting in the kernel.

        Raises `OSError` when the connection is gone, `Unavailable` when the stream is not MQTT.
        """
        try:
            data = self._sock.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        if not data:
            raise ConnectionResetError("the broker closed the connection")
        size = len(data)
        self.bytes_in += size
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        self._rest = self._split(self._rest + data if self._rest else data)
        # A short read means that the kernel had no more, except under TLS, where one record is read at a time.
        return not self._secured and size < READ_BYTES

    def _split(self, data: bytes) -> bytes:  # noqa: C901, PLR0912  (the hottest loop of the session: calls cost)
        """Takes whole packets off the front of `data`; returns what is left."""
        packets = self.packets
        at, end = 0, len(data)
        while end - at >= 2:
            first = data[at]
            length = data[at + 1]
            body = at + 2
            if length > 127:
                shift = 7
                length &= 127
                while True:
                    if body >= end:
                        return data[at:]
                    digit = data[body]
                    body += 1
                    length |= (digit & 127) << shift
                    if digit < 128:
                        break
                    shift += 7
                    if shift > 21:
                        raise Unavailable("mqtt.malformed", "the broker sent a malformed packet length")
            after = body + length
            if after > end:
                if length <= FRAME_BYTES_MAX or end - body < KEPT_BYTES:
                    return data[at:]
                self._skip = after - end
                after = end
            if first & 0xF0 == 0x30:
                topic_end = body + 2 + (data[body] << 8 | data[body + 1]) if length >= 2 else end + 1
                quality = first & 0x06
                if topic_end + (2 if quality else 0) > after or quality > 2:
                    raise Unavailable("mqtt.malformed", "the broker sent a malformed PUBLISH")
                if quality:
                    packets.append((
                        data[topic_end : topic_end + 2], data[body + 2 : topic_end], data[topic_end + 2 : after], first
                    ))  # fmt: skip
                else:
                    packets.append((b"", data[body + 2 : topic_end], data[topic_end:after], first))
            elif length > CONTROL_BYTES:
                raise Unavailable("mqtt.malformed", "the broker sent a control packet that is far too long")
            else:
                self._control += data[at:after]
            at = after
        return data[at:]
