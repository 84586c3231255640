"""What happened to a work order, for the journal. The order as it stands afterwards is stored beside each line."""

from msgspec import Struct

from domain.orders import Evidence, OrderStep, WorkOrder

__all__ = ["OrderEvent", "OrderOpened"]


class OrderOpened(Struct, frozen=True, tag="order.opened"):
    """Something needs somebody to come."""

    order: WorkOrder
    note: str = ""
    asked: "OrderEvent | None" = None
    """What a person asked for, where one did: asked again under the same id, it is the same command."""


class OrderEvent(Struct, frozen=True, tag="order.step"):
    """One step of an order's life. Which members count depends on `step`."""

    order_id: str
    step: OrderStep
    organisation: str | None = None
    """DISPATCH, TRANSFER: who is to come."""
    handler: str | None = None
    """DISPATCH: the person asked; ACCEPT: who took it."""
    reason: str = ""
    """RETURN, TRANSFER, suspension, REOPEN, REJECT, ESCALATE, CLOSE: why, as a code or in somebody's words."""
    note: str = ""
    until_ms: int | None = None
    """ASK_SUSPENSION: asked for; SUPERVISE: due."""
    leader: str | None = None
    """SUPERVISE: the named leader."""
    clock: str | None = None
    """URGE, BREACH: of which clock; URGE by hand has none."""
    level: int | None = None
    """ESCALATE: the level reached."""
    severity: int | None = None
    """WORSEN."""
    alerts: tuple[str, ...] = ()
    """JOIN: ids; none where an alert that belongs to it stands again."""
    life_safety: bool = False
    """JOIN: one of them concerns life safety."""
    evidence: tuple[Evidence, ...] = ()
    """ATTACH, SUBMIT, FALSE_ALARM."""
