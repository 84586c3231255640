"""Who keeps whom from ringing: work at a place, sensors that cannot make up their mind, silent gateways."""

import pytest
from msgspec.structs import replace

from alerts.alert import AlertState
from alerts.inputs import Acknowledge, DeclareMaintenance, EndMaintenance, Resolve, Tick
from domain.kinds import GatewayValues
from domain.readings import StateReport
from tests.support.rulebook import T0, Bell, Book, Hot, Silent, batch, gateway, info, port, reading, registry
from tests.support.station import LittleStation

MINUTE = 60_000


def will(device, at_ms):
    return StateReport(device, online=False, ts_ms=at_ms, received_ms=at_ms)


# --- maintenance ------------------------------------------------------------------------------------------------------


def declare(station, now_ms=T0, **fields):
    fields = {
        "window": "w1", "target": "b1", "from_ms": T0, "until_ms": T0 + 60 * MINUTE, "reason": "rewiring",
        "actor": "wang", **fields,
    }  # fmt: skip
    return station.take(DeclareMaintenance(**fields), now_ms)


@pytest.fixture
def station():
    return LittleStation(registry(port("p1"), port("p2", place="b2")), Book(Hot(info("EB-03")), Bell(info("EB-13"))))


@pytest.mark.parametrize("target", ["p1", "b1", "c1", "d"])
def test_work_at_a_place_mutes_what_is_below_it(station, target):
    declare(station, target=target)
    decision = station.take(batch(reading("p1", T0 + 1, temp_socket=75.0)))
    (reason,) = station.only().suppressed
    assert (reason.by, reason.reason, reason.ref, reason.actor) == ("maintenance", "rewiring", "w1", "wang")
    assert (station.only().state, decision.intents[0].ring) == ("unacked", False)


def test_work_elsewhere_mutes_nothing(station):
    declare(station, target="b2")
    assert station.take(batch(reading("p1", T0 + 1, temp_socket=75.0))).intents[0].ring


def test_work_concerns_only_the_rules_it_names(station):
    declare(station, rules=["EB-13"])
    station.take(batch(reading("p1", T0 + 1, temp_socket=75.0, event="smoke")))
    assert {alert.rule: bool(alert.suppressed) for alert in station.alerts.values()} == {"EB-03": False, "EB-13": True}


def test_alert_that_is_open_already_is_muted_and_rings_when_the_work_ends(station):
    station.take(batch(reading("p1", T0, temp_socket=75.0)))
    declare(station, now_ms=T0 + 1)
    assert station.only().suppressed
    decision = station.take(EndMaintenance(window="w1", actor="wang"), T0 + 2)
    assert station.only().suppressed == []
    assert decision.intents[0].ring


def test_work_declared_ahead_begins_and_ends_by_the_clock(station):
    station.take(batch(reading("p1", T0, temp_socket=75.0)))
    declare(station, from_ms=T0 + MINUTE, until_ms=T0 + 2 * MINUTE)
    assert not station.only().suppressed
    station.take(Tick(), T0 + MINUTE)
    assert station.only().suppressed
    station.take(Tick(), T0 + 2 * MINUTE)
    assert not station.only().suppressed
    assert station.windows() == []


def test_work_goes_on_through_a_restart(station):
    declare(station)
    station.crash(T0 + 1)
    station.take(batch(reading("p1", T0 + 2, temp_socket=75.0)))
    station.take(Tick(), T0 + 3)
    assert (len(station.only().suppressed), station.only().rev) == (1, 1)


def test_of_two_windows_the_longer_one_keeps_the_alert_quiet(station):
    declare(station)
    declare(station, window="w2", until_ms=T0 + 120 * MINUTE)
    station.take(batch(reading("p1", T0 + 1, temp_socket=75.0)))
    station.take(Tick(), T0 + 60 * MINUTE)
    assert [reason.ref for reason in station.only().suppressed] == ["w2"]


