"""Without incidents the district is alive, plausible and never alarming; the same seed always tells the same story."""

import itertools
from collections import Counter, defaultdict
from datetime import datetime

import msgspec
import pytest

from domain.errors import Invalid, NotFound
from simulators.climate import Climate, local_hour
from simulators.kernel import Kernel, Message
from simulators.world import World
from tests.simulators.limits import Checker, strictly_decoded

pytestmark = pytest.mark.timeout(300)


def ms(text):
    return round(datetime.fromisoformat(text).timestamp() * 1000)


JANUARY = ms("2026-01-14T00:00:00+08:00")
HOUR = 3_600_000


def stream(registry, seed, hours, *incidents):
    world = World(registry, seed, JANUARY)
    for at_s, name, device in incidents:
        world.schedule(JANUARY + at_s * 1000, name, device)
    return list(world.advance(JANUARY + round(hours * HOUR)))


class Day:
    """A day of a district, looked at message by message so that it never has to be kept."""

    def __init__(self, registry, seed, start_ms):
        self.checker = Checker(registry)
        self.count = Counter()
        self.seen = defaultdict(lambda: [1e9, -1e9])
        self.seq_faults, self.order_faults = [], []
        last, latest = {}, start_ms
        self.rides = Counter()
        self.ends = Counter()
        for item in World(registry, seed, start_ms).advance(start_ms + 24 * HOUR):
            assert isinstance(item, Message), "nothing but messages without incidents"
            self.checker.feed(item)
            if item.seq != last.get(item.device, 0) + 1:
                self.seq_faults.append(item)
            if item.ts_ms < latest:
                self.order_faults.append(item)
            last[item.device], latest = item.seq, item.ts_ms
            self.count[item.kind] += 1
            if item.values is not None:
                strictly_decoded(item)
                for signal, value in item.values.items():
                    span = self.seen[signal]
                    span[0], span[1] = min(span[0], value), max(span[1], value)
                if item.kind == "elevator" and item.values["door_state"] == 3:
                    self.rides[int(local_hour(item.ts_ms))] += 1
            elif item.event["kind"] == "session_stop":
                self.ends[item.event["code"]] += 1
        self.speakers = set(last)


@pytest.fixture(scope="module")
def january(district):
    return Day(district, 7, JANUARY)


@pytest.mark.slow
def test_quiet_winter_day_of_the_whole_district_breaks_no_default_limit(january):
    assert january.checker.breaches == []


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "day"), [(11, "2026-07-20"), (12, "2026-04-05"), (13, "2026-11-22")])
def test_quiet_day_in_other_seasons_breaks_no_default_limit(small, seed, day):
    assert Day(small, seed, ms(f"{day}T06:00:00+08:00")).checker.breaches == []


def test_every_device_speaks_and_counts_without_gaps_in_order_of_time(january, district):
    assert january.speakers == set(district.devices)
    assert january.seq_faults == []
    assert january.order_faults == []


def test_signals_are_alive_and_within_what_one_would_measure_in_ordos(january):
    seen = january.seen
    assert -25 < seen["temp_ambient"][0] < 0, "a January night"
    assert 9 <= seen["temp_room"][0] < seen["temp_room"][1] < 20
    assert 0.18 < seen["p_static"][0] < seen["p_static"][1] < 0.36
    assert 100 < seen["residual_current"][1] < 200
    assert 1.0 < seen["speed"][1] <= 2.5
    assert seen["floor"] == [-2, 32]
    assert 0 < seen["temp_socket"][1] < 30
    assert 200 < seen["power"][1] < 400
    assert seen["lane_occupied"] == [0, 1]


def test_lifts_are_busier_in_the_rush_than_at_night(january):
    assert january.rides[18] > 10 * january.rides[3] > 0
    assert january.rides[7] > january.rides[10]


def test_charging_sessions_end_full(january):
    assert january.ends["full"] > 50
    assert set(january.ends) == {"full"}


def test_same_seed_and_start_tell_the_same_story(small):
    first = stream(small, 3, 0.5, (60, "entrapment", None), (200, "residual_current", None))
    second = stream(small, 3, 0.5, (60, "entrapment", None), (200, "residual_current", None))
    assert msgspec.json.encode(first) == msgspec.json.encode(second)
    assert msgspec.json.encode(first) != msgspec.json.encode(stream(small, 4, 0.5))


def test_story_does_not_depend_on_the_steps_in_which_time_is_advanced(small):
    whole = stream(small, 3, 0.2, (60, "door_fault", None))
    world = World(small, 3, JANUARY)
    world.schedule(JANUARY + 60_000, "door_fault")
    steps = [item for until in range(1, 7_201) for item in world.advance(JANUARY + until * 100)]
    assert steps == whole


