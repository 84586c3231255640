"""Random months: the same seed always makes the same one, and nothing in it depends on anything else."""

import pytest

from scoring.month import HELD_OUT_FROM, RATES, expected_per_day, plan, start_of, unrated
from scoring.runs import Month, play_all, tasks_of_month
from scoring.sums import DAY_MS, score
from simulators.district.named import district
from simulators.incidents import INCIDENTS
from simulators.world import World

SPAN = (1_768_435_200_000, 1_768_435_200_000 + 30 * DAY_MS)


@pytest.fixture(scope="module")
def demo():
    return district("demo")


def planned(demo, seed=1, factor=30.0, boost=1.0, compound="tj-hty"):
    return plan(demo, compound, seed, SPAN, factor, boost)


def test_same_seed_same_month_and_another_seed_another(demo):
    assert planned(demo) == planned(demo)
    assert planned(demo) != planned(demo, seed=2)
    assert planned(demo) != planned(demo, compound="js-qs")


def test_boost_multiplies_what_endangers_life_and_nothing_else(demo, monkeypatch):
    monkeypatch.setattr(type(INCIDENTS["entrapment"]), "life_safety", True)
    for name in ("door_fault", "hydrant_leak"):
        monkeypatch.setattr(type(INCIDENTS[name]), "life_safety", False)
    plain, boosted = planned(demo), planned(demo, boost=10.0)

    def of(what, month):
        return [one for one in month if one.what == what]

    assert of("door_fault", plain) == of("door_fault", boosted)
    assert len(of("entrapment", boosted)) > 4 * len(of("entrapment", plain)) > 0


def test_count_is_what_the_rates_say(demo):
    per_day = expected_per_day(demo)
    compounds = {device.compound for device in demo.devices.values()}
    count = sum(len(planned(demo, seed, 20.0, compound=name)) for seed in range(1, 4) for name in compounds)
    assert count == pytest.approx(per_day * 20 * 30 * 3, rel=0.06)


def test_district_wide_incidents_come_to_all_compounds_at_one_time(demo):
    times = [
        [one.at_ms for one in planned(demo, factor=3000.0, compound=compound) if one.what == "district_power_cut"]
        for compound in ("tj-hty", "js-qs", "jt-fx")
    ]
    assert times[0]
    assert times[0] == times[1] == times[2]


def test_people_do_more_by_day_than_at_night(demo):
    hours = [(one.at_ms // 3_600_000 + 8) % 24 for one in planned(demo, factor=100.0) if one.what == "door_fault"]
    assert sum(1 for hour in hours if 17 <= hour < 20) > 3 * sum(1 for hour in hours if 1 <= hour < 4) > 0


def test_parameters_stay_in_their_bounds(demo):
    for one in planned(demo, factor=200.0):
        assert INCIDENTS[one.what].settled(one.params)
        for name, value in one.params.items():
            low, high = RATES[one.what].vary[name]
            assert low <= value <= high


def test_every_rate_says_where_it_comes_from_and_every_incident_has_one():
    assert all(rate.source and rate.per_year > 0 and rate.per for rate in RATES.values())
    assert unrated() == []
    assert RATES.keys() == INCIDENTS.keys()


def test_incidents_are_counted_by_the_devices_that_can_have_them(demo):
    world = World(demo, 1, SPAN[0])
    for what, rate in RATES.items():
        able = {one.device.type for one in world.models.values() if INCIDENTS[what].fits(world.site, one)}
        if not {"compound", "district"} & set(rate.per):
            assert able >= set(rate.per), what


def test_what_found_no_free_device_is_counted_by_name():
    world = World(district("small"), 1, SPAN[0])
    for _ in range(50):
        world.schedule(SPAN[0] + 1_000, "tank_low")
    list(world.advance(SPAN[0] + 2_000))
    happened = len(world.truths)
    assert world.unhappened == {"tank_low": 50 - happened}
    assert 0 < happened < 50


def test_seeds_are_spread_over_the_year_and_midnight_is_in_china():
    starts = {start_of(seed) for seed in range(1, HELD_OUT_FROM)}
    assert {(at_ms + 8 * 3_600_000) % DAY_MS for at_ms in starts} == {0}
    days = sorted((at_ms - min(starts)) // DAY_MS for at_ms in starts)
    assert len({day // 31 for day in days}) >= 11


def test_figures_do_not_depend_on_how_the_work_is_split():
    month = Month(district="small", seed=1, days=0.1, factor=400.0)
    tasks = tasks_of_month(month)
    assert len(tasks) == 3
    alone, split = (score("x", [one.parts[0] for one in play_all(tasks, [None], jobs)]) for jobs in (1, 2))
    assert alone == split
    assert alone.overall.cases > 0
