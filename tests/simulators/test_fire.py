"""Fire incidents at their natural pace, through the real rules, and what each of them looks like on the wire."""

import itertools

import msgspec
import pytest

from domain.errors import Invalid
from domain.registry import Registry
from simulators.devices.fire_panel import Panel
from simulators.incidents import INCIDENTS, fire
from simulators.incidents.fire_base import first_where
from simulators.kernel import Message
from simulators.world import World
from tests.simulators.bench import Bench
from tests.simulators.test_world import HOUR, JANUARY

MINUTE = 60_000
START = JANUARY + 9 * HOUR
FIRE = [incident.name for incident in fire.INCIDENTS]
OF_LIFE = {
    "smoke_then_second_detector", "manual_call_point", "hydrant_button", "fire_spreading", "alarm_storm",
}  # fmt: skip
# Name → hours after which all is over at its natural pace.
SLOW = {
    "cooking_smoke": 0.5, "steam": 0.5, "fire_spreading": 1, "alarm_storm": 1, "fire_drill": 1, "dirty_detector": 13,
    "hydrant_leak": 8, "sprinkler_low": 8, "over_pressure": 2, "tank_low": 8, "pump_room_freeze": 9,
    "cable_heating": 6, "panel_power": 4, "bus_fault": 3, "manual_mode": 3, "points_shielded": 31,
    "duty_unanswered": 5, "lane_blocked": 1, "fire_door_blocked": 3, "sensor_stuck": 31,
}  # fmt: skip


@pytest.fixture(scope="module")
def house(small):
    """The fire devices of one compound of towers."""
    devices = [one for one in small.devices.values() if one.compound == "tj-hty" and one.kind in {"fire", "gateway"}]
    devices = [one for one in devices if one.kind == "fire" or one.id == "tj-hty-gw-fire"]
    return Registry(small.places.values(), small.organisations.values(), small.contracts.values(), devices)


def played(registry, name, seed, span_h, start_ms=START, device=None, **params):
    """(truth, what was raised, everything said) of one incident."""
    world = World(registry, seed, start_ms)
    bench = Bench(registry, world)
    bench.play(start_ms + MINUTE)
    assert bench.raised == {}
    truth = world.inject(name, device, **params)
    bench.play(start_ms + round(span_h * HOUR))
    return truth, bench.raised


def watched(registry, name, seed, span_h, start_ms=START, device=None, **params):
    """(world, truth, messages) of one incident."""
    world = World(registry, seed, start_ms)
    list(world.advance(start_ms + MINUTE))
    truth = world.inject(name, device, **params)
    items = world.advance(start_ms + round(span_h * HOUR))
    return world, truth, [item for item in items if isinstance(item, Message)]


def values_of(messages, device, signal):
    return [(m.ts_ms, m.values[signal]) for m in messages if m.device == device and m.values and signal in m.values]


def judge(truth, raised):
    must = {(one.rule, one.target): one for one in truth.must_raise}
    may = {(one.rule, one.target) for one in truth.may_raise}
    assert must.keys() <= raised.keys()
    for key, one in must.items():
        at_ms, severity = raised[key]
        assert (at_ms - truth.from_ms) / 1000 <= one.within_s, key
        assert one.severity is None or one.severity == severity, key
    assert raised.keys() <= must.keys() | may
    assert not {(one.rule, one.target) for one in truth.must_not_raise} & raised.keys()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", SLOW)
def test_incident_at_its_natural_pace_raises_what_it_owes_and_nothing_else(house, name):
    truth, raised = played(house, name, 21, SLOW[name])
    assert truth.to_ms is not None, "it ends by itself"
    assert truth.must_raise
    judge(truth, raised)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [31, 32])
def test_insulation_decays_for_days_and_is_told_once_it_is_past_the_limit(house, seed):
    truth, raised = played(house, "insulation_decay", seed, 24 * 6, days=5.0)
    assert [one.rule for one in truth.must_raise] == ["FC-11"]
    assert raised["FC-11", truth.device][0] - truth.from_ms > 3 * 24 * HOUR
    judge(truth, raised)


def test_incidents_of_life_and_death_say_so():
    assert {name for name in FIRE if INCIDENTS[name].life_safety} == OF_LIFE


