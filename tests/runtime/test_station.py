"""The station: one reading cannot take the others with it, and time goes on when the wall clock does not."""

import threading

import pytest

from alerts.state import EngineState
from domain.devices import Device
from domain.errors import Unavailable
from domain.kinds import EbikeValues
from domain.places import Name, Place
from domain.readings import Batch, Reading
from domain.registry import Registry
from runtime import station as station_module
from runtime.keeper import Keeper
from runtime.station import Station
from storage.database import open_database
from tests.support.rulebook import Book, Hot, info

T0 = 1_790_000_000_000


class Store:
    def __init__(self):
        self.readings = []

    def append(self, number, readings):
        self.readings += readings


class Feed:
    def publish(self, *_):
        pass


class Fragile(Hot):
    """Has a fault that one value of one device brings out."""

    def screen(self, reading):
        if reading.values.power == 666:
            raise ZeroDivisionError("a fault in a rule")
        return super().screen(reading)


@pytest.fixture
def house(tmp_path):
    places = [Place("c", "compound", Name("小区"))]
    devices = [Device(f"p{n}", "ebike", "c", "c", Name(f"{n} 口"), type="port") for n in range(3)]
    database = open_database(tmp_path / "anju.db")
    store, clock, failures = Store(), [T0], []
    state = EngineState.fresh(Registry(places=places, devices=devices), Book(Fragile(info("EB-03"))))
    keeper = Keeper(store, database.journal)
    station = Station(
        state, database.journal, keeper, Feed(), clock_ms=lambda: clock[0], on_failure=failures.append
    )  # fmt: skip
    keeper.start()
    station.start()
    yield station, database, store, clock, failures
    station.stop()
    keeper.stop()
    database.close()


def reading(device, temperature, power=100.0, at=T0):
    return Reading(device, "ebike", at, at, EbikeValues(temp_socket=temperature, power=power), seq=1, boot="b")


def test_a_reading_that_a_fault_cannot_judge_becomes_a_dead_letter_and_the_others_are_judged(house):
    station, database, store, _, failures = house
    rows = [reading("p0", 75.0), reading("p1", 20.0, power=666.0), reading("p2", 85.0)]
    station.submit(Batch(rows, [], [], T0, 1)).result(10)
    assert {alert.device for alert in database.journal.open_alerts()} == {"p0", "p2"}
    letters = database.history.dead_letters(reason="internal_error", cursor=None, limit=10).items
    assert [letter.device for letter in letters] == ["p1"]
    assert "ZeroDivisionError" in letters[0].detail
    assert len(store.readings) == 3
    assert failures == []


def test_ticks_go_on_when_the_wall_clock_is_set_back(house, monkeypatch):
    _, _, _, clock, _ = house
    ticks, enough = [], threading.Event()
    decide = station_module.decide

    def counted(state, entry, now_ms):
        ticks.append(now_ms)
        if len(ticks) >= 2:
            enough.set()
        return decide(state, entry, now_ms)

    clock[0] -= 3_600_000
    monkeypatch.setattr(station_module, "decide", counted)
    assert enough.wait(10), "no tick in ten seconds"
    assert ticks[0] == T0 - 3_600_000


def test_whoever_waits_for_an_input_that_breaks_the_station_is_told(house, monkeypatch):
    station, _, _, _, failures = house

    def broken(*_):
        raise MemoryError("a fault of ours")

    monkeypatch.setattr(station, "_commit", broken)
    answer = station.submit(Batch([reading("p0", 85.0)], [], [], T0, 1))
    assert isinstance(answer.exception(10), MemoryError)
    station.stop()
    assert isinstance(failures[0], MemoryError)
    late = station.submit(Batch([reading("p0", 20.0)], [], [], T0, 2))
    assert isinstance(late.exception(10), Unavailable)
