"""Lines of the journal: the same bytes always, checkable by anybody with SHA-256 and JSON."""

import hashlib
import json

import hypothesis.strategies as st
import pytest
from hypothesis import given
from msgspec.structs import replace

from alerts import events
from alerts.events import AlertRaised, SignedIn
from storage.lines import alert_of, encode, event_of, genesis, line_after, line_hash
from tests.contracts.builders import NOW_MS, a_rich_alert, acked, an_alert, raised

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_the_seal_can_be_recomputed_with_nothing_but_json_and_sha256():
    line = line_after(6, genesis("k7f2ab"), acked(a_rich_alert(), cmd="c-安"))
    assert line.alert_after is not None
    header = [7, line.at_ms, "li", "alert.acked", line.alert_id, "c-安", len(line.body), len(line.alert_after)]
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    start = hashlib.sha256(b"anju:k7f2ab").digest()
    assert line.prev_hash == start
    assert line.hash == hashlib.sha256(start + text + b"\n" + line.body + line.alert_after).digest()
    assert json.loads(line.body) == {"type": "alert.acked", "alert_id": line.alert_id, "note": ""}


def test_bytes_cannot_move_from_one_document_to_the_other():
    sealed = (b"\0" * 32, 1, 0, "a", "k", None, None)
    assert line_hash(*sealed, b'{"a":1}', b"") != line_hash(*sealed, b'{"a":1}', None)
    assert line_hash(*sealed, b"ab", b"c") != line_hash(*sealed, b"a", b"bc")


def test_the_order_in_which_a_map_was_filled_does_not_show():
    one, two = an_alert(params={"a": 1, "b": 2}), an_alert(params={"b": 2, "a": 1})
    assert line_after(0, genesis("x"), raised(one)) == line_after(0, genesis("x"), raised(two))


@given(st.dictionaries(st.text(), JSON, max_size=5), st.text(), st.none() | st.floats(allow_nan=False))
def test_whatever_an_alert_carries_comes_back(params, code, value):
    alert = replace(
        a_rich_alert(), params=params, code=code, value=None if value in {None, float("inf"), -float("inf")} else value
    )
    body = encode(alert)
    assert alert_of(body) == alert
    assert encode(alert_of(body)) == body
    event = AlertRaised(alert)
    assert event_of(encode(event)) == event


def test_every_event_has_a_kind_that_fits_its_column():
    for name in events.__all__:
        tag = getattr(getattr(events, name), "__struct_config__", None)
        if tag is not None:
            assert isinstance(tag.tag, str)
            assert len(tag.tag) <= 64


@pytest.mark.parametrize("body", [b'{"type":"order.opened","id":7}', b'{"type":"alert.acked","alert_id":7}'])
def test_a_line_of_another_version_reads_as_plain_data(body):
    assert event_of(body) == json.loads(body)


def test_a_line_about_no_alert_names_none():
    line = line_after(
        0, genesis("x"), replace(raised(an_alert()), event=SignedIn("li", ok=True, origin="::1"), alert=None)
    )
    assert (line.alert_id, line.alert_after, line.kind, line.at_ms) == (None, None, "session.signed_in", NOW_MS + 40)
