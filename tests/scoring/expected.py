"""The bounded set of CI: ``python -m tests.scoring.expected`` writes its numbers anew after a change that is meant."""

import json
from pathlib import Path

import msgspec

from scoring.runs import Month, Task, play_all, tasks_of_month
from scoring.sums import score
from simulators.scenarios import SCENARIOS, load_scenario
from simulators.wire import WireFaults

FILE = Path(__file__).parent / "expectations.json"
DEVICE_DAYS_MAX = 16.0
"""A longer scenario is left to `anju score --all`."""
PARTS = 8
"""The scenarios are scored in so many parts, so that several processes can share them."""
MONTHS = (
    Month(district="small", seed=1, days=1.0, factor=20.0, boost=5.0),
    Month(district="small", seed=2, days=1.0, factor=20.0, boost=5.0),
)


def scenario_tasks():
    for name, path in SCENARIOS.items():
        scenario = load_scenario(path)
        size = len(scenario.registry.devices) * scenario.lasts_s / 86_400
        if size <= DEVICE_DAYS_MAX and scenario.wire == WireFaults():
            yield Task(name=name, size=size, scenario=name)


def sets():
    """Name → its tasks. The scenarios make `PARTS` sets, each month one of its own."""
    scenarios = sorted(scenario_tasks(), key=lambda task: task.name)
    for part in range(PARTS):
        yield f"scenarios, {part + 1} of {PARTS}", scenarios[part::PARTS]
    for month in MONTHS:
        yield f"small, seed {month.seed}, {month.days:g} d", tasks_of_month(month)


def numbers(tasks):
    """What must come out the same: counts, shares and delays by rule and incident, and all misses by name."""
    made = msgspec.to_builtins(score("shipped", [one.parts[0] for one in play_all(tasks, [None], 1)]), str_keys=True)
    keep = ("overall", "load", "rules", "kinds", "offenders")
    return {key: made[key] for key in keep} | {
        "missed": [f"{one['what']} {one['rule']} {one['target']} {one['verdict']}" for one in made["missed"]]
    }


def main():
    found = {name: numbers(tasks) for name, tasks in sets()}
    FILE.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {FILE.name}: {len(found)} sets")


if __name__ == "__main__":
    main()
