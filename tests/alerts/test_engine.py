"""Readings become alerts."""

import msgspec
import pytest

from alerts.alert import AlertState
from alerts.engine import decide, evolve
from alerts.events import RegistryImported, SignedIn
from alerts.inputs import Acknowledge, AdoptRegistry, Record, Resolve, Tick
from alerts.state import EngineState
from domain import limits
from domain.ids import alert_id
from domain.readings import Quality, StateReport
from tests.support.rulebook import T0, Bell, Book, Hot, Pair, batch, gateway, info, port, reading, registry
from tests.support.station import LittleStation


@pytest.fixture
def station():
    return LittleStation(registry(port("p1"), port("p2")), Book(Hot(info("EB-03"))))


def test_first_breach_opens_one_alert_with_everything_needed_to_judge_it(station):
    decision = station.take(batch(reading("p1", T0, temp_socket=75.0)))
    alert = station.only()
    assert alert.id == alert_id("EB-03", "p1", T0)
    assert (alert.severity, alert.state, alert.rev, alert.value) == (2, AlertState.UNACKNOWLEDGED, 1, 75.0)
    assert (alert.limit, alert.direction, alert.signal) == (70.0, "high", "temp_socket")
    assert (alert.compound, alert.place, alert.device) == ("c1", "b1", "p1")
    assert alert.no == "GJ-20261118-0001"
    assert alert.due_ms == T0 + 120_000
    assert alert.evidence.condition == "temp_socket >= 70"
    (intent,) = decision.intents
    assert (intent.key, intent.ring, intent.reason) == (f"{alert.id}:1:mqtt", True, "raised")
    assert intent.body["place"]["text"]["zh"] == "b1"


def test_second_reading_of_a_batch_sees_what_the_first_one_did(station):
    station.take(batch(reading("p1", T0, temp_socket=75.0), reading("p1", T0 + 1, temp_socket=76.0)))
    assert station.only().occurrences == 1
    station.take(
        batch(
            reading("p1", T0 + 2, temp_socket=50.0),
            reading("p1", T0 + 3, temp_socket=85.0),
            reading("p1", T0 + 4, temp_socket=50.0),
        )
    )
    alert = station.only()
    assert (alert.state, alert.occurrences, alert.severity, alert.rev) == ("rtn_unacked", 2, 1, 4)


def test_unknown_device_and_stale_reading_change_nothing(station):
    station.take(
        batch(reading("ghost", T0, temp_socket=99.0), reading("p1", T0, temp_socket=99.0, quality=Quality.STALE))
    )
    assert station.alerts == {}


def test_graver_level_of_an_acknowledged_alert_rings_anew(station):
    station.take(batch(reading("p1", T0, temp_socket=75.0)))
    alert = station.only()
    station.take(Acknowledge(alert_id=alert.id, actor="wang"), T0 + 1_000)
    decision = station.take(batch(reading("p1", T0 + 2_000, temp_socket=85.0)))
    alert = station.only()
    assert (alert.state, alert.severity, alert.acked_by, alert.due_ms) == ("unacked", 1, None, T0 + 62_000)
    assert decision.intents[0].ring


def test_milder_level_lowers_the_severity_without_ringing(station):
    station.take(batch(reading("p1", T0, temp_socket=85.0)))
    decision = station.take(batch(reading("p1", T0 + 1, temp_socket=75.0)))
    assert (station.only().severity, station.only().state) == (2, "unacked")
    assert not decision.intents[0].ring


def test_return_of_an_acknowledged_alert_closes_it_and_the_next_breach_is_a_new_alert_that_names_it(station):
    station.take(batch(reading("p1", T0, temp_socket=75.0)))
    first = station.only()
    station.take(Acknowledge(alert_id=first.id, actor="wang"), T0 + 1)
    station.take(batch(reading("p1", T0 + 2, temp_socket=20.0)))
    closed = station.alerts[first.id]
    assert (closed.state, closed.close_reason, closed.cleared_ms, closed.rev) == ("closed", "returned", T0 + 2, 4)
    assert station.kinds()[-2:] == ["alert.returned", "alert.closed"]
    station.take(batch(reading("p1", T0 + 3, temp_socket=75.0)))
    second = next(alert for alert in station.alerts.values() if alert.id != first.id)
    assert second.previous == first.id
    assert second.no.endswith("0002")


