"""The transition table, and each event's effect on one alert."""

import pytest
from msgspec.structs import replace

from alerts.alert import Alert, AlertState, Occurrence, Suppression
from alerts.events import (
    AlertAcknowledged,
    AlertClosed,
    AlertReturned,
    AlertSuppressed,
    AlertUnsuppressed,
    ConditionReoccurred,
    NoteAdded,
    SeverityChanged,
)
from alerts.lifecycle import TABLE, Trigger, apply, closing_reason, next_state, with_mark
from domain.errors import Conflict
from domain.limits import ALERT_MARKS_MAX

NOW = 1_795_000_000_000
S = AlertState


def alert(**changes):
    base = Alert(
        id="a1", no="GJ-20261118-0001", rule="EB-03", rule_version=1, target="p1", target_kind="device", kind="ebike",
        severity=2, state=S.UNACKNOWLEDGED, rev=1, onset_ms=NOW, raised_ms=NOW, compound="c1", place="b1", device="p1",
        history=[Occurrence(NOW, 2)], last_occurrence_ms=NOW, due_ms=NOW + 120_000,
    )  # fmt: skip
    return replace(base, **changes)


def test_every_state_has_a_row_and_every_cell_leads_to_a_state():
    assert set(TABLE) == set(S)
    assert {after for row in TABLE.values() for after in row.values()} == set(S)


def test_nothing_leaves_closed():
    assert TABLE[S.CLOSED] == {}
    for trigger in Trigger:
        with pytest.raises(Conflict):
            next_state(S.CLOSED, trigger)


@pytest.mark.parametrize("state", [state for state in S if state is not S.CLOSED])
def test_whatever_is_graver_or_has_come_back_is_unacknowledged(state):
    assert next_state(state, Trigger.GRAVER) is S.UNACKNOWLEDGED
    if state not in (S.UNACKNOWLEDGED, S.ACKNOWLEDGED):
        assert next_state(state, Trigger.RECUR) is S.UNACKNOWLEDGED


@pytest.mark.parametrize(
    ("before", "event", "after"),
    [
        (S.UNACKNOWLEDGED, AlertAcknowledged("a1"), S.ACKNOWLEDGED),
        (S.UNACKNOWLEDGED, AlertReturned("a1", NOW), S.RETURNED_UNACKNOWLEDGED),
        (S.ACKNOWLEDGED, AlertReturned("a1", NOW), S.RETURNED_LATCHED),
        (S.RETURNED_UNACKNOWLEDGED, AlertAcknowledged("a1"), S.RETURNED_LATCHED),
        (S.RETURNED_UNACKNOWLEDGED, ConditionReoccurred("a1", NOW, 2), S.UNACKNOWLEDGED),
        (S.RETURNED_LATCHED, ConditionReoccurred("a1", NOW, 2), S.UNACKNOWLEDGED),
        (S.ACKNOWLEDGED, ConditionReoccurred("a1", NOW, 2), S.ACKNOWLEDGED),
        (S.ACKNOWLEDGED, ConditionReoccurred("a1", NOW, 1), S.UNACKNOWLEDGED),
        (S.ACKNOWLEDGED, SeverityChanged("a1", 1, NOW), S.UNACKNOWLEDGED),
        (S.ACKNOWLEDGED, SeverityChanged("a1", 3, NOW), S.ACKNOWLEDGED),
        (S.ACKNOWLEDGED, AlertClosed("a1", "resolved"), S.CLOSED),
        (S.ACKNOWLEDGED, NoteAdded("a1", "n"), S.ACKNOWLEDGED),
    ],
)
def test_event_moves_the_state_and_raises_the_revision_by_one(before, event, after):
    gone = before in (S.RETURNED_UNACKNOWLEDGED, S.RETURNED_LATCHED)
    moved = apply(alert(state=before, cleared_ms=NOW if gone else None, rev=7), event, "wang", NOW + 5)
    assert (moved.state, moved.rev, moved.changed_ms) == (after, 8, NOW + 5)


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (S.ACKNOWLEDGED, AlertAcknowledged("a1")),
        (S.RETURNED_LATCHED, AlertAcknowledged("a1")),
        (S.RETURNED_UNACKNOWLEDGED, AlertReturned("a1", NOW)),
        (S.CLOSED, ConditionReoccurred("a1", NOW, 1)),
        (S.CLOSED, AlertClosed("a1", "resolved")),
    ],
)
def test_event_without_meaning_in_a_state_is_a_conflict(state, event):
    with pytest.raises(Conflict) as caught:
        apply(alert(state=state), event, "wang", NOW)
    assert caught.value.code == "alert.no_such_move"


