"""What people may ask of an order, and what speaks against it. Who may ask at all is for `domain.access` to say."""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from alerts.orders.events import OrderEvent
from alerts.orders.lifecycle import next_state
from domain.errors import AnjuError, Conflict, Invalid, Rejected
from domain.limits import ORDER_RETURNS_MAX, SUSPENSION_MS_MAX
from domain.orders import LIMITS, Evidence, OrderState, OrderStep, WorkOrder

__all__ = ["OpenOrder", "StepOrder", "steps_for"]


class OpenOrder(Struct, frozen=True, kw_only=True):
    """Make an order by hand: from an alert, from a patrol, or from a call to the hotline (接诉即办)."""

    actor: str
    severity: int
    compound: str
    place: str
    subject: str
    source: str = "hand"
    kind: str = ""
    alert_id: str | None = None
    device: str | None = None
    reporter: str = ""
    """Digest of who called."""
    note: str = ""
    cmd: str | None = None


class StepOrder(Struct, frozen=True, kw_only=True):
    """Let an order take one step."""

    order_id: str
    actor: str
    step: OrderStep
    rev: int | None = None
    """The revision the person saw; None means whatever it is now."""
    cmd: str | None = None
    organisation: str | None = None
    handler: str | None = None
    reason: str = ""
    note: str = ""
    until_ms: int | None = None
    leader: str | None = None
    evidence: tuple[Evidence, ...] = ()


BY_HAND: Final = frozenset(OrderStep) - {
    OrderStep.OPEN, OrderStep.BREACH, OrderStep.ESCALATE, OrderStep.RECOVER, OrderStep.CLOSE, OrderStep.WORSEN,
    OrderStep.JOIN
}  # fmt: skip
"""Steps that a person may ask for; the others follow from something."""


def steps_for(order: WorkOrder, wish: StepOrder, now_ms: int) -> tuple[OrderEvent, ...]:
    """The events that `wish` leads to, in order.

    Raises `Conflict` when the order has moved on or the step has no meaning now, `Rejected` or `Invalid` when the step
    is not allowed so.
    """
    if wish.rev is not None and wish.rev != order.rev:
        raise Conflict("order.moved", f"the order is at revision {order.rev}", rev=order.rev)
    if wish.step not in BY_HAND:
        raise Rejected("order.not_by_hand", f"{wish.step} is nobody's to ask for")
    next_state(order.state, wish.step)
    refusal = _CHECKS[wish.step](order, wish, now_ms) if wish.step in _CHECKS else None
    if refusal is not None:
        raise refusal
    event = OrderEvent(
        order.id, wish.step, organisation=wish.organisation, handler=wish.handler, reason=wish.reason, note=wish.note,
        until_ms=wish.until_ms, leader=wish.leader, evidence=wish.evidence,
    )  # fmt: skip
    return (event, *_followed_by(order, wish))


def _followed_by(order: WorkOrder, wish: StepOrder) -> tuple[OrderEvent, ...]:
    """What goes with a step in the same transaction."""
    called = order.source != "hotline" or order.called_back_ms is not None
    if wish.step is OrderStep.VERIFY and called:
        return (OrderEvent(order.id, OrderStep.CLOSE),)
    if wish.step is OrderStep.CALL_BACK and order.state is OrderState.VERIFIED:
        return (OrderEvent(order.id, OrderStep.CLOSE),)
    if wish.step is OrderStep.REFUSED_ADVICE and order.level < _DEPARTMENT:
        # 劝阻无效: what the manager cannot achieve is the competent department's to enforce.
        return (OrderEvent(order.id, OrderStep.ESCALATE, level=_DEPARTMENT, reason="refused_advice"),)
    return ()


_DEPARTMENT: Final = 3


def _needs_reason(order: WorkOrder, wish: StepOrder, now_ms: int) -> AnjuError | None:
    del order, now_ms
    return None if wish.reason.strip() else Invalid("order.reason_required", "a reason is required")


def _handle(order: WorkOrder, wish: StepOrder, now_ms: int) -> AnjuError | None:
    del wish, now_ms
    if LIMITS[order.severity].must_arrive and order.state is not OrderState.ARRIVED:
        return Rejected("order.not_arrived", "what is this grave is handled on site: arrive first")
    return None


def _standing(order: WorkOrder) -> AnjuError | None:
    return Rejected("order.suspended", "the order is suspended: resume it first") if order.standing else None


def _shown(order: WorkOrder, wish: StepOrder) -> list[Evidence]:
    """Evidence that counts: not what did not do before."""
    return [*(one for one in order.evidence if one.at_ms >= order.evidence_from_ms), *wish.evidence]


def _submit(order: WorkOrder, wish: StepOrder, now_ms: int) -> AnjuError | None:
    del now_ms
    limits, had = LIMITS[order.severity], _shown(order, wish)
    if (standing := _standing(order)) is not None:
        return standing
    if limits.must_arrive and order.state is OrderState.ACCEPTED:
        return Rejected("order.not_arrived", "what is this grave is handled on site: arrive first")
    if not wish.note.strip():
        return Invalid("order.note_required", "say in a note what was done")
    if limits.verify_by_other and not any(one.phase == "after" for one in had):
        return Rejected("order.evidence_required", "a photo of how it is now is required")
    return None


