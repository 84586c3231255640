"""The life of one order: the transition table, and `apply`, the only way an order ever changes."""

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from alerts.orders.calendar import WorkCalendar
from alerts.orders.events import OrderEvent
from domain.errors import Conflict
from domain.limits import SUSPENSION_MS_MAX
from domain.orders import LIMITS, Clock, OrderState, OrderStep, Suspension, WorkOrder

__all__ = ["TABLE", "apply", "clocks_from", "next_state"]


_N, _D, _A, _V = OrderState.CREATED, OrderState.DISPATCHED, OrderState.ACCEPTED, OrderState.ARRIVED
_H, _S, _F, _C = OrderState.HANDLING, OrderState.SUBMITTED, OrderState.VERIFIED, OrderState.CLOSED

_MOVES: Final[dict[OrderStep, dict[OrderState, OrderState]]] = {
    OrderStep.DISPATCH: {_N: _D, _D: _D},
    OrderStep.ACCEPT: {_D: _A},
    OrderStep.ARRIVE: {_A: _V},
    OrderStep.HANDLE: {_A: _H, _V: _H},
    OrderStep.SUBMIT: {_A: _S, _V: _S, _H: _S},
    OrderStep.FALSE_ALARM: {_A: _S, _V: _S, _H: _S},
    OrderStep.VERIFY: {_S: _F},
    OrderStep.REJECT: {_S: _H},
    OrderStep.CLOSE: {_F: _C},
    OrderStep.RETURN: {_D: _N, _A: _N},
    OrderStep.TRANSFER: {_N: _D, _D: _D, _A: _D, _V: _D, _H: _D},
    OrderStep.ASK_SUSPENSION: {_A: _A, _V: _V, _H: _H},
    OrderStep.SUSPEND: {_A: _A, _V: _V, _H: _H},
    OrderStep.RESUME: {_A: _A, _V: _V, _H: _H},
    OrderStep.REOPEN: {_C: _D},
}
_ALWAYS: Final = frozenset(
    {OrderStep.URGE, OrderStep.BREACH, OrderStep.ESCALATE, OrderStep.SUPERVISE, OrderStep.JOIN, OrderStep.RECOVER,
     OrderStep.WORSEN, OrderStep.REFUSED_ADVICE, OrderStep.ATTACH}
)  # fmt: skip
"""Steps that an open order takes in any state, without leaving it."""
_EVEN_CLOSED: Final = frozenset({OrderStep.NOTE, OrderStep.CALL_BACK})

TABLE: Final[dict[OrderState, dict[OrderStep, OrderState]]] = {
    state: {
        **{step: moves[state] for step, moves in _MOVES.items() if state in moves},
        **({} if state is _C else dict.fromkeys(_ALWAYS, state)),
        **dict.fromkeys(_EVEN_CLOSED, state),
    }
    for state in OrderState
}
"""State → step → state after it. What is not written has no meaning there."""

_DONE_BY: Final = {
    OrderStep.ACCEPT: ("accept",),
    OrderStep.ARRIVE: ("accept", "arrive"),
    OrderStep.SUBMIT: ("accept", "arrive", "handle"),
    OrderStep.FALSE_ALARM: ("accept", "arrive", "handle"),
    OrderStep.CLOSE: ("accept", "arrive", "handle", "close"),
}
"""Step → the clocks that it stops."""


def next_state(state: OrderState, step: OrderStep) -> OrderState:
    """The state after `step`. Raises `Conflict` where the table has none."""
    after = TABLE[state].get(step)
    if after is None:
        raise Conflict("order.no_such_step", f"{step} has no meaning for an order that is {state}", state=str(state))
    return after


def clocks_from(order: WorkOrder, now_ms: int, calendar: WorkCalendar, *, maintenance: bool) -> tuple[Clock, ...]:
    """All clocks of an order that is dispatched at `now_ms`; `maintenance`: to a unit that comes from farther away."""
    allowed = LIMITS[order.severity]
    found = []
    for name, length_ms in allowed.clocks.items():
        far = name == "arrive" and maintenance and allowed.arrive_maintenance_ms is not None
        length = allowed.arrive_maintenance_ms if far and allowed.arrive_maintenance_ms is not None else length_ms
        due_ms = calendar.after(now_ms, length) if allowed.working else now_ms + length
        found.append(Clock(name, now_ms, due_ms))
    return tuple(found)