def test_work_never_mutes_life_safety_unless_named_by_two_people():
    station = LittleStation(registry(port("p1")), Book(Hot(info("EB-06", life_safety=True))))
    declare(station)
    station.take(batch(reading("p1", T0 + 1, temp_socket=75.0)))
    assert station.only().suppressed == []
    refusal = declare(station, window="w2", rules=["EB-06"]).refusal
    assert refusal.code == "maintenance.second_person_required"
    assert declare(station, window="w3", rules=["EB-06"], second="Wang").refusal is not None
    declare(station, window="w4", rules=["EB-06"], second="li")
    assert [(reason.ref, reason.second) for reason in station.only().suppressed] == [("w4", "li")]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"target": "nowhere"}, "maintenance.target_unknown"),
        ({"until_ms": T0}, "maintenance.in_the_past"),
        ({"until_ms": T0 + 8 * 86_400_000}, "maintenance.too_long"),
        ({"reason": ""}, "reason.required"),
        ({"rules": ["XX-99"]}, "rule.unknown"),
    ],
)
def test_window_that_makes_no_sense_is_refused(station, fields, code):
    assert declare(station, **fields).refusal.code == code


def test_same_window_twice_is_a_conflict_unless_it_is_the_same_command(station):
    declare(station, cmd="c1")
    assert declare(station, cmd="c1").refusal is None
    assert declare(station, cmd="c2").refusal.code == "maintenance.exists"
    assert station.take(EndMaintenance(window="w9", actor="li"), T0).refusal.code == "maintenance.unknown"


# --- flapping ---------------------------------------------------------------------------------------------------------


def toggle(station, times, start, gap=1_000):
    for number in range(times):
        station.take(batch(reading("p1", start + number * gap, temp_socket=75.0 if number % 2 == 0 else 20.0)))
    return start + (times - 1) * gap


def test_flapping_alert_is_one_quiet_row_until_an_hour_of_calm(station):
    last = toggle(station, 5, T0)
    alert = station.only()
    assert (alert.flags, [reason.by for reason in alert.suppressed]) == (["flapping"], ["flapping"])
    assert (alert.state, alert.occurrences) == ("unacked", 3)
    station.take(Acknowledge(alert_id=alert.id, actor="wang"), last + 1)
    last = toggle(station, 6, last + 1_000)
    assert (station.only().state, station.only().occurrences) == ("rtn_unacked", 5)
    station.take(Tick(), last + 60 * MINUTE)
    assert station.only().suppressed
    station.take(Tick(), last + 60 * MINUTE + 1)
    assert (station.only().suppressed, station.only().flags) == ([], [])


def test_acknowledged_flapping_alert_closes_only_once_it_is_calm(station):
    last = toggle(station, 5, T0)
    station.take(Acknowledge(alert_id=station.only().id, actor="wang"), last + 1)
    last += 1_000
    station.take(batch(reading("p1", last, temp_socket=20.0)))
    assert station.only().state is AlertState.RETURNED_LATCHED
    station.take(Tick(), last + 60 * MINUTE + 1)
    assert (station.only().state, station.only().close_reason) == ("closed", "returned")


def test_new_alert_of_a_flapping_slot_is_quiet_from_the_start(station):
    last = toggle(station, 5, T0)
    station.take(Resolve(alert_id=station.only().id, actor="wang", reason="false_alarm"), last + 1)
    toggle(station, 2, last + 1_000)
    station.take(batch(reading("p1", last + 3_000, temp_socket=20.0), reading("p1", last + 4_000, temp_socket=75.0)))
    newest = list(station.alerts.values())[-1]
    assert [reason.by for reason in newest.suppressed] == ["flapping"]


def test_slow_changes_are_not_flapping(station):
    toggle(station, 9, T0, gap=16 * MINUTE)
    assert station.only().flags == []


def test_life_safety_alert_is_never_muted_for_flapping():
    station = LittleStation(registry(port("p1")), Book(Hot(info("EB-06", life_safety=True))))
    toggle(station, 9, T0)
    assert station.only().suppressed == []
    assert station.intents[-1].ring


def test_flapping_is_counted_on_through_a_restart(station):
    last = toggle(station, 3, T0)
    station.checkpoint()
    last = toggle(station, 1, last + 1_000)
    station.crash(last + 10)
    station.take(batch(reading("p1", last + 2_000, temp_socket=20.0), reading("p1", last + 3_000, temp_socket=75.0)))
    assert [reason.by for reason in station.only().suppressed] == ["flapping"]


# --- inhibition -------------------------------------------------------------------------------------------------------


