"""People and the life of an alert."""

import pytest

from alerts.alert import AlertState
from alerts.inputs import Acknowledge, AddNote, DeclareMaintenance, EndMaintenance, Resolve, Shelve, Tick, Unshelve
from domain.errors import Conflict, Invalid, NotFound, Rejected
from domain.limits import NOTE_CHARS_MAX, SHELVE_MS_MAX
from tests.support.rulebook import T0, Book, Hot, batch, info, port, reading, registry
from tests.support.station import LittleStation

HOUR = 3_600_000


@pytest.fixture
def station():
    found = LittleStation(registry(port("p1")), Book(Hot(info("EB-03"))))
    found.take(batch(reading("p1", T0, temp_socket=75.0)))
    return found


def ask(station, wish, **fields):
    fields = {"alert_id": station.only().id, "actor": "wang", **fields}
    return station.take(wish(**fields), T0 + 1_000)


def test_acknowledging_names_the_person_and_stops_the_clock(station):
    decision = ask(station, Acknowledge, rev=1, cmd="c1", note="going")
    alert = station.only()
    assert decision.answer == alert
    assert (alert.state, alert.acked_by, alert.acked_ms, alert.due_ms, alert.rev) == (
        "acked",
        "wang",
        T0 + 1_000,
        None,
        2,
    )
    assert (station.entries[-1].cmd, station.entries[-1].actor) == ("c1", "wang")


def test_second_person_to_acknowledge_is_told_who_was_first(station):
    ask(station, Acknowledge, rev=1, cmd="c1")
    refusal = ask(station, Acknowledge, rev=1, cmd="c2", actor="li").refusal
    assert isinstance(refusal, Conflict)
    assert (refusal.code, refusal.params["by"], refusal.current) == ("alert.already_acked", "wang", station.only())
    assert refusal.params["at"].endswith("+08:00")


def test_same_command_twice_has_the_effect_of_once_and_the_same_answer(station):
    first = ask(station, Acknowledge, rev=1, cmd="c1")
    lines = len(station.entries)
    second = ask(station, Acknowledge, rev=1, cmd="c1")
    assert (second.refusal, second.answer, len(station.entries)) == (None, first.answer, lines)


def test_same_command_after_a_restart_has_no_second_effect(station):
    ask(station, Acknowledge, rev=1, cmd="c1")
    station.crash(T0 + 2_000)
    again = ask(station, Acknowledge, rev=1, cmd="c1")
    assert (again.refusal, again.answer.acked_by, again.entries) == (None, "wang", [])


def test_command_on_an_old_revision_gets_the_current_alert(station):
    ask(station, AddNote, note="smell of plastic")
    refusal = ask(station, Shelve, rev=1, until_ms=T0 + HOUR, reason="work").refusal
    assert (type(refusal), refusal.code, refusal.current.rev) == (Conflict, "alert.changed", 2)


def test_command_on_an_unknown_alert_is_not_found(station):
    refusal = ask(station, Acknowledge, alert_id="a000").refusal
    assert (type(refusal), refusal.code) == (NotFound, "alert.unknown")


def test_closed_alert_answers_who_closed_it(station):
    ask(station, Resolve, reason="false_alarm")
    refusal = ask(station, Acknowledge, actor="li").refusal
    assert (refusal.code, refusal.params["by"], refusal.params["reason"]) == ("alert.closed", "wang", "false_alarm")


@pytest.mark.parametrize("reason", ["false_alarm", "test", "maintenance", "duplicate"])
def test_alert_that_still_holds_can_be_ended_as_not_real(station, reason):
    assert ask(station, Resolve, reason=reason, note="steam").answer.close_reason == reason


def test_alert_that_still_holds_cannot_be_called_resolved(station):
    refusal = ask(station, Resolve, reason="resolved").refusal
    assert (type(refusal), refusal.code) == (Conflict, "alert.condition_holds")
    assert station.only().state is AlertState.UNACKNOWLEDGED


def test_alert_that_has_returned_can_be_resolved_without_acknowledging_first(station):
    station.take(batch(reading("p1", T0 + 1, temp_socket=20.0)))
    assert ask(station, Resolve, reason="resolved").answer.state is AlertState.CLOSED


def test_unknown_reason_to_resolve_is_refused(station):
    assert ask(station, Resolve, reason="tired").refusal.code == "resolve.reason_unknown"