def test_alert_that_comes_back_starts_its_clocks_anew():
    acked = alert(state=S.RETURNED_LATCHED, acked_by="wang", acked_ms=NOW, cleared_ms=NOW, due_ms=None, latching=True)
    again = apply(acked, ConditionReoccurred("a1", NOW + 9, 2, 75.0, "p1"), "rule:EB-03", NOW + 10, (180.0, 1))
    assert (again.acked_by, again.cleared_ms, again.due_ms) == (None, None, NOW + 10 + 120_000)
    assert again.verify_ms == NOW + 10 + 180_000
    assert again.history[-1] == Occurrence(NOW + 9, 2, 75.0, "p1")


def test_fresh_occurrence_takes_the_mark_of_lateness_off():
    late = alert(flags=["late", "drill"])
    assert apply(late, ConditionReoccurred("a1", NOW, 2, drill=True), "rule:EB-03", NOW).flags == ["drill"]
    old = ConditionReoccurred("a1", NOW - 3_600_000, 2, drill=True)
    assert apply(late, old, "rule:EB-03", NOW).flags == ["late", "drill"]


@pytest.mark.parametrize(
    ("state", "latching", "by", "reason"),
    [
        (S.RETURNED_LATCHED, False, None, "returned"),
        (S.RETURNED_LATCHED, True, None, None),
        (S.RETURNED_LATCHED, False, "flapping", None),
        (S.RETURNED_UNACKNOWLEDGED, False, None, None),
        (S.RETURNED_UNACKNOWLEDGED, False, "inhibited", "superseded"),
        (S.RETURNED_UNACKNOWLEDGED, True, "inhibited", None),
        (S.UNACKNOWLEDGED, False, "inhibited", None),
    ],
)
def test_record_ends_by_itself_only_when_nothing_is_left_to_wait_for(state, latching, by, reason):
    suppressed = [Suppression(by, "r")] if by else []
    assert closing_reason(alert(state=state, latching=latching, suppressed=suppressed)) == reason


def test_there_is_one_suppression_of_each_kind():
    once = apply(alert(), AlertSuppressed("a1", Suppression("maintenance", "r", ref="w1")), "wang", NOW)
    twice = apply(once, AlertSuppressed("a1", Suppression("shelved", "r")), "wang", NOW)
    moved = apply(twice, AlertSuppressed("a1", Suppression("maintenance", "r", ref="w2")), "wang", NOW)
    assert [(reason.by, reason.ref) for reason in moved.suppressed] == [("shelved", None), ("maintenance", "w2")]
    left = apply(moved, AlertUnsuppressed("a1", "shelved", "unshelved"), "wang", NOW + 60_000)
    assert ([reason.by for reason in left.suppressed], left.due_ms) == (["maintenance"], NOW + 120_000)
    rings = apply(left, AlertUnsuppressed("a1", "maintenance", "window_ended"), "clock", NOW + 60_000)
    assert (rings.suppressed, rings.due_ms) == ([], NOW + 180_000)


def test_alert_points_at_what_explains_it_only_while_it_does():
    explained = apply(alert(), AlertSuppressed("a1", Suppression("inhibited", "source_alert", ref="a9")), "system", NOW)
    assert explained.cause == "a9"
    assert apply(explained, AlertUnsuppressed("a1", "inhibited", "source_back"), "system", NOW).cause is None
    silent = apply(alert(), AlertSuppressed("a1", Suppression("inhibited", "source_offline", ref="g1")), "system", NOW)
    assert silent.cause is None


def test_marks_forget_the_source_that_was_silent_for_longest():
    marks = {f"p{n}": (NOW + n, 1) for n in range(ALERT_MARKS_MAX)}
    noted = with_mark(marks, "new", (NOW + 999, 1))
    assert len(noted) == ALERT_MARKS_MAX
    assert "p0" not in noted
    assert noted["new"] == (NOW + 999, 1)


def test_mark_of_a_source_never_goes_back():
    assert with_mark({"p1": (NOW, 2)}, "p1", (NOW - 5, 1)) == {"p1": (NOW, 2)}
