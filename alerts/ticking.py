"""What time alone leads to: silence, missing data, the end of shelving, of windows and of patience."""

from alerts.alert import Alert, AlertState
from alerts.draft import Draft
from alerts.events import MaintenanceEnded, SeverityChanged
from alerts.inhibition import explain_silence_behind, review
from alerts.judging import take_verdict
from alerts.lifecycle import suppressed_by
from alerts.liveness import OFFLINE, ONLINE, OVERDUE, UNKNOWN, after_silence, silent_ms
from alerts.rules.base import Verdict
from alerts.state import Slot, Watch
from alerts.superseding import review_superseded, review_yielding_to
from alerts.suppression import maintenance_for

__all__ = ["decide_tick", "review_maintenance", "set_live"]

_BEST_FIRST = (ONLINE, OVERDUE, UNKNOWN, OFFLINE)


def decide_tick(draft: Draft) -> None:
    """Everything that is due at the draft's instant, in a fixed order: explanations come before what they explain."""
    last_ms = draft.state.ticked_ms
    draft.changes.ticked_ms = draft.now_ms
    if last_ms is not None and draft.now_ms < last_ms:
        _turn_back(draft)
        return
    if draft.state.started_ms is None:
        draft.changes.started_ms = draft.now_ms
        draft.changes.turned_back = True  # who knows what the clock showed before we were away
        _settle_memories(draft)
    _review_liveness(draft)
    _tick_rules(draft)
    _elapse_rules(draft)
    _review_clocks(draft)
    _review_windows(draft)


def _turn_back(draft: Draft) -> None:
    """Our own clock was set back: nobody can have been heard, nothing can have lasted, since an instant yet to come.

    Silence then counts from now. That delays what time leads to by as much as had gone by; otherwise nothing would be
    noticed until the clock is where it was.
    """
    draft.changes.turned_back = True
    for _, slot, rule in draft.state.tick_plan:
        memory = draft.memory(slot)
        if memory is not None:
            draft.changes.memories[slot] = rule.without_instants(memory, draft.now_ms)


def set_live(draft: Draft, watch: Watch, live: str, why: str) -> None:
    """Moves a device to another liveness state; a gateway takes the explanation of its devices' silence with it."""
    if draft.live(watch) == live:
        return
    if watch.live == live:
        del draft.changes.live[watch]
    else:
        draft.changes.live[watch] = (live, why)
    if watch.device.kind == "gateway":
        explain_silence_behind(draft, watch.device.id)


def _started(draft: Draft) -> int:
    return draft.now_ms if draft.state.started_ms is None else draft.state.started_ms


def _review_liveness(draft: Draft) -> None:
    started, now_ms = _started(draft), draft.now_ms
    for watch in draft.state.watches.values():
        heard = watch.heard_ms
        if heard is None and watch.live == ONLINE:
            heard = watch.since_ms  # said to be online by a state that the broker kept: it has its time to speak
        # The common case first: it spoke not long ago.
        if heard is None or now_ms - heard <= watch.overdue_ms or not watch.device.in_service:
            continue
        live = after_silence(watch.live, silent_ms(heard, started, now_ms), watch.overdue_ms, watch.offline_ms)
        if live != watch.live:
            set_live(draft, watch, live, "silence")


def _settle_memories(draft: Draft) -> None:
    """After a restart: rules learn what the journal knows of alerts that were made or ended since the checkpoint.

    What readings led to has been judged again by now. What time led to has not, and what people did concerns the rules
    that only a person can clear.
    """
    for _, slot, rule in draft.state.tick_plan:
        alert = draft.open_at(slot)
        if alert is None and slot.last_alert is not None and slot.last_alert == slot.settled:
            continue  # it had ended before the checkpoint: what the rule remembers is no older than that
        severity = None if alert is None or alert.cleared_ms is not None else alert.severity
        memory = rule.settled(slot.memory, severity, draft.now_ms)
        if memory is not slot.memory:
            draft.changes.memories[slot] = memory
    for watch, slot, rule in draft.state.elapse_plan:
        alert = draft.open_at(slot)
        if alert is not None and alert.cleared_ms is None:
            newest_ms = max(watch.said_ms, draft.mark_ms(slot) + 1)  # what comes now comes after what is journalled
            draft.changes.memories[slot] = rule.settled(slot.memory, alert.severity, newest_ms)
    for slot in draft.state.slots.values():
        info = draft.state.rule(slot.rule)
        if slot.alert_id is None and slot.last_alert != slot.settled and info is not None and info.clear == "manual":
            draft.changes.memories[slot] = None


def _tick_rules(draft: Draft) -> None:
    started = _started(draft)
    for watch, slot, rule in draft.state.tick_plan:
        members = draft.state.members.get(slot, (watch,))
        memory = draft.memory(slot)
        if rule.info.surveys:
            # Who was never heard may never have been installed: it says nothing about a failure.
            states = [live for live in map(draft.live, members) if live != UNKNOWN]
            verdict = rule.survey(memory, slot.target, draft.now_ms, states.count(OFFLINE), len(states))
        else:
            verdict = rule.tick(memory, slot.target, draft.now_ms, *_silence(draft, members, started))
        if verdict is not None and not _clears_by_silence(draft, slot, members, verdict):
            take_verdict(draft, watch, slot, rule, verdict, None)


