"""How fast a backlog goes from the broker through the whole product, against a bare subscriber that only acknowledges.

    python benchmarks/ingest.py [--messages 200000] [--rounds 3] [--devices 2000]

Both drain the same messages from the same Mosquitto (tuned as in deploy/mosquitto.conf) with a persistent session and
QoS 1: first the bare paho-mqtt client with an empty callback, then Anju with five rules for each kind, SQLite and
DuckDB on disk, every packet acknowledged only after it is durable and judged. Each runs in a process of its own; the
order changes from round to round. Then the pipeline alone (decode, gate, judge, store; no MQTT client): its cost.
"""

import argparse
import gc
import json
import multiprocessing
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import paho.mqtt.client as paho  # noqa: E402

from benchmarks.load import packets, registry  # noqa: E402
from ingest.packets import READ_BYTES, Packet, SplitSocket  # noqa: E402
from tests.support.brokers import Mosquitto  # noqa: E402

RULES = ROOT / "benchmarks" / "packs" / "five.yml"
START_BACK_MS = 150_000
LEAVES = ("telemetry", "event", "state")
ASKED_RATE = 0.7
ASKED_US = 8.0
BARE_US = 18.0
"""What a bare paho subscriber takes on the quiet machine for which `ASKED_US` was asked (design.md §6): elsewhere the
ratio of the two is what can be compared."""


def clients(url: str, *names: str) -> None:
    """Makes the persistent sessions, so that the broker queues for them."""
    for name in names:
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, name, clean_session=False)
        client.connect("127.0.0.1", int(url.rsplit(":", 1)[1]))
        done: list[int] = []
        client.on_connect = lambda c, *_: c.subscribe([(f"anju/v1/+/+/+/{leaf}", 1) for leaf in LEAVES])
        client.on_subscribe = lambda *_: done.append(1)  # noqa: B023
        while not done:
            client.loop(0.1)
        client.disconnect()
        client.loop(0.1)


