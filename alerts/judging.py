"""From what a rule found to what becomes of the alert: replays, raising, recurring, returning, flapping."""

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from alerts.alert import Alert, AlertState, Evidence, Occurrence, Suppression
from alerts.clocks import is_first
from alerts.draft import Draft
from alerts.events import AlertRaised, AlertReturned, ConditionReoccurred, SeverityChanged
from alerts.inhibition import explain_silence_behind, inhibition
from alerts.lifecycle import due_ms, suppressed_by, verify_due_ms, with_mark
from alerts.rules.base import CompiledRule, Finding, Verdict
from alerts.state import CLOCK, Slot, Watch
from alerts.superseding import review_yielding_to, superseded
from alerts.suppression import Flap, in_drill, maintenance_for
from domain.devices import Device
from domain.ids import alert_id
from domain.limits import EVIDENCE_SAMPLES_MAX, FLAP_TRANSITIONS, FRESH_MS_MAX, OPEN_ALERTS_MAX

__all__ = ["take_verdict"]

Marks = dict[str, tuple[int, int]]


class _Case(Struct):
    """One finding and everything it is about."""

    watch: Watch
    slot: Slot
    rule: CompiledRule
    finding: Finding
    marks: Marks
    """Of the slot, with this finding noted."""
    flap: Flap
    from_clock: bool


def take_verdict(
    draft: Draft, watch: Watch, slot: Slot, rule: CompiledRule, verdict: Verdict, ts_ms: int | None
) -> None:
    """Remembers what the rule wants remembered, and acts on what it found.

    `ts_ms` is the event time of the judged reading; None when time alone was judged.
    """
    draft.changes.memories[slot] = verdict.memory
    if ts_ms is None:
        # Time is never replayed: what it led to is new, whatever the clock showed before somebody set it.
        for finding in verdict.findings:
            marks = with_mark(draft.marks(slot), CLOCK, (draft.now_ms, 1))
            _take(draft, _Case(watch, slot, rule, finding, marks, _flap(draft, slot, finding), True))
        return
    for finding in verdict.findings:
        # Findings are told apart by (source, instant judged, how many before at that instant). The count goes on in a
        # replay just as it did the first time, so a replayed finding meets its own mark and a new one never does, even
        # where a device reports twice in one second or the clocks of two devices differ. The same event once more at
        # the same instant is the same event. A clock that was set back is another source (`alerts.clocks`).
        source, instant = draft.clock(watch), finding.at_ms
        seen_at, count = draft.changes.seen.get((slot, source)) or slot.seen.get(source, (0, 0))
        before_it = count if seen_at == instant else 0
        mark = (instant, max(1, before_it + (finding.what != "again")))
        if instant >= seen_at:
            draft.changes.seen[slot, source] = mark
        flap = _flap(draft, slot, finding)
        marks = draft.marks(slot)
        if not _is_replay(draft, slot, marks, source, mark):
            _take(draft, _Case(watch, slot, rule, finding, with_mark(marks, source, mark), flap, False))


def _flap(draft: Draft, slot: Slot, finding: Finding) -> Flap:
    """The slot's transitions with this one."""
    before = draft.flap(slot)
    flap = before.after(finding.what, finding.at_ms)
    if flap is not before:
        draft.changes.flaps[slot] = flap
    return flap


def _is_replay(draft: Draft, slot: Slot, marks: Marks, source: str, mark: tuple[int, int]) -> bool:
    if source in marks:
        return mark <= marks[source]
    # Marks without sources know only the newest instant of any of them, by clocks that have not been set back since.
    return not marks and is_first(source) and mark[0] <= draft.mark_ms(slot)


def _take(draft: Draft, case: _Case) -> None:
    alert = draft.open_at(case.slot)
    if case.finding.what == "return":
        after = _return(draft, alert, case) if alert is not None else None
    else:
        after = _raise(draft, case) if alert is None else _again(draft, alert, case)
    if after is None:
        return
    flapping = suppressed_by(after, "flapping")
    if after.open and case.flap.flapping and not after.vital and flapping is None:
        after = draft.suppress(after, _flapping())
    if after.rule in draft.state.sources:
        explain_silence_behind(draft, after.target)
    review_yielding_to(draft, after)


def _return(draft: Draft, alert: Alert, case: _Case) -> Alert | None:
    if alert.cleared_ms is not None:
        return None
    event = AlertReturned(alert.id, case.finding.at_ms, case.finding.value)
    return draft.step(alert, event, f"rule:{alert.rule}", reason="returned", marks=case.marks)


def _again(draft: Draft, alert: Alert, case: _Case) -> Alert | None:
    """A breach, or the same event once more, while the alert is open."""
    finding, actor, holds = case.finding, f"rule:{alert.rule}", alert.cleared_ms is None
    drill = _drilled(draft, alert)
    evidence = _bounded(finding.evidence)
    fresh = draft.fresh_enough(alert, finding.at_ms)
    if holds and finding.what == "breach":
        if finding.severity != alert.severity:
            graver = finding.severity < alert.severity
            if not graver and "unverified" in alert.flags:
                return None  # graver because nobody looked, which the rule cannot know
            why = "graver" if graver else "milder"
            changed = SeverityChanged(
                alert.id, finding.severity, finding.at_ms, why, evidence, finding.value, finding.limit, drill
            )
            return draft.step(alert, changed, actor, reason="severity", ring=graver and fresh, marks=case.marks)
        if case.from_clock:
            return None  # silence that goes on is one silence, also for a rule that lost its memory in a restart
    source = finding.source or alert.device
    again = ConditionReoccurred(alert.id, finding.at_ms, finding.severity, finding.value, source, evidence, drill)
    rings = fresh and (not holds or finding.severity < alert.severity)
    return draft.step(alert, again, actor, reason="occurrence" if holds else "re-alarm", ring=rings, marks=case.marks)


