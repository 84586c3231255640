"""Anju's JSON: what is kept, what is noticed, what is refused, by name."""

import json
import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.kinds import KINDS
from ingest.kinds import WIRES, Decoded, event_time
from ingest.outcomes import REFUSALS, Outcome
from tests.ingest.support import NOW

WIRE = WIRES["anju_json"]


def careful(payload, kind="elevator"):
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return WIRE.careful(kind, raw)


def one(payload, kind="elevator") -> Decoded:
    found = careful(payload, kind)
    assert len(found) == 1
    return found[0]


def outcomes(decoded: Decoded):
    return {fault.outcome for fault in decoded.faults}


def test_every_wire_form_is_in_the_table():
    from pathlib import Path

    import ingest.kinds

    files = {path.stem for path in Path(ingest.kinds.__file__).parent.glob("*.py")}
    assert files - {"__init__", "base", "mapped", "formgrammar"} == set(WIRES)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_fast_and_the_careful_path_agree_on_good_payloads(kind):
    values = {}
    for signal in KINDS[kind].signals.values():
        low = 0 if signal.low is None else signal.low
        values[signal.name] = True if signal.type == "boolean" else int(low) if signal.type == "integer" else low
    raw = json.dumps({"ts": NOW, "seq": 7, "boot": "b", "values": values}).encode()
    fast = WIRE.fast(kind)(raw)
    slow = one(raw, kind)
    assert slow.faults == slow.marks == ()
    assert slow.sample.values == fast.values == msgspec.convert(values, KINDS[kind].values)
    assert (slow.sample.ts, slow.sample.seq, slow.sample.boot) == (fast.ts, fast.seq, fast.boot)


def test_an_implausible_value_is_dropped_and_the_rest_kept():
    found = one({"ts": NOW, "values": {"speed": 900, "presence": True}})
    assert found.sample.values.speed is None
    assert found.sample.values.presence is True
    assert outcomes(found) == {Outcome.IMPLAUSIBLE}
    assert "speed=900 is outside 0…20 m/s" in found.faults[0].detail


def test_nothing_plausible_left_is_a_refusal():
    found = one({"ts": NOW, "values": {"speed": 900}})
    assert found.sample is None
    assert outcomes(found) == {Outcome.IMPLAUSIBLE}


def test_unknown_keys_are_ignored_and_noticed():
    found = one({"ts": NOW, "colour": "red", "values": {"floor": 2, "mood": 3}})
    assert found.sample.values.floor == 2
    assert found.marks == (Outcome.UNKNOWN_KEYS,)
    assert found.faults == ()


@pytest.mark.parametrize(("raw", "kept"), [(0, False), (1, True), (1.0, True)])
def test_zero_and_one_pass_for_false_and_true(raw, kept):
    found = one({"values": {"presence": raw}})
    assert found.sample.values.presence is kept
    assert Outcome.COERCED in found.marks


@pytest.mark.parametrize("raw", [2, "true", "1", [], {}])
def test_nothing_else_passes_for_a_boolean(raw):
    assert outcomes(one({"values": {"presence": raw, "floor": 1}})) == {Outcome.WRONG_TYPE}


@pytest.mark.parametrize("raw", ["1.5", True, [1], {"a": 1}])
def test_a_number_in_quotes_is_not_a_number(raw):
    found = one({"values": {"speed": raw, "floor": 1}})
    assert outcomes(found) == {Outcome.WRONG_TYPE}
    assert found.sample.values.floor == 1


def test_a_whole_float_passes_for_an_integer_and_a_broken_one_does_not():
    assert one({"values": {"floor": 3.0}}).sample.values.floor == 3
    assert outcomes(one({"values": {"floor": 3.5}})) == {Outcome.WRONG_TYPE}


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_not_finite_is_dropped_by_name(word):
    raw = b'{"values":{"speed":%s,"presence":true}}' % word.encode()
    with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError)):
        WIRE.fast("elevator")(raw)
    found = one(raw)
    assert outcomes(found) == {Outcome.NONFINITE}
    assert found.sample.values.presence is True


