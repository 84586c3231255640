"""The alert on the wire, and its explanation."""

import json

import pytest

from alerts.explain import explain
from alerts.inputs import Acknowledge, DeclareMaintenance, Shelve
from alerts.times import local_day, rfc3339
from alerts.wire import patch, to_wire
from domain.organisations import Contract, Organisation
from domain.places import Name
from domain.registry import Registry
from tests.support.rulebook import T0, Bell, Book, Hot, batch, info, port, reading, registry
from tests.support.station import LittleStation

HOUR = 3_600_000


@pytest.fixture
def station():
    places = registry(port("p1", place="f1"))
    firm = Organisation("firm", "property_firm", Name("恒信物业", "Hengxin"))
    contract = Contract("k1", "firm", ["c1"], "2026-01-01")
    whole = Registry(places.places.values(), [firm], [contract], places.devices.values())
    found = LittleStation(whole, Book(Hot(info("EB-03"))))
    found.take(batch(reading("p1", T0, temp_socket=75.0, received_ms=T0 + 250)))
    return found


def wire(station, now_ms=T0):
    alert = station.only()
    return to_wire(alert, station.registry, now_ms, station.book.rules[alert.rule])


def test_instants_carry_the_offset_of_shanghai():
    assert rfc3339(1_795_329_368_112) == "2026-11-22T14:36:08.112+08:00"
    assert local_day(1_795_017_599_999) == "20261118"
    assert local_day(1_795_017_600_000) == "20261119"


def test_alert_on_the_wire_is_what_the_console_asks_for(station):
    alert, found = station.only(), wire(station)
    expected = {
        "id": alert.id, "no": "GJ-20261118-0001", "level": 2, "kind": "EB-03", "domain": "ebike", "state": "unacked",
        "rev": 1, "raised_at": rfc3339(T0 + 250), "device_at": rfc3339(T0), "cleared_at": None, "acked_by": None,
        "acked_at": None, "due_at": rfc3339(T0 + 250 + 120_000), "value": 75.0, "unit": "℃", "limit": 70.0,
        "dir": "high", "rule": {"code": "EB-03", "ver": 1}, "card": "card-1", "flags": [], "dup": 1, "cause_id": None,
        "shelved_until": None, "suppressed": [], "title": {"zh": "规则 EB-03", "en": "Rule EB-03"},
        "compound": {"id": "c1", "name": {"zh": "c1", "en": "c1-en"}},
        "firm": {"id": "firm", "name": {"zh": "恒信物业", "en": "Hengxin"}},
        "device": {"id": "p1", "name": {"zh": "p1", "en": "p1"}, "type": "port"},
    }  # fmt: skip
    assert {key: found[key] for key in expected} == expected
    assert found["place"]["text"] == {"zh": "b1·u1·f1", "en": "b1-en · u1-en · f1-en"}
    assert found["place"]["floor"] == {"zh": "f1", "en": "f1-en"}
    assert json.loads(json.dumps(found)) == found


def test_alert_whose_places_are_no_longer_registered_still_has_a_form(station):
    found = to_wire(station.only(), Registry(), T0)
    assert (found["compound"], found["device"], found["firm"], found["title"]) == (
        {"id": "c1", "name": None}, None, None, None,
    )  # fmt: skip


def test_patch_carries_only_what_changed(station):
    before = wire(station)
    station.take(Acknowledge(alert_id=station.only().id, actor="wang"), T0 + 1_000)
    after = wire(station)
    changes = patch(before, after)
    assert changes == {
        "state": "acked", "rev": 2, "acked_by": "wang", "acked_at": rfc3339(T0 + 1_000), "due_at": None,
        "due_from": None,
        "due_kind": None,
    }  # fmt: skip
    assert {**before, **changes} == after
    assert patch(after, after) == {}
    assert patch({"gone": 1}, {}) == {"gone": None}


def test_flags_speak_the_words_of_the_console(station):
    for number in range(1, 5):
        station.take(batch(reading("p1", T0 + number, temp_socket=20.0 if number % 2 else 75.0)))
    assert wire(station)["flags"] == ["chatter"]
    assert wire(station, T0 + 25 * HOUR)["flags"] == ["chatter", "stale"]


def test_explanation_says_why_by_the_values_that_were_judged(station):
    alert = station.only()
    told = explain(alert, station.rows(alert.id), station.book.rules["EB-03"], station.registry, T0 + 1_000)
    why = told["why"]
    assert (why["rule"], why["condition"], why["inputs"]) == ("EB-03", "temp_socket >= 70", {"value": 75.0})
    assert (why["device_at"], why["judged_at"]) == (rfc3339(T0), rfc3339(T0 + 250))
    assert why["rule_now"]["changed_since"] is False
    assert [line["kind"] for line in told["timeline"]] == ["alert.raised"]
    assert told["next"][0] == {"at": rfc3339(T0 + 120_250), "what": "ack_due", "overdue": False}
    assert told["notifications"][0]["key"] == station.intents[0].key
    assert json.loads(json.dumps(told)) == told


def test_explanation_tells_who_keeps_it_quiet_and_when_it_rings_again(station):
    alert = station.only()
    wish = Shelve(alert_id=alert.id, actor="wang", until_ms=T0 + HOUR, reason="fan")
    station.take(wish, T0 + 1_000)
    declared = DeclareMaintenance(
        window="w1", target="c1", from_ms=T0, until_ms=T0 + 2 * HOUR, reason="rewiring", actor="li"
    )
    station.take(declared, T0 + 2_000)
    told = explain(station.only(), station.rows(alert.id), None, station.registry, T0 + 3_000)
    assert told["suppression"]["ringing"] is False
    assert [(one["by"], one["actor"]) for one in told["suppression"]["now"]] == [
        ("shelved", "wang"),
        ("maintenance", "li"),
    ]
    assert [(step["what"], step.get("by")) for step in told["next"]][:2] == [
        ("rings_again", "shelved"), ("rings_again", "maintenance"),
    ]  # fmt: skip
    assert [line["actor"] for line in told["timeline"]] == ["rule:EB-03", "wang", "li"]
    assert told["why"]["rule_now"] is None


def test_explanation_names_the_verification_clock():
    rule = Bell(info("FC-01", verify_s=180, verify_severity=1))
    station = LittleStation(registry(port("p1")), Book(rule))
    station.take(batch(reading("p1", T0, event="smoke")))
    alert = station.only()
    told = explain(alert, station.rows(alert.id), rule.info, station.registry, T0)
    assert {"at": rfc3339(T0 + 180_000), "what": "escalates_unverified", "severity": 1} in told["next"]
    assert told["alert"]["next_escalation"] == {"at": rfc3339(T0 + 180_000), "to": "severity:1"}


def test_notifications_named_in_the_explanation_are_those_owed(station):
    alert = station.only()
    station.take(Acknowledge(alert_id=alert.id, actor="wang"), T0 + 1_000)
    station.take(batch(reading("p1", T0 + 2_000, temp_socket=20.0)))
    told = explain(station.only(), station.rows(alert.id), None, station.registry, T0 + 3_000)
    assert [one["key"] for one in told["notifications"]] == [intent.key for intent in station.intents]
    assert told["next"] == []
