"""One entrapment, one call: what is inferred yields to what is told, in either order, and neither is ever lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from alerts.alert import AlertState
from alerts.explain import explain
from alerts.inputs import Acknowledge, AddNote, DeclareMaintenance, EndMaintenance, Resolve, Tick
from domain.devices import Device
from domain.kinds import ElevatorValues
from domain.limits import SUPERSEDED_GRACE_MS
from domain.places import Name
from domain.readings import DeviceEvent, Reading
from runtime.packs import load_rulebook
from tests.support.rulebook import T0, Bell, Book, batch, info, port, reading, registry
from tests.support.station import LittleStation

BOOK = load_rulebook()
SECOND, MINUTE = 1_000, 60_000
FAMILY = ("EL-01", "EL-02", "EL-03")

RIDING = ElevatorValues(service_mode=1, speed=2.0, presence=True, door_zone=False, door_state=0)
STUCK = ElevatorValues(service_mode=1, speed=0.0, presence=True, door_zone=False, door_state=0)
SEEN_TWICE = replace(STUCK, presence_second=True)
AT_LEVEL = ElevatorValues(
    service_mode=1, speed=0.0, presence=True, door_zone=True, door_state=0, call_pending=True, alarm_button=False
)
EMPTY = ElevatorValues(service_mode=1, speed=0.0, presence=False, door_zone=True, door_state=1)


class Car(LittleStation):
    """One lift with the shipped rules; `at` are seconds from the start."""

    def __init__(self):
        super().__init__(registry(Device("e1", "elevator", "c1", "u1", Name("电梯"), type="lift", period_s=10.0)), BOOK)

    def say(self, at, values=None, event=None):
        now = T0 + at * SECOND
        said = DeviceEvent(event) if event else None
        decision = self.take(batch(Reading("e1", "elevator", now, now, values, said)))
        self.take(Tick(), now)
        return decision

    def stand(self, since, until, values=STUCK):
        for at in range(since, until + 1, 10):
            self.say(at, values)

    def alert(self, rule):
        return self.of(rule)[-1]

    def do(self, wish, at, rule, **fields):
        return self.take(wish(alert_id=self.alert(rule).id, actor="wang", **fields), T0 + at * SECOND)

    def calls(self, rule):
        """How often people were called for a rule."""
        ids = {alert.id for alert in self.of(rule)}
        return sum(intent.ring and intent.alert_id in ids for intent in self.intents)


@pytest.fixture
def car():
    return Car()


def quiet_for(alert):
    return [(one.by, one.reason, one.ref) for one in alert.suppressed]


# --- the two orders ---------------------------------------------------------------------------------------------------


def test_entrapment_told_by_code_and_inferred_afterwards_calls_people_once(car):
    car.say(0, STUCK, "entrapment")
    car.stand(10, 60)
    told, inferred = car.alert("EL-01"), car.alert("EL-02")
    assert quiet_for(told) == []
    assert quiet_for(inferred) == [("superseded", "source_alert", told.id)]
    assert (inferred.cause, inferred.state) == (told.id, "unacked")
    assert (car.calls("EL-01"), car.calls("EL-02")) == (1, 0)


def test_entrapment_inferred_first_goes_quiet_when_the_code_comes(car):
    car.stand(0, 60)
    assert car.calls("EL-02") == 1
    car.say(70, STUCK, "entrapment")
    told, inferred = car.alert("EL-01"), car.alert("EL-02")
    assert quiet_for(inferred) == [("superseded", "source_alert", told.id)]
    assert (car.calls("EL-01"), car.calls("EL-02")) == (1, 1)


def test_both_inferred_with_the_same_reading_call_people_once(car):
    car.stand(0, 60, SEEN_TWICE)
    assert quiet_for(car.alert("EL-02"))
    assert (car.calls("EL-01"), car.calls("EL-02")) == (1, 0)


def test_suspicion_at_a_landing_yields_to_what_the_alarm_button_confirms(car):
    car.stand(0, 120, AT_LEVEL)
    assert car.calls("EL-03") == 1
    car.say(130, replace(AT_LEVEL, alarm_button=True), "alarm_button")
    assert quiet_for(car.alert("EL-03")) == [("superseded", "source_alert", car.alert("EL-01").id)]
    assert (car.calls("EL-01"), car.calls("EL-03")) == (1, 1)


@pytest.mark.parametrize("code_at", [0, 60, 70])
def test_what_stood_behind_the_other_is_over_with_it_and_nobody_acknowledges_it(car, code_at):
    for at in range(0, 91, 10):
        car.say(at, STUCK, "entrapment" if at == code_at else None)
    for at in (100, 110, 120):
        car.say(at, EMPTY, "entrapment_released" if at == 100 else None)
    told, inferred = car.alert("EL-01"), car.alert("EL-02")
    assert (inferred.state, inferred.close_reason) == ("closed", "superseded")
    assert inferred.evidence.rule == "EL-02"
    assert inferred.evidence.samples
    assert told.state == "rtn_unacked", "the row that people were called for waits for them"
    assert car.calls("EL-01") == 1


def test_quiet_alert_says_who_speaks_for_it(car):
    car.say(0, STUCK, "entrapment")
    car.stand(10, 60)
    inferred = car.alert("EL-02")
    found = explain(inferred, car.rows(inferred.id), BOOK.rules["EL-02"], car.registry, T0 + 60 * SECOND)
    assert found["suppression"]["ringing"] is False
    assert [(one["by"], one["ref"]) for one in found["suppression"]["now"]] == [("superseded", car.alert("EL-01").id)]
    assert found["occurrences"]["cause"] == car.alert("EL-01").id
    assert {row["what"] for row in found["next"]} == {"acknowledgement", "return", "end_of_superseded"}


# --- nobody is lost ---------------------------------------------------------------------------------------------------


@pytest.fixture
def behind(car):
    """A car whose inferred alert stands behind the one told by code."""
    car.say(0, STUCK, "entrapment")
    car.stand(10, 60)
    assert quiet_for(car.alert("EL-02"))
    return car


def test_inferred_entrapment_rings_the_moment_the_other_is_called_false(behind):
    decision = behind.do(Resolve, 65, "EL-01", reason="false_alarm", second="li")
    assert behind.alert("EL-01").state == "closed"
    assert quiet_for(behind.alert("EL-02")) == []
    assert behind.alert("EL-02").cause is None
    assert [(intent.ring, intent.reason) for intent in decision.intents] == [(False, "closed"), (True, "unsuppressed")]
    assert behind.alert("EL-02").due_ms == T0 + 65 * SECOND + 60 * SECOND


def test_inferred_entrapment_rings_while_work_mutes_the_other_and_yields_again_afterwards(behind):
    window = DeclareMaintenance(
        window="w", target="e1", from_ms=T0, until_ms=T0 + 60 * MINUTE, reason="test of the code", rules=["EL-01"],
        actor="wang", second="li",
    )  # fmt: skip
    behind.take(window, T0 + 65 * SECOND)
    assert [one.by for one in behind.alert("EL-01").suppressed] == ["maintenance"]
    assert quiet_for(behind.alert("EL-02")) == []
    assert behind.calls("EL-02") == 1
    behind.take(EndMaintenance(window="w", actor="wang"), T0 + 70 * SECOND)
    assert quiet_for(behind.alert("EL-01")) == []
    assert quiet_for(behind.alert("EL-02"))


def test_nothing_yields_to_an_alert_that_is_muted_from_the_start(car):
    window = DeclareMaintenance(
        window="w", target="e1", from_ms=T0, until_ms=T0 + 60 * MINUTE, reason="test of the code", rules=["EL-01"],
        actor="wang", second="li",
    )  # fmt: skip
    car.take(window, T0)
    car.say(0, STUCK, "entrapment")
    car.stand(10, 60)
    assert (car.calls("EL-01"), car.calls("EL-02")) == (0, 1)


def test_persons_who_are_still_inside_ring_soon_after_a_report_that_they_are_out(behind):
    behind.say(70, STUCK, "entrapment_released")
    assert behind.alert("EL-01").cleared_ms is not None
    assert quiet_for(behind.alert("EL-02")), "it may be about to return as well"
    until = 70 + SUPERSEDED_GRACE_MS // SECOND
    behind.stand(80, until - 10)
    assert behind.calls("EL-02") == 0
    behind.say(until, STUCK)
    assert quiet_for(behind.alert("EL-02")) == []
    assert behind.calls("EL-02") == 1


def test_entrapment_after_an_old_one_that_never_returned_is_another_event(behind):
    behind.do(Acknowledge, 61, "EL-01")
    behind.stand(70, 90, RIDING)
    assert behind.alert("EL-02").state == "closed"
    later = 61 + 11 * 60
    behind.say(later, RIDING)
    behind.stand(later + 10, later + 70)
    assert behind.alert("EL-01").open
    assert quiet_for(behind.alert("EL-02")) == []
    assert behind.calls("EL-02") == 1


def test_acknowledged_entrapment_that_goes_on_for_an_hour_is_still_one_event(behind):
    behind.do(Acknowledge, 61, "EL-01")
    behind.stand(70, 3_660)
    assert behind.calls("EL-01") == 1
    assert behind.calls("EL-02") == 0


def test_new_inference_soon_after_the_acknowledgement_yields(car):
    car.say(0, STUCK, "entrapment")
    car.do(Acknowledge, 20, "EL-01")
    car.stand(30, 90)
    assert quiet_for(car.alert("EL-02"))


def test_suspicion_that_has_returned_waits_for_its_own_acknowledgement(car):
    car.stand(0, 60)
    car.stand(70, 90, RIDING)
    assert car.alert("EL-02").state == "rtn_unacked"
    car.say(100, STUCK, "entrapment")
    assert quiet_for(car.alert("EL-02")) == []
    assert car.alert("EL-02").open


def test_exercise_speaks_for_no_real_alert(car):
    car.say(0, STUCK, "entrapment")
    car.state.put(replace(car.alert("EL-01"), flags=["drill"]))
    car.stand(10, 60)
    assert quiet_for(car.alert("EL-02")) == []
    assert car.calls("EL-02") == 1


def test_quiet_alert_stays_quiet_through_a_restart_and_rings_if_the_other_is_gone(behind):
    behind.checkpoint()
    behind.crash(T0 + 65 * SECOND)
    behind.take(Tick(), T0 + 65 * SECOND)
    assert quiet_for(behind.alert("EL-02"))
    told = behind.alert("EL-01")
    behind.alerts[told.id] = replace(told, state=AlertState.CLOSED)
    behind.crash(T0 + 66 * SECOND)
    behind.take(Tick(), T0 + 66 * SECOND)
    assert quiet_for(behind.alert("EL-02")) == []
    assert behind.calls("EL-02") == 1


def test_quiet_alert_rings_when_its_rule_is_no_longer_in_force(behind):
    rules = {name: rule for name, rule in BOOK.rules.items() if name != "EL-02"}
    behind.state.rulebook = type("Less", (), {"rules": rules})()
    behind.state.tick_plan = ()
    behind.take(Tick(), T0 + 61 * SECOND)
    assert quiet_for(behind.alert("EL-02")) == []
    assert behind.calls("EL-02") == 1


def test_milder_alert_speaks_for_none_that_is_graver():
    said = Bell(info("X-1", yields_to="X-2", yields_within_s=600.0), "smoke", 1)
    other = Bell(info("X-2"), "over_temp", 2)
    station = LittleStation(registry(port("p1")), Book(said, other))
    station.take(batch(reading("p1", T0, event="over_temp")))
    station.take(batch(reading("p1", T0 + 1, event="smoke")))
    assert all(alert.suppressed == [] for alert in station.alerts.values())
    assert [intent.ring for intent in station.intents] == [True, True]


def test_rules_that_yield_to_each_other_never_both_fall_silent():
    """Such packs are refused; the engine does not rely on it."""
    one = Bell(info("X-1", yields_to="X-2", yields_within_s=600.0), "smoke")
    two = Bell(info("X-2", yields_to="X-1", yields_within_s=600.0), "over_temp")
    station = LittleStation(registry(port("p1")), Book(one, two))
    for number, event in enumerate(("smoke", "over_temp", "smoke", "over_temp")):
        station.take(batch(reading("p1", T0 + number, event=event)))
        station.take(Tick(), T0 + number)
        assert any(alert.suppressed == [] for alert in station.alerts.values())


# --- whatever happens -------------------------------------------------------------------------------------------------

SAID = {
    "stuck": (STUCK, None),
    "seen": (SEEN_TWICE, None),
    "level": (AT_LEVEL, None),
    "riding": (RIDING, None),
    "empty": (EMPTY, None),
    "code": (STUCK, "entrapment"),
    "out": (EMPTY, "entrapment_released"),
    "said_out": (STUCK, "entrapment_released"),
    "button": (replace(STUCK, alarm_button=True), "alarm_button"),
    "reset": (replace(AT_LEVEL, presence=False), "no_fault"),
}
WISHES = {"ack": Acknowledge, "note": AddNote, "false": Resolve, "done": Resolve}

step = st.one_of(
    st.tuples(st.just("say"), st.sampled_from(sorted(SAID)), st.sampled_from([1, 10, 20])),
    st.tuples(st.just("stand"), st.sampled_from(["stuck", "seen", "level"]), st.sampled_from([70, 130])),
    st.tuples(st.just("say"), st.just("code"), st.just(1)),
    st.tuples(st.sampled_from(sorted(WISHES)), st.sampled_from(FAMILY), st.sampled_from([1, 30])),
    st.tuples(st.sampled_from(["false", "mute", "unmute"]), st.just("EL-01"), st.just(1)),
    st.tuples(st.sampled_from(["mute", "crash", "wait"]), st.sampled_from(FAMILY), st.integers(1, 900)),
)


def carried_out(car, what, about, at):
    """What came of one step that is no reading."""
    now = T0 + at * SECOND
    if what == "mute":
        window = DeclareMaintenance(
            window="w", target="e1", from_ms=now, until_ms=now + 10 * MINUTE, reason="r", rules=[about], actor="a",
            second="b",
        )  # fmt: skip
        return [car.take(window, now)]
    if what == "unmute":
        return [car.take(EndMaintenance(window="w", actor="a"), now)]
    if what == "crash":
        car.checkpoint()
        car.crash(now)
        return []
    open_ones = [alert for alert in car.of(about) if alert.open]
    if what == "wait" or not open_ones:
        return []
    fields = {"false": {"reason": "false_alarm", "second": "b"}, "done": {"reason": "resolved"}, "note": {"note": "n"}}
    wish = WISHES[what](alert_id=open_ones[0].id, actor="a", **fields.get(what, {}))
    return [car.take(wish, now)]


def audible(alert):
    return alert.state == "unacked" and not alert.suppressed


def check(car, before, now_ms):
    rung = {intent.alert_id for intent in car.intents if intent.ring}
    for alert in car.alerts.values():
        if audible(alert) and not (alert.id in before and audible(before[alert.id])):
            assert alert.id in rung, "what rings from now on has called people"
        if not alert.open or not any(one.by == "superseded" for one in alert.suppressed):
            continue
        source = car.alerts[alert.cause]
        assert (source.rule, source.target, source.open) == ("EL-01", alert.target, True)
        assert source.suppressed == [], "two never silence each other"
        assert source.severity <= alert.severity
        assert source.cleared_ms is None or now_ms - source.changed_ms < SUPERSEDED_GRACE_MS
        assert alert.evidence is not None
    car.intents.clear()


@settings(max_examples=150, deadline=None)
@given(st.lists(step, min_size=6, max_size=20))
def test_whoever_is_quiet_stands_behind_one_that_is_not(steps):
    car, at = Car(), 0
    for what, about, length in steps:
        before = dict(car.alerts)
        if what in ("say", "stand"):
            values, event = SAID[about]
            times = [at + length] if what == "say" else range(at + 10, at + length + 1, 10)
            for moment in times:
                car.say(moment, values, event)
            at = times[-1]
        else:
            at += length
            carried_out(car, what, about, at)
        now = T0 + at * SECOND
        car.take(Tick(), now)
        check(car, before, now)