def test_return_of_a_latching_alert_waits_for_a_person():
    station = LittleStation(registry(port("p1")), Book(Hot(info("EB-06", latching=True))))
    station.take(batch(reading("p1", T0, temp_socket=85.0)))
    alert = station.only()
    station.take(batch(reading("p1", T0 + 1, temp_socket=20.0)))
    station.take(Acknowledge(alert_id=alert.id, actor="wang"), T0 + 2)
    assert station.only().state is AlertState.RETURNED_LATCHED
    station.take(Resolve(alert_id=alert.id, actor="li", reason="resolved"), T0 + 3)
    assert (station.only().state, station.only().closed_by) == ("closed", "li")


def test_readings_already_judged_have_no_effect_when_they_come_again(station):
    first = batch(reading("p1", T0, temp_socket=75.0), reading("p1", T0 + 1, temp_socket=20.0))
    station.take(first)
    before = station.only()
    station.crash(T0 + 10)
    station.take(first)
    assert station.only() == before


def test_two_findings_of_one_device_at_the_same_instant_both_count_and_both_are_recognised_again(station):
    same = batch(reading("p1", T0, temp_socket=75.0), reading("p1", T0, temp_socket=20.0))
    station.take(same, store=False)
    assert station.only().state is AlertState.RETURNED_UNACKNOWLEDGED
    station.crash(T0 + 10)
    station.take(same)
    assert (station.only().state, station.only().rev) == ("rtn_unacked", 2)


def test_same_event_delivered_twice_is_one_occurrence():
    station = LittleStation(registry(port("p1")), Book(Bell(info("EL-15"))))
    for _ in range(3):
        station.take(batch(reading("p1", T0, event="smoke")))
    assert station.only().occurrences == 1


def test_slow_clock_of_the_second_detector_does_not_hide_its_alarm():
    rule = Bell(info("FC-02", scope="zone", severities=(1,)), severity=1)
    station = LittleStation(registry(port("p1", zone="z"), port("p2", zone="z")), Book(rule))
    station.take(batch(reading("p1", T0, event="smoke"), reading("p1", T0 + 1, event="zone_clear")))
    station.take(batch(reading("p2", T0 - 90_000, event="smoke", received_ms=T0 + 5_000)))
    assert (station.only().state, station.only().occurrences) == ("unacked", 2)


def test_marks_without_sources_still_recognise_what_was_judged():
    station = LittleStation(registry(port("p1")), Book(Hot(info("EB-03"))), source_marks=False)
    sent = batch(reading("p1", T0, temp_socket=75.0))
    station.take(sent)
    station.take(Resolve(alert_id=station.only().id, actor="li", reason="false_alarm"), T0 + 1)
    station.crash(T0 + 10)
    station.take(sent)
    assert station.only().state is AlertState.CLOSED


@pytest.mark.parametrize(
    ("device", "target"),
    [
        (port("x", zone="z9"), "z9"),
        (port("x", place="f1"), "f1"),
        (port("x", place="shed"), "shed"),
        (port("x", place="c1"), "x"),
    ],
)
def test_zone_of_a_device_is_the_named_one_or_where_it_hangs(device, target):
    rule = Bell(info("FC-01", scope="zone"))
    station = LittleStation(registry(device), Book(rule))
    station.take(batch(reading("x", T0, event="smoke")))
    assert station.only().target == target


def test_one_zone_name_in_two_buildings_is_two_zones():
    devices = [port("p1", zone="z", place="b1"), port("p2", zone="z", place="b2")]
    station = LittleStation(registry(*devices), Book(Pair(info("FC-02", scope="zone"))))
    station.take(batch(reading("p1", T0, event="smoke"), reading("p2", T0 + 1, event="smoke")))
    assert station.alerts == {}


def test_second_detector_of_a_zone_confirms_at_once():
    devices = [port("p1", zone="z"), port("p2", zone="z")]
    station = LittleStation(registry(*devices), Book(Pair(info("FC-02", scope="zone"))))
    station.take(batch(reading("p1", T0, event="smoke"), reading("p2", T0 + 1, event="smoke")))
    assert (station.only().target, station.only().severity, station.only().device) == ("z", 1, "p2")


