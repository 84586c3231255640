"""The life of one alert (ISA-18.2): the transition table, and `apply`, the only way an alert ever changes."""

from enum import StrEnum
from typing import Any, Final

from msgspec.structs import replace

from alerts.alert import Alert, AlertState, Occurrence, Suppression
from alerts.events import (
    AlertAcknowledged,
    AlertClosed,
    AlertEvent,
    AlertRaised,
    AlertReturned,
    AlertSuppressed,
    AlertUnsuppressed,
    ConditionReoccurred,
    NoteAdded,
    SeverityChanged,
)
from domain.errors import Conflict
from domain.limits import ACK_DUE_MS, ALERT_MARKS_MAX, FRESH_MS_MAX, OCCURRENCES_KEPT_MAX

__all__ = [
    "TABLE",
    "Trigger",
    "apply",
    "closing_reason",
    "due_ms",
    "next_state",
    "suppressed_by",
    "verify_due_ms",
    "with_mark",
]

_BY_OTHERS: Final = frozenset({"inhibited", "superseded"})
"""Reasons not to ring that lie in another alert (or gateway): it is the `cause`."""
_U, _A = AlertState.UNACKNOWLEDGED, AlertState.ACKNOWLEDGED
_RU, _RL, _C = AlertState.RETURNED_UNACKNOWLEDGED, AlertState.RETURNED_LATCHED, AlertState.CLOSED


class Trigger(StrEnum):
    """What can move an alert."""

    RECUR = "recur"
    """The condition came again, no graver than before."""
    GRAVER = "graver"
    """A graver level holds now."""
    MILDER = "milder"
    """Only a milder level holds now."""
    RETURN = "return"
    """Readings show that the condition is gone."""
    ACK = "ack"
    """A person takes it on."""
    CLOSE = "close"
    """The record ends: by a person, or by itself (`closing_reason`)."""


TABLE: Final[dict[AlertState, dict[Trigger, AlertState]]] = {
    state: {trigger: after for trigger, after in zip(Trigger, row, strict=True) if after is not None}
    for state, row in {
        #     recur  graver milder return ack   close          None: has no meaning in this state
        _U: (_U, _U, _U, _RU, _A, _C),
        _A: (_A, _U, _A, _RL, None, _C),
        _RU: (_U, _U, _U, None, _RL, _C),
        _RL: (_U, _U, _U, None, None, _C),
        _C: (None, None, None, None, None, None),
    }.items()
}
"""ISA-18.2, whole. `_RL` is "acknowledged and gone": it waits for a person's verification where the rule is latching,
otherwise it closes in the same transaction (`closing_reason`). A closed record never moves: a new breach is a new
alert that names this one as `previous`."""


def next_state(state: AlertState, trigger: Trigger) -> AlertState:
    """The state after `trigger`. Raises `Conflict` where the table has none."""
    after = TABLE[state].get(trigger)
    if after is None:
        raise Conflict("alert.no_such_move", f"{trigger} has no meaning for an alert that is {state}", state=str(state))
    return after


def closing_reason(alert: Alert) -> str | None:
    """Why nothing is left to wait for, or None while something is.

    ``returned``: acknowledged, gone, not latching. A flapping alert is held open until it is calm, so that a
    chattering sensor is one row and not one every minute. ``superseded``: gone while another alert explained it or
    spoke for it; that one is to be acknowledged, so nobody needs to acknowledge that this one is over.
    """
    if alert.latching or alert.state not in (_RU, _RL) or suppressed_by(alert, "flapping") is not None:
        return None
    if any(one.by in _BY_OTHERS for one in alert.suppressed):
        return "superseded"
    return "returned" if alert.state is _RL else None


def suppressed_by(alert: Alert, by: str) -> Suppression | None:
    """The suppression of kind `by` in force for `alert`; there is at most one of each kind."""
    return next((one for one in alert.suppressed if one.by == by), None)


