"""What time alone leads to for an order: urging, breaches, the climb from firm to street to district (§5.3)."""

from collections.abc import Iterator
from typing import Final

from alerts.orders.events import OrderEvent
from domain.orders import CHAIN, URGE_AT, Clock, OrderState, OrderStep, Rung, WorkOrder

__all__ = ["LEVELS", "next_look", "overdue"]

LEVELS: Final = 4
LOOK_MS: Final = 60_000
"""Nothing hangs on it: what is due is due at an instant that `next_look` knows."""
_ORDER: Final = tuple(OrderState)
_LADDER: Final = ("accept", "arrive", "handle", "close")
_PHONE_FROM: Final = 3
"""After two escalation steps an order of severity 1 in which nobody has done what is due ends at a human duty
telephone."""


def overdue(order: WorkOrder, now_ms: int) -> OrderEvent | None:
    """The next thing that is due for `order` at `now_ms`, None when nothing is. Ask again with the order after it."""
    return next(_due(order, now_ms), None)


def _due(order: WorkOrder, now_ms: int) -> Iterator[OrderEvent]:
    if not order.open:
        return
    asked = order.suspension
    if asked is not None and asked.until_ms <= now_ms:
        why = "expired" if order.standing else "not_approved"
        yield OrderEvent(order.id, OrderStep.RESUME, reason=why)
    if order.standing and order.severity > 1 and not order.life_safety:
        return
    if order.level_ms > now_ms or any(one.from_ms > now_ms for one in _running(order) if one.name in _LADDER):
        # Our own clock was set back; a deadline must not be as much later for it.
        yield OrderEvent(order.id, OrderStep.WORSEN, severity=order.severity, reason="clock_set_back")
    for clock in _running(order):
        yield from _of_clock(order, clock, now_ms)
    yield from _climb(order, now_ms)


def next_look(order: WorkOrder, now_ms: int) -> int:
    """When `overdue` may next have something to say: at the next mark of anything, and at the latest in a minute."""
    instants = [now_ms + LOOK_MS]
    if order.suspension is not None:
        instants.append(order.suspension.until_ms)
    for clock in _running(order):
        instants += [clock.due_ms, *(_mark_ms(clock, share) for share in URGE_AT[order.severity])]
    for rungs in CHAIN[order.severity]:
        instants += [order.level_ms + rung.after_ms for rung in rungs if rung.after_ms is not None]
    return min(at_ms for at_ms in instants if at_ms > now_ms)


def _running(order: WorkOrder) -> list[Clock]:
    """Clocks that somebody can still be late for; where nobody has the order yet, who is to give it to somebody."""
    return [one for one in order.clocks if one.done_ms is None and one.breached_ms is None]


def _mark_ms(clock: Clock, share: float) -> int:
    return clock.from_ms + round(share * (clock.due_ms - clock.from_ms))


def _of_clock(order: WorkOrder, clock: Clock, now_ms: int) -> Iterator[OrderEvent]:
    """Urged at each mark; marks that went by while we were away are not made up for once the clock has run out."""
    shares = URGE_AT[order.severity][clock.urges :]
    if shares and _mark_ms(clock, shares[0]) <= now_ms and (now_ms < clock.due_ms or shares[0] >= 1):
        yield OrderEvent(order.id, OrderStep.URGE, clock=clock.name, reason="clock")
    if clock.due_ms <= now_ms:
        yield OrderEvent(order.id, OrderStep.BREACH, clock=clock.name)


def _climb(order: WorkOrder, now_ms: int) -> Iterator[OrderEvent]:
    if order.level < LEVELS and order.clocks:
        for rung in CHAIN[order.severity][order.level - 1]:
            if _reached(order, rung, now_ms):
                why = rung.breach or "waited"
                yield OrderEvent(order.id, OrderStep.ESCALATE, level=order.level + 1, reason=why)
                return
    undone = _ORDER.index(order.state) < _ORDER.index(OrderState.SUBMITTED)
    if order.severity == 1 and undone and order.level >= _PHONE_FROM and not order.phone:
        yield OrderEvent(order.id, OrderStep.ESCALATE, level=order.level, reason="phone")


def _reached(order: WorkOrder, rung: Rung, now_ms: int) -> bool:
    if rung.breach is not None:
        late = _LADDER[_LADDER.index(rung.breach) :]
        return any(one.breached_ms is not None for one in order.clocks if one.name in late)
    if rung.after_ms is None or order.level_ms + rung.after_ms > now_ms:
        return False
    return rung.unless is None or _ORDER.index(order.state) < _ORDER.index(rung.unless)
