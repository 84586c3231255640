"""What the engine costs for each reading beyond the rules' own screens: idle devices, busy devices, a tick.

    python -m benchmarks.engine_micro [--devices 2000] [--batch 1000] [--rounds 200]

Prints µs per reading. The screens alone are timed in the same run, so that the difference is the engine's own.
"""

import argparse
import gc
import itertools
import time

from alerts.checkpoint import snapshot
from alerts.engine import decide, evolve
from alerts.inputs import Tick
from alerts.rules.base import Looks, RuleInfo, Verdict
from alerts.state import EngineState
from domain.devices import Device
from domain.kinds import EbikeValues
from domain.places import Name, Place
from domain.readings import Batch, Reading
from domain.registry import Registry

RULES = 5
T0 = 1_795_000_000_000


class Limit:
    """Idle below 70 ℃, as a generated screen would be; above it remembers that it holds and says nothing."""

    ticks = False
    elapses = False

    def __init__(self, number: int) -> None:
        self.info = RuleInfo(
            f"R-{number}", 1, "bench", Name("规则"), "ebike", (), "device", (2,), "temp_socket >= 70", "temp_socket",
            None, (), "",
        )  # fmt: skip
        self.params: dict[str, object] = {}
        self.glance = None
        self.looks = Looks("(v.temp_socket is not None and v.temp_socket >= 70)", "False")

    def screen(self, reading: Reading) -> bool:
        """One comparison."""
        values = reading.values
        return values is not None and values.temp_socket is not None and values.temp_socket >= 70  # type: ignore[union-attr]

    def judge(self, memory, view):
        """Looks at one more signal."""
        return None if memory is not None and view.value("power") is not None else Verdict((1,))


class Book:
    """Five rules for every device."""

    def __init__(self) -> None:
        self.compiled = tuple(Limit(number) for number in range(RULES))
        self.rules = {rule.info.id: rule.info for rule in self.compiled}
        self.cards: dict[str, dict[str, object]] = {}
        self.digest = "bench"

    def for_device(self, device, compound_overrides):
        """All of them."""
        return self.compiled


def batches(devices: int, size: int, rounds: int, temperature: float) -> list[Batch]:
    made, serial = [], itertools.count()
    for number in range(rounds):
        readings = []
        for _ in range(size):
            n = next(serial)
            at = T0 + n
            values = EbikeValues(
                port_state=2, session=True, power=300.0 + n % 7, current=1.4, voltage=221.0, energy=0.5,
                temp_socket=temperature, temp_ambient=12.0, rssi=-70.0,
            )  # fmt: skip
            readings.append(Reading(f"p{n % devices}", "ebike", at, at, values))
        made.append(Batch(readings, [], [], T0 + number, number))
    return made


def timed(label: str, work, per: int) -> float:
    gc.collect()
    started = time.perf_counter()
    work()
    micros = (time.perf_counter() - started) / per * 1e6
    print(f"{label:<44} {micros:7.3f} µs")
    return micros


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    devices = [Device(f"p{n}", "ebike", "c", "c", Name(f"p{n}")) for n in range(options.devices)]
    registry = Registry(places=[Place("c", "compound", Name("c"))], devices=devices)
    state = EngineState.fresh(registry, Book())
    count = options.batch * options.rounds
    idle = batches(options.devices, options.batch, options.rounds, 25.0)
    for entry in idle[: max(1, options.devices // options.batch + 1)]:
        evolve(state, decide(state, entry, entry.received_ms))  # every device online before the clock starts

    def screens() -> None:
        for entry in idle:
            for reading in entry.readings:
                state.watches[reading.device].stirs(reading)

    bare = timed("screens alone, per reading", screens, count)
    decisions = []
    full = timed(
        "decide, idle, per reading", lambda: decisions.extend(decide(state, b, b.received_ms) for b in idle), count
    )
    print(f"{'  of which the engine':<44} {full - bare:7.3f} µs   (aim 1.5)")
    timed("evolve, idle, per reading", lambda: [evolve(state, decision) for decision in decisions], count)
    busy = batches(options.devices, options.batch, options.rounds, 90.0)
    for entry in busy[: max(1, options.devices // options.batch + 1)]:
        evolve(state, decide(state, entry, entry.received_ms))
    timed("decide, all rules awake, per reading", lambda: [decide(state, b, b.received_ms) for b in busy], count)
    timed("tick, per device", lambda: decide(state, Tick(), T0 + count), options.devices)
    timed("snapshot, per device", lambda: snapshot(state), options.devices)


if __name__ == "__main__":
    main()
