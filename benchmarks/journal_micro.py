"""What a commit of the journal costs: one alert event with one intent, a hundred of each, and the courier's part.

Run: ``python benchmarks/journal_micro.py [--rounds 400] [--folder DIR]``. Medians and 99th percentiles in
milliseconds of wall time on the disk of DIR, synced as in the service; CPU of the commit alone from a run of the same
work on a database in memory.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from alerts.alert import Alert, AlertState, Evidence
from alerts.decision import Entry
from alerts.events import AlertRaised
from alerts.intents import Notify
from alerts.ports import Checkpoint
from domain.ids import alert_id
from domain.readings import DeadLetter
from storage.database import Database, open_database

NOW_MS = 1_795_000_000_000


def raised(number: int) -> tuple[Entry, Notify]:
    """A new alert with as much evidence as a threshold rule gives, and its message."""
    rule, target = "EB-03", f"port-{number:07d}"
    evidence = Evidence(
        rule,
        3,
        "temp_socket >= 70 for 10s",
        inputs={"temp_socket": 71.5},
        params={"high": 70, "hold_s": 10},
        window_from_ms=NOW_MS - 10_000,
        window_until_ms=NOW_MS,
        samples=[(NOW_MS - 500 * step, 70 + step / 20) for step in range(20)],
        sources=[target],
    )
    alert = Alert(
        alert_id(rule, target, NOW_MS),
        f"GJ-20261118-{number:04d}",
        rule,
        3,
        target,
        "device",
        "ebike",
        2,
        AlertState.UNACKNOWLEDGED,
        1,
        NOW_MS,
        NOW_MS + 40,
        "c-01",
        "c-01-shed-2",
        device=target,
        code=rule,
        evidence=evidence,
        changed_ms=NOW_MS + 40,
    )
    entry = Entry(AlertRaised(alert), f"rule:{rule}", NOW_MS + 40, alert)
    body = {"no": alert.no, "severity": 2, "state": "unacked", "target": target, "compound": "c-01"}
    return entry, Notify(f"{alert.id}:1:mqtt", "mqtt", alert.id, 1, 2, "raised", body=body)


def measure(what: str, rounds: int, prepare: Callable[[int], Callable[[], object]]) -> None:
    """Times `rounds` calls; each is prepared outside the clock."""
    wall: list[float] = []
    cpu: list[float] = []
    for number in range(rounds):
        work = prepare(number)
        began, spent = time.perf_counter(), time.thread_time()
        work()
        wall.append(1e3 * (time.perf_counter() - began))
        cpu.append(1e3 * (time.thread_time() - spent))
    p99 = statistics.quantiles(wall, n=100)[98]
    print(f"{what:<44} median {statistics.median(wall):7.3f} ms  p99 {p99:7.3f} ms  cpu {statistics.mean(cpu):7.3f} ms")


def run(database: Database, rounds: int) -> None:
    """All measurements on one database."""
    journal, outbox = database.journal, database.outbox

    def commit(base: int, size: int) -> Callable[[int], Callable[[], object]]:
        def prepare(number: int) -> Callable[[], object]:
            made = [raised(base + number * size + step) for step in range(size)]
            entries, intents = [entry for entry, _ in made], [intent for _, intent in made]
            return lambda: journal.commit(entries, intents, (), NOW_MS)

        return prepare

    def dead(number: int) -> Callable[[], object]:
        letters = [DeadLetter("t", "bad_json", "?", f"{number}-{n}".encode(), NOW_MS) for n in range(100)]
        return lambda: journal.commit((), (), letters, NOW_MS)

    def settle(number: int) -> Callable[[], object]:
        owed = outbox.claim(NOW_MS + number, 50)
        return lambda: outbox.settle_many([row.key for row in owed], NOW_MS)

    measure("commit 1 alert event + 1 intent", rounds, commit(0, 1))
    measure("commit 100 alert events + 100 intents", max(10, rounds // 10), commit(1_000_000, 100))
    measure("commit 100 different dead letters", max(10, rounds // 10), dead)
    measure("claim 50", max(10, rounds // 20), lambda number: lambda: outbox.claim(NOW_MS + 40_000 + number, 50))
    measure("settle 50", max(10, rounds // 20), settle)
    measure("claim when nothing is due", rounds, lambda _: lambda: outbox.claim(NOW_MS - 1, 50))
    saved = Checkpoint(1, NOW_MS, bytes(4 << 20), bytes(1 << 20))
    measure("save a checkpoint of 5 MiB", 10, lambda _: lambda: journal.save_checkpoint(saved))
    measure("latest checkpoint", 10, lambda _: journal.latest_checkpoint)
    measure("verify", 3, lambda _: journal.verify)
    print(f"{journal.seq} lines")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for where in (Path(folder) / "anju.db", "sqlite://"):
            print("on disk, WAL, synchronous=FULL" if isinstance(where, Path) else "in memory")
            database = open_database(where)
            try:
                run(database, options.rounds)
            finally:
                database.close()


if __name__ == "__main__":
    main()