def test_storm_reaches_five_hundred_detectors_in_two_minutes_and_confirms_every_zone():
    from simulators.district.named import district

    towers = district("towers")
    _, truth, messages = watched(towers, "alarm_storm", 4, 0.1, devices=500)
    alarms = [m.ts_ms for m in messages if m.event and m.event["kind"] == "fire_alarm"]
    assert len(alarms) == len({m.device for m in messages if m.event and m.event["kind"] == "fire_alarm"}) == 500
    assert max(alarms) - min(alarms) <= 120_000
    confirmed = [one for one in truth.must_raise if one.rule == "FC-02"]
    assert len(confirmed) >= 240
    assert all(one.within_s < 160 and one.severity == 1 for one in confirmed)


def test_number_of_devices_in_a_storm_is_a_parameter(house):
    _, _, messages = watched(house, "alarm_storm", 4, 0.2, devices=5)
    assert len({m.device for m in messages if m.event and m.event["kind"] == "fire_alarm"}) == 5


def test_fire_goes_from_the_first_detector_to_its_zone_and_then_to_other_floors(house):
    world, truth, messages = watched(house, "fire_spreading", 3, 0.5, device="tj-hty-b1-f08-smoke1")
    first = {}
    for m in messages:
        if m.event and m.event["kind"] == "fire_alarm":
            first.setdefault(m.device, m.ts_ms)
    order = sorted(first, key=first.get)
    zones = [world.models[device].device.zone for device in order]
    assert order[0] == truth.device
    assert zones[1] == zones[0], "the other detector of the zone is next"
    assert len(set(zones)) >= 2, "smoke gets to other floors"
    assert first[order[2]] - first[order[0]] > 30_000, "but not at once"


def test_smoke_at_the_fire_only_grows_until_it_is_put_out(house):
    _, truth, messages = watched(house, "fire_spreading", 5, 0.5, device="tj-hty-b2-f06-smoke1", lasts_s=400.0)
    smoke = [
        value
        for at_ms, value in values_of(messages, truth.device, "smoke")
        if truth.from_ms < at_ms < truth.from_ms + 400_000
    ]
    assert len(smoke) > 10
    assert all(b >= a - 0.25 for a, b in itertools.pairwise(smoke)), "but for the noise of the sensor"
    assert smoke[-1] > 10


def test_detector_in_alarm_stays_so_until_the_panel_is_reset(house):
    _, truth, messages = watched(house, "cooking_smoke", 2, 0.4)
    resets = [m.ts_ms for m in messages if m.event and m.event["kind"] == "reset"]
    states = values_of(messages, truth.device, "fire")
    begun = next(at_ms for at_ms, on in states if on)
    assert len(resets) == 1
    assert all(on for at_ms, on in states if begun <= at_ms < resets[0])
    assert not any(on for at_ms, on in states if at_ms > resets[0])


@pytest.mark.parametrize(("name", "peak_kw"), [("cooking_smoke", 0.05), ("steam", 0.2)])
def test_a_little_smoke_is_no_alarm_and_must_not_be_told(house, name, peak_kw):
    truth, raised = played(house, name, 6, 0.4, peak_kw=peak_kw)
    assert truth.must_raise == []
    assert ("FC-01", truth.device) in {(one.rule, one.target) for one in truth.must_not_raise}
    assert raised == {}


def test_shielded_detector_warns_nobody(house):
    world = World(house, 1, START)
    list(world.advance(START + MINUTE))
    world.inject("points_shielded", "tj-hty-b1-f08-smoke1", lasts_s=1200.0)
    list(world.advance(START + 2 * MINUTE))
    detector = world.models["tj-hty-b1-f08-smoke1"]
    detector.engulf(20.0, 2.0)
    items = list(world.advance(START + 10 * MINUTE))
    assert not detector.fire
    assert not [m for m in items if isinstance(m, Message) and m.event and m.event["kind"] == "fire_alarm"]


def test_hydrant_leak_takes_hours_and_the_pressure_never_jumps(house):
    _, truth, messages = watched(house, "hydrant_leak", 8, 8)
    pressures = values_of(messages, truth.device, "p_static")
    assert min(value for _, value in pressures) == pytest.approx(0.045, abs=0.02)
    for (t0, before), (t1, after) in itertools.pairwise(pressures):
        assert abs(after - before) <= 0.002 * (t1 - t0) / 1000 + 0.015
    low = next(at_ms for at_ms, value in pressures if value < 0.07)
    assert low - truth.from_ms > 4 * HOUR
    assert pressures[-1][1] > 0.15, "mended"


