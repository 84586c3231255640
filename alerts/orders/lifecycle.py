"""The life of one order: the transition table, and `apply`, the only way an order ever changes."""

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from alerts.orders.calendar import WorkCalendar
from alerts.orders.events import OrderEvent
from domain.errors import Conflict
from domain.limits import ORDER_RESTARTS_MAX, SUSPENSION_MS_MAX
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
    OrderStep.REJECT: {_S: _H, _F: _H},
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
    OrderStep.HANDLE: ("accept", "arrive"),
    OrderStep.SUBMIT: ("accept", "arrive", "handle"),
    OrderStep.FALSE_ALARM: ("accept", "arrive", "handle"),
    OrderStep.CALL_BACK: ("call_back",),
    OrderStep.CLOSE: ("accept", "arrive", "handle", "close", "supervise", "call_back"),
}
"""Step → the clocks that it stops."""
_PASSED: Final = {"accept": _A, "arrive": _V, "handle": _S, "close": _C}
"""Clock → the first state in which what it asks for has been done."""
_ORDER: Final = tuple(OrderState)
_CALL_BACK_MS: Final = 86_400_000
"""回访 of a hotline case within a working day of its verification (domain.md §5.2)."""
_WORK: Final = frozenset(
    {OrderStep.ACCEPT, OrderStep.ARRIVE, OrderStep.HANDLE, OrderStep.SUBMIT, OrderStep.FALSE_ALARM}
)
"""Steps of whoever comes."""


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
    if event.step is OrderStep.VERIFY and order.source == "hotline":
        due_ms = calendar.after(now_ms, _CALL_BACK_MS)
        after = replace(after, call_back_due_ms=due_ms, clocks=(*after.clocks, Clock("call_back", now_ms, due_ms)))
    if event.step in _WORK:
        after = replace(after, worked_by=tuple(dict.fromkeys((*after.worked_by, actor))))
    if event.step in {OrderStep.WORSEN, OrderStep.RETURN, OrderStep.DISPATCH, OrderStep.TRANSFER, OrderStep.REOPEN}:
        fresh = clocks_from(after, now_ms, calendar, maintenance=maintenance)
        if event.step is OrderStep.WORSEN:
            return _worse(after, fresh, now_ms)
        return _anew(after, fresh) if event.step is OrderStep.RETURN else _told(order, after, event, fresh)
    return after


def _stopped(clocks: tuple[Clock, ...], names: tuple[str, ...], now_ms: int) -> tuple[Clock, ...]:
    return tuple(replace(one, done_ms=now_ms) if one.name in names and one.done_ms is None else one for one in clocks)


def _told(before: WorkOrder, order: WorkOrder, event: OrderEvent, fresh: tuple[Clock, ...]) -> WorkOrder:
    """Somebody is to come, perhaps somebody else than before. A reopened order begins again."""
    organisation = event.organisation or order.organisation
    moved = organisation != before.organisation or before.state is not OrderState.DISPATCHED
    order = replace(order, organisation=organisation, lead=order.lead or organisation, handler=event.handler)
    if event.step is OrderStep.REOPEN or not order.clocks:
        return replace(order, clocks=fresh)
    return _anew(order, fresh) if moved else order


def _anew(order: WorkOrder, fresh: tuple[Clock, ...]) -> WorkOrder:
    """Who gets the order from another one has the time to accept and to arrive anew (计时重置).

    What was asked for the danger itself goes on. After `ORDER_RESTARTS_MAX` times they run on as well: an order that
    is passed round and round is late at some time.
    """
    if order.restarts >= ORDER_RESTARTS_MAX:
        again = {one.name: replace(one, done_ms=None) for one in order.clocks}
    else:
        order, again = replace(order, restarts=order.restarts + 1), {new.name: new for new in fresh}
    clocks = tuple(again.get(one.name, one) if one.name in {"accept", "arrive"} else one for one in order.clocks)
    return replace(order, clocks=clocks)