def due_ms(severity: int, now_ms: int) -> int | None:
    """When an alert that rings at `now_ms` should have been acknowledged; None for severity 4."""
    allowed = ACK_DUE_MS.get(severity)
    return None if allowed is None else now_ms + allowed


def due_from_ms(alert: Alert) -> int | None:
    """When the clock began that ends at `Alert.due_ms`: when it rang, not when it was raised."""
    allowed = ACK_DUE_MS.get(alert.severity)
    return None if alert.due_ms is None or allowed is None else alert.due_ms - allowed


def verify_due_ms(severity: int, verify_s: float | None, verify_severity: int | None, now_ms: int) -> int | None:
    """When an alert that rings at `now_ms` becomes graver unless acknowledged; None where the rule asks for nothing."""
    if verify_s is None or verify_severity is None or severity <= verify_severity:
        return None
    return now_ms + round(verify_s * 1000)


def with_mark(marks: dict[str, tuple[int, int]], source: str, mark: tuple[int, int]) -> dict[str, tuple[int, int]]:
    """`marks` with the finding `mark` of `source` noted; the sources silent for longest go beyond `ALERT_MARKS_MAX`."""
    noted = {**marks, source: max(mark, marks.get(source, mark))}
    if len(noted) > ALERT_MARKS_MAX:
        del noted[min(noted, key=lambda name: (noted[name], name))]
    return noted


def apply(  # noqa: PLR0911 - one branch for each event is the clearest form of a table
    alert: Alert, event: AlertEvent, actor: str, now_ms: int, verify: tuple[float | None, int | None] = (None, None)
) -> Alert:
    """The alert after `event`, with `rev` one higher.

    `verify` is the rule's (verify_s, verify_severity), needed where the event makes the alert ring anew. Raises
    `Conflict` when the event has no meaning in the present state.
    """
    next_rev: dict[str, Any] = {"rev": alert.rev + 1, "changed_ms": now_ms}
    match event:
        case AlertRaised():
            return event.alert
        case ConditionReoccurred():
            return _reoccurred(alert, event, now_ms, verify, next_rev)
        case SeverityChanged():
            return _severity_changed(alert, event, now_ms, verify, next_rev)
        case AlertReturned():
            state = next_state(alert.state, Trigger.RETURN)
            value = alert.value if event.value is None else event.value
            return replace(alert, state=state, cleared_ms=event.at_ms, value=value, **next_rev)
        case AlertAcknowledged():
            state = next_state(alert.state, Trigger.ACK)
            return replace(alert, state=state, acked_by=actor, acked_ms=now_ms, due_ms=None, verify_ms=None, **next_rev)
        case AlertClosed():
            state = next_state(alert.state, Trigger.CLOSE)
            ended: dict[str, Any] = {"closed_ms": now_ms, "closed_by": actor, "close_reason": event.reason}
            return replace(alert, state=state, suppressed=[], due_ms=None, verify_ms=None, **ended, **next_rev)
        case AlertSuppressed():
            return _suppressed(alert, event.suppression, next_rev)
        case AlertUnsuppressed():
            return _unsuppressed(alert, event, now_ms, verify, next_rev)
        case NoteAdded():
            return replace(alert, notes=alert.notes + 1, **next_rev)


def _ringing(alert: Alert, severity: int, now_ms: int, verify: tuple[float | None, int | None]) -> dict[str, Any]:
    """What changes when an alert rings anew: nobody has acknowledged this, and its clocks start again."""
    return {
        "state": _U,
        "severity": severity,
        "acked_by": None,
        "acked_ms": None,
        "cleared_ms": None,
        "due_ms": due_ms(severity, now_ms),
        "verify_ms": None if "unverified" in alert.flags else verify_due_ms(severity, *verify, now_ms),
    }


