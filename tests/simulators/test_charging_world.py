"""Cabinets, station meters and lifts in fire operation: physically plausible, and coherent with one another."""

import pytest

from simulators.devices.ebike import Port
from simulators.devices.ebike_cabinet import Cabinet
from simulators.kernel import Message
from simulators.world import World
from tests.simulators.test_world import HOUR, JANUARY

JULY = JANUARY + 187 * 24 * HOUR
CABINET, METER, PORT, LIFT = "tj-hty-cabinet1", "tj-hty-shed1-meter", "tj-hty-shed1-p01", "tj-hty-b1-lift1"


def lived(registry, start_ms, hours, seed=4):
    world = World(registry, seed, start_ms)
    return world, list(world.advance(start_ms + round(hours * HOUR)))


def said(items, device, since_ms=0):
    return [one for one in items if isinstance(one, Message) and one.device == device and one.ts_ms >= since_ms]


def values(items, device, since_ms=0):
    return [one.values for one in said(items, device, since_ms) if one.values is not None]


def events(items, device):
    return [one.event["kind"] for one in said(items, device) if one.event is not None]


@pytest.mark.parametrize(("start_ms", "coldest", "hottest"), [(JANUARY, 4.0, 25.0), (JULY, 15.0, 48.0)])
def test_cabinet_charges_and_warms_by_the_season_and_stays_below_its_limits(small, start_ms, coldest, hottest):
    _, items = lived(small, start_ms, 24)
    told = values(items, CABINET)
    temps = [one["temp_battery"] for one in told]
    assert coldest < min(temps)
    assert max(temps) < hottest
    powers = [one["total_power"] for one in told]
    assert max(powers) > 600, "people bring empty batteries"
    assert max(powers) <= 25 + 8 * 320
    assert min(powers) < max(powers) / 2, "and they get full"
    assert not any(one["smoke"] for one in told)
    hot = max(told, key=lambda one: one["total_power"])
    assert hot["temp_battery"] > hot["temp_ambient"], "what charges is warmer than the air around it"


def test_cabinet_in_a_power_cut_takes_nothing_and_goes_on_reporting(small):
    world, _ = lived(small, JULY, 1)
    truth = world.inject("power_cut", "tj-hty-panel", lasts_s=600.0)
    items = list(world.advance(JULY + 2 * HOUR))
    dark = [one.values for one in said(items, CABINET) if one.ts_ms < truth.from_ms + 600_000]
    assert len(dark) > 5
    assert {(one["total_power"], one["voltage"]) for one in dark} == {(0.0, 0.0)}
    last = values(items, CABINET)[-1]
    assert last["voltage"] > 200
    assert last["total_power"] >= 25


def test_runaway_heats_at_its_rate_and_smokes_before_it_is_taken_out(small):
    world, _ = lived(small, JULY, 1)
    truth = world.inject("cabinet_battery", CABINET, c_per_min=6.0)
    assert [one.rule for one in truth.must_raise] == ["EB-05", "EB-06"]
    items = list(world.advance(JULY + 2 * HOUR))
    told = [one for one in said(items, CABINET) if one.values is not None]
    rising = [(one.ts_ms, one.values["temp_battery"]) for one in told if 45 < one.values["temp_battery"] < 70]
    rate = (rising[-1][1] - rising[0][1]) / (rising[-1][0] - rising[0][0]) * 60_000
    assert rate == pytest.approx(6.0, rel=0.1)
    first_smoke = next(one for one in told if one.values["smoke"])
    assert first_smoke.values["temp_battery"] >= 69.5
    assert truth.to_ms is not None
    assert not told[-1].values["smoke"]
    assert told[-1].values["temp_battery"] < 50


