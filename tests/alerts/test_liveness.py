"""Is a device there?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.liveness import after_silence, deadlines_ms, grouped, silent_ms

STATES = st.sampled_from(["unknown", "online", "overdue", "offline"])


@pytest.mark.parametrize(
    ("period_s", "expected"), [(60, (150_000, 300_000)), (300, (750_000, 1_500_000)), (1, (2_500, 300_000))]
)
def test_deadlines_follow_the_period_and_offline_is_never_before_five_minutes(period_s, expected):
    assert deadlines_ms(period_s) == expected


@given(STATES, st.integers(0, 10**7), st.floats(0.1, 90_000))
def test_silence_never_brings_a_device_back(state, silent, period_s):
    rank = {"unknown": 0, "online": 1, "overdue": 2, "offline": 3}
    assert rank[after_silence(state, silent, *deadlines_ms(period_s))] >= rank[state]


@given(st.integers(0, 10**7))
def test_device_that_never_spoke_stays_unknown(silent):
    assert after_silence("unknown", silent, 150_000, 300_000) == "unknown"
    assert silent_ms(None, 0, silent) is None


def test_silence_is_counted_from_our_own_start_at_the_earliest():
    assert silent_ms(1_000, 50_000, 60_000) == 10_000
    assert silent_ms(55_000, 50_000, 60_000) == 5_000
    assert silent_ms(70_000, 50_000, 60_000) == 0


def test_devices_that_move_together_are_one_event():
    events = grouped([("p2", "offline", "silence"), ("p1", "offline", "silence"), ("p3", "offline", "lwt")], 7)
    assert [(event.state, event.devices, event.why) for event in events] == [
        ("offline", ["p3"], "lwt"),
        ("offline", ["p1", "p2"], "silence"),
    ]