def test_pump_room_without_heating_follows_the_night_and_recovers(house):
    _, truth, messages = watched(house, "pump_room_freeze", 2, 10, start_ms=JANUARY + 22 * HOUR)
    temps = [value for _, value in values_of(messages, truth.device, "temp_room")]
    assert temps[0] > 8
    assert min(temps) < 0
    assert max(abs(b - a) for a, b in itertools.pairwise(temps)) < 2.5
    assert temps[-1] > 7


def test_battery_of_the_panel_keeps_it_talking_and_dead_it_is_silent(house):
    _, truth, messages = watched(house, "panel_power", 1, 1, battery_h=0.3, lasts_s=2400.0)
    faults = [m for m in messages if m.device == truth.device and m.values]
    low = next(m.ts_ms for m in faults if m.values["backup_power_fault"])
    assert (low - truth.from_ms) / 1000 == pytest.approx(0.3 * 3600 * (1 - Panel.LOW_SHARE), abs=15)
    gap = max(b.ts_ms - a.ts_ms for a, b in itertools.pairwise(faults))
    assert gap == pytest.approx((2400 - 0.3 * 3600) * 1000, abs=20_000)
    assert not faults[-1].values["main_power_fault"]


def test_duty_checks_are_answered_on_quiet_days(house):
    world = World(house, 3, START)
    events = [m for m in world.advance(START + 24 * HOUR) if isinstance(m, Message) and m.event]
    panel = [m.event["kind"] for m in events if m.device == "tj-hty-panel"]
    assert set(panel) == {"duty_check_answered"}
    assert 2 <= len(panel) <= 12


def test_stuck_sensor_says_one_value_and_hides_what_happens(house):
    _, truth, messages = watched(house, "sensor_stuck", 3, 3, device="tj-hty-b1-hyd", lasts_s=7200.0)
    said = values_of(messages, truth.device, "p_static")
    during = {value for at_ms, value in said if truth.from_ms <= at_ms < truth.to_ms - 1000}
    after = {value for at_ms, value in said if at_ms > truth.to_ms}
    assert len(during) == 1
    assert len(after) > 5


def test_drill_goes_the_real_way_in_its_order(house):
    _, truth, messages = watched(house, "fire_drill", 2, 0.6)
    assert truth.params["exercise"] is True
    assert [m.event["kind"] for m in messages if m.event and m.event["kind"] != "duty_check_answered"] == [
        "manual_call_point", "fire_alarm", "pump_start", "reset",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["manual_mode", "tank_low", "fire_spreading", "hydrant_leak", "lane_blocked"])
def test_incident_stopped_early_gets_better_at_once(house, name):
    world = World(house, 5, START)
    list(world.advance(START + MINUTE))
    truth = world.inject(name)
    list(world.advance(START + 3 * MINUTE))
    world.stop(truth.id)
    list(world.advance(START + 60 * MINUTE))
    assert truth.to_ms is not None
    assert all(model.busy is None for model in world.models.values())


def test_two_stories_are_never_told_in_one_alarm_zone(house):
    world = World(house, 5, START)
    list(world.advance(START + MINUTE))
    world.inject("manual_call_point", "tj-hty-b1-f08-mcp", lasts_s=60.0)
    detector = world.models["tj-hty-b1-f08-smoke1"]
    cooking = INCIDENTS["cooking_smoke"]
    assert not cooking.fits(world.site, detector), "while it lasts"
    list(world.advance(START + 4 * MINUTE))
    assert not cooking.fits(world.site, detector), "while rules remember it"
    list(world.advance(START + 12 * MINUTE))
    assert cooking.fits(world.site, detector)


def test_unknown_growth_is_refused_with_what_there_is(house):
    world = World(house, 5, START)
    with pytest.raises(Invalid, match="medium"):
        world.inject("fire_spreading", growth="furious")


@pytest.mark.parametrize("name", FIRE)
def test_same_seed_tells_the_same_fire_story_and_another_seed_another(house, name):
    def story(seed):
        _, _, messages = watched(house, name, seed, 0.6, **INCIDENTS[name].brisk)
        return msgspec.json.encode(messages)

    assert story(7) == story(7)
    assert story(7) != story(8)


def test_first_where_finds_the_beginning_of_the_first_long_enough_stretch():
    told = [(0, False), (10, True), (20, False), (30, True), (40, True), (50, True), (60, False)]
    assert first_where(told, 0) == 10
    assert first_where(told, 20) == 30
    assert first_where(told, 30) is None
