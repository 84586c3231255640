"""The committed numbers of the bounded set: any change of rules, engine or simulator that moves one is seen here."""

import json

import pytest

from tests.scoring.expected import FILE, numbers, sets

SETS = dict(sets())
WRITTEN = json.loads(FILE.read_text(encoding="utf-8"))

pytestmark = pytest.mark.timeout(300)


def test_all_sets_have_numbers_and_no_more():
    assert WRITTEN.keys() == SETS.keys()


@pytest.mark.parametrize("name", SETS)
def test_numbers_are_as_committed(name):
    found = json.loads(json.dumps(numbers(SETS[name])))
    assert found == WRITTEN[name], "if the change is meant: python -m tests.scoring.expected"


def test_shipped_scenarios_miss_nothing_and_raise_nothing_false():
    scenarios = [numbers for name, numbers in WRITTEN.items() if name.startswith("scenarios")]
    assert scenarios
    for part in scenarios:
        assert part["missed"] == []
        assert part["overall"]["false_12"] == 0
