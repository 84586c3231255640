"""What people wish: judged against the alert as it is when their turn comes, and answered with a reason."""

from alerts.alert import Alert, AlertState, Suppression
from alerts.decision import Decision
from alerts.draft import Draft
from alerts.events import (
    AlertAcknowledged,
    AlertClosed,
    AlertSuppressed,
    AlertUnsuppressed,
    Event,
    MaintenanceDeclared,
    MaintenanceEnded,
    NoteAdded,
)
from alerts.inhibition import explain_silence_behind
from alerts.inputs import (
    Acknowledge,
    AddNote,
    Command,
    DeclareMaintenance,
    EndMaintenance,
    Resolve,
    Shelve,
    Unshelve,
    answered,
)
from alerts.lifecycle import suppressed_by
from alerts.superseding import review_yielding_to
from alerts.suppression import check_dismissal, check_maintenance, check_shelve
from alerts.ticking import review_maintenance
from alerts.times import rfc3339
from domain.errors import AnjuError, Conflict, Invalid, NotFound
from domain.limits import NOTE_CHARS_MAX

__all__ = ["decide_command", "decide_maintenance"]

_REASONS = frozenset({"resolved", "false_alarm", "test", "maintenance", "duplicate"})
_NOT_REAL = _REASONS - {"resolved"}
"""Reasons that hold although the condition does."""


def _fact(wish: Command | DeclareMaintenance | EndMaintenance) -> Event:  # noqa: PLR0911 - a table of commands
    """What the journal will say if `wish` is granted, in its first line."""
    match wish:
        case Acknowledge():
            return AlertAcknowledged(wish.alert_id, wish.note)
        case Shelve():
            shelf = Suppression("shelved", wish.reason.strip(), wish.until_ms, wish.actor, wish.second)
            return AlertSuppressed(wish.alert_id, shelf, wish.note)
        case Unshelve():
            return AlertUnsuppressed(wish.alert_id, "shelved", "unshelved")
        case Resolve():
            return AlertClosed(wish.alert_id, wish.reason, wish.note, wish.second)
        case AddNote():
            return NoteAdded(wish.alert_id, wish.note)
        case DeclareMaintenance():
            return MaintenanceDeclared(
                wish.window, wish.target, wish.from_ms, wish.until_ms, wish.reason.strip(), wish.rules, wish.second,
                wish.actor, wish.purpose,
            )  # fmt: skip
        case EndMaintenance():
            return MaintenanceEnded(wish.window, "by_hand")
    raise AssertionError(f"no such command: {type(wish).__name__}")


def _reused(cmd: str | None) -> Decision:
    return Decision(refusal=Invalid("command.reused", f"{cmd!r} was another command, or somebody else's", cmd=cmd))


def decide_command(draft: Draft, command: Command) -> Decision:
    """The decision on a person's wish about one alert; the refusal is part of it, never raised."""
    told = answered(_fact(command), command.actor)
    known = draft.state.answers.get(command.cmd or "")
    if known is not None:
        if known != told:
            return _reused(command.cmd)
        draft.answer = draft.alert(known.alert_id)
        return draft.decision()
    try:
        alert = _checked(draft, command)
        draft.answer = _carry_out(draft, alert, command)
    except AnjuError as refusal:
        return Decision(refusal=refusal)
    if command.cmd is not None:
        draft.changes.answers[command.cmd] = told
    if draft.answer.rule in draft.state.sources:
        explain_silence_behind(draft, draft.answer.target)
    review_yielding_to(draft, draft.answer)
    return draft.decision()


def _checked(draft: Draft, command: Command) -> Alert:
    """The alert that `command` is about, if it is one that the command may still be about."""
    alert = draft.alert(command.alert_id)
    if alert is None:
        raise NotFound("alert.unknown", f"no alert {command.alert_id!r}", id=command.alert_id)
    if len(command.note) > NOTE_CHARS_MAX:
        raise Invalid("note.too_long", f"a note has {NOTE_CHARS_MAX} characters at most", chars=NOTE_CHARS_MAX)
    if not alert.open:
        raise Conflict(
            "alert.closed", "the alert is closed", alert, by=alert.closed_by, at=_at(alert.closed_ms),
            reason=alert.close_reason,
        )  # fmt: skip
    if isinstance(command, Acknowledge) and alert.acked_by is not None:
        raise Conflict(
            "alert.already_acked", f"{alert.acked_by} acknowledged it already", alert, by=alert.acked_by,
            at=_at(alert.acked_ms),
        )  # fmt: skip
    if command.rev is not None and command.rev != alert.rev:
        raise Conflict(
            "alert.changed", f"the alert is at revision {alert.rev}, not {command.rev}", alert, rev=alert.rev
        )
    return alert