@pytest.fixture
def house():
    devices = [gateway("g1"), port("p1", gateway="g1"), port("p2", gateway="g1"), port("p3")]
    offline = Silent(info("EB-14", symptom_of=("FC-18",)))
    source = Silent(info("FC-18", kind="gateway", signal=None))
    fire = Bell(info("EB-06", life_safety=True, symptom_of=("FC-18",)))
    found = LittleStation(registry(*devices), Book(offline, source, fire))
    spoken = [reading(name, T0, power=1.0) for name in ("p1", "p2", "p3")]
    found.take(batch(*spoken, reading("g1", T0, values=GatewayValues(uptime_s=1.0))))
    found.take(Tick(), T0)
    return found


def inhibited(station, rule="EB-14"):
    return {
        alert.target: [(reason.by, reason.ref) for reason in alert.suppressed]
        for alert in station.of(rule)
        if alert.open
    }


def test_silent_gateway_explains_the_silence_behind_it_and_nothing_else(house):
    house.take(batch(states=(will("g1", T0 + 1),)))
    house.take(Tick(), T0 + 6 * MINUTE)
    (source,) = house.of("FC-18")
    assert inhibited(house) == {"p1": [("inhibited", source.id)], "p2": [("inhibited", source.id)], "p3": []}
    assert {alert.target: alert.cause for alert in house.of("EB-14")} == {"p1": source.id, "p2": source.id, "p3": None}
    assert source.suppressed == []
    assert sum(intent.ring for intent in house.intents) == 2


def test_fire_rings_whatever_the_gateway_does(house):
    house.take(batch(states=(will("g1", T0 + 1),)))
    house.take(Tick(), T0 + 6 * MINUTE)
    decision = house.take(batch(reading("p1", T0 + 7 * MINUTE, event="smoke")))
    fire = house.of("EB-06")[0]
    assert fire.suppressed == []
    assert any(intent.ring for intent in decision.intents if intent.alert_id == fire.id)


def test_source_that_comes_late_quiets_its_symptoms_afterwards(house):
    house.take(batch(states=(will("p1", T0 + 1),)))
    house.take(Tick(), T0 + 2)
    assert inhibited(house) == {"p1": []}
    house.take(batch(states=(will("g1", T0 + 3),)))
    house.take(Tick(), T0 + 4)
    (source,) = house.of("FC-18")
    assert inhibited(house) == {"p1": [("inhibited", source.id)]}


def test_symptom_that_goes_while_explained_is_over_without_anybody_acknowledging(house):
    house.take(batch(states=(will("g1", T0 + 1),)))
    house.take(Tick(), T0 + 6 * MINUTE)
    house.take(batch(reading("p1", T0 + 7 * MINUTE, power=1.0)))
    (symptom,) = house.of("EB-14", "p1")
    assert (symptom.state, symptom.close_reason) == ("closed", "superseded")


def test_device_that_stays_silent_after_its_gateway_is_back_rings_after_a_grace(house):
    house.take(batch(states=(will("g1", T0 + 1),)))
    house.take(Tick(), T0 + 6 * MINUTE)
    back = T0 + 7 * MINUTE
    house.take(batch(reading("g1", back, values=GatewayValues(uptime_s=1.0))))
    house.take(Tick(), back + 149_000)
    assert inhibited(house)["p1"]
    decision = house.take(Tick(), back + 150_000)
    assert inhibited(house)["p1"] == []
    assert [intent.ring for intent in decision.intents] == [True, True]


def test_device_that_speaks_again_is_given_the_time_to_return_and_rings_when_it_does_not(house):
    house.take(batch(states=(will("g1", T0 + 1),)))
    house.take(Tick(), T0 + 6 * MINUTE)
    back = T0 + 7 * MINUTE
    for minute in range(15):
        at = back + minute * MINUTE
        spoken = reading("g1", at, values=GatewayValues(uptime_s=60.0 * minute))
        # The state says that it is there; this rule wants a reading.
        house.take(batch(spoken, states=(StateReport("p1", online=True, ts_ms=at, received_ms=at),)))
        house.take(Tick(), at)
    (explained,) = inhibited(house)["p1"]
    assert explained[0] == "inhibited"
    assert inhibited(house)["p2"] == [], "it never spoke: its grace is over"
    house.take(Tick(), back + 15 * MINUTE)
    assert inhibited(house)["p1"] == []