def _worse(order: WorkOrder, fresh: tuple[Clock, ...], now_ms: int) -> WorkOrder:
    """What is still to be done is due by the graver limits from now on, or sooner if it was to be sooner anyway."""
    had, clocks = {one.name: one for one in order.clocks}, []
    for new in fresh:
        old = had.pop(new.name, None)
        if old is None and _ORDER.index(order.state) >= _ORDER.index(_PASSED[new.name]):
            clocks.append(replace(new, done_ms=now_ms))
        elif old is None or (old.done_ms is None and old.breached_ms is None and _longer(old, new)):
            clocks.append(new)
        else:
            clocks.append(old)
    return replace(order, clocks=(*clocks, *had.values()), level_ms=min(order.level_ms, now_ms))


def _longer(old: Clock, new: Clock) -> bool:
    """Whether `old` allows more than `new`; one that began in what is now the future (a clock set back) does."""
    return old.due_ms > new.due_ms or old.from_ms > new.from_ms


def _worsen(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    """What has become graver does not wait, whatever was asked for or allowed before."""
    order = _resume(order, event, actor, now_ms)
    return replace(order, severity=min(order.severity, event.severity or order.severity))


def _accept(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    del event, now_ms
    return replace(order, handler=actor)


def _submit(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    """A suspension that was only asked for has become moot."""
    del now_ms
    return replace(order, submitted_by=actor, false_alarm=event.step is OrderStep.FALSE_ALARM, suspension=None)


def _verify(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    del event, now_ms
    return replace(order, verified_by=actor)


def _reject(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    """The danger is not removed: its clock was stopped too early, and runs from where it was."""
    del event, actor
    clocks = tuple(
        replace(one, done_ms=None) if one.name == "handle" else one for one in order.clocks if one.name != "call_back"
    )
    return replace(
        order, submitted_by=None, verified_by=None, false_alarm=False, clocks=clocks, evidence_from_ms=now_ms,
        call_back_due_ms=None, phone=False,
    )  # fmt: skip


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

    Who gives the order away takes its own suspension with it. What nobody was there to end was over in time.
    """
    del event, actor
    asked = order.suspension
    if asked is None or asked.from_ms is None:
        return replace(order, suspension=None)
    from_ms, end_ms = asked.from_ms, min(now_ms, asked.until_ms)

    def stood(since_ms: int) -> int:
        """What began during the pause stood still for the rest of it only."""
        return max(0, end_ms - max(from_ms, since_ms))

    clocks = tuple(
        replace(one, due_ms=one.due_ms + stood(one.from_ms)) if one.done_ms is None and one.name in _PASSED else one
        for one in order.clocks
    )
    return replace(
        order, suspension=None, suspended_ms=order.suspended_ms + stood(from_ms), clocks=clocks,
        level_ms=order.level_ms + stood(order.level_ms),
    )  # fmt: skip


def _reopen(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    del event, actor
    return replace(
        order, reopened=order.reopened + 1, closed_ms=None, close_reason=None, verified_by=None, submitted_by=None,
        false_alarm=False, level=1, level_ms=now_ms, phone=False, suspension=None, evidence_from_ms=now_ms,
        restarts=0, suspended_ms=0, called_back_ms=None, call_back_due_ms=None, supervised_by=None,
        supervised_due_ms=None,
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
    del actor
    others = tuple(one for one in order.clocks if one.name != "supervise")
    clocks = others if event.until_ms is None else (*others, Clock("supervise", now_ms, event.until_ms))
    return replace(order, supervised_by=event.leader, supervised_due_ms=event.until_ms, clocks=clocks)


def _join(order: WorkOrder, event: OrderEvent, actor: str, now_ms: int) -> WorkOrder:
    if event.life_safety:
        order = _resume(order, event, actor, now_ms)
    return replace(
        order, alerts=tuple(dict.fromkeys((*order.alerts, *event.alerts))), recovered_ms=None,
        life_safety=order.life_safety or event.life_safety,
    )  # fmt: skip


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
    OrderStep.WORSEN: _worsen,
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
