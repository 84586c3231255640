"""From alerts to people who come: orders made of alerts, and what time leads to for each (domain.md §5)."""

from typing import Final

from msgspec.structs import replace

from alerts.alert import Alert, AlertState
from alerts.decision import Decision
from alerts.draft import Draft
from alerts.inputs import answered
from alerts.orders.clocks import next_look, overdue
from alerts.orders.commands import OpenOrder, StepOrder, steps_for
from alerts.orders.events import OrderEvent, OrderOpened
from alerts.orders.lifecycle import clocks_from
from alerts.times import local_date
from domain.errors import AnjuError, Conflict, Invalid, NotFound, Rejected
from domain.ids import order_id
from domain.limits import NOTE_CHARS_MAX, ORDER_ALERTS_MAX
from domain.orders import LIMITS, OrderState, OrderStep, WorkOrder

__all__ = ["decide_order", "review_orders"]

_HOLDS: Final = frozenset({AlertState.UNACKNOWLEDGED, AlertState.ACKNOWLEDGED})
_NOBODY_YET: Final = frozenset({OrderState.CREATED, OrderState.DISPATCHED})
_SAID_DONE: Final = frozenset({OrderState.SUBMITTED, OrderState.VERIFIED})
_DONE: Final = frozenset({OrderState.SUBMITTED, OrderState.VERIFIED, OrderState.CLOSED})
"""States in which an order takes no further alert: somebody has said that it is done."""


def review_orders(draft: Draft) -> None:
    """Everything about orders that is due at the draft's instant."""
    if not draft.state.book.wanted:
        return
    _answer(draft, _answer_again(draft))
    for order in draft.orders_due():
        after = _follow_alerts(draft, order)
        while (due := overdue(after, draft.now_ms)) is not None:
            after = draft.step_order(after, due, "clock")
        draft.changes.looked[order.id] = next_look(after, draft.now_ms)


def _calls(draft: Draft, alert: Alert) -> bool:
    """True once somebody has to be sent for `alert`: it rings, or is acknowledged, and has stood for long enough."""
    allowed_ms = LIMITS[alert.severity].dispatch_ms
    if not alert.open or alert.suppressed or allowed_ms is None:
        return False
    if 0 <= draft.now_ms - alert.raised_ms < allowed_ms:  # raised after now: our clock was set back meanwhile
        return False
    if "late" in alert.flags and not alert.life_safety:
        return False
    return alert.state in _HOLDS or alert.life_safety or alert.latching


def _answer_again(draft: Draft) -> list[Alert]:
    """An order was closed, and its alert, never gone, became graver or came again: it was not over.

    The order is opened again. Returns the alerts for which that cannot be: it was closed so long ago that it is not at
    hand, or somebody was called for another alert of it meanwhile.
    """
    others = []
    for alert_id, closed in draft.state.book.settled.items():
        alert = draft.alert(alert_id)
        if alert is None or not _calls(draft, alert):
            continue
        worse, again = alert.severity < closed.severity, alert.last_occurrence_ms > closed.at_ms
        order = draft.order(closed.order)
        if not (worse or again) or _called_for(draft, (alert_id,)) is not None:
            continue
        if order is None or _called_for(draft, order.alerts) is not None:
            others.append(alert)
        else:
            reason = "worsened" if worse else "recurred"
            draft.step_order(order, OrderEvent(order.id, OrderStep.REOPEN, reason=reason), "clock")
    return [alert for alert in others if _called_for(draft, (alert.id,)) is None]


def _called_for(draft: Draft, alerts: tuple[str, ...]) -> WorkOrder | None:
    """The open order that one of `alerts` belongs to, None if there is none: nobody is called out twice for one."""
    return next((order for order in draft.open_orders() if not set(alerts).isdisjoint(order.alerts)), None)


def _answer(draft: Draft, again: list[Alert]) -> None:
    """Alerts that call for somebody join an order that is under way for the same thing, or get one of their own.

    The gravest first: what is as grave or less then goes along with it. All that join an order do so in one step.
    """
    waiting = map(draft.alert, draft.state.book.unordered)
    calling = [*again, *(alert for alert in waiting if alert is not None and _calls(draft, alert))]
    if not calling:
        return
    under_way: dict[_Thing, list[WorkOrder]] = {}
    for order in draft.open_orders():
        _enter(draft, under_way, order)
    joining: dict[str, list[str]] = {}
    for alert in sorted(calling, key=lambda one: (one.severity, one.raised_ms, one.id)):
        known = _under_way(draft, under_way, joining, alert)
        if known is None:
            _enter(draft, under_way, _opened(draft, alert))
        else:
            joining.setdefault(known.id, []).append(alert.id)
    for joined, alerts in joining.items():
        found = draft.order(joined)
        if found is not None:
            vital = any(one.life_safety for one in calling if one.id in alerts)
            event = OrderEvent(found.id, OrderStep.JOIN, alerts=tuple(alerts), life_safety=vital)
            draft.step_order(found, event, "clock")


