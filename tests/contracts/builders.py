"""Alerts and journal entries to store."""

from typing import Any

from msgspec.structs import replace

from alerts.alert import Alert, AlertState, Evidence, Occurrence, Suppression
from alerts.decision import Entry
from alerts.events import AlertAcknowledged, AlertClosed, AlertRaised, AlertReturned
from alerts.intents import Notify
from domain.ids import alert_id
from domain.readings import DeadLetter

NOW_MS = 1_795_000_000_000


def an_alert(rule: str = "EB-03", target: str = "port-1", onset_ms: int = NOW_MS, **changes: Any) -> Alert:
    plain = Alert(
        id=alert_id(rule, target, onset_ms),
        no="GJ-20261118-0001",
        rule=rule,
        rule_version=3,
        target=target,
        target_kind="device",
        kind="ebike",
        severity=2,
        state=AlertState.UNACKNOWLEDGED,
        rev=1,
        onset_ms=onset_ms,
        raised_ms=onset_ms + 40,
        compound="c-01",
        place="c-01-shed",
        device=target,
        code=rule,
        changed_ms=onset_ms + 40,
        last_occurrence_ms=onset_ms,
        marks={target: (onset_ms, 1)},
    )
    return replace(plain, **changes)


def a_rich_alert() -> Alert:
    """Every field has something to lose on the way to the database and back."""
    evidence = Evidence(
        rule="EB-03",
        rule_version=3,
        condition="temp_socket >= 70 for 10s",
        inputs={"temp_socket": 71.5, "relay_closed": True, "门": "常闭"},
        params={"b": 1, "a": 70.0, "nested": {"y": [1, 2], "x": None}},
        overrides={"high": "compound:c-01"},
        window_from_ms=NOW_MS - 10_000,
        window_until_ms=NOW_MS,
        samples=[(NOW_MS - 1, 70.25), (NOW_MS, 71.5)],
        sources=["port-1"],
    )
    return an_alert(
        evidence=evidence,
        params={"temp": 71.5, "text": "a\u0000b ‘安居’ \U0001f525"},
        history=[Occurrence(NOW_MS, 2, 71.5, "port-1"), Occurrence(NOW_MS + 5, 1)],
        suppressed=[Suppression("shelved", "检修", NOW_MS + 60_000, "li", "wang", "w-1")],
        flags=["late", "drill"],
        recipients=["property_firm", "street"],
        value=71.5,
        limit=70.0,
        signal="temp_socket",
        direction="high",
        marks={"port-1": (NOW_MS, 2), "clock": (NOW_MS + 1, 1)},
    )


def raised(alert: Alert, **changes: Any) -> Entry:
    return replace(Entry(AlertRaised(alert), f"rule:{alert.rule}", alert.raised_ms, alert), **changes)


def acked(alert: Alert, actor: str = "li", at_ms: int | None = None, cmd: str | None = None) -> Entry:
    at_ms = alert.changed_ms + 1_000 if at_ms is None else at_ms
    after = replace(
        alert, state=AlertState.ACKNOWLEDGED, rev=alert.rev + 1, acked_by=actor, acked_ms=at_ms, changed_ms=at_ms
    )
    return Entry(AlertAcknowledged(alert.id), actor, at_ms, after, cmd)


def returned(alert: Alert, at_ms: int) -> Entry:
    after = replace(
        alert,
        state=AlertState.RETURNED_UNACKNOWLEDGED,
        rev=alert.rev + 1,
        cleared_ms=at_ms,
        changed_ms=at_ms + 40,
        marks={**alert.marks, alert.target: (at_ms, 1)},
    )
    return Entry(AlertReturned(alert.id, at_ms), f"rule:{alert.rule}", at_ms + 40, after)


def closed(alert: Alert, at_ms: int) -> Entry:
    after = replace(
        alert,
        state=AlertState.CLOSED,
        rev=alert.rev + 1,
        closed_ms=at_ms,
        closed_by="li",
        close_reason="resolved",
        changed_ms=at_ms,
    )
    return Entry(AlertClosed(alert.id, "resolved"), "li", at_ms, after)


def notify(alert: Alert, channel: str = "mqtt") -> Notify:
    key = f"{alert.id}:{alert.rev}:{channel}"
    return Notify(key, channel, alert.id, alert.rev, alert.severity, "raised", body={"no": alert.no})


def dead_letter(raw: bytes = b"{", reason: str = "bad_json", at_ms: int = NOW_MS, **changes: Any) -> DeadLetter:
    plain = DeadLetter("anju/v1/c-01/ebike/port-1/telemetry", reason, "an object was expected", raw, at_ms, "port-1")
    return replace(plain, **changes)
