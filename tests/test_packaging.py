"""Flat packages are honest only while nobody else owns their names (docs/decisions/0001)."""

import importlib.metadata
import importlib.util
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("domain", "alerts", "ingest", "storage", "dispatch", "api", "runtime", "scoring", "simulators")


def test_no_other_distribution_owns_one_of_our_names():
    owners = importlib.metadata.packages_distributions()
    for package in PACKAGES:
        assert set(owners.get(package, ["anju"])) <= {"anju"}, f"{package} is also shipped by {owners[package]}"


def test_all_our_packages_lie_side_by_side():
    places = {Path(importlib.util.find_spec(package).origin).parent.parent for package in PACKAGES}
    assert len(places) == 1, places


def test_every_dependency_is_locked_with_a_hash_and_without_a_host():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lock = (ROOT / "locks" / "runtime.txt").read_text(encoding="utf-8")
    assert "://" not in lock
    for line in project["project"]["dependencies"]:
        name = line.split(">=")[0].split("[")[0].lower()
        block = lock.lower().split(f"\n{name}==") if not lock.lower().startswith(f"{name}==") else ["", lock]
        assert len(block) == 2, f"{name} is not in locks/runtime.txt; run make lock"
        assert "--hash=sha256:" in block[1].split("\n\n")[0]