_Thing = tuple[str, str, bool, str]
"""Compound, kind, whether it is a drill, and the device or the spot: who comes for one comes for all with the same."""


def _enter(draft: Draft, under_way: dict[_Thing, list[WorkOrder]], order: WorkOrder) -> None:
    if order.alerts and order.state not in _DONE and order.suspension is None:
        for thing in _things(draft, order, drill=order.drill):
            under_way.setdefault(thing, []).append(order)


def _things(draft: Draft, about: Alert | WorkOrder, *, drill: bool) -> list[_Thing]:
    """One lift; one building on fire, one shed."""
    common = about.compound, about.kind, drill
    found = [] if about.device is None else [(*common, about.device)]
    # Where a lift is says nothing about the lift beside it.
    return found if about.kind == "elevator" else [*found, (*common, _spot(draft, about.place))]


def _under_way(
    draft: Draft, under_way: dict[_Thing, list[WorkOrder]], joining: dict[str, list[str]], alert: Alert
) -> WorkOrder | None:
    for thing in _things(draft, alert, drill="drill" in alert.flags):
        for order in under_way.get(thing, ()):
            room = len(order.alerts) + len(joining.get(order.id, ())) < ORDER_ALERTS_MAX
            if room and _covers(order, alert):
                return order
    return None


def _covers(order: WorkOrder, alert: Alert) -> bool:
    """Whether who comes for `order` comes for `alert` as fast as it deserves.

    What is graver goes along for as long as nobody has accepted: whoever accepts does so under the graver limits. After
    that it has to ring for itself.
    """
    as_grave = order.severity <= alert.severity and (order.life_safety or not alert.life_safety)
    mine = order.device is not None and order.device == alert.device
    return as_grave or (mine and order.state in _NOBODY_YET)


def _opened(draft: Draft, alert: Alert) -> WorkOrder:
    number = draft.next_order_number()
    made_of = alert.id if alert.id in draft.state.book.unordered else f"{alert.id} {number}"
    opened = WorkOrder(
        id=order_id(made_of), no=number, state=OrderState.CREATED, rev=1,
        severity=alert.severity, kind=alert.kind, compound=alert.compound, place=alert.place, subject=alert.rule,
        source="alert", created_ms=draft.now_ms, changed_ms=draft.now_ms, level_ms=draft.now_ms,
        life_safety=alert.life_safety, drill="drill" in alert.flags, alerts=(alert.id,), device=alert.device,
    )  # fmt: skip
    return _open(draft, opened, "clock")


def _open(
    draft: Draft, opened: WorkOrder, actor: str, note: str = "", asked: OrderEvent | None = None, cmd: str | None = None
) -> WorkOrder:
    """Journals the order and gives it to who answers for the compound; nobody does: it waits to be given (待派).

    Its clocks run either way.
    """
    clocks = clocks_from(opened, draft.now_ms, draft.state.book.calendar, maintenance=False)
    opened = replace(opened, clocks=clocks)
    order = draft.put_order(opened, OrderOpened(opened, note, asked), actor, "opened", cmd)
    first = draft.state.registry.responsible(order.compound, local_date(draft.now_ms))
    if first is None:
        return order
    return draft.step_order(order, OrderEvent(order.id, OrderStep.DISPATCH, organisation=first.id), actor)


def _spot(draft: Draft, place: str) -> str:
    registry = draft.state.registry
    found = registry.nearest(place, "building") or registry.nearest(place, "site")
    return place if found is None else found.id


def _follow_alerts(draft: Draft, order: WorkOrder) -> WorkOrder:
    """The signal recovers, or is there again; or has become graver. Returns the order after."""
    standing = _standing(draft, order)
    gravest = min((alert.severity for alert in standing), default=order.severity)
    again = bool(standing) and order.recovered_ms is not None
    if order.state in _SAID_DONE and (again or gravest < order.severity):
        reason = "recurred" if again else "worsened"
        order = draft.step_order(order, OrderEvent(order.id, OrderStep.REJECT, reason=reason), "clock")
    if gravest < order.severity:
        order = draft.step_order(order, OrderEvent(order.id, OrderStep.WORSEN, severity=gravest), "clock")
    if order.alerts and not standing and order.recovered_ms is None:
        return draft.step_order(order, OrderEvent(order.id, OrderStep.RECOVER), "clock")
    if standing and order.recovered_ms is not None:
        return draft.step_order(order, OrderEvent(order.id, OrderStep.JOIN), "clock")
    return order


def _standing(draft: Draft, order: WorkOrder) -> list[Alert]:
    """Alerts of the order whose condition holds."""
    alerts = [alert for alert in map(draft.alert, order.alerts) if alert is not None]
    return [alert for alert in alerts if alert.open and alert.state in _HOLDS]


