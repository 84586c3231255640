"""When to try again."""

from hypothesis import given
from hypothesis import strategies as st

from dispatch.retry import next_attempt_ms


@given(st.integers(0, 1_000), st.floats(0, 1, exclude_max=True))
def test_pauses_stay_between_a_second_and_a_minute_with_a_fifth_of_spread(attempts, draw):
    assert 800 <= next_attempt_ms(attempts, 0, draw) <= 72_000


def test_pauses_double():
    assert [next_attempt_ms(n, 0, 0.5) for n in (1, 2, 3, 4)] == [1_000, 2_000, 4_000, 8_000]
