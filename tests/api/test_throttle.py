"""Guessing costs the guesser, and nobody else."""

import pytest

from api.errors import TooManyRequests
from api.throttle import Throttle
from domain.limits import (
    SIGN_IN_FAILURES_MAX,
    SIGN_IN_NAME_FAILURES_MAX,
    SIGN_IN_SLOW_MS,
    SIGN_IN_SUSPECTS_MAX,
    SIGN_IN_TRUST_MS,
    SIGN_IN_WINDOW_MS,
)
from tests.support.ports import START_MS


@pytest.fixture
def throttle():
    return Throttle()


def refused(throttle, name, address, now_ms=START_MS):
    try:
        throttle.check(name, address, now_ms)
    except TooManyRequests as error:
        return error.params["retry_after_s"]
    return None


def guess(throttle, name, address, times=SIGN_IN_FAILURES_MAX, now_ms=START_MS):
    for _ in range(times):
        throttle.failed(name, address, now_ms)


def test_an_address_that_guesses_must_wait_whatever_name_it_tries_next(throttle):
    guess(throttle, "x", "10.0.0.1", SIGN_IN_FAILURES_MAX - 1)
    assert refused(throttle, "x", "10.0.0.1") is None
    guess(throttle, "x", "10.0.0.1", 1)
    assert refused(throttle, "x", "10.0.0.1") == 600
    assert refused(throttle, "y", "10.0.0.1") == 600
    assert refused(throttle, "x", "10.0.0.2") is None
    assert refused(throttle, "x", "10.0.0.1", START_MS + SIGN_IN_WINDOW_MS) is None


def test_a_name_guessed_from_many_addresses_is_slowed_down_but_not_closed(throttle):
    for number in range(SIGN_IN_NAME_FAILURES_MAX):
        assert refused(throttle, "x", f"10.0.1.{number}") is None
        guess(throttle, "x", f"10.0.1.{number}", 1)
    assert refused(throttle, "x", "10.0.0.2") == SIGN_IN_SLOW_MS // 1_000
    assert refused(throttle, "y", "10.0.0.2") is None
    assert refused(throttle, "x", "10.0.0.2", START_MS + SIGN_IN_SLOW_MS) is None


def test_who_signed_in_from_an_address_lately_is_not_held_up_by_others(throttle):
    throttle.succeeded("x", "10.0.0.1", START_MS - SIGN_IN_TRUST_MS + 1)
    guess(throttle, "admin", "10.0.0.1")
    guess(throttle, "x", "10.0.0.9", SIGN_IN_NAME_FAILURES_MAX)
    assert refused(throttle, "x", "10.0.0.1") is None
    assert refused(throttle, "admin", "10.0.0.1")
    assert refused(throttle, "x", "10.0.0.2")
    assert refused(throttle, "x", "10.0.0.1", START_MS + 1), "trust lasts twelve hours"


def test_trust_is_no_licence_to_guess_ones_own_name(throttle):
    throttle.succeeded("x", "10.0.0.1", START_MS)
    guess(throttle, "x", "10.0.0.1")
    assert refused(throttle, "x", "10.0.0.1")


def test_a_right_password_forgives_the_mistakes_made_on_the_way_to_it(throttle):
    guess(throttle, "x", "10.0.0.1", SIGN_IN_FAILURES_MAX - 1)
    throttle.succeeded("x", "10.0.0.1", START_MS)
    guess(throttle, "x", "10.0.0.1", 1)
    assert refused(throttle, "x", "10.0.0.1") is None


@pytest.mark.parametrize("other", ["2001:db8:0:1::ffff", "2001:0db8:0000:0001::2"])
def test_an_ipv6_subscriber_is_one_address(throttle, other):
    guess(throttle, "x", "2001:db8:0:1::1")
    assert refused(throttle, "y", other)
    assert refused(throttle, "y", "2001:db8:0:2::1") is None


def test_an_ipv4_address_is_the_same_in_ipv6_dress_and_others_do_not_share_its_fate(throttle):
    guess(throttle, "x", "::ffff:10.0.0.1")
    assert refused(throttle, "y", "10.0.0.1")
    assert refused(throttle, "y", "::ffff:10.0.0.2") is None


def test_what_is_remembered_is_bounded_and_the_oldest_goes_first(throttle):
    guess(throttle, "x", "10.0.0.1")
    for number in range(SIGN_IN_SUSPECTS_MAX):
        throttle.failed(f"n{number}", f"host-{number}", START_MS)
        throttle.succeeded(f"n{number}", f"host-{number}", START_MS)
    assert refused(throttle, "x", "10.0.0.1") is None
    assert len(throttle._failures) <= SIGN_IN_SUSPECTS_MAX
    assert len(throttle._known) <= SIGN_IN_SUSPECTS_MAX