def decide_order(draft: Draft, wish: OpenOrder | StepOrder) -> Decision:
    """The decision on a person's wish about an order; the refusal is part of it, never raised."""
    fact = _fact(wish)
    told = answered(fact, wish.actor)
    known = draft.state.answers.get(wish.cmd or "")
    if known is not None:
        if known != told:
            return Decision(refusal=Invalid("command.reused", f"{wish.cmd!r} was another command", cmd=wish.cmd))
        draft.answer_order = draft.order(fact.order_id)
        return draft.decision()
    try:
        if len(wish.note) > NOTE_CHARS_MAX or len(getattr(wish, "reason", "")) > NOTE_CHARS_MAX:
            raise Invalid("note.too_long", f"a note has {NOTE_CHARS_MAX} characters at most", chars=NOTE_CHARS_MAX)
        draft.answer_order = _open_by_hand(draft, wish, fact) if isinstance(wish, OpenOrder) else _step(draft, wish)
    except AnjuError as refusal:
        return Decision(refusal=refusal)
    if wish.cmd is not None:
        draft.changes.answers[wish.cmd] = told
    return draft.decision()


def _fact(wish: OpenOrder | StepOrder) -> OrderEvent:
    """What is remembered of the wish: the same words of the same person are the same command."""
    if isinstance(wish, OpenOrder):
        said = (wish.compound, wish.place, wish.source, wish.kind, wish.device, wish.reporter, wish.alert_id)
        words = "/".join(map(str, (*said, wish.severity, wish.subject)))
        return OrderEvent(order_id(wish.cmd or words), OrderStep.OPEN, reason=words, note=wish.note)
    return OrderEvent(
        wish.order_id, wish.step, organisation=wish.organisation, handler=wish.handler, reason=wish.reason,
        note=wish.note, until_ms=wish.until_ms, leader=wish.leader, evidence=wish.evidence,
    )  # fmt: skip


def _open_by_hand(draft: Draft, wish: OpenOrder, asked: OrderEvent) -> WorkOrder:
    registry, alert = draft.state.registry, _alert_of(draft, wish)
    place = registry.nearest(wish.place, "compound")
    if place is None or place.id != wish.compound:
        raise NotFound("place.unknown", f"{wish.place!r} is not in compound {wish.compound!r}", id=wish.place)
    if wish.severity not in LIMITS or wish.source not in {"hand", "hotline"} or not wish.subject.strip():
        raise Invalid("order.form", "an order has a severity from 1 to 4, a source and a subject")
    if wish.device is not None and getattr(registry.devices.get(wish.device), "compound", None) != wish.compound:
        raise NotFound("device.unknown", f"{wish.device!r} is not in compound {wish.compound!r}", id=wish.device)
    number = draft.next_order_number()
    opened = WorkOrder(
        id=order_id(wish.cmd or number), no=number, state=OrderState.CREATED, rev=1,
        severity=min(wish.severity, alert.severity if alert else 4),
        kind=wish.kind or (alert.kind if alert else ""), compound=wish.compound,
        place=wish.place, subject=wish.subject.strip(), source=wish.source, created_ms=draft.now_ms,
        changed_ms=draft.now_ms, level_ms=draft.now_ms, alerts=(alert.id,) if alert else (),
        life_safety=alert.life_safety if alert else False, drill=alert is not None and "drill" in alert.flags,
        device=wish.device or (alert.device if alert else None), reporter=wish.reporter, notes=1 if wish.note else 0,
    )  # fmt: skip
    if draft.order(opened.id) is not None:
        raise Invalid("command.reused", "an order was made by this command already", cmd=wish.cmd)
    return _open(draft, opened, wish.actor, wish.note, asked, wish.cmd)


def _alert_of(draft: Draft, wish: OpenOrder) -> Alert | None:
    """The alert that an order is made of by hand."""
    if wish.alert_id is None:
        return None
    alert = draft.alert(wish.alert_id)
    if alert is None or not alert.open or alert.compound != wish.compound:
        raise NotFound("alert.unknown", f"no open alert {wish.alert_id!r} in {wish.compound!r}", id=wish.alert_id)
    _not_called_yet(draft, (alert.id,))
    return alert


def _not_called_yet(draft: Draft, alerts: tuple[str, ...]) -> None:
    order = _called_for(draft, alerts)
    if order is not None:
        raise Conflict("order.exists", f"{order.no} is under way for this alert", order=order.id, no=order.no)


def _step(draft: Draft, wish: StepOrder) -> WorkOrder:
    order = draft.order(wish.order_id)
    if order is None:
        raise NotFound("order.unknown", f"no order {wish.order_id!r}", id=wish.order_id)
    if wish.organisation is not None and wish.organisation not in draft.state.registry.organisations:
        raise NotFound("organisation.unknown", f"no organisation {wish.organisation!r}", id=wish.organisation)
    events = steps_for(order, wish, draft.now_ms)
    if wish.step is OrderStep.REOPEN:
        _not_called_yet(draft, order.alerts)
    ends = any(event.step in {OrderStep.VERIFY, OrderStep.CLOSE} for event in events)
    if ends and not order.false_alarm and (standing := _standing(draft, order)):
        raise Rejected("order.alert_stands", "the condition of an alert holds: it is not done", alert=standing[0].id)
    for number, event in enumerate(events):
        order = draft.step_order(order, event, wish.actor, wish.cmd if number == 0 else None)
    return order