def publish(url: str, devices: int, messages: int, start_ms: int) -> None:
    """Fills the queues; returns when the broker has confirmed everything."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, "load")
    client.max_inflight_messages_set(5_000)
    client.max_queued_messages_set(0)
    client.connect("127.0.0.1", int(url.rsplit(":", 1)[1]))
    client.loop_start()
    last = None
    for number, (topic, payload) in enumerate(packets(devices, messages, start_ms)):
        last = client.publish(topic, payload, qos=1)
        if number % 5_000 == 4_999:
            last.wait_for_publish(60)
    if last is not None:
        last.wait_for_publish(120)
    client.disconnect()
    client.loop_stop()


def bare(url: str, messages: int, answer) -> None:
    """The measure: paho alone, acknowledging as it goes."""
    seen, first = 0, 0.0
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, "bare", clean_session=False)

    def on_message(*_: object) -> None:
        nonlocal seen, first
        if not seen:
            first = time.perf_counter()
        seen += 1

    client.on_message = on_message
    client.connect("127.0.0.1", int(url.rsplit(":", 1)[1]))
    began = time.process_time()
    while seen < messages:
        client.loop(1)
    took = time.perf_counter() - first
    cpu = time.process_time() - began
    client.disconnect()
    client.loop(0.2)
    answer.put({"rate": messages / took, "cpu_us": 1e6 * cpu / messages})


def house(url: str, data: str, devices: int):
    """The whole product on `data`, not yet started, with its registry."""
    from runtime.settings import load_settings
    from runtime.wiring import House

    settings = load_settings(
        None, data=Path(data), broker=url, client_id="anju", http_port=0, rules=[RULES], log_level="WARNING"
    )
    made = House(settings, on_failure=lambda error: os._exit(f"{error}" and 3))
    made.open_stores().registry.apply(registry(devices))
    return made


def product(url: str, messages: int, devices: int, answer) -> None:
    """Anju drains the same queue."""
    from runtime.interpreter import settle_memory, share_fairly

    share_fairly()
    with tempfile.TemporaryDirectory(prefix="anju-bench-") as data:
        anju = house(url, data, devices)
        began_cpu = 0.0
        anju.start()
        settle_memory()
        counters = anju.intake.counters
        while not counters.packets:
            time.sleep(0.0005)
        first, began_cpu = time.perf_counter(), time.process_time()
        while counters.acked < messages:
            time.sleep(0.001)
        took, cpu = time.perf_counter() - first, time.process_time() - began_cpu
        stored = sum(anju.telemetry.count(kind) for kind in ("elevator", "fire", "ebike"))
        judged = anju.station.processed
        threads = thread_cpu()
        leave(anju)
    assert stored == messages == judged, f"{stored} stored, {judged} judged of {messages}"
    answer.put({"rate": messages / took, "cpu_us": 1e6 * cpu / messages, "threads": threads})


def leave(anju) -> None:
    """Stops the product and gives back what `settle_memory` took out of the collector's sight.

    Otherwise the interpreter ends with DuckDB's objects alive, and its binding prints pages of them.
    """
    anju.stop()
    gc.unfreeze()


def thread_cpu() -> dict[str, float]:
    """CPU seconds of each thread of this process."""
    return {
        thread.name: round(time.clock_gettime(time.pthread_getcpuclockid(thread.ident)), 2)
        for thread in threading.enumerate()
        if thread.ident is not None
    }


def wire(some: Iterator[tuple[str, bytes]]) -> list[bytes]:
    """PUBLISH packets as they come through the socket, about 64 KiB at a time."""
    chunks, chunk = [], bytearray()
    for number, (topic, payload) in enumerate(some):
        length = 2 + len(topic) + 2 + len(payload)
        chunk += bytes([0x32, length & 127 | 128, length >> 7]) + len(topic).to_bytes(2, "big") + topic.encode()
        chunk += (number & 0xFFFF).to_bytes(2, "big") + payload
        if len(chunk) >= READ_BYTES:
            chunks.append(bytes(chunk))
            chunk.clear()
    return [*chunks, bytes(chunk)]


def split(chunk: bytes) -> list[Packet]:
    """What the session makes of `chunk`."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stream = SplitSocket(ours)
        at = 0
        while stream.bytes_in < len(chunk):
            at += theirs.send(chunk[at : at + READ_BYTES])
            stream.fill()
        return stream.packets


def alone(messages: int, devices: int, answer) -> None:
    """Decode, gate, judge, journal, store: packets come from memory and acknowledgements go nowhere.

    On one core: two threads on two cores that share their caches with strangers cost each other up to a third more.
    """
    from ingest.intake import Intake
    from runtime.interpreter import settle_memory, share_fairly

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    share_fairly()

    class Memory:
        """A session without a broker."""

        connected = True
        bell = threading.Event()

        def start(self, handler) -> None:
            """Nothing to connect."""

        def stop(self, timeout_s: float) -> None:
            """Nothing to end."""

        def wake(self) -> None:
            """A batch was answered."""
            self.bell.set()

        def ack(self, some) -> int:
            """Counts."""
            return len(some)

    def answered(session) -> None:
        session.bell.wait(0.1)
        session.bell.clear()

    with tempfile.TemporaryDirectory(prefix="anju-bench-") as data:
        from runtime.wiring import House

        class Inner(House):
            """The product without its broker session."""

            def _start_dispatch(self, address) -> None:
                pass

            def _build_intake(self, address) -> None:
                self.session = Memory()
                self.intake = Intake(
                    self.session, self.station, self.state.registry.devices, self.gate, self.clock_ms, 1
                )

            def _start_api(self) -> None:
                pass

            def _stop_intake(self) -> None:
                pass

        anju = house("mqtt://127.0.0.1:1", data, devices)
        anju.__class__ = Inner
        start_ms = time.time_ns() // 1_000_000 - START_BACK_MS
        chunks = wire(packets(devices, messages, start_ms))
        anju.start()
        anju.intake.established(False)
        settle_memory()
        splitting = 0.0
        began = time.process_time()
        wall = time.perf_counter()
        for chunk in chunks:
            # Taken apart just before they are worked on, as in the product; but that is the MQTT client's work.
            before = time.thread_time()
            arrived = split(chunk)
            splitting += time.thread_time() - before
            anju.intake.take(arrived)
            anju.intake.turn(False)
            while not anju.intake.room():
                answered(anju.session)
                anju.intake.turn(False)
        while anju.intake.counters.acked < messages:
            answered(anju.session)
            anju.intake.turn(True)
        anju.telemetry.flush()
        cpu, wall = time.process_time() - began - splitting, time.perf_counter() - wall
        threads = thread_cpu()
        leave(anju)
    answer.put({"cpu_us": 1e6 * cpu / messages, "rate": messages / wall, "threads": threads})


