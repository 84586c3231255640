"""After kill -9: what a restart knows again."""

import pytest

from alerts.inputs import Tick
from alerts.state import EngineState
from domain.devices import Device
from domain.kinds import EbikeValues
from domain.places import Name, Place
from domain.readings import Batch, Reading, StateReport
from domain.registry import Registry
from ingest.gate import Gate
from runtime.keeper import Keeper
from runtime.recovery import OVERLAP_MS, recover
from runtime.station import Station
from storage.database import open_database
from storage.telemetry.duckdb_store import DuckTelemetry
from tests.support.rulebook import Book

T0 = 1_790_000_000_000
HOUR = 3_600_000
REGISTRY = Registry(
    places=[Place("c", "compound", Name("小区"))],
    devices=[Device(f"p{n}", "ebike", "c", "c", Name(f"{n} 口"), type="port", period_s=60) for n in range(3)],
)


class Feed:
    def publish(self, *_):
        pass


@pytest.fixture
def life(tmp_path):
    """One life of the service after another on the same stores. The station is worked by hand, in this thread."""
    clock, owned = [T0], []
    database = open_database(tmp_path / "anju.db")
    telemetry = DuckTelemetry(tmp_path / "t.duckdb")

    def born():
        while owned:
            owned.pop().stop()
        state = EngineState.fresh(REGISTRY, Book())
        recover(state, Gate(), database.journal, telemetry, lambda: clock[0])
        keeper = Keeper(telemetry, database.journal)
        station = Station(state, database.journal, keeper, Feed(), clock_ms=lambda: clock[0])
        keeper.start()
        station.start()
        owned.extend((keeper, station))
        return station

    yield born, clock
    while owned:
        owned.pop().stop()
    telemetry.close()
    database.close()


def said(device, number, at_ms, *, gate=None):
    reading = Reading(device, "ebike", at_ms, at_ms, EbikeValues(power=1.0), seq=number, boot="b")
    return Batch([reading], [], [], at_ms, number, gate)


def state(device, at_ms, *, online, number=1):
    return Batch([], [StateReport(device, online, at_ms, at_ms)], [], at_ms, number)


def test_a_last_will_before_the_crash_is_remembered_after_it(life):
    born, clock = life
    station = born()
    station.submit(said("p0", 1, T0, gate=Gate().snapshot())).result(10)
    station.submit(said("p1", 2, T0)).result(10)
    clock[0] = T0 + HOUR
    for device in ("p0", "p1"):
        station.submit(state(device, T0 + HOUR, online=False, number=2)).result(10)
    station = born()
    assert [station.state.watches[name].live for name in ("p0", "p1")] == ["offline", "offline"]
    assert station.state.watches["p0"].since_ms == T0 + HOUR


def test_who_spoke_again_after_its_last_will_is_online_after_a_crash(life):
    born, clock = life
    station = born()
    station.submit(said("p0", 1, T0, gate=Gate().snapshot())).result(10)
    clock[0] = T0 + 1_000
    station.submit(state("p0", T0 + 1_000, online=False)).result(10)
    clock[0] = T0 + 2_000
    station.submit(said("p0", 2, T0 + 2_000)).result(10)
    station = born()
    watch = station.state.watches["p0"]
    assert (watch.live, watch.since_ms, watch.back_ms, watch.heard_ms) == ("online", T0 + 2_000, T0 + 2_000, T0 + 2_000)


def test_a_word_of_state_alone_and_a_silence_are_remembered(life):
    born, clock = life
    station = born()
    station.submit(state("p2", T0, online=True)).result(10)
    station.submit(said("p0", 1, T0, gate=Gate().snapshot())).result(10)
    station.submit(Tick()).result(10)
    clock[0] = T0 + HOUR + OVERLAP_MS
    station.submit(Tick()).result(10)
    assert station.state.watches["p0"].live == "offline"
    station.submit(state("p1", clock[0], online=True)).result(10)
    station = born()
    assert [station.state.watches[f"p{n}"].live for n in range(3)] == ["offline", "online", "offline"]