def test_alert_whose_rule_has_nothing_in_mind_about_it_can_be_resolved(station):
    station.state.slots["EB-03", "p1"].memory = None
    assert ask(station, Resolve, reason="resolved").answer.state is AlertState.CLOSED


def test_note_is_counted_and_calls_nobody(station):
    decision = ask(station, AddNote, note="smell of plastic")
    assert (station.only().notes, [intent.ring for intent in decision.intents]) == (1, [False])


@pytest.mark.parametrize(("note", "code"), [("  ", "note.empty"), ("x" * (NOTE_CHARS_MAX + 1), "note.too_long")])
def test_note_without_text_or_without_end_is_refused(station, note, code):
    refusal = ask(station, AddNote, note=note).refusal
    assert (type(refusal), refusal.code) == (Invalid, code)


def test_shelved_alert_is_quiet_and_rings_again_by_itself(station):
    ask(station, Shelve, until_ms=T0 + HOUR, reason="fan is being replaced")
    (shelf,) = station.only().suppressed
    assert (shelf.by, shelf.reason, shelf.actor, shelf.until_ms) == (
        "shelved", "fan is being replaced", "wang", T0 + HOUR,
    )  # fmt: skip
    assert station.only().state is AlertState.UNACKNOWLEDGED
    station.take(Tick(), T0 + HOUR - 1)
    assert station.only().suppressed
    decision = station.take(Tick(), T0 + HOUR)
    assert station.only().suppressed == []
    assert [(intent.reason, intent.ring) for intent in decision.intents] == [("unsuppressed", True)]
    assert station.only().due_ms == T0 + HOUR + 120_000


@pytest.mark.parametrize(
    ("until", "reason", "code"),
    [
        (T0 + HOUR, " ", "reason.required"),
        (T0, "work", "shelve.in_the_past"),
        (T0 + 1_000 + SHELVE_MS_MAX + 1, "work", "shelve.too_long"),
    ],
)
def test_shelving_needs_a_reason_and_an_end_within_a_shift(station, until, reason, code):
    assert ask(station, Shelve, until_ms=until, reason=reason).refusal.code == code


def test_critical_alert_cannot_be_shelved(station):
    station.take(batch(reading("p1", T0 + 1, temp_socket=85.0)))
    refusal = ask(station, Shelve, until_ms=T0 + HOUR, reason="work").refusal
    assert (type(refusal), refusal.code) == (Rejected, "alert.critical_not_shelvable")


def test_rise_to_critical_ends_shelving_and_rings(station):
    ask(station, Shelve, until_ms=T0 + HOUR, reason="work")
    decision = station.take(batch(reading("p1", T0 + 2_000, temp_socket=85.0)))
    assert (station.only().suppressed, station.only().severity) == ([], 1)
    assert decision.intents[-1].ring
    assert station.kinds()[-1] == "alert.unsuppressed"


@pytest.mark.parametrize(("second", "fine"), [(None, False), (" Wang ", False), ("", False), ("li", True)])
def test_life_safety_alert_is_shelved_by_two_different_people_only(second, fine):
    station = LittleStation(registry(port("p1")), Book(Hot(info("EL-02", life_safety=True))))
    station.take(batch(reading("p1", T0, temp_socket=75.0)))
    decision = ask(station, Shelve, until_ms=T0 + HOUR, reason="work", second=second)
    assert (decision.refusal is None) is fine
    if not fine:
        assert decision.refusal.code == "alert.second_person_required"


@pytest.mark.parametrize("reason", ["false_alarm", "test", "maintenance", "duplicate"])
@pytest.mark.parametrize(("second", "fine"), [(None, False), (" Wang ", False), ("", False), ("li", True)])
def test_life_safety_that_still_holds_is_called_not_real_by_two_different_people_only(reason, second, fine):
    station = LittleStation(registry(port("p1")), Book(Hot(info("EL-02", life_safety=True))))
    station.take(batch(reading("p1", T0, temp_socket=75.0)))
    decision = ask(station, Resolve, reason=reason, second=second)
    assert (decision.refusal is None) is fine
    if fine:
        assert (station.entries[-1].event.reason, station.entries[-1].event.second) == (reason, "li")
    else:
        assert decision.refusal.code == "alert.second_person_required"
        assert station.only().state is AlertState.UNACKNOWLEDGED


