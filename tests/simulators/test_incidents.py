"""Each incident leaves exactly the signature that its truth declares, on the devices that it names."""

import pytest
from msgspec.structs import replace

from domain.errors import Invalid, NotFound
from domain.registry import Registry
from simulators.incidents import INCIDENTS
from simulators.kernel import Link, Message
from simulators.truth import Truth
from simulators.world import World
from tests.simulators.limits import Checker, strictly_decoded
from tests.simulators.test_world import HOUR, JANUARY

JULY_EVENING = JANUARY + (187 * 24 + 19) * HOUR
# Statistics over weeks, and what only liveness can tell, are not for a checker of signals.
OVER_BEFORE_IT_COUNTS = {"passing_bike"}
"""What a rule asks to last, and does not: the checker knows of no such hold."""
WINTER_ONLY = {"pump_room_freeze"}
BEYOND_SIGNALS = {"EL-19", "SY-03"}


def played(registry, name, seed, *, brisk, start_ms=JANUARY + 9 * HOUR, hours=1.0, device=None):
    world = World(registry, seed, start_ms)
    checker = Checker(registry)
    for item in world.advance(start_ms + 600_000):
        checker.feed(item)
    params = INCIDENTS[name].brisk if brisk else {}
    truth = world.inject(name, device, **params)
    items = list(world.advance(start_ms + round(hours * HOUR)))
    while truth.to_ms is None and brisk and world.kernel.now_ms < start_ms + 16 * HOUR:
        items += world.advance(world.kernel.now_ms + HOUR // 2)
    for item in items:
        if isinstance(item, Message):
            checker.feed(item)
            if item.values is not None:
                strictly_decoded(item)
    return world, truth, items, checker


@pytest.mark.parametrize(("seed", "start_ms"), [(1, JANUARY + 9 * HOUR), (2, JULY_EVENING)], ids=["winter", "summer"])
@pytest.mark.parametrize("name", INCIDENTS)
def test_brisk_incident_raises_what_it_must_in_time_and_nothing_else(small, name, seed, start_ms):
    if name in WINTER_ONLY and start_ms == JULY_EVENING:
        with pytest.raises(NotFound, match="cannot happen"):
            played(small, name, seed, brisk=True, start_ms=start_ms)
        return
    world, truth, _, checker = played(small, name, seed, brisk=True, start_ms=start_ms)
    assert truth.to_ms is not None, "it ends by itself"
    for owed in truth.must_raise:
        if owed.rule in {"FC-18", "EL-18", "EB-14"}:
            # A Last Will or a clock tells in time; signals show a silence only when it is over.
            assert checker.first_ms(owed.rule, owed.target) is not None
            continue
        at_ms = checker.first_ms(owed.rule, owed.target)
        assert at_ms is not None, owed
        assert 0 <= (at_ms - truth.from_ms) / 1000 <= owed.within_s, owed
    raised = (
        {(breach.rule, breach.target) for breach in checker.breaches}
        - {("stale", device) for device in truth.devices}
        - {("stabilised", device) for device in truth.devices}
    )
    if name in OVER_BEFORE_IT_COUNTS:
        raised -= {(one.rule, one.target) for one in truth.must_not_raise}
    must = {(one.rule, one.target) for one in truth.must_raise}
    may = {(one.rule, one.target) for one in truth.may_raise}
    assert raised <= must | may
    assert not raised & {(one.rule, one.target) for one in truth.must_not_raise}
    assert all(model.busy is None for model in world.models.values())


@pytest.mark.parametrize(("name", "hours"), [("hydrant_leak", 8), ("charging_overheat", 2), ("residual_current", 1)])
def test_incident_at_natural_pace_raises_what_it_must(small, name, hours):
    _, truth, _, checker = played(small, name, 5, brisk=False, hours=hours, start_ms=JULY_EVENING)
    assert truth.to_ms is not None
    assert truth.must_raise
    for owed in truth.must_raise:
        at_ms = checker.first_ms(owed.rule, owed.target)
        assert at_ms is not None, owed
        assert 0 <= (at_ms - truth.from_ms) / 1000 <= owed.within_s, owed


def test_truth_is_told_at_the_beginning_and_at_the_end(small):
    _, truth, items, _ = played(small, "door_fault", 1, brisk=True)
    told = [item for item in items if isinstance(item, Truth)]
    assert [one.to_ms is None for one in told] == [True, False]
    assert told[0].from_ms == told[1].from_ms == truth.from_ms
    assert told[1] == truth


def test_trapped_car_stands_between_floors_with_somebody_in_it_until_released(small):
    lift = "tj-hty-b1-lift1"
    _, truth, items, _ = played(small, "entrapment", 1, brisk=True, device=lift)
    trapped = [
        m.values
        for m in items
        if isinstance(m, Message)
        and m.device == lift
        and m.values
        and truth.from_ms < m.ts_ms < truth.from_ms + 240_000
    ]
    assert len(trapped) > 20
    for values in trapped:
        assert values["presence"]
        assert values["presence_second"]
        assert not values["door_zone"]
        assert values["speed"] == 0
        assert values["door_state"] == 0
    events = [m.event["kind"] for m in items if isinstance(m, Message) and m.device == lift and m.event]
    assert events == ["mode_change", "entrapment_released", "mode_change", "no_fault"]
    after = next(
        m.values for m in items if isinstance(m, Message) and m.device == lift and m.values and m.ts_ms >= truth.to_ms
    )
    assert not after["presence"]
    assert after["door_zone"]


def test_person_in_a_car_without_camera_presses_the_button_twice(small):
    lift = "tj-hty-b1-lift2"
    assert not small.devices[lift].attrs["camera"]
    _, truth, items, _ = played(small, "entrapment", 1, brisk=True, device=lift)
    presses = [
        m for m in items if isinstance(m, Message) and m.device == lift and m.event and m.event.get("code") == "90"
    ]
    assert len(presses) == 2
    assert presses[1].ts_ms - presses[0].ts_ms < 60_000
    assert {"EL-01", "EL-02", "EL-04"} == {one.rule for one in truth.must_raise}


def test_overheating_port_is_cut_by_its_charger_and_cools_down(small):
    _, truth, items, _ = played(small, "charging_overheat", 2, brisk=True, start_ms=JULY_EVENING)
    said = [m for m in items if isinstance(m, Message) and m.device == truth.device]
    temps = [m.values["temp_socket"] for m in said if m.values]
    assert 72 < max(temps) < 80
    stop = next(m for m in said if m.event and m.event["kind"] == "session_stop")
    assert stop.event["code"] == "over_temp"
    assert all(m.values["power"] == 0 for m in said if m.values and stop.ts_ms < m.ts_ms < truth.to_ms)


def test_gateway_without_network_silences_all_behind_it_and_nothing_else(small):
    gateway = "tj-hty-gw-charge"
    _, truth, items, _ = played(small, "gateway_offline", 1, brisk=True, device=gateway)
    behind = {gateway, *(device.id for device in small.devices_behind(gateway))}
    links = [item for item in items if isinstance(item, Link)]
    assert [(link.gateway, link.up) for link in links] == [(gateway, False), (gateway, True)]
    down, up = links[0].ts_ms, links[1].ts_ms
    meanwhile = {m.device for m in items if isinstance(m, Message) and down < m.ts_ms < up}
    assert not meanwhile & behind
    assert len(meanwhile) > 50
    assert {m.device for m in items if isinstance(m, Message) and m.ts_ms >= up} >= behind
    seqs = [m.seq for m in items if isinstance(m, Message) and m.device == gateway]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs))), "a device that is cut off does not count on"
    assert truth.params["lasts_s"] * 1000 == up - down


