"""The house as a whole: a part that has ended is noticed, and two that must agree do."""

from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from domain.devices import Device
from domain.places import Name, Place
from domain.registry import Registry
from runtime.settings import load_settings
from runtime.wiring import House

PARTS = {
    "station": "station",
    "keeper": "keeper",
    "telemetry": "time series",
    "courier": "courier",
    "server": "api",
    "session": "broker session",
    "broker": "broker",
}


@pytest.fixture
def house(tmp_path):
    house = House(load_settings(None, data=tmp_path))
    for part in PARTS:
        setattr(house, part, SimpleNamespace(alive=True))
    return house


@pytest.mark.parametrize("part", sorted(PARTS))
def test_a_part_whose_thread_has_ended_is_named(house, part):
    assert house.dead_part() is None
    getattr(house, part).alive = False
    assert house.dead_part() == PARTS[part]


def test_a_house_without_a_broker_of_its_own_does_not_miss_it(house):
    house.broker = None
    assert house.dead_part() is None


class Slow:
    """A station that has taken the input and not come to it yet."""

    def __init__(self):
        self.answer = Future()

    def submit(self, _entry):
        return self.answer


@pytest.fixture
def reloading(house, monkeypatch):
    """A house whose registry is reloaded by a station that takes longer than anybody waits."""
    monkeypatch.setattr("runtime.wiring.STOP_S", 0.01)
    found = Registry(
        places=[Place("c", "compound", Name("小区"))], devices=[Device("d", "ebike", "c", "c", Name("口"), type="port")]
    )
    adopted = []
    store = SimpleNamespace(load=lambda: found, owed=lambda version: [], settle=lambda version: None)
    house.database = SimpleNamespace(registry=store)
    house.state = SimpleNamespace(registry=Registry())
    house.intake = SimpleNamespace(adopt=adopted.append)
    house.station = Slow()
    with pytest.raises(TimeoutError):
        house.reload_registry()
    assert adopted == []
    return house.station.answer, adopted, found


def test_a_registry_that_takes_long_is_adopted_by_intake_when_the_station_has_it(reloading):
    answer, adopted, found = reloading
    answer.set_result(None)
    assert adopted == [found.devices]


def test_a_registry_that_the_station_refused_is_not_adopted_by_intake(reloading):
    answer, adopted, _ = reloading
    answer.set_exception(RuntimeError("refused"))
    assert adopted == []
