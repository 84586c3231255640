"""The shipped rule packs, through the real engine on virtual time, raise what the truth owes, in time, and no more."""

import random

import pytest

from simulators.incidents import INCIDENTS
from simulators.schedule import TOO_WIDE, show
from simulators.world import World
from tests.simulators.bench import Bench
from tests.simulators.test_world import HOUR, JANUARY

START = JANUARY + 9 * HOUR
MINUTE = 60_000

pytestmark = pytest.mark.timeout(300)


def owed(truth):
    return {(one.rule, one.target): one for one in truth.must_raise}


def tolerated(truth):
    return {(one.rule, one.target) for one in truth.may_raise}


@pytest.mark.parametrize("seed", [1])
@pytest.mark.parametrize("name", INCIDENTS)
def test_incident_raises_exactly_what_it_owes(small, name, seed):
    world = World(small, seed, START)
    bench = Bench(small, world)
    bench.play(START + MINUTE)
    assert bench.raised == {}
    truth = world.inject(name, **INCIDENTS[name].brisk)
    bench.play(START + 30 * MINUTE)
    while truth.to_ms is None:
        assert world.kernel.now_ms < START + 16 * HOUR
        bench.play(world.kernel.now_ms + 10 * MINUTE)
    for key, one in owed(truth).items():
        assert key in bench.raised, key
        at_ms, severity = bench.raised[key]
        assert (at_ms - truth.from_ms) / 1000 <= one.within_s, key
        assert one.severity is None or severity == one.severity, key
    assert bench.raised.keys() <= owed(truth).keys() | tolerated(truth)


def test_show_raises_everything_that_it_owes_and_nothing_else(district):
    world = World(district, 5, START)
    bench = Bench(district, world)
    plan, offset_s, left = show(random.Random(5)), 0.0, set(INCIDENTS) - TOO_WIDE
    while left:
        one = next(plan)
        offset_s = one.offset_s
        left.discard(one.name)
        world.schedule(START + round(offset_s * 1000), one.name, one.device, **dict(one.params))
    bench.play(START + round(offset_s * 1000) + 25 * MINUTE)
    truths = world.truths.values()
    assert {truth.what for truth in truths} == set(INCIDENTS) - TOO_WIDE
    now_ms = world.kernel.now_ms
    must = {key for truth in truths for key in owed(truth)}
    due = {
        key
        for truth in truths
        for key, one in owed(truth).items()
        if one.within_s is None or truth.from_ms + one.within_s * 1000 <= now_ms
    }
    assert due <= bench.raised.keys()
    assert bench.raised.keys() <= must.union(*map(tolerated, truths))
    first_ms = min(at_ms for at_ms, _ in bench.raised.values())
    assert first_ms - START < 20_000, "something is on screen within 20 s"


@pytest.mark.slow
def test_quiet_hours_of_the_whole_district_raise_nothing(district):
    bench = Bench(district, World(district, 9, JANUARY + 6 * HOUR))
    bench.play(JANUARY + 9 * HOUR)
    assert bench.raised == {}
