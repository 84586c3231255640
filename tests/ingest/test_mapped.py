"""Forms of vendors: what a mapping makes of what is sent, and of what should not have been sent."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.devices import Device
from domain.places import Name
from ingest.counters import Counters
from ingest.gate import Gate
from ingest.kinds import WIRES
from ingest.kinds.formgrammar import read_form
from ingest.kinds.mapped import Form, Mapped, Source
from ingest.outcomes import Outcome
from ingest.sorter import Draft, Sorter
from runtime.forms import load_wires
from runtime.packs import parse_tree

NOW = 1_795_400_000_000
FORMS = load_wires()


def decoded(form, payload):
    wire = FORMS[form]
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return wire.careful(wire.form.kind, data)


def sample(form, payload):
    [one] = decoded(form, payload)
    assert one.faults == ()
    return one.sample


def test_scaled_shifted_and_worded_values_become_canonical():
    one = sample("charge_pile", {"data": {
        "time": "2026-11-23 10:00:00", "no": 5, "state": "charging", "p": 2205, "i": 1002, "temp": {"plug": 71},
        "relay": "on", "order": 1, "stop": 0,
    }})  # fmt: skip
    assert (one.ts, one.seq) == ("2026-11-23T10:00:00+08:00", 5)
    values = one.values
    assert (values.port_state, values.power, values.current) == (2, 220.5, 1.002)
    assert (values.temp_socket, values.relay_closed, values.session) == (31.0, True, True)
    assert one.event is None


def test_bits_of_one_number_become_booleans():
    values = sample("lift_box", {"t": NOW // 1000, "sn": 1, "io": 0b010010, "v": 175}).values
    assert (values.door_zone, values.presence, values.main_power, values.call_pending) == (False, True, True, False)
    assert values.speed == 1.75


def test_seconds_become_milliseconds_and_codes_become_canonical_events():
    one = sample("lift_box", {"t": 1_795_400_000, "sn": 9, "bid": "b1", "alm": 37, "conf": 0.93, "fl": 3})
    assert (one.ts, one.boot) == (1_795_400_000_000, "b1")
    assert (one.event.kind, one.event.scheme, one.event.code) == ("ebike_in_car", "vendor_mx", "37")
    assert one.event.confidence == 0.93
    assert one.values.floor == 3


def test_code_without_a_meaning_is_kept_as_other_and_a_code_for_nothing_is_no_event():
    assert sample("lift_box", {"t": 1_795_400_000, "alm": 77, "fl": 1}).event.kind == "other"
    assert sample("lift_box", {"t": 1_795_400_000, "alm": 0, "fl": 1}).event is None


def test_several_codes_are_several_events_that_no_number_makes_doubles_of():
    found = decoded("lift_box", {"t": 1_795_400_000, "sn": 4, "alm": [3, 21]})
    assert [one.sample.event.kind for one in found] == ["overspeed", "alarm_button"]
    assert [one.sample.seq for one in found] == [None, None]


def test_records_of_one_message_are_readings_of_their_own():
    found = decoded("water_nb", {"list": [{"ts": 1_795_400_000 + n, "kpa": 200 + n} for n in range(3)]})
    assert [one.sample.values.p_static for one in found] == [0.2, 0.201, 0.202]


@pytest.mark.parametrize(
    ("form", "payload", "outcome"),
    [
        ("water_nb", b"\xff\xfe", Outcome.NOT_UTF8),
        ("water_nb", b"{", Outcome.BAD_JSON),
        ("water_nb", b"{}", Outcome.WRONG_TYPE),
        ("water_nb", b'{"list": []}', Outcome.EMPTY),
        ("water_nb", {"list": [{"other": 1}]}, Outcome.EMPTY),
        ("water_nb", {"list": [{"ts": 1_795_400_000, "kpa": "much"}]}, Outcome.WRONG_TYPE),
        ("water_nb", {"list": [{"ts": 1_795_400_000, "kpa": 9e9}]}, Outcome.IMPLAUSIBLE),
        ("water_nb", {"list": [{"ts": 1, "kpa": 1}] * 501}, Outcome.TOO_MANY_READINGS),
        ("charge_pile", {"data": [{"state": "burning"}]}, Outcome.WRONG_TYPE),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(form, payload, outcome):
    assert outcome in {fault.outcome for one in decoded(form, payload) for fault in one.faults}


_TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["t", "sn", "io", "alm", "data", "list", "kpa", "ts", "state", "temp", "plug", "x"]), inner,
        max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@given(payload=st.binary(max_size=200) | _TREES.map(lambda tree: json.dumps(tree).encode()))
@settings(max_examples=300, deadline=None)
@pytest.mark.parametrize("form", ["lift_box", "charge_pile", "water_nb", "fire_uitd"])
def test_no_payload_breaks_a_form(form, payload):
    found = decoded(form, payload)
    assert found
    assert all(one.sample is not None or one.faults for one in found)


def sorted_in(device, payload, wires=FORMS):
    counters, draft = Counters(), Draft()
    sorter = Sorter(wires, {device.id: device}, Gate(), counters)
    topic = f"anju/v1/c/{device.kind}/{device.id}/telemetry".encode()
    sorter.sort([(1, topic, json.dumps(payload).encode(), 0)], 0, NOW, draft, 10)
    return draft


def test_device_speaks_the_form_that_the_registry_says():
    device = Device("w1", "fire", "c", "c", Name("水压"), type="hydrant_pressure", attrs={"form": "water_nb"})
    [reading] = sorted_in(device, {"list": [{"ts": NOW // 1000, "kpa": 180}]}).readings
    assert (reading.device, reading.ts_ms, reading.values.p_static) == ("w1", NOW, 0.18)


def test_form_that_nobody_has_mapped_is_a_dead_letter_of_its_own_name():
    device = Device("w1", "fire", "c", "c", Name("水压"), attrs={"form": "martian"})
    draft = sorted_in(device, {"list": []}, WIRES)
    assert [(one.reason, one.device) for one in draft.dead] == [("unknown_form", "w1")]
    assert len(draft.packets) == 1, "it is acknowledged all the same"


# --- mapping files ----------------------------------------------------------------------------------------------------

GOOD = "form: f\ntitle: {zh: 甲, en: A}\nkind: fire\n"


def read(text):
    return read_form(parse_tree(text.encode(), "f.yml"), "f.yml")


def test_mapping_file_says_where_things_lie():
    form, errors = read(GOOD + "values:\n  p_static: {at: a.0.b, times: 0.001}\n  level: lv\n")
    assert errors == []
    assert form == Form("f", "fire", "甲", "A", values={
        "p_static": Source(("a", 0, "b"), 0.001), "level": Source(("lv",)),
    })  # fmt: skip
    [one] = Mapped(form).careful("fire", b'{"a": [{"b": 250}], "lv": 1.5}')
    assert (one.sample.values.p_static, one.sample.values.level) == (0.25, 1.5)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("form: f\n", 1, "has no 'title'"),
        (GOOD, 1, "maps neither values nor events"),
        (GOOD + "values:\n  p_statik: a\n", 5, "did you mean 'p_static'?"),
        (GOOD + "values:\n  p_static: {times: 2}\n", 5, "has no 'at'"),
        (GOOD + "values:\n  fire: {at: a, map: {x: nine}}\n", 5, "write true, false or a number"),
        (GOOD + "values:\n  fire: {at: a, map: {x: true}, times: 2}\n", 5, "keep one of them"),
        (GOOD + "values:\n  fire: {at: a, bit: 64}\n", 5, "at most 63"),
        (GOOD + "values:\n  fire: a..b\n", 5, "is no path"),
        (GOOD + "time: {at: t, unit: minutes}\nvalues:\n  fire: a\n", 4, "'minutes' is unknown"),
        (GOOD + "time: {at: t, zone: Peking}\nvalues:\n  fire: a\n", 4, "is no offset"),
        (GOOD + "events: {at: e, scheme: s, map: {1: fier_alarm}}\n", 4, "did you mean 'fire_alarm'?"),
        (GOOD + "events: {at: e, scheme: s, map: {1: fault, '1': fault}}\n", 4, "'1' twice"),
    ],
)
def test_fault_in_a_mapping_file_is_told_with_its_line_and_what_to_write(text, line, what):
    form, errors = read(text)
    assert form is None
    assert any(error.line == line and what in str(error) for error in errors), [str(error) for error in errors]