@pytest.mark.parametrize(
    ("raw", "outcome"),
    [
        (b"", Outcome.EMPTY),
        (b"  ", Outcome.EMPTY),
        (b"[]", Outcome.EMPTY),
        (b"{}", Outcome.EMPTY),
        (b'{"ts":1764000000000,"seq":1}', Outcome.EMPTY),
        (b"{", Outcome.BAD_JSON),
        (b"[" * 100_000, Outcome.BAD_JSON),
        (b'{"values":{"speed":1}}}', Outcome.BAD_JSON),
        (b'{"values":{"speed":"\xff"}}', Outcome.NOT_UTF8),
        (b'"online"', Outcome.WRONG_TYPE),
        (b"12", Outcome.WRONG_TYPE),
        (b'{"values":[1]}', Outcome.WRONG_TYPE),
        (b'{"event":"fire"}', Outcome.WRONG_TYPE),
        (b'{"event":{"raw":"00"}}', Outcome.WRONG_TYPE),
        (b'{"v":2,"values":{"floor":1}}', Outcome.WRONG_VERSION),
        (b'{"units":"imperial","values":{"floor":1}}', Outcome.WRONG_UNITS),
        (json.dumps([{"values": {"floor": 1}}] * 501).encode(), Outcome.TOO_MANY_READINGS),
    ],
)
def test_a_spoilt_payload_is_refused_by_name(raw, outcome):
    found = one(raw)
    assert found.sample is None
    assert outcomes(found) == {outcome}


def test_in_an_array_each_reading_stands_for_itself():
    found = careful([{"values": {"floor": 1}}, 7, {"values": {"floor": 999}}, {"values": {"floor": 2}}])
    assert [item.sample is not None for item in found] == [True, False, False, True]


def test_an_event_outlives_the_faults_around_it():
    found = one({"ts": [], "seq": "x", "values": 7, "units": "?", "event": {"kind": "entrapment", "code": 42, "x": 1}})
    assert found.sample.event.kind == "entrapment"
    assert found.sample.event.code == "42"
    assert found.sample.seq is None
    assert Outcome.WRONG_TYPE in outcomes(found)


def test_a_useless_sequence_number_is_ignored_not_fatal():
    for seq in (-1, 1.5, "12", True, 2**63, []):
        found = one({"seq": seq, "values": {"floor": 1}})
        assert found.sample.seq is None
        assert outcomes(found) == {Outcome.WRONG_TYPE}


def test_overlong_evidence_is_cut():
    found = one({"event": {"kind": "other", "raw": "0" * 5000}})
    assert len(found.sample.event.raw) == 4096
    assert outcomes(found) == {Outcome.OVERSIZE}


@pytest.mark.parametrize(
    ("ts", "at_ms"),
    [
        (NOW, NOW),
        (NOW + 0.75, NOW),
        ("2025-11-24T16:00:00Z", NOW),
        ("2025-11-25T00:00:00.000+08:00", NOW),
        ("2025-11-25 00:00:00.1234567+08:00", NOW + 123),
    ],
)
def test_times_that_are_understood(ts, at_ms):
    assert event_time(ts) == at_ms


@pytest.mark.parametrize(
    ("ts", "outcome"),
    [
        (NOW // 1000, Outcome.EPOCH_SECONDS),
        (NOW / 1000, Outcome.EPOCH_SECONDS),
        (NOW * 1000, Outcome.BAD_TIME),
        (0, Outcome.CLOCK_UNSET),
        (86_400_000, Outcome.CLOCK_UNSET),
        ("1970-01-01T00:00:05Z", Outcome.CLOCK_UNSET),
        (-5, Outcome.BAD_TIME),
        (math.nan, Outcome.BAD_TIME),
        (math.inf, Outcome.BAD_TIME),
        ("2026-06-01T08:15:30", Outcome.BAD_TIME),
        ("2026-13-01T08:15:30Z", Outcome.BAD_TIME),
        ("2026-06-01T24:00:01Z", Outcome.BAD_TIME),
        ("0001-01-01T00:00:00+23:59", Outcome.CLOCK_UNSET),
        ("yesterday", Outcome.BAD_TIME),
        (str(NOW), Outcome.BAD_TIME),
    ],
)
def test_times_that_are_not(ts, outcome):
    assert event_time(ts).outcome is outcome


def test_epoch_seconds_are_told_what_to_send():
    assert f"{NOW // 1000}000" in event_time(NOW // 1000).detail


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["ts", "seq", "boot", "values", "event", "v", "src", "units", "id", "kind", "code", "raw",
                         "scheme", "confidence", "floor", "speed", "presence", "x"]),
        inner, max_size=6,
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.one_of(st.binary(max_size=200), JSON.map(lambda tree: json.dumps(tree).encode("utf-8", "surrogatepass"))))
@settings(max_examples=400, deadline=None)
def test_no_bytes_make_the_decoder_raise_and_every_refusal_has_a_name(raw):
    found = careful(raw)
    assert found
    for item in found:
        assert item.sample is not None or item.faults
        assert outcomes(item) <= REFUSALS
        if item.sample is not None and item.sample.ts is not None:
            event_time(item.sample.ts)
        if item.sample is not None and item.sample.values is not None:
            # What the careful path lets through satisfies the contract of the kind.
            msgspec.convert(msgspec.to_builtins(item.sample.values), KINDS["elevator"].values, strict=True)
