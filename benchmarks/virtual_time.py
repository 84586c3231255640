"""How fast a district lives on virtual time, and what each stage costs.

Run: ``python benchmarks/virtual_time.py [--hours 6] [--district demo] [--runs 3]``. One process, one rule set, a day
beginning at six in the morning, the random incidents of a month ten times over. Of several runs the fastest counts:
the machine may have had something else to do, the work is always the same. CPU seconds, not wall time.
"""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from runtime.packs import load_rulebook
from scoring.desk import Desk
from scoring.house import Costs, VirtualHouse, calm, play
from scoring.month import plan
from scoring.runs import registry_of
from simulators.world import World

START_MS = 1_778_536_800_000  # 2026-05-12T06:00:00+08:00


def measure(registry, book, hours):
    """(CPU seconds, costs by stage, messages) of one run."""
    world = World(registry, 1, START_MS)
    span = (START_MS, START_MS + round(hours * 3_600_000))
    for compound in sorted({device.compound for device in registry.devices.values()}):
        for one in plan(registry, compound, 1, span, 10.0, 1.0):
            world.schedule(one.at_ms, one.what, **one.params)
    house = VirtualHouse(registry, book, Desk())
    costs = Costs()
    with calm():
        begun = time.process_time()
        for _ in play(world, [house], span[1], costs=costs):
            pass
        return time.process_time() - begun, costs, house


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=6.0)
    parser.add_argument("--district", default="demo")
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    registry, book = registry_of(asked.district), load_rulebook()
    spent, costs, house = min((measure(registry, book, asked.hours) for _ in range(asked.runs)), key=lambda run: run[0])
    devices = len(registry.devices)
    stages = {"world": costs.world, "readings": costs.reading, "decide and evolve": costs.batches, "ticks": costs.ticks}
    rest = spent - sum(stages.values())
    result = {
        "devices": devices,
        "virtual_hours": asked.hours,
        "cpu_s": round(spent, 2),
        "device_seconds_per_cpu_second": round(devices * asked.hours * 3600 / spent),
        "cpu_s_of_a_district_day": round(spent * 24 / asked.hours, 1),
        "times_life": round(asked.hours * 3600 / spent),
        "batches": house.batches,
        "ticks": house.ticks,
        "ticks_left_out": house.ticks_left_out,
        "share_pct": {name: round(100 * cost / spent, 1) for name, cost in stages.items()}
        | {"loop and clock": round(100 * rest / spent, 1)},
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
