"""What a message costs at the door: our session against plain paho, and the sorter by itself.

    python benchmarks/ingest_micro.py [--messages 200000]

A backlog of QoS 1 messages is put into Mosquitto (settings of deploy/) for a persistent session, then drained once by
plain paho with automatic acknowledgement and callbacks that do nothing, once by our session acknowledging batches of
2,000, once by the whole of ingest in front of a desk that answers at once. CPU is of the draining process alone.
"""

import argparse
import contextlib
import os
import random
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import Future
from pathlib import Path

import paho.mqtt.client as paho

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from domain.devices import Device
from domain.places import Name
from ingest.counters import Counters
from ingest.gate import Gate
from ingest.intake import Intake
from ingest.kinds import WIRES
from ingest.session import MqttSession
from ingest.sorter import Draft, Sorter

DEVICES = 2_000
NAMES = [f"lift-{n:05d}" for n in range(DEVICES)]
TOPICS = [f"anju/v1/cmp-01/elevator/{name}/telemetry" for name in NAMES]
REGISTRY = {name: Device(name, "elevator", "cmp-01", "cmp-01", Name(name)) for name in NAMES}


def body(seq: int, at_ms: int) -> bytes:
    """A usual lift report of eight signals."""
    return (
        b'{"ts":%d,"seq":%d,"boot":"b1f2","values":{"service_mode":1,"car_status":1,"floor":12,"door_state":0,'
        b'"presence":true,"speed":1.75,"load":35.5,"rssi":-67}}' % (at_ms, seq)
    )


def broker(folder: Path) -> tuple[subprocess.Popen, int]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\n"
        "set_tcp_nodelay true\npersistence false\n"
    )
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    process = subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL)
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return process, port
        time.sleep(0.05)


def subscribe(port: int, client_id: str) -> None:
    """Makes the persistent session that the backlog is kept for."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False)
    done = threading.Event()
    client.on_connect = lambda c, *_: c.subscribe("anju/v1/+/+/+/+", 1)
    client.on_subscribe = lambda *_: done.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    done.wait(10)
    client.disconnect()
    client.loop_stop()


def fill(port: int, count: int) -> None:
    """Publishes the backlog with a bare writer: paho would need a minute for it."""
    at_ms = time.time_ns() // 1_000_000 - count // DEVICES
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x00\x00\x04fill")
        sock.recv(4)
        answered = 0
        for first in range(0, count, 500):
            out = bytearray()
            for n in range(first, min(first + 500, count)):
                topic = TOPICS[n % DEVICES].encode()
                rest = len(topic).to_bytes(2, "big") + topic + (n % 65_535 + 1).to_bytes(2, "big")
                rest += body(n // DEVICES, at_ms + n // DEVICES)
                out += bytes((0x32, len(rest) & 127 | 128, len(rest) >> 7)) + rest
            sock.sendall(out)
            while answered < 4 * min(first + 500, count):
                answered += len(sock.recv(65_536))
        sock.sendall(b"\xe0\x00")


def cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def report(name: str, count: int, wall_s: float, used_s: float) -> float:
    print(f"{name:<34} {count / wall_s:>9,.0f} msg/s {used_s / count * 1e6:>7.2f} µs CPU/msg")
    return count / wall_s


def drain_paho(port: int, count: int) -> tuple[float, float]:
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="plain", clean_session=False)
    left = count
    done = threading.Event()

    def on_message(*_: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    client.on_message = on_message
    client.connect("127.0.0.1", port)
    began, used = time.perf_counter(), cpu_s()
    client.loop_start()
    done.wait(300)
    result = time.perf_counter() - began, cpu_s() - used
    client.disconnect()
    client.loop_stop()
    return result


class AckOnly:
    """Acknowledges every 2,000 packets, or when the broker pauses."""

    def __init__(self, session: MqttSession, count: int) -> None:
        self.session, self.left, self.held = session, count, []
        self.done = threading.Event()

    def established(self, resumed: bool) -> None:
        """Nothing to prepare."""

    def room(self) -> bool:
        """Always."""
        return True

    def take(self, packets: list) -> None:
        """Keeps them for the next turn."""
        self.held += packets

    def turn(self, drained: bool) -> float:
        """Acknowledges."""
        if self.held and (drained or len(self.held) >= 2_000):
            self.left -= self.session.ack(self.held)
            self.held = []
            if self.left <= 0:
                self.done.set()
        return 1.0

    def redelivered(self, count: int) -> None:
        """Not counted."""

    def failed(self, error: BaseException) -> None:
        """Ends the run."""
        raise error


def drain_session(port: int, count: int) -> tuple[float, float]:
    session = MqttSession(f"mqtt://127.0.0.1:{port}", "bare", rng=random.Random(1))
    handler = AckOnly(session, count)
    began, used = time.perf_counter(), cpu_s()
    session.start(handler)
    handler.done.wait(300)
    result = time.perf_counter() - began, cpu_s() - used
    session.stop(5)
    return result


class InstantDesk:
    """A station that costs nothing."""

    def submit(self, _: object) -> Future:
        """Answers at once."""
        answer: Future = Future()
        answer.set_result(None)
        return answer


def drain_intake(port: int, count: int) -> tuple[float, float]:
    session = MqttSession(f"mqtt://127.0.0.1:{port}", "whole", rng=random.Random(1))
    intake = Intake(session, InstantDesk(), REGISTRY, Gate(), lambda: time.time_ns() // 1_000_000, 1)
    began, used = time.perf_counter(), cpu_s()
    intake.start()
    while intake.counters.acked < count:
        time.sleep(0.005)
    result = time.perf_counter() - began, cpu_s() - used
    refused = intake.counters.rejected
    intake.stop(5)
    assert not refused, intake.counters.outcomes
    return result


def sorter_us(rounds: int = 50) -> float:
    now = time.time_ns() // 1_000_000
    batches = [
        [(os.urandom(2), topic.encode(), body(seq, now + seq), 0x32) for topic in TOPICS] for seq in range(rounds + 1)
    ]
    sorter = Sorter(WIRES, REGISTRY, Gate(), Counters())
    sorter.sort(batches[0], 0, now, Draft(), DEVICES)
    used = time.process_time()
    for seq, packets in enumerate(batches[1:], 1):
        draft = Draft()
        sorter.sort(packets, 0, now + seq, draft, DEVICES)
        assert len(draft.readings) == DEVICES
    return (time.process_time() - used) / rounds / DEVICES * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=200_000)
    count = parser.parse_args().messages
    print(f"decode + topic + gate + batch: {sorter_us():.2f} µs/msg (target 3.0)")
    ways = (("plain", "plain paho, automatic ack", drain_paho), ("bare", "our session, ack only", drain_session),
            ("whole", "all of ingest", drain_intake))  # fmt: skip
    rates = {}
    for client_id, name, drain in ways:
        with tempfile.TemporaryDirectory() as folder:
            process, port = broker(Path(folder))
            try:
                subscribe(port, client_id)
                fill(port, count)
                rates[client_id] = report(name, count, *drain(port, count))
            finally:
                process.terminate()
                process.wait(10)
    print(f"our session ÷ plain paho: {rates['bare'] / rates['plain']:.2f}")
    print(f"all of ingest ÷ plain paho: {rates['whole'] / rates['plain']:.2f}")


if __name__ == "__main__":
    main()
