"""Work orders (派单): the list, one, what happened to it, one made by hand, every step that people let it take."""

import hashlib
import hmac
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from alerts.order_ports import OrderQuery
from alerts.orders.commands import OpenOrder, StepOrder
from api.auth import Caller, Principal, needing
from api.context import Api, CommandKey, Context, command_id
from api.encode import Json
from api.narrow import Hidden
from api.order_schemas import OpenOrderBody, OrderPage, StepBody, StepPath, WireOrder
from api.routes.alerts import Ids
from api.routes.journal import lines
from api.schemas import Cursor, IdPath, JournalPage, Limit, Problem, Sequence
from api.times import milliseconds
from domain.access import STEP_RIGHTS, Right
from domain.errors import Conflict, Forbidden, Invalid, NotFound
from domain.ids import ID_PATTERN, order_id
from domain.limits import PAGE_ROWS_DEFAULT
from domain.orders import OrderState, WorkOrder

__all__ = ["MISSING", "MOVED", "belonging", "router", "submitted"]

router = APIRouter(prefix="/orders", tags=["orders"])

MISSING: Final[dict[int | str, dict[str, Any]]] = {404: {"model": Problem, "description": "No such order."}}
MOVED: Final[dict[int | str, dict[str, Any]]] = MISSING | {
    409: {"model": Problem, "description": "The order has moved; `current` is what it is now."}
}


@router.get("", response_model=OrderPage, operation_id="listOrders")
def list_orders(  # noqa: PLR0913 - one parameter for each filter of the contract
    api: Context,
    _: Caller,
    *,
    open_: Annotated[bool | None, Query(alias="open")] = None,
    state: Annotated[list[OrderState] | None, Query(max_length=len(OrderState))] = None,
    severity: Annotated[list[Annotated[int, Query(ge=1, le=4)]] | None, Query(max_length=4)] = None,
    compound: Ids = None,
    organisation: Ids = None,
    handler: Annotated[list[Annotated[str, Query(max_length=128)]] | None, Query(max_length=20)] = None,
    source: Annotated[list[Annotated[str, Query(pattern="^(alert|hand|hotline)$")]] | None, Query(max_length=3)] = None,
    alert: Annotated[str | None, Query(pattern=ID_PATTERN, description="That this alert belongs to.")] = None,
    limit: Limit = PAGE_ROWS_DEFAULT,
    cursor: Cursor = None,
) -> Response:
    """Orders by filter, open and closed, newest first."""
    page = api.ports.orders.orders(
        OrderQuery(
            open=open_,
            state=tuple(one.value for one in state or ()),
            severity=tuple(severity or ()),
            compound=tuple(compound or ()),
            organisation=tuple(organisation or ()),
            handler=tuple(handler or ()),
            source=tuple(source or ()),
            alert=alert,
            cursor=cursor,
            limit=limit,
        )
    )
    return Json({"items": [api.wire(order) for order in page.items], "cursor": page.cursor})


@router.get("/{order}", response_model=WireOrder, operation_id="getOrder", responses=MISSING)
def get_order(api: Context, _: Caller, order: IdPath) -> Response:
    """One order, open or closed, by id or by its number."""
    return Json(api.wire(api.ports.orders.order(order)))


@router.get("/{order}/journal", response_model=JournalPage, operation_id="journalOfOrder", responses=MISSING)
def journal(api: Context, _: Caller, order: IdPath, after: Sequence = 0, limit: Limit = PAGE_ROWS_DEFAULT) -> Response:
    """Everything that happened to the order, oldest first."""
    found = api.ports.orders.order(order)
    rows = api.ports.journal.rows(after=after, limit=limit, alert_id=found.id)
    return Json({"items": lines(rows), "seq": api.ports.journal.seq})


