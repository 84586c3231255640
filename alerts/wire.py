"""The alert as screens and subscribers receive it (console.md §14). Pure: names come from the registry given."""

from functools import lru_cache
from typing import Any, Final

from alerts.alert import Alert, Suppression
from alerts.lifecycle import due_from_ms, suppressed_by
from alerts.rules.base import RuleInfo
from alerts.times import rfc3339
from domain.kinds import KINDS
from domain.places import Name
from domain.registry import Registry

__all__ = ["STALE_MS", "aging", "patch", "to_wire"]

STALE_MS: Final = 24 * 3_600_000
"""ISA-18.2: an alert that stands for longer is stale (console.md §0)."""


def to_wire(alert: Alert, registry: Registry, now_ms: int, rule: RuleInfo | None = None) -> dict[str, Any]:
    """The JSON object of an alert. `rule` gives its title; without it the code stands alone.

    `due_at` and what follows from it are absolute, so that the same alert has the same form at any `now_ms`, but for
    what `aging` names.
    """
    shelf = suppressed_by(alert, "shelved")
    compound = registry.places.get(alert.compound)
    device = registry.devices.get(alert.device) if alert.device else None
    signal = KINDS[alert.kind].signals.get(alert.signal) if alert.signal and alert.kind in KINDS else None
    return {
        "id": alert.id,
        "no": alert.no,
        "level": alert.severity,
        "kind": alert.code or alert.rule,
        "domain": alert.kind,
        "params": alert.params,
        "title": _name(rule.title) if rule else None,
        "state": str(alert.state),
        "rev": alert.rev,
        "raised_at": rfc3339(alert.raised_ms),
        "device_at": rfc3339(alert.onset_ms),
        "cleared_at": _instant(alert.cleared_ms),
        "acked_by": alert.acked_by,
        "acked_at": _instant(alert.acked_ms),
        "due_at": _instant(alert.due_ms),
        "due_from": _instant(due_from_ms(alert)),
        "due_kind": "ack" if alert.due_ms is not None else None,
        "next_escalation": _escalation(alert, rule),
        "closed_at": _instant(alert.closed_ms),
        "closed_by": alert.closed_by,
        "close_reason": alert.close_reason,
        "compound": {"id": alert.compound, "name": _name(compound.name) if compound else None},
        **aging(alert, registry, now_ms),
        "place": _place(alert.place, registry),
        "device": {"id": device.id, "name": _name(device.name), "type": device.type} if device else None,
        "target": {"id": alert.target, "kind": alert.target_kind},
        "signal": alert.signal,
        "value": alert.value,
        "unit": signal.unit if signal else "",
        "limit": alert.limit,
        "dir": alert.direction,
        "rule": {"code": alert.rule, "ver": alert.rule_version},
        "card": alert.card,
        "recipients": alert.recipients,
        "latching": alert.latching,
        "life_safety": alert.life_safety,
        "dup": alert.occurrences,
        "last_at": rfc3339(alert.last_occurrence_ms or alert.onset_ms),
        "notes": alert.notes,
        "cause_id": alert.cause,
        "previous_id": alert.previous,
        "shelved_until": _instant(shelf.until_ms) if shelf else None,
        "suppressed": [_suppression(one) for one in alert.suppressed],
    }


def aging(alert: Alert, registry: Registry, now_ms: int) -> dict[str, Any]:
    """The members that time alone may change: the flags at the age of `STALE_MS`, the firm with the calendar day."""
    return {"firm": _firm(alert.compound, registry, rfc3339(now_ms)[:10]), "flags": _flags(alert, now_ms)}


def patch(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The members of `new` that differ from `old`; one that is gone becomes None. Empty when nothing changed."""
    changed = {key: value for key, value in new.items() if key not in old or old[key] != value}
    return changed | {key: None for key in old if key not in new}


@lru_cache(maxsize=8_192)
def _place(place_id: str, registry: Registry) -> dict[str, Any]:
    """Building, unit and floor by name, and the whole path below the compound as one text in both languages.

    Shared by the alerts of a place: not to be changed by whoever receives it.
    """
    path = [place for place in registry.above(place_id) if place.kind not in _ABOVE]
    path.reverse()
    found = {place.kind: _name(place.name) for place in path}
    english = " · ".join(place.name.in_language("en") for place in path)
    return {
        "id": place_id,
        "building": found.get("building"),
        "unit": found.get("unit"),
        "floor": found.get("floor"),
        "text": {"zh": "·".join(place.name.zh for place in path), "en": english},
    }


_ABOVE: Final = frozenset({"district", "sector", "street", "community", "compound"})


def _instant(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)


def _name(name: Name) -> dict[str, str]:
    return {"zh": name.zh, "en": name.en or name.zh}


@lru_cache(maxsize=2_048)
def _firm(compound: str, registry: Registry, day: str) -> dict[str, Any] | None:
    organisation = registry.responsible(compound, day)
    return {"id": organisation.id, "name": _name(organisation.name)} if organisation else None


def _flags(alert: Alert, now_ms: int) -> list[str]:
    """The engine's flags in the words of the console: flapping is shown as chatter; what stands for a day is stale."""
    flags = ["chatter" if flag == "flapping" else flag for flag in alert.flags]
    if alert.open and alert.cleared_ms is None and now_ms - alert.raised_ms > STALE_MS:
        flags.append("stale")
    return flags


def _suppression(one: Suppression) -> dict[str, Any]:
    return {
        "by": one.by,
        "reason": one.reason,
        "until": _instant(one.until_ms),
        "actor": one.actor,
        "second": one.second,
        "ref": one.ref,
    }


def _escalation(alert: Alert, rule: RuleInfo | None) -> dict[str, Any] | None:
    """What happens next by itself if nobody acts."""
    if alert.verify_ms is None or alert.suppressed:
        return None
    return {"at": rfc3339(alert.verify_ms), "to": f"severity:{rule.verify_severity}" if rule else "severity"}
