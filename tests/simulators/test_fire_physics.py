"""Smoke, heat and water behave as physics has it, whatever the numbers: no jumps, nothing below zero, no chance."""

import itertools
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.blaze import CHARRED_FOOD, FURNITURE, GROWTH_KW_S2, STEAM, Air, Blaze, Chamber, forecast
from simulators.climate import Climate
from simulators.devices.fire_electric import building_load
from simulators.pipes import SHUT_OFF_MPA, Pipe

FUELS = st.sampled_from([FURNITURE, CHARRED_FOOD, STEAM])
GROWTHS = st.sampled_from(sorted(GROWTH_KW_S2.values()))


@st.composite
def blazes(draw):
    rooms = [Air(volume_m3=draw(st.floats(10, 200)), height_m=draw(st.floats(2.2, 4)))]
    for number in range(1, draw(st.integers(1, 6))):
        room = Air(
            volume_m3=draw(st.floats(10, 200)),
            source=draw(st.integers(0, number - 1)),
            exchange_per_s=draw(st.floats(0.0, 0.1)),
            warmth=draw(st.floats(0, 0.5)),
            arrives_s=draw(st.floats(0, 200)),
        )
        rooms += [room]
    return Blaze(draw(GROWTHS), draw(st.floats(1, 5000)), rooms, draw(FUELS))


@given(blaze=blazes(), step_s=st.sampled_from([0.5, 1.0, 2.0, 5.0]))
@settings(max_examples=60, deadline=None)
def test_smoke_and_warmth_only_grow_while_it_burns_in_closed_rooms(blaze, step_s):
    before = [(0.0, 0.0)] * len(blaze.rooms)
    for _ in range(120):
        blaze.step(step_s)
        now = [(blaze.smoke_pct(number), blaze.warm_c[number]) for number in range(len(blaze.rooms))]
        for (smoke, warm), (smoke_before, warm_before) in zip(now, before, strict=True):
            assert smoke_before - 1e-9 <= smoke <= 100
            assert warm_before - 1e-9 <= warm <= 800
        before = now
    assert before[0][0] > 0


@given(blaze=blazes(), burns_s=st.integers(30, 400))
@settings(max_examples=60, deadline=None)
def test_put_out_and_ventilated_all_rooms_are_clean_within_the_hour(blaze, burns_s):
    for _ in range(burns_s):
        blaze.step(1.0)
    blaze.put_out()
    blaze.ventilate()
    for _ in range(3600):
        blaze.step(1.0)
        assert all(soot >= 0 for soot in blaze.soot_g_m3)
    assert all(blaze.smoke_pct(number) < 0.5 for number in range(len(blaze.rooms)))
    assert all(warm < 5 for warm in blaze.warm_c)


@given(blaze=blazes())
@settings(max_examples=40, deadline=None)
def test_nothing_gets_to_a_room_before_the_front_of_the_smoke(blaze):
    while blaze.age_s < 200:
        blaze.step(1.0)
        for number, room in enumerate(blaze.rooms):
            if room.source != number and blaze.age_s < room.arrives_s:
                assert blaze.soot_g_m3[number] == 0
                assert blaze.warm_c[number] == 0


def test_fire_of_medium_growth_makes_a_megawatt_after_five_minutes():
    blaze = Blaze(GROWTH_KW_S2["medium"], 5000, [Air()])
    for _ in range(300):
        blaze.step(1.0)
    assert blaze.power_kw == pytest.approx(1055, rel=0.01)


@given(
    blaze=blazes(),
    seed=st.integers(0, 2**32),
    room_c=st.floats(10, 30),
    until_s=st.integers(60, 400),
)
@settings(max_examples=40, deadline=None)
def test_forecast_is_what_then_happens_and_changes_nothing(blaze, seed, room_c, until_s):
    rng = random.Random(seed)
    chambers = [
        Chamber(rng.uniform(0, 0.5), rng.uniform(2.5, 4.5), None)
        if rng.random() < 0.7
        else Chamber(0.0, None, rng.uniform(54, 65))
        for _ in blaze.rooms
    ]
    told = forecast(blaze, chambers, [room_c] * len(chambers), until_s)
    assert blaze.age_s == 0
    assert all(chamber.smoke_pct == chamber.warm_c == 0 for chamber in chambers)
    came = [None] * len(chambers)
    for second in range(1, until_s + 1):
        blaze.step(1.0)
        for number, chamber in enumerate(chambers):
            felt = chamber.breathe(blaze.smoke_pct(number), blaze.warm_c[number], room_c, 1.0)
            if felt and came[number] is None:
                came[number] = second
    assert came == told


def test_faster_fires_and_cleaner_rooms_alarm_sooner_and_later():
    def alarm_s(growth, volume, alarm_pct):
        blaze = Blaze(GROWTH_KW_S2[growth], 2500, [Air(volume_m3=volume)])
        return forecast(blaze, [Chamber(0.1, alarm_pct, None)], [20.0], 600)[0]

    by_growth = [alarm_s(growth, 40, 3.5) for growth in ("ultra_fast", "fast", "medium", "slow")]
    assert by_growth == sorted(by_growth)
    assert alarm_s("medium", 40, 3.5) < alarm_s("medium", 160, 3.5)
    assert alarm_s("medium", 40, 2.5) < alarm_s("medium", 40, 4.5)