def _at(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)


def _carry_out(draft: Draft, alert: Alert, command: Command) -> Alert:
    match command:
        case Acknowledge():
            event = AlertAcknowledged(alert.id, command.note)
            return draft.step(alert, event, command.actor, reason="acked", cmd=command.cmd)
        case Shelve():
            shelf = check_shelve(alert, command, draft.now_ms)
            return draft.suppress(alert, shelf, command.actor, command.cmd, command.note)
        case Unshelve():
            if suppressed_by(alert, "shelved") is None:
                raise Conflict("alert.not_shelved", "the alert is not shelved", alert)
            return draft.unsuppress(alert, "shelved", "unshelved", command.actor, command.cmd)
        case Resolve():
            return _resolve(draft, alert, command)
        case AddNote():
            if not command.note.strip():
                raise Invalid("note.empty", "a note needs text")
            return draft.step(alert, NoteAdded(alert.id, command.note), command.actor, reason="note", cmd=command.cmd)
    raise AssertionError(f"no such command: {type(command).__name__}")


def _resolve(draft: Draft, alert: Alert, command: Resolve) -> Alert:
    if command.reason not in _REASONS:
        raise Invalid("resolve.reason_unknown", f"reason must be one of {sorted(_REASONS)}", reason=command.reason)
    holds = _holds(draft, alert)
    if holds and command.reason not in _NOT_REAL:
        raise Conflict("alert.condition_holds", "the condition still holds", alert)
    if holds or (command.reason in _NOT_REAL and alert.cleared_ms is None):
        # Where only a person ends it, nothing tells whether it holds: calling it not real is as grave.
        check_dismissal(alert, command)
    event = AlertClosed(alert.id, command.reason, command.note, command.second)
    return draft.step(alert, event, command.actor, reason="closed", cmd=command.cmd)


def _holds(draft: Draft, alert: Alert) -> bool:
    """True when readings still speak for the condition.

    Not so once it has returned; nor where no reading could ever say that it is over (the rule has no clear, is no
    longer in force, watches no device any more, or has nothing in mind about it after its pack was replaced).
    """
    if alert.state not in (AlertState.UNACKNOWLEDGED, AlertState.ACKNOWLEDGED):
        return False
    info, slot = draft.rule(alert), draft.state.slots[alert.rule, alert.target]
    return info is not None and info.clear != "manual" and slot.watched and draft.memory(slot) is not None


def decide_maintenance(draft: Draft, wish: DeclareMaintenance | EndMaintenance) -> Decision:
    """The decision on a maintenance window; the refusal is part of it, never raised."""
    told = answered(_fact(wish), wish.actor)
    known = draft.state.answers.get(wish.cmd or "")
    if known is not None:
        return draft.decision() if known == told else _reused(wish.cmd)
    try:
        if isinstance(wish, DeclareMaintenance):
            rules = draft.state.rulebook.rules
            window = check_maintenance(wish, draft.state.windows, draft.state.registry, rules, draft.now_ms)
            draft.record(window, wish.actor, cmd=wish.cmd)
            draft.changes.windows[window.window] = window
            if window.from_ms <= draft.now_ms:
                draft.changes.begun.add(window.window)
        else:
            if wish.window not in draft.state.windows:
                raise NotFound("maintenance.unknown", f"no open window {wish.window!r}", window=wish.window)
            draft.record(MaintenanceEnded(wish.window, "by_hand"), wish.actor, cmd=wish.cmd)
            draft.changes.windows[wish.window] = None
    except AnjuError as refusal:
        return Decision(refusal=refusal)
    review_maintenance(draft, wish.actor)
    if wish.cmd is not None:
        draft.changes.answers[wish.cmd] = told
    return draft.decision()