def test_meter_is_the_sum_of_its_ports_in_power_and_in_leakage(small):
    world, _ = lived(small, JULY, 20.5)
    ports = [one for one in world.models.values() if isinstance(one, Port) and one.device.id.startswith("tj-hty-shed1")]
    assert sum(port.power for port in ports) > 100, "somebody charges in the evening"
    meter = world.models[METER].values()
    assert meter["total_power"] == pytest.approx(sum(port.power for port in ports) + 19, abs=1.1)
    assert meter["total_power_pct"] == pytest.approx(100 * meter["total_power"] / 3_000, abs=0.06)
    assert meter["leakage"] == pytest.approx(sum(port.leak_ma for port in ports) + 2, abs=0.06)
    world.inject("leakage", PORT)
    list(world.advance(world.kernel.now_ms + 100))
    assert world.models[METER].values()["leakage"] == pytest.approx(meter["leakage"] + 45, abs=0.2)


@pytest.mark.parametrize(
    ("leak_ma", "port", "station"),
    [(20.0, None, None), (45.0, 2, None), (320.0, 2, 3)],
)
def test_leakage_owes_at_the_port_and_at_the_station_by_its_size(small, leak_ma, port, station):
    world, _ = lived(small, JULY, 0.2)
    truth = world.inject("leakage", PORT, leak_ma=leak_ma)
    owed = {one.target: one.severity for one in truth.must_raise}
    assert owed == {name: grade for name, grade in ((PORT, port), (METER, station)) if grade is not None}
    barred = {one.target for one in truth.must_not_raise if one.rule == "EB-07"}
    assert barred == (set() if station else {METER})


def test_overloaded_station_says_so_until_the_tap_is_gone(small):
    world, _ = lived(small, JULY, 1)
    truth = world.inject("station_overload", METER, lasts_s=300.0, of_contract=1.2)
    items = list(world.advance(JULY + 2 * HOUR))
    told = [one for one in said(items, METER) if one.ts_ms > truth.from_ms]
    over = [one.values["total_power_pct"] for one in told if one.ts_ms < truth.from_ms + 300_000]
    assert len(over) > 20, "a meter over its limit reports fast"
    assert min(over) >= 120
    assert told[-1].values["total_power_pct"] < 85


def test_lift_in_fire_operation_comes_down_opens_and_rides_only_with_its_crew(small):
    start_ms = JANUARY + 12 * HOUR
    world, _ = lived(small, start_ms, 0.1)
    truth = world.inject("firefighter_return", LIFT, lasts_s=240.0)
    items = list(world.advance(start_ms + HOUR))
    assert truth.to_ms is not None
    modes = events(items, LIFT)
    assert modes.index("fire_return") < modes.index("firefighter") < modes.index("mode_change")
    during = [one.values for one in said(items, LIFT) if one.values and truth.from_ms < one.ts_ms < truth.to_ms]
    returned = [one for one in during if one["service_mode"] == 3]
    assert returned[-1]["floor"] == 1
    assert returned[-1]["door_state"] == 1
    assert not any(one["presence"] for one in returned if one["door_state"] == 1)
    crew = [one for one in during if one["service_mode"] == 4]
    assert max(one["floor"] for one in crew) > 2
    assert all(one["presence"] for one in crew if one["speed"] > 1 and one["direction"] == 1)
    assert crew[-1]["floor"] == 1
    assert [one["service_mode"] for one in during][-1] == 1


def test_lift_whose_crew_never_comes_waits_with_open_doors(small):
    start_ms = JANUARY + 12 * HOUR
    world, _ = lived(small, start_ms, 0.1)
    world.inject("firefighter_return", LIFT, lasts_s=240.0, rides=0)
    items = list(world.advance(start_ms + HOUR))
    assert "firefighter" not in events(items, LIFT)
    assert {one["service_mode"] for one in values(items, LIFT)} == {1, 3}


def test_cabinets_stand_in_the_larger_compounds_and_in_the_small_district(district, small):
    cabinets = [device for device in district.devices.values() if device.type == "cabinet"]
    assert len(cabinets) >= 2
    assert CABINET in small.devices
    assert isinstance(World(small, 1, JANUARY).models[CABINET], Cabinet)