def _raise(draft: Draft, case: _Case) -> Alert | None:
    if case.finding.severity >= 3 and draft.open_count() >= OPEN_ALERTS_MAX:
        draft.changes.unopened += 1
        return None
    alert = _with_conditions(draft, _new_alert(draft, case), case)
    draft.record(AlertRaised(alert), f"rule:{alert.rule}", alert)
    draft.put(alert)
    draft.notify(alert, "raised", ring=draft.fresh_enough(alert, case.finding.at_ms))
    return alert


def _new_alert(draft: Draft, case: _Case) -> Alert:
    info, finding, slot = case.rule.info, case.finding, case.slot
    source = finding.source or case.watch.device.id
    device = draft.state.watches.get(source, case.watch).device
    new_id, onset_ms = _new_id(draft, slot, finding.at_ms)
    return Alert(
        id=new_id,
        no=draft.next_number(),
        rule=info.id,
        rule_version=info.version,
        target=slot.target,
        target_kind=info.scope,
        kind=info.kind,
        severity=finding.severity,
        state=AlertState.UNACKNOWLEDGED,
        rev=1,
        onset_ms=onset_ms,
        raised_ms=draft.now_ms,
        compound=device.compound,
        place=_place(draft, slot.target, device),
        device=device.id,
        code=info.id,
        params=_params(finding),
        value=finding.value,
        signal=info.signal,
        limit=finding.limit,
        direction=finding.direction,
        evidence=_bounded(finding.evidence),
        latching=info.latching,
        life_safety=info.life_safety,
        card=info.card,
        recipients=list(info.recipients),
        last_occurrence_ms=finding.at_ms,
        history=[Occurrence(finding.at_ms, finding.severity, finding.value, source)],
        due_ms=due_ms(finding.severity, draft.now_ms),
        verify_ms=verify_due_ms(finding.severity, info.verify_s, info.verify_severity, draft.now_ms),
        previous=draft.last_alert(slot),
        marks=case.marks,
        changed_ms=draft.now_ms,
    )


def _new_id(draft: Draft, slot: Slot, at_ms: int) -> tuple[str, int]:
    """The id of a new alert and the onset it is made of.

    The onset is moved by a millisecond where two sources of a slot name the same instant with a closed alert between.
    """
    new_id = alert_id(slot.rule, slot.target, at_ms)
    while new_id == draft.last_alert(slot) or draft.alert(new_id) is not None:
        at_ms += 1
        new_id = alert_id(slot.rule, slot.target, at_ms)
    return new_id, at_ms


def _with_conditions(draft: Draft, alert: Alert, case: _Case) -> Alert:
    """A new alert with what is true of it from the start: late, or suppressed for a reason that is in force."""
    flags = ["late"] if draft.now_ms - case.finding.at_ms > FRESH_MS_MAX else []
    if _drilled(draft, alert):
        flags.append("drill")
    if draft.state.registry.simulated(alert.place):
        flags.append("simulated")
    alert = replace(alert, flags=flags)
    reasons = [maintenance_for(alert, draft.windows(), draft.state.registry, draft.now_ms)]
    reasons.append(inhibition(draft, case.watch, case.rule.info))
    reasons.append(superseded(draft, alert, case.rule.info))
    if case.flap.flapping and not alert.vital:
        reasons.append(_flapping())
        alert = replace(alert, flags=[*flags, "flapping"])
    suppressed = [reason for reason in reasons if reason is not None]
    causes = [one.ref for one in suppressed if one.reason == "source_alert"]
    return replace(alert, suppressed=suppressed, cause=causes[0] if causes else None)


def _drilled(draft: Draft, alert: Alert) -> bool:
    return in_drill(alert, draft.windows(), draft.state.registry, draft.now_ms)


def _flapping() -> Suppression:
    return Suppression("flapping", f"transitions:{FLAP_TRANSITIONS}")


def _place(draft: Draft, target: str, device: Device) -> str:
    """Where the alert is: at its target if that has a place, else where the device hangs."""
    registry = draft.state.registry
    if target in registry.places:
        return target
    return registry.devices[target].place if target in registry.devices else device.place


def _params(finding: Finding) -> dict[str, Any]:
    """What the translated sentence of the alert may mention."""
    params: dict[str, Any] = {}
    if finding.evidence is not None:
        params |= {k: v for k, v in finding.evidence.inputs.items() if isinstance(v, str | int | float | bool)}
    if finding.value is not None:
        params["value"] = finding.value
    if finding.limit is not None:
        params["limit"] = finding.limit
    return params


def _bounded(evidence: Evidence | None) -> Evidence | None:
    if evidence is None or len(evidence.samples) <= EVIDENCE_SAMPLES_MAX:
        return evidence
    return replace(evidence, samples=evidence.samples[-EVIDENCE_SAMPLES_MAX:])
