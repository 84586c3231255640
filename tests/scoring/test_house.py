"""The product on virtual time: the same as with every tick judged, and with somebody at the desk."""

import json

import msgspec
import pytest

from alerts.times import rfc3339
from api.encode import plain
from runtime.packs import load_rulebook
from scoring.desk import ACK_MS, CLOSE_MS, Desk
from scoring.house import Costs, VirtualHouse, calm, play, reading
from scoring.live import records_of
from scoring.runs import operators
from simulators.district.named import district, part_of
from simulators.incidents import INCIDENTS
from simulators.kernel import Message
from simulators.world import World

START = 1_768_435_200_000  # 2026-01-15T08:00:00+08:00
HOUR = 3_600_000
BOOK = load_rulebook()


@pytest.fixture(scope="module")
def compound():
    return part_of(district("demo"), frozenset({"tj-hty"}))


class Careful(VirtualHouse):
    """Judges every tick."""

    def idle(self, now_ms):
        return False


def busy_world(registry):
    world = World(registry, 3, START)
    for number, (name, incident) in enumerate(INCIDENTS.items()):
        world.schedule(START + 60_000 + number * 90_000, name, **incident.brisk)
    return world


def test_leaving_ticks_out_changes_nothing(compound):
    houses = [VirtualHouse(compound, BOOK, Desk()), Careful(compound, BOOK, Desk())]
    truths = list(play(busy_world(compound), houses, START + 2 * HOUR))
    assert {truth.what for truth in truths}
    quick, careful = houses
    assert quick.ticks_left_out > 0
    assert careful.ticks_left_out == 0
    assert quick.records
    assert msgspec.to_builtins(list(quick.records.values())) == msgspec.to_builtins(list(careful.records.values()))


def test_quiet_compound_needs_next_to_no_ticks(compound):
    house = VirtualHouse(compound, BOOK)
    for _ in play(World(compound, 1, START), [house], START + HOUR):
        pass
    assert house.ticks <= 40
    assert house.ticks + house.ticks_left_out == HOUR // 5000


def test_readings_are_those_that_strict_decoding_gives(compound):
    from domain.kinds import KINDS

    world = World(compound, 1, START)
    seen = 0
    for item in world.advance(START + 10 * 60_000):
        if isinstance(item, Message) and item.values is not None:
            strict = msgspec.convert(item.values, KINDS[item.kind].values)
            assert reading(item).values == strict
            seen += 1
    assert seen > 100


def test_desk_acknowledges_and_closes_what_only_a_person_can(compound):
    world = World(compound, 2, START)
    house = VirtualHouse(compound, BOOK, Desk())
    world.schedule(START + 60_000, "entrapment", **INCIDENTS["entrapment"].brisk)
    for _ in play(world, [house], START + HOUR):
        pass
    record = next(one for one in house.records.values() if one.rule == "EL-01")
    states = [state for _, state in record.states]
    assert states[0] == "unacked"
    assert states[-1] == "closed"
    times = {state: at for at, state in reversed(record.states)}
    assert 0 <= times["acked"] - record.rings[0][0] - ACK_MS <= 10_000
    assert times["closed"] - record.cleared_ms >= CLOSE_MS
    assert record.gravest == 1


def test_without_a_desk_alerts_stay_open(compound):
    world = World(compound, 2, START)
    house = VirtualHouse(compound, BOOK)
    world.schedule(START + 60_000, "entrapment", **INCIDENTS["entrapment"].brisk)
    for _ in play(world, [house], START + HOUR):
        pass
    assert all(record.states[-1][1] != "closed" for record in house.records.values() if record.rule == "EL-01")


def test_journal_of_the_same_alerts_gives_the_same_records(compound):
    lines = []

    class Journalled(VirtualHouse):
        def take(self, entry, now_ms):
            decision = super().take(entry, now_ms)
            for line in decision.entries:
                body = json.loads(json.dumps(plain(msgspec.to_builtins(line.event))))
                kind = str(line.event.__struct_config__.tag)
                alert = None if line.alert is None else line.alert.id
                lines.append({"at": rfc3339(now_ms), "kind": kind, "event": body, "alert": alert})
            return decision

    house = Journalled(compound, BOOK, Desk())
    for _ in play(busy_world(compound), [house], START + 2 * HOUR):
        pass
    told = {record.id: record for record in records_of(lines, by_event_time=False)}
    assert told.keys() == house.records.keys()
    for name, record in house.records.items():
        for column in ("rule", "target", "compound", "raised_ms", "told", "returned", "rings", "gravest"):
            assert getattr(told[name], column) == getattr(record, column), (name, column)


def test_costs_are_told_by_stage(compound):
    costs = Costs()
    with calm():
        for _ in play(World(compound, 1, START), [VirtualHouse(compound, BOOK)], START + HOUR // 4, costs=costs):
            pass
    assert min(costs.world, costs.batches) > 0


def test_every_compound_has_somebody_at_its_desk():
    registry = district("demo")
    desks = operators(registry, START)
    assert desks.keys() == {device.compound for device in registry.devices.values()}
    assert desks["tj-hty"] == "pf-hengan"
    assert desks["jt-fx"].startswith("community")