def child(work, *arguments: object) -> dict[str, float]:
    """Runs `work` in a fresh process and returns what it measured."""
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    process = context.Process(target=work, args=(*arguments, answer))
    process.start()
    while True:
        try:
            result: dict[str, float] = answer.get(timeout=1)
        except Exception as error:
            if not process.is_alive() and answer.empty():
                raise SystemExit(f"{work.__name__} ended with {process.exitcode}") from error
        else:
            process.join()
            return result


def verdict(what: str, found: float, *, at_least: float | None = None, at_most: float | None = None) -> str:
    """One line: what was asked for, what was found, and whether that will do."""
    good = (at_least is None or found >= at_least) and (at_most is None or found <= at_most)
    asked = f"at least {at_least:.2f}" if at_least is not None else f"at most {at_most:.2f}"
    return f"{'met   ' if good else 'MISSED'} {what}: {found:.2f} (asked for: {asked})"


def main() -> None:
    """Prints a line for each round and the medians."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--messages", type=int, default=200_000)
    options.add_argument("--devices", type=int, default=2_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    rounds = []
    for number in range(given.rounds):
        with tempfile.TemporaryDirectory(prefix="anju-bench-") as folder:
            broker = Mosquitto(Path(folder) / "broker")
            broker.start()
            try:
                clients(broker.url, "bare", "anju")
                publish(broker.url, given.devices, given.messages, time.time_ns() // 1_000_000 - START_BACK_MS)
                works = [(bare, (broker.url, given.messages)), (product, (broker.url, given.messages, given.devices))]
                results = {work.__name__: child(work, *rest) for work, rest in (works if number % 2 else works[::-1])}
            finally:
                broker.stop()
        results["ratio"] = results["product"]["rate"] / results["bare"]["rate"]
        rounds.append(results)
        one, other = results["bare"], results["product"]
        print(f"round {number + 1}: bare {one['rate']:,.0f}/s ({one['cpu_us']:.1f} µs)  "
              f"anju {other['rate']:,.0f}/s ({other['cpu_us']:.1f} µs)  "
              f"ratio {results['ratio']:.2f}  {other['threads']}", flush=True)  # fmt: skip
    inner = [child(alone, given.messages, given.devices) for _ in range(2 * given.rounds)]
    ratio = statistics.median(r["ratio"] for r in rounds)
    costs = sorted(r["cpu_us"] for r in inner)
    measure = min(r["bare"]["cpu_us"] for r in rounds)
    print(verdict("anju ÷ bare subscriber", ratio, at_least=ASKED_RATE))
    print(verdict(f"pipeline without the MQTT client, µs of CPU per message (best of {len(costs)}; "
                  f"median {statistics.median(costs):.1f})", costs[0], at_most=ASKED_US))  # fmt: skip
    print(verdict(f"the same ÷ bare subscriber (best of {len(rounds)}: {measure:.1f} µs)", costs[0] / measure,
                  at_most=ASKED_US / BARE_US))  # fmt: skip
    print(f"CPU seconds by thread: {min(inner, key=lambda r: r['cpu_us'])['threads']}")
    if given.json:
        print(json.dumps({"rounds": rounds, "alone": inner}))


if __name__ == "__main__":
    main()
