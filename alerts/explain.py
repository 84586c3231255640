"""Why is there an alert, what happened to it, and what happens next: one structure, from the journal's own rows.

Codes and parameters, never sentences: the API shows it as it is, the console translates it, the CLI prints it.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from alerts.alert import Alert, AlertState, Evidence
from alerts.events import AlertRaised
from alerts.ports import Delivery, JournalRow
from alerts.rules.base import RuleInfo
from alerts.times import rfc3339
from alerts.wire import to_wire
from domain.registry import Registry

__all__ = ["explain"]


def explain(
    alert: Alert,
    rows: Sequence[JournalRow],
    rule: RuleInfo | None,
    registry: Registry,
    now_ms: int,
    *,
    deliveries: Sequence[Delivery] = (),
    card: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Everything known about `alert`. `rows`: its journal lines, oldest first; `rule`: None when no longer in force.

    `deliveries`: what the outbox still knows of its notifications; what it has forgotten was delivered long ago.
    """
    return {
        "alert": to_wire(alert, registry, now_ms, rule),
        "why": _why(alert, rule, registry),
        "card": card,
        "timeline": [_line(row) for row in rows],
        "suppression": {"now": _suppressions(alert), "ringing": alert.open and not alert.suppressed},
        "occurrences": _occurrences(alert),
        "next": _next(alert, rule, now_ms),
        "notifications": _notifications(alert, rows, {one.key: one for one in deliveries}),
    }


def _why(alert: Alert, rule: RuleInfo | None, registry: Registry) -> dict[str, Any]:
    evidence = alert.evidence or Evidence(rule=alert.rule, rule_version=alert.rule_version, condition="")
    why: dict[str, Any] = {
        "rule": evidence.rule,
        "version": evidence.rule_version,
        "condition": evidence.condition,
        "inputs": evidence.inputs,
        "clues": [
            {"depth": one.depth, "join": one.join, "text": one.text, "truth": one.truth} for one in evidence.clues
        ],
        "params": [
            {"name": name, "value": value, "from": evidence.overrides.get(name, "pack"), **_meaning(name, rule)}
            for name, value in sorted(evidence.params.items())
        ],
        "window": {"from": _instant(evidence.window_from_ms), "until": _instant(evidence.window_until_ms)},
        "samples": {"t": [at for at, _ in evidence.samples], "v": [value for _, value in evidence.samples]},
        "sources": [_source(device, registry) for device in evidence.sources or filter(None, [alert.device])],
        "value": alert.value,
        "limit": alert.limit,
        "device_at": rfc3339(alert.onset_ms),
        "judged_at": rfc3339(alert.raised_ms),
        "flags": alert.flags,
        "rule_now": None,
    }
    if rule is not None:
        why["rule_now"] = {
            "version": rule.version,
            "changed_since": rule.version != evidence.rule_version,
            "title": {"zh": rule.title.zh, "en": rule.title.en or rule.title.zh},
            "levels": rule.condition,
            "clear": rule.clear,
            "basis": rule.basis,
            "pack": rule.pack,
            "file": rule.file,
            "line": rule.line,
        }
    return why


def _meaning(name: str, rule: RuleInfo | None) -> dict[str, Any]:
    """Label and unit of a parameter, by the rule that is in force now."""
    param = None if rule is None else rule.overridable.get(name)
    if param is None:
        return {"label": {"zh": name, "en": name}, "unit": ""}
    return {"label": {"zh": param.zh, "en": param.en}, "unit": param.unit}


def _source(device_id: str, registry: Registry) -> dict[str, Any]:
    device = registry.devices.get(device_id)
    return {"id": device_id, "name": {"zh": device.name.zh, "en": device.name.en or device.name.zh} if device else None}