def test_incident_changes_nothing_for_the_devices_it_does_not_touch(small):
    lift = "tj-hty-b1-lift1"
    plain = [m for m in stream(small, 3, 0.5) if m.device != lift]
    eventful = [m for m in stream(small, 3, 0.5, (60, "entrapment", lift)) if isinstance(m, Message)]
    assert [m for m in eventful if m.device != lift] == plain
    assert any(m.device == lift for m in eventful)


def test_boot_differs_between_starts_so_that_sequence_numbers_may_begin_anew(small):
    boots = {World(small, 1, JANUARY).boot, World(small, 1, JANUARY + 1).boot, World(small, 2, JANUARY).boot}
    assert len(boots) == 3
    assert World(small, 1, JANUARY).boot in boots


def test_car_never_jumps_between_two_reports(small):
    positions = defaultdict(list)
    for message in stream(small, 5, 1):
        if isinstance(message, Message) and message.kind == "elevator" and message.values:
            positions[message.device].append((message.ts_ms, message.values))
    for device, reports in positions.items():
        labels = [*range(small.devices[device].attrs["base"], 0), *range(1, small.devices[device].attrs["floors"] + 1)]
        for (t0, before), (t1, after) in itertools.pairwise(reports):
            floors = abs(labels.index(after["floor"]) - labels.index(before["floor"]))
            reach_m = small.devices[device].attrs["rated_speed"] * (t1 - t0) / 1000
            assert (floors - 1) * 2.9 <= reach_m + 0.1, (device, before, after)
            assert abs(after["speed"] - before["speed"]) <= 0.9 * (t1 - t0) / 1000 + 0.02 or t1 - t0 > 2_100
            assert after["run_count"] - before["run_count"] in {0, 1}
            assert after["door_cycles"] - before["door_cycles"] in {0, 1}


def test_car_with_doors_not_shut_stands_at_a_landing(small):
    for message in stream(small, 5, 1):
        if message.kind == "elevator" and message.values and message.values["door_state"] != 0:
            assert message.values["speed"] == 0
            assert message.values["door_zone"]


def test_unknown_incident_device_or_parameter_is_refused_by_name(small):
    world = World(small, 1, JANUARY)
    with pytest.raises(NotFound, match="earthquake"):
        world.inject("earthquake")
    with pytest.raises(NotFound, match="nowhere"):
        world.inject("entrapment", "nowhere")
    with pytest.raises(Invalid, match="colour"):
        world.inject("entrapment", colour="red")
    with pytest.raises(NotFound, match="cannot happen"):
        world.inject("entrapment", "tj-hty-panel")


def test_kernel_does_things_in_order_and_can_call_them_off():
    kernel, done = Kernel(1_000), []
    kernel.call_in(2, lambda: done.append("late"))
    kernel.call_in(1, lambda: done.append("early"))
    kernel.call_in(1, lambda: done.append("early too"))
    entry = kernel.call_in(1.5, lambda: done.append("never"))
    entry[2] = None
    assert kernel.next_ms == 2_000
    list(kernel.advance(2_999))
    assert done == ["early", "early too"]
    list(kernel.advance(10_000))
    assert done == ["early", "early too", "late"]
    assert kernel.now_ms == 10_000
    assert kernel.next_ms is None


def test_script_can_be_hurried_and_cancelled():
    kernel, done = Kernel(0), []

    def script():
        while True:
            yield 100.0
            done.append(kernel.now_ms)

    process = kernel.spawn(script())
    list(kernel.advance(5_000))
    process.hurry()
    list(kernel.advance(6_000))
    assert done == [5_000]
    process.cancel()
    list(kernel.advance(1_000_000))
    assert done == [5_000]


def test_climate_knows_the_seasons_and_the_hours():
    import random

    climate = Climate(random.Random(1))
    january = sum(climate.outdoor_c(JANUARY + hour * HOUR) for hour in range(0, 24 * 28, 3)) / 224
    july = sum(climate.outdoor_c(ms("2026-07-05T00:00:00+08:00") + hour * HOUR) for hour in range(0, 24 * 28, 3)) / 224
    assert -14 < january < -7
    assert 18 < july < 26
    noon, night = ms("2026-05-10T15:00:00+08:00"), ms("2026-05-10T03:00:00+08:00")
    assert climate.outdoor_c(noon) - climate.outdoor_c(night) > 8
