"""What storing a reading costs: CPU at 1,000 in a batch, wall time of small batches, what readers wait.

Run: ``python benchmarks/telemetry_micro.py [--seconds 5]``. Batches are decoded from JSON right before they are
appended, as in the service, so that their objects are warm in the cache and fresh on the heap. CPU is of the whole
process (append, background load, DuckDB's commits and checkpoints) less that of the decoding alone.
"""

import argparse
import gc
import json
import random
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from domain.kinds import KINDS
from domain.readings import Reading
from storage.telemetry.duckdb_store import DuckTelemetry

MIX = (
    ("elevator", 600, ("service_mode", "car_status", "direction", "door_zone", "floor", "door_state", "presence",
                       "speed", "load", "run_count", "main_power", "rssi")),
    ("fire", 500, ("fire", "fault", "smoke", "battery", "rssi")),
    ("fire", 200, ("p_static", "battery", "rssi")),
    ("fire", 100, ("residual_current", "cable_temp", "rssi")),
    ("ebike", 550, ("port_state", "session", "power", "current", "voltage", "temp_socket", "relay_closed", "rssi")),
    ("gateway", 50, ("uptime_s", "queue_depth", "mains", "rssi")),
)  # fmt: skip
"""Kind, devices, signals each of them sends: 2,000 devices."""


def payloads(batches: int, size: int) -> list[tuple[tuple[str, bytes], ...]]:
    """Kind and JSON of each reading of `batches` batches; values walk as real ones do."""
    rng = random.Random(7)
    devices = [(kind, f"{kind}-{n:05d}", names) for kind, count, names in MIX for n in range(count)]
    rng.shuffle(devices)
    encode = msgspec.json.Encoder().encode
    made = []
    for number in range(batches):
        batch = []
        for position in range(size):
            step = number * size + position
            kind, device, names = devices[step % len(devices)]
            values = {name: _value(KINDS[kind].signals[name], rng) for name in names}
            reading = {"device": device, "ts_ms": 1_790_000_000_000 + step, "values": values, "seq": step // 2_000}
            batch.append((kind, encode(reading)))
        made.append(tuple(batch))
    return made


def _value(signal, rng: random.Random) -> object:
    if signal.type == "boolean":
        return rng.random() < 0.1
    if signal.type == "integer":
        return rng.randint(max(0, int(signal.low)), min(int(signal.high), 30))
    if signal.high <= 0:
        return -71.0
    return round(rng.uniform(max(0.0, signal.low), min(signal.high, 60.0)), 2)


class _Packet(msgspec.Struct):
    device: str
    ts_ms: int
    values: msgspec.Raw
    seq: int


def decoded(batch, received_ms: int) -> list[Reading]:
    """The readings of a batch, freshly made."""
    head = _DECODE
    values = _VALUES
    return [
        Reading(p.device, kind, p.ts_ms, received_ms, values[kind](p.values), None, p.seq, "b1")
        for kind, raw in batch
        for p in (head(raw),)
    ]


_DECODE = msgspec.json.Decoder(_Packet).decode
_VALUES = {name: msgspec.json.Decoder(kind.values).decode for name, kind in KINDS.items()}


def measure(folder: Path, size: int, seconds: float, rate: float | None) -> dict:
    """Appends batches of `size` for some seconds, at `rate` batches/s or as fast as it goes."""
    made = payloads(max(4, 20_000 // size), size)
    spent = time.process_time()
    for batch in made:
        decoded(batch, 1)
    decoding = (time.process_time() - spent) / len(made)
    gc.collect()
    gc.freeze()
    store = DuckTelemetry(folder / f"{size}-{rate}.duckdb")
    walls: list[float] = []
    began, cpu = time.perf_counter(), time.process_time()
    number = 0
    while (now := time.perf_counter()) - began < seconds:
        if rate is not None and (ahead := began + number / rate - now) > 0:
            time.sleep(ahead)
        batch = decoded(made[number % len(made)], number)
        number += 1
        at = time.perf_counter()
        store.append(number, batch)
        walls.append(time.perf_counter() - at)
    store.flush()
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    rows = number * size
    count = sum(store.count(kind) for kind in KINDS)
    assert count == rows, (count, rows)
    store.close()
    walls.sort()
    return {
        "batch": size,
        "readings_per_s": round(rows / took),
        "cpu_us_per_reading": round((cpu - decoding * number) / rows * 1e6, 2),
        "append_ms_p50": round(walls[len(walls) // 2] * 1e3, 3),
        "append_ms_p99": round(walls[int(len(walls) * 0.99)] * 1e3, 3),
        "append_ms_max": round(walls[-1] * 1e3, 3),
        "bytes_per_reading": round(store.size_bytes() / rows, 1),
    }


def readers(folder: Path) -> dict:
    """What questions cost on a day of 2,000 devices a minute each, idle and while 20,000 readings/s come in."""
    store = DuckTelemetry(folder / "day.duckdb")
    gc.unfreeze()
    made = payloads(100, 2_000)
    for number in range(1, 1_441):
        batch = decoded(made[number % 100], number)
        store.append(number, [msgspec.structs.replace(r, ts_ms=1_790_000_000_000 + 60_000 * number) for r in batch])
    store.flush()
    device = "elevator-00007"
    questions = {
        "series_24h_500_points": lambda: store.series(device, "elevator", ["speed"], 0, 2**50, 500),
        "series_2h_4_signals": lambda: store.series(
            device, "elevator", ["speed", "load", "floor", "rssi"], 1_790_000_000_000 + 60_000 * 1_320, 2**50, 1_500
        ),
        "events": lambda: store.events(device, "elevator", 0, 2**50, 100),
        "last_values": lambda: store.last_values(device, "elevator"),
    }
    answer = {name: _quickest(ask, fresh=True) for name, ask in questions.items()}
    stop = threading.Event()

    def write() -> None:
        number = store.last_batch
        while not stop.wait(0.05):
            number += 1
            store.append(number, decoded(made[number % 100][:1_000], number))

    writer = threading.Thread(target=write)
    writer.start()
    answer |= {f"{name}_while_writing": _quickest(ask, fresh=False) for name, ask in questions.items()}
    stop.set()
    writer.join()
    began = time.perf_counter()
    rows = sum(len(readings) for _, readings in store.replay(1_000))
    answer["replay_readings_per_s"] = round(rows / (time.perf_counter() - began))
    store.close()
    return answer


def _quickest(ask, *, fresh: bool) -> dict:
    walls = []
    for _ in range(20):
        at = time.perf_counter()
        ask()
        walls.append((time.perf_counter() - at) * 1e3)
    first = walls[0]
    walls.sort()
    found = {"ms_p50": round(walls[10], 2), "ms_max": round(walls[-1], 2)}
    return found | ({"ms_first": round(first, 2)} if fresh else {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--skip-readers", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for size, rate in ((1_000, None), (1_000, 10.0), (200, 50.0), (20, 50.0), (5, 200.0), (1, 200.0)):
            found = measure(Path(folder), size, given.seconds, rate)
            print(json.dumps({"rate": "flat out" if rate is None else f"{rate:.0f} batches/s", **found}), flush=True)
        if not given.skip_readers:
            print(json.dumps(readers(Path(folder)), indent=1))
    print(json.dumps({"max_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


if __name__ == "__main__":
    main()
