"""The work order as screens and subscribers receive it. Pure: names come from the registry given."""

from typing import Any

from alerts.times import rfc3339
from domain.orders import Clock, WorkOrder
from domain.places import Name
from domain.registry import Registry

__all__ = ["to_wire"]


def to_wire(order: WorkOrder, registry: Registry) -> dict[str, Any]:
    """The JSON object of an order. Times are RFC 3339 with offset; names have Chinese and English."""
    asked = order.suspension
    return {
        "id": order.id,
        "no": order.no,
        "state": str(order.state),
        "rev": order.rev,
        "level": order.severity,
        "domain": order.kind,
        "subject": order.subject,
        "source": order.source,
        "compound": {"id": order.compound, "name": _place(order.compound, registry)},
        "place": {"id": order.place, "name": _place(order.place, registry)},
        "device": order.device,
        "alerts": list(order.alerts),
        "organisation": _organisation(order.organisation, registry),
        "lead": _organisation(order.lead, registry),
        "handler": order.handler,
        "clocks": [_clock(one) for one in order.clocks],
        "escalated": order.level,
        "telephone": order.phone,
        "returns": order.returns,
        "reopened": order.reopened,
        "suspended_until": rfc3339(asked.until_ms) if asked is not None and order.standing else None,
        "suspension_asked": asked is not None and not order.standing,
        "supervised_by": order.supervised_by,
        "supervised_due_at": _instant(order.supervised_due_ms),
        "submitted_by": order.submitted_by,
        "verified_by": order.verified_by,
        "false_alarm": order.false_alarm,
        "refused_advice": order.refused_advice,
        "recovered_at": _instant(order.recovered_ms),
        "evidence": [
            {"id": one.id, "media_type": one.media_type, "size": one.size, "phase": one.phase, "by": one.by,
             "at": rfc3339(one.at_ms)}
            for one in order.evidence
        ],
        "call_back_due_at": _instant(order.call_back_due_ms),
        "called_back_at": _instant(order.called_back_ms),
        "created_at": rfc3339(order.created_ms),
        "changed_at": rfc3339(order.changed_ms),
        "closed_at": _instant(order.closed_ms),
        "close_reason": order.close_reason,
        "life_safety": order.life_safety,
        "drill": order.drill,
        "notes": order.notes,
    }  # fmt: skip


def _clock(clock: Clock) -> dict[str, Any]:
    return {
        "name": clock.name,
        "from": rfc3339(clock.from_ms),
        "due_at": rfc3339(clock.due_ms),
        "done_at": _instant(clock.done_ms),
        "breached_at": _instant(clock.breached_ms),
    }


def _organisation(organisation: str | None, registry: Registry) -> dict[str, Any] | None:
    if organisation is None:
        return None
    known = registry.organisations.get(organisation)
    return {"id": organisation, "name": _name(known.name) if known else None, "phone": known.phone if known else ""}


def _place(place: str, registry: Registry) -> dict[str, str] | None:
    known = registry.places.get(place)
    return _name(known.name) if known else None


def _name(name: Name) -> dict[str, str]:
    return {"zh": name.zh, "en": name.en}


def _instant(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)
