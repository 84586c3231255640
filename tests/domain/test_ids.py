"""Identifiers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.ids import alert_id, checked_id, is_id, payload_digest


@pytest.mark.parametrize("text", ["a", "GW-01_x", "0" * 64])
def test_well_formed_ids_pass(text):
    assert checked_id(text, "device") == text


@pytest.mark.parametrize("text", ["", "a.b", "a/b", "a b", "+", "#", "电梯", "0" * 65, "a\n"])
def test_ids_that_would_break_topics_are_refused(text):
    with pytest.raises(Invalid, match="device id"):
        checked_id(text, "device")


@given(st.text(max_size=20), st.text(max_size=20), st.integers(0, 2**41))
def test_an_alert_id_is_a_function_of_rule_target_and_onset(rule, target, onset_ms):
    made = alert_id(rule, target, onset_ms)
    assert made == alert_id(rule, target, onset_ms)
    assert is_id(made)
    assert made != alert_id(rule, target, onset_ms + 1)


def test_rule_and_target_cannot_run_into_each_other():
    assert alert_id("EL-0", "1x", 5) != alert_id("EL-01", "x", 5)


@given(st.binary(max_size=64))
def test_a_digest_is_a_positive_signed_64_bit_number(payload):
    assert 0 < payload_digest(payload) < 2**63
