"""Resident memory of the whole demo: service, embedded broker and simulator, after a while of running.

    python benchmarks/memory.py [--seconds 120]

Prints RSS and PSS (shared pages counted once) of each process and the sum. Asked for: at most 350 MB.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.service import Service  # noqa: E402


def family(pid: int) -> list[int]:
    """The process and all its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += family(int(child))
    return found


def memory_mb(pid: int) -> tuple[str, float, float]:
    """(name, RSS, PSS) in MB."""
    command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    name = " ".join(part.decode(errors="replace").rpartition("/")[2] for part in command[:4])
    fields = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        key, _, rest = line.partition(":")
        fields[key] = int(rest.split()[0]) / 1024
    return name, fields["Rss"], fields["Pss"]


def main() -> None:
    """Starts the demo, waits, looks."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=int, default=120)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="anju-bench-") as folder:
        service = Service(Path(folder), "--demo", "--mqtt-port", "0").start()
        try:
            time.sleep(given.seconds)
            parts = [memory_mb(pid) for pid in family(service.pid)]
            alerts = len(service.get("/board")["alerts"])
        finally:
            service.stop()
    for name, rss, pss in parts:
        print(f"{rss:7.1f} MB RSS {pss:7.1f} MB PSS  {name}")
    print(f"{sum(p[1] for p in parts):7.1f} MB RSS {sum(p[2] for p in parts):7.1f} MB PSS  in all, after "
          f"{given.seconds} s with {alerts} open alerts (asked for: at most 350 MB)")  # fmt: skip


if __name__ == "__main__":
    main()
