"""`state` messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.outcomes import Outcome, Refusal
from ingest.states import read_state
from tests.ingest.support import NOW


@pytest.mark.parametrize(
    ("raw", "online"),
    [(b"online", True), (b"offline", False), (b' "Offline"\n', False), (b'{"online":true}', True),
     (b'{"online":false,"reason":"will"}', False)],
)  # fmt: skip
def test_the_forms_that_are_understood(raw, online):
    report = read_state(raw, "d", NOW)
    assert (report.device, report.online, report.ts_ms, report.received_ms) == ("d", online, NOW, NOW)


def test_an_online_report_keeps_its_own_time_and_a_last_will_does_not():
    assert read_state(b'{"online":true,"ts":%d}' % (NOW - 5000), "d", NOW).ts_ms == NOW - 5000
    assert read_state(b'{"online":false,"ts":%d}' % (NOW - 5000), "d", NOW).ts_ms == NOW


def test_a_time_ahead_or_unusable_is_replaced():
    assert read_state(b'{"online":true,"ts":%d}' % (NOW + 5000), "d", NOW).ts_ms == NOW
    assert read_state(b'{"online":true,"ts":"soon"}', "d", NOW).ts_ms == NOW


@given(st.binary(max_size=60))
def test_no_bytes_make_it_raise(raw):
    found = read_state(raw, "d", NOW)
    assert not isinstance(found, Refusal) or found.outcome is Outcome.BAD_STATE
