"""The byte stream taken apart: whole, torn at any place, oversize, malformed."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Unavailable
from domain.limits import FRAME_BYTES_MAX, PAYLOAD_BYTES_MAX
from ingest.packets import SplitSocket, pubacks


def length(number):
    out = b""
    while True:
        number, digit = divmod(number, 128)
        out += bytes((digit | (0x80 if number else 0),))
        if not number:
            return out


def publish(topic, payload, mid=b"\x00\x01", first=0x32):
    body = len(topic).to_bytes(2, "big") + topic + (mid if first & 6 else b"") + payload
    return bytes((first,)) + length(len(body)) + body


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    yield SplitSocket(ours), theirs
    ours.close()
    theirs.close()


PIECES = st.lists(
    st.one_of(
        st.tuples(
            st.binary(min_size=1, max_size=40), st.binary(max_size=300), st.sampled_from([0x30, 0x31, 0x32, 0x3B])
        ),
        st.sampled_from([b"\x20\x02\x00\x00", b"\x90\x03\x00\x01\x01", b"\xd0\x00"]),
    ),
    max_size=20,
)


@given(PIECES, st.lists(st.integers(1, 200), min_size=1, max_size=40))
def test_packets_come_out_whole_wherever_the_stream_is_torn(pieces, cuts):
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    split = SplitSocket(ours)
    stream, packets, control = b"", [], b""
    for number, piece in enumerate(pieces):
        if isinstance(piece, bytes):
            stream += piece
            control += piece
        else:
            topic, payload, first = piece
            mid = (number + 1).to_bytes(2, "big")
            stream += publish(topic, payload, mid, first)
            packets.append((mid if first & 6 else b"", topic, payload, first))
    at = 0
    while at < len(stream):
        size = cuts[at % len(cuts)]
        theirs.sendall(stream[at : at + size])
        split.fill()
        at += size
    rest = b""
    while split.pending():
        rest += split.recv(3)
    ours.close()
    theirs.close()
    assert split.packets == packets
    assert rest == control
    assert split.bytes_in == len(stream)


def test_an_empty_socket_is_drained_and_gives_paho_nothing(pair):
    split, _ = pair
    assert split.fill()
    with pytest.raises(BlockingIOError):
        split.recv(1)


def test_the_end_of_the_stream_is_an_error(pair):
    split, theirs = pair
    theirs.close()
    with pytest.raises(ConnectionResetError):
        split.fill()


def test_a_huge_packet_is_cut_not_gathered_and_the_next_one_is_whole(pair):
    split, theirs = pair
    stream = publish(b"t", b"x" * (4 * FRAME_BYTES_MAX)) + publish(b"u", b"small", b"\x00\x02")
    for at in range(0, len(stream), 8192):
        theirs.sendall(stream[at : at + 8192])
        split.fill()
    first, second = split.packets
    assert PAYLOAD_BYTES_MAX < len(first[2]) < FRAME_BYTES_MAX
    assert second == (b"\x00\x02", b"u", b"small", 0x32)


@pytest.mark.parametrize(
    "stream",
    [b"\x32\x04\x00\x09ab", b"\x34\x06\x00\x01a\x00\x01b", b"\x32\xff\xff\xff\xff\xff", b"\x20\xff\x7f" + b"x" * 20_000,
     b"\x32\x00\x00\x00"],
    ids=["topic longer than packet", "qos 2", "endless length", "huge control packet", "no topic at all"],
)  # fmt: skip
def test_a_stream_that_is_not_mqtt_is_refused(pair, stream):
    split, theirs = pair
    theirs.sendall(stream)
    with pytest.raises(Unavailable):
        split.fill()


def test_many_acknowledgements_leave_in_one_write(pair):
    split, theirs = pair
    split.send(pubacks([b"\x00\x01", b"\x12\x34"]))
    assert split.wants_write
    split.flush()
    assert theirs.recv(100) == b"\x40\x02\x00\x01\x40\x02\x12\x34"
    assert pubacks([]) == b""


def test_what_is_queued_leaves_before_closing(pair):
    split, theirs = pair
    split.send(b"\xe0\x00")
    split.close()
    assert theirs.recv(10) == b"\xe0\x00"
