"""How long from a device's publish to the alert out on MQTT, and to the operator's live stream.

    python benchmarks/latency.py [--rate 1000] [--seconds 60] [--every-ms 100]

The real service (``anju up``, embedded broker and stores) takes `--rate` ordinary messages a second; meanwhile every
`--every-ms` another device reports an entrapment. Both ends are in this process, so one clock measures. The bare round
trip of the same broker is measured in the same run.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import paho.mqtt.client as paho  # noqa: E402

from benchmarks.load import KINDS, device_id, packets, registry  # noqa: E402
from runtime.broker_files import credentials  # noqa: E402
from tests.support.service import Service  # noqa: E402

DEVICES = 2_000


def connect(url: str, name: str) -> paho.Client:
    """A connected client with its loop running."""
    parts = urlsplit(url)
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, name)
    client.username_pw_set(unquote(parts.username or ""), unquote(parts.password or ""))
    client.max_inflight_messages_set(2_000)
    client.connect(parts.hostname or "", parts.port or 1883)
    client.loop_start()
    while not client.is_connected():
        time.sleep(0.01)
    return client


def quantile(values: list[float], share: float) -> float:
    """The value below which `share` of them lie, ms."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


class Marks:
    """When each troubled device spoke and when its alert was seen."""

    def __init__(self) -> None:
        self.sent: dict[str, float] = {}
        self.seen: dict[str, dict[str, float]] = {"mqtt": {}, "stream": {}}

    def see(self, where: str, device: str | None) -> None:
        """The alert of `device` was seen."""
        if device is not None:
            self.seen[where].setdefault(device, time.perf_counter())

    def delays(self, where: str) -> list[float]:
        """From publish to sight, ms."""
        return [1e3 * (at - self.sent[device]) for device, at in self.seen[where].items() if device in self.sent]


def listen(service: Service, marks: Marks, ready: threading.Event) -> None:
    """Reads the live stream as a console would."""
    try:
        for event, data in service.stream():
            ready.set()
            if event == "batch":
                for change in data["c"]:
                    if change["t"] == "alert.raised":
                        marks.see("stream", change["a"]["device"]["id"])
    except OSError:
        return


def round_trip(publisher: paho.Client, listener: paho.Client, count: int) -> list[float]:
    """Publish → subscriber through the broker alone, ms."""
    arrived: dict[int, float] = {}
    listener.on_message = lambda _, __, message: arrived.setdefault(int(message.payload), time.perf_counter())
    listener.subscribe("anju/v1/c00/alerts/echo", 1)
    time.sleep(0.5)
    sent = {}
    for number in range(count):
        sent[number] = time.perf_counter()
        publisher.publish("anju/v1/c00/alerts/echo", str(number), qos=1)
        time.sleep(0.01)
    time.sleep(0.5)
    return [1e3 * (arrived[n] - sent[n]) for n in sent if n in arrived]


def main() -> None:
    """Prints quantiles in milliseconds."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rate", type=int, default=1_000)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--every-ms", type=int, default=100)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="anju-bench-") as folder:
        data = Path(folder)
        service = Service(data, "--mqtt-port", "0", "--log-level", "WARNING", registry=registry(DEVICES)).start()
        try:
            measure(service, data, given)
        finally:
            service.stop()


def measure(service: Service, data: Path, given: argparse.Namespace) -> None:
    """One run."""
    from runtime.broker_files import last_port

    port = last_port(next((data / "broker").rglob("*.conf")))
    login = credentials(next((data / "broker").rglob("*.json")))["service"]
    url = f"mqtt://{login.user}:{login.password}@127.0.0.1:{port}"
    publisher, listener = connect(url, "load"), connect(url, "watch")
    bare = round_trip(publisher, connect(url, "echo"), 200)
    marks, ready = Marks(), threading.Event()
    listener.on_message = lambda _, __, message: marks.see("mqtt", json.loads(message.payload)["device"]["id"])
    listener.subscribe("anju/v1/+/alerts/+", 1)
    threading.Thread(target=listen, args=(service, marks, ready), daemon=True).start()
    ready.wait(10)

    began = time.perf_counter()
    start_ms = time.time_ns() // 1_000_000
    lifts = [n for n in range(DEVICES) if KINDS[n % 3] == "elevator"]
    next_trouble, troubled = began + 2.0, 0
    for number, (topic, payload) in enumerate(packets(DEVICES, given.rate * given.seconds, start_ms)):
        due = began + number / given.rate
        while (now := time.perf_counter()) < due:
            time.sleep(min(0.001, due - now))
        publisher.publish(topic, payload, qos=1)
        if now >= next_trouble and troubled < len(lifts):
            n = lifts[troubled]
            body = {"ts": time.time_ns() // 1_000_000, "boot": "trouble", "seq": 1, "event": {"kind": "entrapment"}}
            marks.sent[device_id(n)] = time.perf_counter()
            publisher.publish(f"anju/v1/c{n % 20:02d}/elevator/{device_id(n)}/event", json.dumps(body), qos=1)
            troubled, next_trouble = troubled + 1, next_trouble + given.every_ms / 1_000
    time.sleep(2)
    print(f"bare broker round trip: p50 {quantile(bare, 0.5):.1f} ms  p99 {quantile(bare, 0.99):.1f} ms")
    for where, asked in (("mqtt", 50), ("stream", 200)):
        delays = marks.delays(where)
        print(f"publish → alert on {where:6}: n {len(delays)}/{len(marks.sent)}  p50 {quantile(delays, 0.5):.1f} ms  "
              f"p95 {quantile(delays, 0.95):.1f} ms  p99 {quantile(delays, 0.99):.1f} ms  max {max(delays):.1f} ms  "
              f"(asked for: p99 at most {asked} ms)")  # fmt: skip


if __name__ == "__main__":
    main()