def test_heat_detector_needs_more_fire_than_a_smoke_detector():
    rooms = [Air(), Air(source=0, exchange_per_s=0.02)]
    blaze = Blaze(GROWTH_KW_S2["medium"], 2500, rooms)
    smoke, heat = forecast(blaze, [Chamber(0.1, 3.5, None), Chamber(0.0, None, 58.0)], [20.0, 20.0], 900)
    assert 20 < smoke < heat < 900


def test_burst_shorter_than_the_confirmation_is_no_alarm():
    chamber = Chamber(0.0, 3.0, None)
    assert not any(chamber.breathe(10.0, 0.0, 20.0, 1.0) for _ in range(3))
    assert not any(chamber.breathe(0.0, 0.0, 20.0, 1.0) for _ in range(60))


@st.composite
def pipes(draw):
    low = draw(st.floats(0.08, 0.6))
    high = low + draw(st.floats(0.02, 0.2))
    return Pipe(low, high, draw(st.floats(low, high)), draw(st.floats(600, 10_800)))


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["wait", "crack", "boost", "stuck", "mend"]),
        st.floats(0.01, 12),
        st.floats(1, 900),
    ),
    max_size=12,
)


@given(pipe=pipes(), acts=ACTS)
@settings(max_examples=80, deadline=None)
def test_pressure_is_never_negative_never_above_the_pumps_and_never_jumps(pipe, acts):
    for act, amount, elapsed_s in acts:
        if act == "crack":
            pipe.crack(0.01 + pipe.low * min(1.0, amount / 15), 60 * amount)
        elif act == "boost":
            pipe.boost = amount
        elif act == "stuck":
            pipe.stuck_on = True
        elif act == "mend":
            pipe.mend()
        left = elapsed_s
        while left > 0:
            step_s, before = min(left, 5.0), pipe.pressure
            fastest = 13 * pipe.fill_per_s + (pipe.seep + pipe.leak_full + 0.01) * math.sqrt(SHUT_OFF_MPA)
            pipe.pass_time(step_s)
            assert 0 <= pipe.pressure <= SHUT_OFF_MPA + 1e-9
            assert abs(pipe.pressure - before) <= fastest * step_s + 1e-9
            left -= step_s


@given(pipe=pipes())
@settings(max_examples=30, deadline=None)
def test_undisturbed_the_jockey_pump_keeps_the_pressure_in_its_band(pipe):
    for _ in range(24 * 12):
        pipe.pass_time(300.0)
        assert pipe.low - 0.02 <= pipe.pressure <= pipe.high + 0.02
    assert pipe.starts >= 24 * 3600 / (3 * 10_800)


@given(pipe=pipes(), share=st.floats(0.1, 0.8), hours=st.floats(0.05, 8))
@settings(max_examples=30, deadline=None)
def test_leak_lets_the_pressure_sink_to_what_it_was_made_for_and_no_further(pipe, share, hours):
    lowest = pipe.low * share
    pipe.crack(lowest, hours * 3600)
    pipe.pass_time(hours * 3600 + 14_400)
    assert pipe.pressure == pytest.approx(lowest, rel=0.1)


def test_pump_starts_more_often_while_a_leak_grows_and_then_runs_on():
    pipe = Pipe(0.2, 0.26, 0.25, 3600)
    pipe.crack(0.045, 6 * 3600)
    starts = []
    for _ in range(6):
        before = pipe.starts
        pipe.pass_time(1800)
        starts.append(pipe.starts - before)
    assert 1 <= 2 * starts[0] <= starts[2]
    pipe.pass_time(2 * 3600)
    assert pipe.running
    assert pipe.pressure < pipe.low


@given(pipe=pipes())
@settings(max_examples=30, deadline=None)
def test_mended_after_anything_the_pressure_is_back_in_its_band_within_half_an_hour(pipe):
    for damage in ("leak", "boost"):
        if damage == "leak":
            pipe.crack(pipe.low / 3, 600)
        else:
            pipe.boost = 8.0
        pipe.pass_time(3600)
        pipe.mend()
        pipe.pass_time(1800)
        assert pipe.low - 0.02 <= pipe.pressure <= pipe.high + 0.02


def test_future_of_a_pipe_does_not_touch_its_present():
    pipe = Pipe(0.2, 0.26, 0.25, 3600)
    found = pipe.until(lambda pressure: pressure <= 0.2, 10_000)
    assert 600 < found < 7200
    assert (pipe.pressure, pipe.starts, pipe.running) == (0.25, 0, False)
    assert pipe.until(lambda pressure: pressure > 1.0, 3600) is None


def test_load_of_a_building_glides_and_peaks_in_the_evening():
    loads = [building_load(minute * 60_000) for minute in range(24 * 60)]
    assert max(abs(a - b) for a, b in itertools.pairwise(loads)) < 0.01
    assert 18 <= (loads.index(max(loads)) / 60 + 8) % 24 <= 20
    assert 0.2 < min(loads) < max(loads) <= 1


def test_weather_is_a_function_of_time_alone():
    first, second = (Climate(random.Random(3)) for _ in range(2))
    assert [first.outdoor_c(at) for at in range(0, 10**9, 10**7)] == [
        second.outdoor_c(at) for at in range(0, 10**9, 10**7)
    ]
