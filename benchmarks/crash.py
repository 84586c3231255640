"""Kills the service, the broker or both at random moments under load, many times over.

    python benchmarks/crash.py [--rounds 100] [--seed 1]

After each round: every packet whose publisher got PUBACK is stored exactly once, the hash chain holds, and the alerts
equal those of an unkilled run with the same seed. Exits with 1 at the first difference.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.crash import Load, Outcome, differences, run_round  # noqa: E402

SEEDS = 5
VICTIMS = ("service", "broker", "both")


def main() -> None:
    """Prints a line for each round."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=100)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    draw = random.Random(given.seed)
    calm: dict[int, Outcome] = {}
    failed = kills = 0
    began = time.monotonic()
    for number in range(given.rounds):
        seed = number % SEEDS
        with tempfile.TemporaryDirectory(prefix="anju-crash-") as folder:
            if seed not in calm:
                calm[seed] = run_round(Path(folder) / "calm", Load(seed), ())
            victims = tuple(draw.choice(VICTIMS) for _ in range(draw.choice((1, 2))))
            outcome = run_round(Path(folder) / f"round-{number}", Load(seed), victims)
        kills += len(victims)
        wrong = differences(calm[seed], outcome)
        failed += bool(wrong)
        print(f"round {number + 1:3}: {len(outcome.confirmed)} confirmed, {len(outcome.stored)} stored, "
              f"{len(outcome.alerts)} alerts, killed {', '.join(outcome.kills)}: {'well' if not wrong else 'WRONG'}",
              flush=True)  # fmt: skip
        for line in wrong[:10]:
            print(f"           {line}", flush=True)
    print(f"{given.rounds} rounds with {kills} kills in {time.monotonic() - began:.0f} s: {failed} with differences")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