def _false_alarm(order: WorkOrder, wish: StepOrder, now_ms: int) -> AnjuError | None:
    del now_ms
    if (standing := _standing(order)) is not None:
        return standing
    if LIMITS[order.severity].must_arrive and order.state is OrderState.ACCEPTED:
        return Rejected("order.not_arrived", "that there is nothing is seen on site: arrive first")
    if not wish.note.strip():
        return Invalid("order.note_required", "say in a note what was found")
    if not _shown(order, wish):
        return Rejected("order.evidence_required", "that there was nothing must be shown by a photo")
    return None


def _verify(order: WorkOrder, wish: StepOrder, now_ms: int) -> AnjuError | None:
    del now_ms
    own = wish.actor in {order.handler, order.submitted_by, *order.worked_by}
    if own and (LIMITS[order.severity].verify_by_other or order.false_alarm or order.life_safety):
        return Rejected("order.second_person_required", "somebody else than the handler verifies")
    return None


def _return(order: WorkOrder, wish: StepOrder, now_ms: int) -> AnjuError | None:
    if order.returns >= ORDER_RETURNS_MAX:
        return Rejected("order.returned_too_often", f"returned {order.returns} times: it is to be decided from above")
    return _needs_reason(order, wish, now_ms)


def _transfer(order: WorkOrder, wish: StepOrder, now_ms: int) -> AnjuError | None:
    if wish.organisation is None or wish.organisation == order.organisation:
        return Invalid("order.organisation_required", "name the organisation that is to come instead")
    return _needs_reason(order, wish, now_ms)


def _dispatch(order: WorkOrder, wish: StepOrder, now_ms: int) -> AnjuError | None:
    del now_ms
    if wish.organisation is None and order.organisation is None:
        return Invalid("order.organisation_required", "name the organisation that is to come")
    return None


def _ask_suspension(order: WorkOrder, wish: StepOrder, now_ms: int) -> AnjuError | None:
    if (vital := _vital(order)) is not None:
        return vital
    if order.suspension is not None:
        return Rejected("order.suspended", "a suspension was asked for already")
    left_ms = SUSPENSION_MS_MAX - order.suspended_ms
    if wish.until_ms is None or not now_ms < wish.until_ms <= now_ms + left_ms:
        days = left_ms / 86_400_000
        return Invalid("order.until", f"until when, at most {days:.1f} days from now?", left_ms=left_ms)
    return _needs_reason(order, wish, now_ms)


def _vital(order: WorkOrder) -> AnjuError | None:
    vital = order.severity == 1 or order.life_safety
    return Rejected("order.never_suspended", "clocks of life safety never stand still") if vital else None


def _suspend(order: WorkOrder, wish: StepOrder, now_ms: int) -> AnjuError | None:
    del now_ms
    if order.suspension is None or order.standing:
        return Rejected("order.not_asked", "nobody has asked for a suspension")
    if wish.actor == order.suspension.asked_by:
        return Rejected("order.second_person_required", "somebody else than who asked approves")
    return _vital(order)  # it may have become so since somebody asked


def _resume(order: WorkOrder, wish: StepOrder, now_ms: int) -> AnjuError | None:
    del wish, now_ms
    return None if order.suspension is not None else Rejected("order.not_suspended", "the order is not suspended")


def _supervise(order: WorkOrder, wish: StepOrder, now_ms: int) -> AnjuError | None:
    del order
    if not (wish.leader or "").strip() or wish.until_ms is None or wish.until_ms <= now_ms:
        return Invalid("order.leader_required", "supervision names a leader and a due date")
    return None


def _call_back(order: WorkOrder, wish: StepOrder, now_ms: int) -> AnjuError | None:
    del now_ms
    if order.source != "hotline":
        return Rejected("order.nobody_called", "nobody called about this order")
    if order.state not in {OrderState.VERIFIED, OrderState.CLOSED}:
        return Rejected("order.not_verified", "the caller is asked once somebody has looked at what was done")
    return None if wish.note.strip() else Invalid("order.note_required", "say in a note what the caller said")


def _note(order: WorkOrder, wish: StepOrder, now_ms: int) -> AnjuError | None:
    del order, now_ms
    return None if wish.note.strip() else Invalid("order.note_required", "a note has words")


_CHECKS: Final[dict[OrderStep, Callable[[WorkOrder, StepOrder, int], AnjuError | None]]] = {
    OrderStep.DISPATCH: _dispatch,
    OrderStep.HANDLE: _handle,
    OrderStep.SUBMIT: _submit,
    OrderStep.FALSE_ALARM: _false_alarm,
    OrderStep.VERIFY: _verify,
    OrderStep.REJECT: _needs_reason,
    OrderStep.RETURN: _return,
    OrderStep.TRANSFER: _transfer,
    OrderStep.ASK_SUSPENSION: _ask_suspension,
    OrderStep.SUSPEND: _suspend,
    OrderStep.RESUME: _resume,
    OrderStep.REOPEN: _needs_reason,
    OrderStep.SUPERVISE: _supervise,
    OrderStep.CALL_BACK: _call_back,
    OrderStep.NOTE: _note,
}