@router.post("", status_code=201, response_model=WireOrder, operation_id="openOrder", responses=MISSING)
async def open_order(
    api: Context, who: Annotated[Principal, needing(Right.ORDER_OPEN)], body: OpenOrderBody, key: CommandKey = None
) -> Response:
    """Makes an order by hand: from an alert, from a patrol, or from a call to the hotline (接诉即办).

    It goes to whoever answers for the compound. `reporter` (who called) is kept as a digest and never shown.
    """
    if body.source == "hotline" and not body.reporter:
        raise Invalid("order.reporter_required", "a hotline case has a caller, who is called back")
    compound = body.compound or _compound_of(api, body.place)
    wish = OpenOrder(
        actor=who.name, severity=body.severity, compound=compound, place=body.place, subject=body.subject,
        source=body.source, kind=body.kind or "", alert_id=body.alert, device=body.device,
        reporter=_digest(api, body.reporter), note=body.note, cmd=command_id(body.cmd, key),
    )  # fmt: skip
    return Json(api.wire(await submitted(api, wish)), 201)


@router.post("/{order}/steps/{step}", response_model=WireOrder, operation_id="stepOrder", responses=MOVED)
async def step_order(
    api: Context, who: Caller, order: IdPath, step: StepPath, body: StepBody, key: CommandKey = None
) -> Response:
    """Lets the order take one step. Which right it takes, and what it must come with, depends on the step."""
    right = STEP_RIGHTS.get(step)
    if right is None:
        raise Invalid("order.not_by_hand", f"{step} follows from something else; nobody asks for it", step=step)
    who.need(right)
    found = await run_in_threadpool(api.ports.orders.order, order)
    belonging(who, found, right)
    if body.handler is not None and await run_in_threadpool(api.ports.users.person, body.handler) is None:
        raise NotFound("person.unknown", f"there is no account {body.handler!r}", person=body.handler)
    wish = StepOrder(
        order_id=found.id, actor=who.name, step=step, rev=body.rev, cmd=command_id(body.cmd, key),
        organisation=body.organisation, handler=body.handler, reason=body.reason, note=body.note,
        until_ms=None if body.until is None else milliseconds(body.until, "until"), leader=body.leader,
    )  # fmt: skip
    return Json(api.wire(await submitted(api, wish)))


def belonging(who: Principal, order: WorkOrder, right: Right) -> None:
    """Raises `Forbidden` where a member of one organisation would work on the order of another.

    Who belongs to none (a control room) may note for anybody what was told by telephone.
    """
    member = who.person.organisation
    if right is Right.ORDER_WORK and member is not None and order.organisation not in {None, member}:
        raise Forbidden("order.not_yours", "the order was given to another organisation", organisation=member)


def _compound_of(api: Api, place: str) -> str:
    compound = api.ports.registry().nearest(place, "compound")
    if compound is None:
        raise NotFound("place.unknown", f"there is no place {place!r} in a compound", id=place)
    return compound.id


def _digest(api: Api, reporter: str) -> str:
    """The same caller gives the same digest, which cannot be turned back without the key of this installation."""
    words = "".join(reporter.split())
    key = api.ports.users.secret("reporter")
    return hmac.new(key, words.encode(), hashlib.sha256).hexdigest()[:32] if words else ""


async def submitted(api: Api, wish: OpenOrder | StepOrder) -> WorkOrder:
    """Hands `wish` in and waits for the order after it. Raises its refusal, with the order as it is."""
    try:
        after = await api.submit(wish)
    except Hidden:
        raise
    except NotFound as unknown:
        if not isinstance(wish, StepOrder) or unknown.code != "order.unknown":
            raise
        # The engine remembers the open orders and the latest closed ones: an older one is closed, not unknown.
        old = await run_in_threadpool(api.ports.orders.order, wish.order_id)
        raise Conflict("order.closed", "the order was closed long ago", old) from None
    except Conflict as moved:
        if moved.current is None and isinstance(wish, StepOrder):
            moved.current = await run_in_threadpool(api.ports.orders.order, wish.order_id)
        raise
    if isinstance(after, WorkOrder):
        return after
    # The repeat of a command whose order was closed long since.
    made = wish.order_id if isinstance(wish, StepOrder) else order_id(wish.cmd or "")
    return await run_in_threadpool(api.ports.orders.order, made)