def _elapse_rules(draft: Draft) -> None:
    """What a device has told for good goes on although it says no more: a power cut silences who reports it.

    While we were away it may have said more, which the broker still has: that time does not count.
    """
    started = _started(draft)
    for watch, slot, rule in draft.state.elapse_plan:
        memory = draft.memory(slot)
        if memory is not None and watch.said_at_ms:
            there_ms = watch.said_ms + max(0, draft.now_ms - max(watch.said_at_ms, started))
            verdict = rule.elapse(memory, watch.device.id, there_ms)
            if verdict is not None:
                take_verdict(draft, watch, slot, rule, verdict, there_ms)


def _silence(draft: Draft, members: tuple[Watch, ...], started: int) -> tuple[float | None, str]:
    """Seconds since any of the devices spoke, and the best liveness state among them."""
    if len(members) == 1:
        silent = silent_ms(members[0].heard_ms, started, draft.now_ms)
        return (None if silent is None else silent / 1000), draft.live(members[0])
    heard = [watch.heard_ms for watch in members if watch.heard_ms is not None]
    silent = silent_ms(max(heard), started, draft.now_ms) if heard else None
    states = {draft.live(watch) for watch in members}
    return (None if silent is None else silent / 1000), next(state for state in _BEST_FIRST if state in states)


def _clears_by_silence(draft: Draft, slot: Slot, members: tuple[Watch, ...], verdict: Verdict) -> bool:
    """True when the verdict would end an alert although no device of it has spoken since: never (design.md §3)."""
    if not any(finding.what == "return" for finding in verdict.findings):
        return False
    alert = draft.open_at(slot)
    if alert is None or alert.cleared_ms is not None:
        return False
    since_ms = alert.raised_ms
    if since_ms > draft.now_ms:  # our own clock was set back since
        since_ms = draft.state.turned_ms or 0
    return not any(watch.heard_ms is not None and watch.heard_ms > since_ms for watch in members)


def _review_clocks(draft: Draft) -> None:
    for alert_id in draft.state.clocked:
        alert = draft.alert(alert_id)
        if alert is not None and alert.open:
            _review_suppressions(draft, alert)
            alert = draft.alert(alert_id)
            if alert is not None and _verification_missed(draft, alert):
                _escalate(draft, alert)


def _review_suppressions(draft: Draft, alert: Alert) -> None:
    shelf = suppressed_by(alert, "shelved")
    if shelf is not None and shelf.until_ms is not None and shelf.until_ms <= draft.now_ms:
        alert = draft.unsuppress(alert, "shelved", "expired", "clock")
    if suppressed_by(alert, "flapping") is not None:
        slot = draft.state.slots[alert.rule, alert.target]
        if draft.flap(slot).calm(draft.now_ms):
            alert = draft.unsuppress(alert, "flapping", "calm", "clock")
    if suppressed_by(alert, "inhibited") is not None:
        watch, info = draft.state.watches.get(alert.device or ""), draft.rule(alert)
        if watch is None or info is None:
            alert = draft.unsuppress(alert, "inhibited", "source_gone", "clock")
        else:
            review(draft, alert, watch, info)
            alert = draft.alert(alert.id) or alert
    if suppressed_by(alert, "superseded") is not None:
        info = draft.rule(alert)
        if info is None:
            draft.unsuppress(alert, "superseded", "source_gone", "clock")
        else:
            review_superseded(draft, alert, info)


def _verification_missed(draft: Draft, alert: Alert) -> bool:
    if alert.verify_ms is None or alert.verify_ms > draft.now_ms or alert.suppressed:
        return False
    waiting = alert.state is AlertState.UNACKNOWLEDGED
    return waiting or (alert.latching and alert.state is AlertState.RETURNED_UNACKNOWLEDGED)


def _escalate(draft: Draft, alert: Alert) -> None:
    info = draft.rule(alert)
    severity = info.verify_severity if info is not None else None
    if severity is not None and severity < alert.severity:
        changed = SeverityChanged(alert.id, severity, draft.now_ms, "unverified")
        draft.step(alert, changed, "clock", reason="severity", ring=True)


def _review_windows(draft: Draft) -> None:
    changed = False
    for window in draft.windows():
        if window.until_ms <= draft.now_ms:
            draft.record(MaintenanceEnded(window.window, "expired"), "clock")
            draft.changes.windows[window.window] = None
            changed = True
        elif window.from_ms <= draft.now_ms and window.window not in draft.state.begun:
            draft.changes.begun.add(window.window)
            changed = True
    if changed:
        review_maintenance(draft, "clock")


def review_maintenance(draft: Draft, actor: str) -> None:
    """Compares every open alert with the windows in force: mutes what is covered, lets ring what no longer is."""
    windows = draft.windows()
    changed = []
    for alert in draft.open_alerts():
        wanted = maintenance_for(alert, windows, draft.state.registry, draft.now_ms)
        after = alert
        if wanted is not None:
            after = draft.suppress(alert, wanted, actor)
        elif suppressed_by(alert, "maintenance") is not None:
            after = draft.unsuppress(alert, "maintenance", "window_ended", actor)
        if after is not alert:
            changed.append(after)
    for alert in changed:
        review_yielding_to(draft, draft.alert(alert.id) or alert)