def test_late_breach_opens_a_flagged_alert_that_calls_nobody(station):
    decision = station.take(batch(reading("p1", T0, temp_socket=75.0, received_ms=T0 + limits.FRESH_MS_MAX + 1)))
    assert station.only().flags == ["late"]
    assert [intent.ring for intent in decision.intents] == [False]


def test_late_life_safety_breach_is_flagged_and_still_calls():
    station = LittleStation(registry(port("p1")), Book(Hot(info("EB-06", life_safety=True))))
    decision = station.take(batch(reading("p1", T0, temp_socket=75.0, received_ms=T0 + 3_600_000)))
    assert station.only().flags == ["late"]
    assert decision.intents[0].ring


def test_beyond_the_cap_minor_alerts_are_counted_and_grave_ones_still_open(monkeypatch):
    monkeypatch.setattr("alerts.judging.OPEN_ALERTS_MAX", 1)
    bells = [Bell(info("A"), severity=3), Bell(info("B"), severity=3), Bell(info("C"), severity=2)]
    station = LittleStation(registry(port("p1")), Book(*bells))
    station.take(batch(reading("p1", T0, event="smoke")))
    assert {alert.rule for alert in station.alerts.values()} == {"A", "C"}
    assert station.state.unopened == 1


def test_newer_value_is_shown_once_for_each_batch_and_not_journalled(station):
    station.take(batch(reading("p1", T0, temp_socket=75.0)))
    decision = station.take(batch(*(reading("p1", T0 + n, temp_socket=75.0 + n) for n in (1, 2, 3))))
    assert [(update.value, update.at_ms) for update in decision.values] == [(78.0, T0 + 3)]
    assert decision.entries == []
    open_alert = station.state.alerts[station.only().id]
    assert (open_alert.value, open_alert.rev) == (78.0, 1)


def test_event_once_more_counts_an_occurrence_without_ringing_anew():
    station = LittleStation(registry(port("p1")), Book(Bell(info("EL-15"))))
    station.take(batch(reading("p1", T0, event="smoke")))
    decision = station.take(batch(reading("p1", T0 + 60_000, event="smoke")))
    alert = station.only()
    assert (alert.occurrences, alert.last_occurrence_ms, alert.rev) == (2, T0 + 60_000, 2)
    assert [one.at_ms for one in alert.history] == [T0, T0 + 60_000]
    assert not decision.intents[0].ring


def test_list_of_occurrences_is_bounded_and_the_count_is_not():
    station = LittleStation(registry(port("p1")), Book(Bell(info("EL-15"))))
    for number in range(limits.OCCURRENCES_KEPT_MAX + 10):
        station.take(batch(reading("p1", T0 + number, event="smoke")))
    assert station.only().occurrences == limits.OCCURRENCES_KEPT_MAX + 10
    assert len(station.only().history) == limits.OCCURRENCES_KEPT_MAX


def test_number_starts_anew_each_local_day(station):
    midnight = 1_795_017_600_000  # 2026-11-19T00:00+08:00
    station.take(batch(reading("p1", midnight - 1, temp_socket=75.0)))
    station.take(batch(reading("p2", midnight, temp_socket=75.0)))
    assert sorted(alert.no for alert in station.alerts.values()) == ["GJ-20261118-0001", "GJ-20261119-0001"]


def test_number_goes_on_after_a_restart(station):
    station.take(batch(reading("p1", T0, temp_socket=75.0)))
    station.crash(T0 + 10)
    station.take(batch(reading("p2", T0 + 20, temp_socket=75.0)))
    assert station.of("EB-03", "p2")[0].no == "GJ-20261118-0002"


def test_removed_device_leaves_its_open_alert_and_a_person_can_resolve_it(station):
    station.take(batch(reading("p1", T0, temp_socket=75.0)))
    record = RegistryImported(version=2, added=0, changed=0, removed=1, source="file.csv")
    station.take(AdoptRegistry(registry(port("p2")), "admin", record), T0 + 1)
    assert station.entries[-1].event == record
    alert = station.state.alerts[station.only().id]
    decision = station.take(Resolve(alert_id=alert.id, actor="li", reason="resolved"), T0 + 2)
    assert decision.answer.state is AlertState.CLOSED


