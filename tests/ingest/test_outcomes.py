"""Every outcome has a counter and a line in the documentation."""

import re
from pathlib import Path

from ingest.counters import Counters
from ingest.outcomes import REFUSALS, Outcome

PAGE = Path(__file__).resolve().parents[2] / "docs" / "ingest.md"


def rows(heading: str) -> set[str]:
    section = PAGE.read_text(encoding="utf-8").split(f"### {heading}", 1)[1].split("\n#", 1)[0]
    firsts = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {name for first in firsts for name in re.findall(r"`(\w+)`", first)}


def test_every_outcome_is_documented_where_it_belongs():
    assert rows("Refused") == set(REFUSALS)
    assert rows("Kept") == set(Outcome) - REFUSALS


def test_every_outcome_has_a_counter():
    counters = Counters()
    for outcome in Outcome:
        counters.add(outcome)
    assert counters.outcomes == dict.fromkeys(Outcome, 1)