def _reoccurred(
    alert: Alert,
    event: ConditionReoccurred,
    now_ms: int,
    verify: tuple[float | None, int | None],
    next_rev: dict[str, Any],
) -> Alert:
    returned = alert.cleared_ms is not None
    # An alert made graver because nobody verified it stays so: the rule does not know about that.
    severity = event.severity
    if severity > alert.severity and (not returned or "unverified" in alert.flags):
        severity = alert.severity
    trigger = Trigger.GRAVER if severity < alert.severity else Trigger.RECUR
    state = next_state(alert.state, trigger)
    rings = state is _U and (alert.state is not _U or severity < alert.severity)
    changes = _ringing(alert, severity, now_ms, verify) if rings else {}
    past = {"late"} if now_ms - event.at_ms <= FRESH_MS_MAX else set()
    changes["flags"] = _without(alert.flags, past | (set() if event.drill else {"drill"}))
    occurrence = Occurrence(event.at_ms, event.severity, event.value, event.source)
    return replace(
        alert,
        occurrences=alert.occurrences + 1,
        last_occurrence_ms=max(alert.last_occurrence_ms, event.at_ms),
        history=[*alert.history, occurrence][-OCCURRENCES_KEPT_MAX:],
        value=alert.value if event.value is None else event.value,
        evidence=event.evidence or alert.evidence,
        device=event.source or alert.device,
        **changes,
        **next_rev,
    )


def _without(flags: list[str], past: set[str]) -> list[str]:
    return [flag for flag in flags if flag not in past]


def _severity_changed(
    alert: Alert,
    event: SeverityChanged,
    now_ms: int,
    verify: tuple[float | None, int | None],
    next_rev: dict[str, Any],
) -> Alert:
    graver = event.severity < alert.severity
    state = next_state(alert.state, Trigger.GRAVER if graver else Trigger.MILDER)
    changes: dict[str, Any] = {"severity": event.severity, "state": state}
    if event.why == "unverified":
        # Its signal may have gone (latching): what is graver is that nobody has looked.
        changes |= {"state": alert.state, "flags": [*alert.flags, "unverified"], "verify_ms": None}
        changes["due_ms"] = due_ms(event.severity, now_ms)
    elif graver:
        changes |= _ringing(alert, event.severity, now_ms, verify)
        changes["flags"] = alert.flags if event.drill else _without(alert.flags, {"drill"})
    changes["value"] = alert.value if event.value is None else event.value
    changes["limit"] = alert.limit if event.limit is None else event.limit
    return replace(alert, evidence=event.evidence or alert.evidence, **changes, **next_rev)


def _suppressed(alert: Alert, suppression: Suppression, next_rev: dict[str, Any]) -> Alert:
    changes: dict[str, Any] = {"suppressed": [*(s for s in alert.suppressed if s.by != suppression.by), suppression]}
    if suppression.by == "flapping" and "flapping" not in alert.flags:
        changes["flags"] = [*alert.flags, "flapping"]
    if suppression.by in _BY_OTHERS:
        changes["cause"] = suppression.ref if suppression.reason == "source_alert" else None
    return replace(alert, **changes, **next_rev)


def _unsuppressed(
    alert: Alert,
    event: AlertUnsuppressed,
    now_ms: int,
    verify: tuple[float | None, int | None],
    next_rev: dict[str, Any],
) -> Alert:
    left = [one for one in alert.suppressed if one.by != event.by]
    changes: dict[str, Any] = {"suppressed": left}
    if event.by == "flapping":
        changes["flags"] = _without(alert.flags, {"flapping"})
    if event.by in _BY_OTHERS:
        changes["cause"] = next((one.ref for one in left if one.reason == "source_alert"), None)
    if not left and alert.state is _U:
        # It rings from now on: nobody could be late for what was kept from them.
        changes["due_ms"] = due_ms(alert.severity, now_ms)
        if "unverified" not in alert.flags:
            changes["verify_ms"] = verify_due_ms(alert.severity, *verify, now_ms)
    return replace(alert, **changes, **next_rev)