def test_two_incidents_never_share_a_device(small):
    world = World(small, 1, JANUARY + 9 * HOUR)
    list(world.advance(JANUARY + 9 * HOUR + 60_000))
    first = world.inject("smoke_then_second_detector")
    others = [world.inject("smoke_then_second_detector") for _ in range(4)]
    touched = [device for truth in (first, *others) for device in truth.devices]
    assert len(touched) == len(set(touched))


@pytest.mark.parametrize(
    ("params", "wrong"),
    [({"lasts_s": "long"}, "lasts_s"), ({"lasts_s": float("nan")}, "lasts_s"), ({"lasts_s": float("inf")}, "lasts_s"),
     ({"lasts_s": -1.0}, "lasts_s"), ({"lasts_s": True}, "lasts_s"), ({"name": 1}, "name"), ({"at_ms": 1}, "at_ms")],
)  # fmt: skip
def test_a_parameter_that_makes_no_sense_is_refused_and_the_district_lives_on(small, params, wrong):
    world = World(small, 1, 0)
    with pytest.raises(Invalid, match=wrong):
        world.inject("lane_blocked", **params)
    assert world.inject("lane_blocked", None, lasts_s=60).params == {"lasts_s": 60}


def test_a_lift_of_two_floors_takes_an_e_bike_to_the_upper_one(small):
    device = next(one for one in small.devices.values() if one.type == "lift" and one.attrs.get("camera"))
    low = replace(device, attrs=device.attrs | {"floors": 2, "base": 0})
    devices = [low if one.id == device.id else one for one in small.devices.values()]
    firms, contracts = small.organisations.values(), small.contracts.values()
    world = World(Registry(small.places.values(), firms, contracts, devices, version=1), 1, 0)
    truth = world.inject("ebike_into_home", device.id)
    list(world.advance(600_000))
    assert truth.to_ms is not None


def test_silence_behind_a_gateway_is_excused_only_where_it_is_long_enough(small):
    gateway = next(one.id for one in small.devices.values() if one.type == "gateway")
    rules = []
    for lasts_s in (60.0, 7200.0):
        truth = World(small, 1, 0).inject("gateway_offline", gateway, lasts_s=lasts_s)
        rules.append({one.rule for one in truth.may_raise} - {"SY-03", "FC-18"})
    assert rules[0] == set()
    assert rules[1] != set()
