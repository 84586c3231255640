"""Appends batches for ever and prints the number of each once it is durable; killed by test_crash.py."""

import sys
from pathlib import Path

from domain.kinds import ElevatorValues, FireValues
from domain.readings import DeviceEvent, Reading
from storage.telemetry.duckdb_store import DuckTelemetry


def batch(number):
    """The readings of batch `number`: two kinds, a size and content that follow from the number."""
    made = []
    for index in range(1 + number * 7 % 40):
        at = 1_790_000_000_000 + number * 1_000 + index
        if index % 3:
            made.append(
                Reading(f"l{index % 5}", "elevator", at, at, ElevatorValues(floor=index, speed=number / 8), seq=at)
            )
        else:
            event = DeviceEvent("fire_alarm", "s", str(number)) if index % 2 else None
            made.append(Reading(f"s{index % 5}", "fire", at, at, FireValues(smoke=index / 4), event, number, "b"))
    return made


def main():
    load, save = map(int, sys.argv[2:4])
    store = DuckTelemetry(Path(sys.argv[1]), memory_mb=64, load_readings=load, load_ms=20, save_readings=save)
    number = store.last_batch
    while True:
        number += 1
        store.append(number, batch(number))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