def _line(row: JournalRow) -> dict[str, Any]:
    """One journal line; the alert itself is left out, it is shown above."""
    event = msgspec.to_builtins(row.event)
    hidden = {"type", "alert_id", "alert", "evidence"}
    details = {name: value for name, value in event.items() if name not in hidden} if isinstance(event, dict) else {}
    if isinstance(row.event, AlertRaised):
        details = {"value": row.event.alert.value, "severity": row.event.alert.severity}
    line = {"seq": row.seq, "at": rfc3339(row.at_ms), "actor": row.actor, "kind": row.kind, "details": details}
    if row.alert is not None:
        line |= {"rev": row.alert.rev, "state": str(row.alert.state), "severity": row.alert.severity}
    return line


def _suppressions(alert: Alert) -> list[dict[str, Any]]:
    return [
        {
            "by": one.by,
            "reason": one.reason,
            "until": _instant(one.until_ms),
            "actor": one.actor,
            "second": one.second,
            "ref": one.ref,
        }
        for one in alert.suppressed
    ]


def _occurrences(alert: Alert) -> dict[str, Any]:
    shown = [
        {"at": rfc3339(one.at_ms), "severity": one.severity, "value": one.value, "source": one.source}
        for one in alert.history
    ]
    return {"count": alert.occurrences, "latest": shown, "previous": alert.previous, "cause": alert.cause}


def _next(alert: Alert, rule: RuleInfo | None, now_ms: int) -> list[dict[str, Any]]:
    """What will happen by itself and what is waited for, soonest first."""
    if not alert.open:
        return []
    steps: list[tuple[int, dict[str, Any]]] = []
    if alert.due_ms is not None and not alert.suppressed:
        steps.append((alert.due_ms, {"what": "ack_due", "overdue": now_ms > alert.due_ms}))
    if alert.verify_ms is not None and not alert.suppressed:
        severity = rule.verify_severity if rule is not None else None
        steps.append((alert.verify_ms, {"what": "escalates_unverified", "severity": severity}))
    steps.extend(
        (one.until_ms, {"what": "rings_again", "by": one.by}) for one in alert.suppressed if one.until_ms is not None
    )
    ordered = [{"at": rfc3339(at), **step} for at, step in sorted(steps, key=lambda pair: pair[0])]
    return [*ordered, *({"at": None, "what": wait} for wait in _waits(alert, rule))]


def _waits(alert: Alert, rule: RuleInfo | None) -> list[str]:
    """What has no date: a person's act or a reading."""
    waits = []
    if alert.state in (AlertState.UNACKNOWLEDGED, AlertState.RETURNED_UNACKNOWLEDGED):
        waits.append("acknowledgement")
    if alert.cleared_ms is None:
        waits.append("resolution" if rule is not None and rule.clear == "manual" else "return")
    elif alert.latching:
        waits.append("verification")
    waits.extend(f"end_of_{one.by}" for one in alert.suppressed if one.until_ms is None)
    return waits


def _notifications(alert: Alert, rows: Sequence[JournalRow], deliveries: dict[str, Delivery]) -> list[dict[str, Any]]:
    """What each change owed the world, and what became of it: the key is the one in the outbox."""
    told = []
    about = [row for row in rows if row.alert is not None]
    for row, following in zip(about, [*about[1:], None], strict=True):
        if row.alert is None or (following is not None and _closes_by_itself(following)):
            continue  # the return or acknowledgement that closed it is told as the closing
        key = f"{alert.id}:{row.alert.rev}:mqtt"
        delivery = deliveries.get(key)
        told.append(
            {
                "key": key,
                "channel": "mqtt",
                "at": rfc3339(row.at_ms),
                "for": row.kind,
                "recipients": row.alert.recipients,
                "ring": None if delivery is None else delivery.ring,
                "suppressed": [one.by for one in row.alert.suppressed],
                "late": "late" in row.alert.flags,
                "status": "done" if delivery is None else delivery.state,
                "settled_at": None if delivery is None else _instant(delivery.settled_ms),
                "next_attempt_at": _instant(delivery.visible_ms) if delivery and delivery.state == "owed" else None,
                "failed_attempts": 0 if delivery is None else delivery.attempts,
                "detail": "" if delivery is None else delivery.detail,
            }
        )
    return told


def _closes_by_itself(row: JournalRow) -> bool:
    return row.alert is not None and row.alert.close_reason in ("returned", "superseded")


def _instant(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)