# --- severity 1 -------------------------------------------------------------------------------------------------------


def test_work_declared_by_one_person_does_not_mute_severity_1(station):
    declare(station)
    assert station.take(batch(reading("p1", T0 + 1, temp_socket=85.0))).intents[0].ring
    assert station.only().suppressed == []


def test_work_declared_by_two_that_names_the_rule_mutes_severity_1(station):
    declare(station, rules=["EB-03"], second="li")
    assert not station.take(batch(reading("p1", T0 + 1, temp_socket=85.0))).intents[0].ring


def test_alert_muted_by_one_person_s_work_rings_when_it_becomes_severity_1(station):
    declare(station)
    station.take(batch(reading("p1", T0 + 1, temp_socket=75.0)))
    assert station.only().suppressed
    decision = station.take(batch(reading("p1", T0 + 2, temp_socket=85.0)))
    assert station.only().suppressed == []
    assert any(intent.ring for intent in decision.intents)


def test_severity_1_is_never_muted_for_flapping(station):
    for step in range(8):
        hot = 85.0 if step % 2 == 0 else 20.0
        station.take(batch(reading("p1", T0 + step * 10_000, temp_socket=hot)))
        assert all(not alert.suppressed for alert in station.alerts.values() if alert.severity == 1)


def test_severity_1_is_called_not_real_by_two_while_it_holds(station):
    station.take(batch(reading("p1", T0, temp_socket=85.0)))
    wish = {"alert_id": station.only().id, "actor": "wang", "reason": "duplicate"}
    assert station.take(Resolve(**wish), T0 + 1).refusal.code == "alert.second_person_required"
    assert station.take(Resolve(**wish, second="li"), T0 + 2).refusal is None


# --- drills -----------------------------------------------------------------------------------------------------------


def test_what_a_drill_raises_rings_and_is_marked(station):
    declare(station, purpose="drill", reason="quarterly drill")
    decision = station.take(batch(reading("p1", T0 + 1, temp_socket=75.0)))
    assert (station.only().flags, station.only().suppressed, decision.intents[0].ring) == (["drill"], [], True)
    assert "drill" in decision.intents[0].body["flags"]


def test_drill_concerns_its_place_its_rules_and_its_time_only(station):
    declare(station, purpose="drill", target="b1", rules=["EB-13"], until_ms=T0 + MINUTE)
    station.take(batch(reading("p1", T0 + 1, temp_socket=75.0)))
    station.take(batch(reading("p2", T0 + 2, event="smoke")))
    station.take(Tick(), T0 + MINUTE)
    station.take(batch(reading("p1", T0 + MINUTE + 1, event="smoke")))
    assert [alert.flags for alert in station.alerts.values()] == [[], [], []]


def test_drill_mutes_nobody_so_it_needs_no_second_person(station):
    book = Book(Hot(info("EB-03", life_safety=True)))
    station = LittleStation(registry(port("p1")), book)
    assert declare(station, purpose="drill", rules=["EB-03"]).refusal is None
    assert declare(station, window="w2", rules=["EB-03"]).refusal.code == "maintenance.second_person_required"


@pytest.mark.parametrize(("hot", "what"), [(75.0, "again"), (85.0, "graver")])
def test_what_comes_after_the_drill_is_no_exercise(station, hot, what):
    declare(station, purpose="drill", until_ms=T0 + MINUTE)
    station.take(batch(reading("p1", T0 + 1, temp_socket=75.0)))
    if what == "again":
        station.take(batch(reading("p1", T0 + 2, temp_socket=20.0)))
    station.take(Tick(), T0 + MINUTE)
    assert station.only().flags == ["drill"]
    station.take(batch(reading("p1", T0 + MINUTE + 1, temp_socket=hot)))
    assert station.only().flags == []


def test_alert_of_a_simulated_place_says_so():
    played = registry(port("p1"))
    district = played.places["d"]
    played.places["d"] = replace(district, attrs={"simulated": True})
    station = LittleStation(played, Book(Hot(info("EB-03"))))
    station.take(batch(reading("p1", T0 + 1, temp_socket=75.0)))
    assert station.only().flags == ["simulated"]