def apply(
    order: WorkOrder, event: OrderEvent, actor: str, now_ms: int, calendar: WorkCalendar, *, maintenance: bool = False
) -> WorkOrder:
    """The order after `event`, with `rev` one higher.

    `maintenance` says of what kind the organisation is that DISPATCH, TRANSFER or REOPEN names. Raises `Conflict` when
    the step has no meaning in the present state.
    """
    base: dict[str, Any] = {
        "state": next_state(order.state, event.step), "rev": order.rev + 1, "changed_ms": now_ms,
        "clocks": _stopped(order.clocks, _DONE_BY.get(event.step, ()), now_ms),
    }  # fmt: skip
    if event.note:
        base["notes"] = order.notes + 1
    if event.evidence:
        base["evidence"] = (*order.evidence, *event.evidence)
    change = _CHANGES.get(event.step)
    after = replace(order, **base)
    if change is not None:
        after = change(after, event, actor, now_ms)
    if event.step is OrderStep.WORSEN:
        after = _worse(after, event, now_ms, calendar)
    if event.step in {OrderStep.DISPATCH, OrderStep.TRANSFER, OrderStep.REOPEN}:
        after = _told(order, after, event, now_ms, calendar, maintenance=maintenance)
    return after


def _stopped(clocks: tuple[Clock, ...], names: tuple[str, ...], now_ms: int) -> tuple[Clock, ...]:
    return tuple(replace(one, done_ms=now_ms) if one.name in names and one.done_ms is None else one for one in clocks)


def _told(
    before: WorkOrder, order: WorkOrder, event: OrderEvent, now_ms: int, calendar: WorkCalendar, *, maintenance: bool
) -> WorkOrder:
    """Somebody is to come, perhaps somebody else than before.

    The first dispatch starts all clocks. Whoever gets the order from another one has the time to accept and to arrive
    anew (计时重置); what was asked for the danger itself goes on. A reopened order begins again.
    """
    organisation = event.organisation or order.organisation
    moved = organisation != before.organisation or before.state is not OrderState.DISPATCHED
    fresh = clocks_from(order, now_ms, calendar, maintenance=maintenance)
    clocks = order.clocks
    if not clocks or event.step is OrderStep.REOPEN:
        clocks = fresh
    elif moved:
        clocks = tuple(
            next((new for new in fresh if new.name == one.name), one) if one.name in {"accept", "arrive"} else one
            for one in clocks
        )
    return replace(
        order, organisation=organisation, lead=order.lead or organisation, handler=event.handler, clocks=clocks
    )


def _worse(order: WorkOrder, event: OrderEvent, now_ms: int, calendar: WorkCalendar) -> WorkOrder:
    """What is still to be done is due by the graver limits from now on, or sooner if it was to be sooner anyway."""
    order = replace(order, severity=min(order.severity, event.severity or order.severity))
    if not order.clocks:
        return order
    if order.standing:
        order = _resume(order, event, "", now_ms)  # what endangers life does not wait
    had = {one.name: one for one in order.clocks}
    clocks = []
    for new in clocks_from(order, now_ms, calendar, maintenance=False):
        old = had.get(new.name)
        running = old is None or (old.done_ms is None and old.breached_ms is None and old.due_ms > new.due_ms)
        clocks.append(new if running or old is None else old)
    return replace(order, clocks=tuple(clocks))


