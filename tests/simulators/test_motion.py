"""The ride of a lift car is smooth, exact and within its limits."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.motion import ACCELERATION, JERK, SCurve

distances = st.floats(0.01, 120)
speeds = st.floats(0.2, 4)


@given(distances, speeds)
def test_ride_ends_where_it_should_and_at_rest(distance, speed):
    ride = SCurve(distance, speed)
    assert ride.position(0) == 0
    assert ride.position(ride.duration_s) == distance
    assert ride.position(ride.duration_s - 1e-6) == pytest.approx(distance, abs=1e-4)
    assert ride.velocity(0) == ride.velocity(ride.duration_s) == 0


@given(distances, speeds)
def test_speed_acceleration_and_jerk_stay_within_limits(distance, speed):
    ride = SCurve(distance, speed)
    step = ride.duration_s / 400
    v = [ride.velocity(i * step) for i in range(401)]
    a = [(after - before) / step for before, after in itertools.pairwise(v)]
    assert max(v) <= speed * (1 + 1e-9)
    assert max(map(abs, a)) <= ACCELERATION * (1 + 1e-6)
    jumps = [abs(after - before) / step for before, after in itertools.pairwise(a)]
    assert max(jumps) <= JERK * (1 + 1e-3) + 1e-6


@given(distances, speeds)
def test_speed_is_the_derivative_of_position(distance, speed):
    ride = SCurve(distance, speed)
    step = ride.duration_s / 1000
    total = sum((ride.velocity(i * step) + ride.velocity((i + 1) * step)) / 2 * step for i in range(1000))
    assert total == pytest.approx(distance, rel=1e-3)


def test_long_ride_reaches_rated_speed_and_a_short_one_does_not():
    assert SCurve(60, 2.5).top_speed == 2.5
    assert SCurve(2.9, 2.5).top_speed < 1.5


@pytest.mark.parametrize(("distance", "speed"), [(-1, 1), (1, 0), (1, -2)])
def test_impossible_ride_is_refused(distance, speed):
    with pytest.raises(ValueError, match="a ride needs"):
        SCurve(distance, speed)