def test_new_device_is_watched_and_known_ones_keep_their_memory(station):
    station.take(batch(reading("p1", T0, temp_socket=75.0)))
    record = RegistryImported(version=2, added=1, changed=0, removed=0, source="file.csv")
    station.take(AdoptRegistry(registry(port("p1"), port("p9")), "admin", record), T0 + 1)
    station.take(batch(reading("p1", T0 + 2, temp_socket=76.0), reading("p9", T0 + 2, temp_socket=75.0)))
    assert station.of("EB-03", "p1")[0].occurrences == 1
    assert len(station.of("EB-03", "p9")) == 1


def test_device_out_of_service_is_neither_judged_nor_missed():
    station = LittleStation(registry(port("p1", in_service=False)), Book(Hot(info("EB-03"))))
    station.take(batch(reading("p1", T0, temp_socket=90.0)))
    station.take(Tick(), T0 + 3_600_000)
    assert station.alerts == {}
    assert station.state.watches["p1"].live == "online"


def test_record_is_one_line_of_the_journal(station):
    event = SignedIn("wang", ok=True, origin="10.0.0.7")
    decision = station.take(Record(event, "wang"), T0)
    assert [(entry.event, entry.actor, entry.at_ms) for entry in decision.entries] == [(event, "wang", T0)]


def test_manual_rule_forgets_when_a_person_closes_its_alert_so_that_the_next_alarm_rings():
    rule = Hot(info("EB-06", clear="manual"))
    station = LittleStation(registry(port("p1")), Book(rule))
    station.take(batch(reading("p1", T0, temp_socket=85.0)))
    station.take(Resolve(alert_id=station.only().id, actor="li", reason="resolved"), T0 + 1)
    station.take(batch(reading("p1", T0 + 2, temp_socket=86.0)))
    assert [alert.state for alert in station.of("EB-06")] == ["closed", "unacked"]


def test_manual_rule_learns_after_a_restart_of_what_was_closed_since_the_checkpoint():
    rule = Hot(info("EB-06", clear="manual"))
    station = LittleStation(registry(port("p1")), Book(rule))
    station.take(batch(reading("p1", T0, temp_socket=85.0)))
    station.checkpoint()
    station.take(Resolve(alert_id=station.only().id, actor="li", reason="resolved"), T0 + 1)
    station.crash(T0 + 10)
    station.take(Tick(), T0 + 1_000)
    station.take(batch(reading("p1", T0 + 2_000, temp_socket=86.0)))
    assert [alert.state for alert in station.of("EB-06")] == ["closed", "unacked"]


def test_false_alarm_of_a_rule_that_clears_by_readings_is_quiet_until_it_has_cleared(station):
    station.take(batch(reading("p1", T0, temp_socket=75.0)))
    station.take(Resolve(alert_id=station.only().id, actor="li", reason="false_alarm"), T0 + 1)
    station.take(batch(reading("p1", T0 + 2, temp_socket=76.0)))
    assert station.only().state is AlertState.CLOSED
    station.take(batch(reading("p1", T0 + 3, temp_socket=20.0), reading("p1", T0 + 4, temp_socket=76.0)))
    assert len(station.alerts) == 2


def test_decision_is_thrown_away_without_a_trace(station):
    from tests.support.purity import frozen

    before = frozen(station.state)
    entry = batch(
        reading("p1", T0, temp_socket=85.0), states=(StateReport("p2", online=False, ts_ms=T0, received_ms=T0),)
    )
    first = decide(station.state, entry, T0)
    assert frozen(station.state) == before
    second = decide(station.state, entry, T0)
    assert msgspec.to_builtins(first.entries) == msgspec.to_builtins(second.entries)
    evolve(station.state, second)
    assert frozen(station.state) != before


def test_state_from_the_journal_knows_its_open_alerts():
    state = EngineState.fresh(registry(port("p1"), gateway("g1")), Book(Hot(info("EB-03"))))
    assert set(state.watches) == {"p1", "g1"}
    assert state.alerts == {}