def _accept(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    del now_ms
    return replace(order, handler=event.handler or actor)


def _submit(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    """A suspension that was only asked for has become moot."""
    del now_ms
    return replace(order, submitted_by=actor, false_alarm=event.step is OrderStep.FALSE_ALARM, suspension=None)


def _verify(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    del event, now_ms
    return replace(order, verified_by=actor)


def _reject(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    """The danger is not removed: its clock was stopped too early, and runs from where it was."""
    del event, actor, now_ms
    clocks = tuple(replace(one, done_ms=None) if one.name == "handle" else one for one in order.clocks)
    return replace(order, submitted_by=None, false_alarm=False, clocks=clocks)


def _close(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    del actor, event
    return replace(order, closed_ms=now_ms, close_reason="false_alarm" if order.false_alarm else "done")


def _return(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    order = _resume(order, event, actor, now_ms)
    return replace(order, returns=order.returns + 1, organisation=None, handler=None)


def _ask(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    until_ms = min(event.until_ms or now_ms + SUSPENSION_MS_MAX, now_ms + SUSPENSION_MS_MAX)
    return replace(order, suspension=Suspension(event.reason, until_ms, actor, now_ms))


def _suspend(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    del event
    asked = order.suspension
    return order if asked is None else replace(order, suspension=replace(asked, approved_by=actor, from_ms=now_ms))


def _resume(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    """Clocks go on from where they stood. A suspension that was only asked for is refused so.

    Who gives the order away takes its own suspension with it.
    """
    del event, actor
    asked = order.suspension
    if asked is None or asked.from_ms is None:
        return replace(order, suspension=None)
    stood_ms = max(0, now_ms - asked.from_ms)
    clocks = tuple(replace(one, due_ms=one.due_ms + stood_ms) if one.done_ms is None else one for one in order.clocks)
    return replace(order, suspension=None, suspended_ms=order.suspended_ms + stood_ms, clocks=clocks)


def _reopen(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    del event, actor
    return replace(
        order, reopened=order.reopened + 1, closed_ms=None, close_reason=None, verified_by=None, submitted_by=None,
        false_alarm=False, level=1, level_ms=now_ms, phone=False, suspension=None,
    )  # fmt: skip


def _urge(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    del actor, now_ms
    clocks = tuple(replace(one, urges=one.urges + 1) if one.name == event.clock else one for one in order.clocks)
    return replace(order, clocks=clocks)


def _breach(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    del actor
    clocks = tuple(replace(one, breached_ms=now_ms) if one.name == event.clock else one for one in order.clocks)
    return replace(order, clocks=clocks)


def _escalate(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    del actor
    level = event.level or order.level
    return replace(order, level=level, level_ms=now_ms, phone=order.phone or event.reason == "phone")


def _supervise(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    del actor, now_ms
    return replace(order, supervised_by=event.leader, supervised_due_ms=event.until_ms)


def _join(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    del actor, now_ms
    return replace(order, alerts=tuple(dict.fromkeys((*order.alerts, *event.alerts))), recovered_ms=None)


def _recover(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    del event, actor
    return replace(order, recovered_ms=now_ms)


def _refused_advice(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    del event, actor, now_ms
    return replace(order, refused_advice=True)


def _call_back(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    del event, actor
    return replace(order, called_back_ms=now_ms)


_CHANGES: Final[dict[OrderStep, Callable[[WorkOrder, OrderEvent, str, int], WorkOrder]]] = {
    OrderStep.ACCEPT: _accept,
    OrderStep.SUBMIT: _submit,
    OrderStep.FALSE_ALARM: _submit,
    OrderStep.VERIFY: _verify,
    OrderStep.REJECT: _reject,
    OrderStep.CLOSE: _close,
    OrderStep.RETURN: _return,
    OrderStep.TRANSFER: _resume,
    OrderStep.ASK_SUSPENSION: _ask,
    OrderStep.SUSPEND: _suspend,
    OrderStep.RESUME: _resume,
    OrderStep.REOPEN: _reopen,
    OrderStep.URGE: _urge,
    OrderStep.BREACH: _breach,
    OrderStep.ESCALATE: _escalate,
    OrderStep.SUPERVISE: _supervise,
    OrderStep.JOIN: _join,
    OrderStep.RECOVER: _recover,
    OrderStep.REFUSED_ADVICE: _refused_advice,
    OrderStep.CALL_BACK: _call_back,
}