def test_life_safety_that_has_returned_is_called_not_real_by_one_and_where_only_a_person_ends_it_by_two():
    returned = LittleStation(registry(port("p1")), Book(Hot(info("EL-02", life_safety=True))))
    returned.take(batch(reading("p1", T0, temp_socket=75.0)))
    returned.take(batch(reading("p1", T0 + 1, temp_socket=20.0)))
    assert ask(returned, Resolve, reason="false_alarm").refusal is None
    manual = LittleStation(registry(port("p1")), Book(Hot(info("EB-06", life_safety=True, clear="manual"))))
    manual.take(batch(reading("p1", T0, temp_socket=75.0)))
    assert ask(manual, Resolve, reason="false_alarm").refusal.code == "alert.second_person_required"
    assert ask(manual, Resolve, reason="resolved").refusal is None


def test_unshelving_rings_at_once_and_needs_a_shelved_alert(station):
    assert ask(station, Unshelve).refusal.code == "alert.not_shelved"
    ask(station, Shelve, until_ms=T0 + HOUR, reason="work")
    assert ask(station, Unshelve).intents[0].ring


def test_refused_command_leaves_no_line_in_the_journal(station):
    lines = len(station.entries)
    ask(station, Resolve, reason="resolved")
    assert len(station.entries) == lines


@pytest.mark.parametrize("crash", [False, True])
@pytest.mark.parametrize(("wish", "who"), [(Acknowledge, "wang"), (AddNote, "li")])
def test_one_command_id_is_one_command_of_one_person(station, wish, who, crash):
    assert ask(station, AddNote, cmd="k1", note="on my way").refusal is None
    if crash:
        station.crash(T0 + 500)
    refusal = ask(station, wish, cmd="k1", actor=who, note="on my way").refusal
    assert (type(refusal), refusal.code) == (Invalid, "command.reused")
    assert station.only().acked_by is None
    assert ask(station, AddNote, cmd="k1", note="on my way").answer == station.only()
    assert station.only().notes == 1


SHELF = {"until_ms": T0 + HOUR, "reason": " work "}
WINDOW = {"window": "w1", "target": "c1", "from_ms": T0, "until_ms": T0 + HOUR, "reason": " work ", "actor": "wang"}


@pytest.mark.parametrize("crash", [False, True])
@pytest.mark.parametrize(
    ("wish", "body", "other"),
    [
        (Acknowledge, {"note": "going"}, {"note": "not going"}),
        (Shelve, SHELF, SHELF | {"until_ms": T0 + HOUR + 1}),
        (Shelve, SHELF, SHELF | {"reason": "something else"}),
        (Resolve, {"reason": "false_alarm", "note": "steam"}, {"reason": "test", "note": "steam"}),
        (AddNote, {"note": "going"}, {"note": "gone"}),
    ],
)
def test_one_command_id_is_one_wish_with_all_that_it_says(station, wish, body, other, crash):
    assert ask(station, wish, cmd="k1", **body).refusal is None
    if crash:
        station.crash(T0 + 2_000)
    refused, again = ask(station, wish, cmd="k1", **other), ask(station, wish, cmd="k1", **body)
    assert refused.refusal.code == "command.reused"
    assert (again.refusal, again.entries) == (None, [])


@pytest.mark.parametrize("crash", [False, True])
def test_one_command_id_is_one_window(station, crash):
    assert station.take(DeclareMaintenance(**WINDOW, cmd="k1"), T0 + 5).refusal is None
    assert station.take(DeclareMaintenance(**WINDOW | {"window": "w2"}), T0 + 5).refusal is None
    assert station.take(EndMaintenance(window="w1", actor="wang", cmd="k2"), T0 + 6).refusal is None
    if crash:
        station.crash(T0 + 2_000)
    for wish in (
        DeclareMaintenance(**WINDOW | {"target": "p1"}, cmd="k1"),
        DeclareMaintenance(**WINDOW | {"rules": ["EB-03"]}, cmd="k1"),
        EndMaintenance(window="w2", actor="wang", cmd="k2"),
        EndMaintenance(window="w1", actor="li", cmd="k2"),
    ):
        assert station.take(wish, T0 + 3_000).refusal.code == "command.reused"
    for wish in (DeclareMaintenance(**WINDOW, cmd="k1"), EndMaintenance(window="w1", actor="wang", cmd="k2")):
        again = station.take(wish, T0 + 3_000)
        assert (again.refusal, again.entries) == (None, [])
    assert list(station.state.windows) == ["w2"]
