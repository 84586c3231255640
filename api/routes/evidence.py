"""Photos with work orders: how it was, how it is. Kept without metadata, given out only with their order."""

import secrets
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from alerts.orders.commands import StepOrder
from api.auth import Caller, Principal, needing
from api.context import Context
from api.encode import Json
from api.order_schemas import WireOrder
from api.routes.orders import MISSING, MOVED, belonging, submitted
from api.schemas import IdPath
from domain.access import Right
from domain.errors import Conflict, NotFound, Rejected
from domain.limits import EVIDENCE_PER_ORDER_MAX
from domain.orders import Evidence, OrderStep

__all__ = ["router"]

router = APIRouter(prefix="/orders/{order}/evidence", tags=["orders"])

PHOTO: Final = {
    "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in
                ("image/jpeg", "image/png", "image/webp")},
    "required": True,
}  # fmt: skip


@router.post(
    "", status_code=201, response_model=WireOrder, operation_id="attachEvidence", responses=MOVED,
    openapi_extra={"requestBody": PHOTO},
)  # fmt: skip
async def attach(
    api: Context,
    request: Request,
    who: Annotated[Principal, needing(Right.ORDER_WORK)],
    order: IdPath,
    phase: Annotated[Literal["before", "after", "other"], Query(description="When it was taken.")] = "other",
) -> Response:
    """Adds a photo: the bytes of a JPEG, PNG or WebP as the body. Kept upright, smaller, without place or device."""
    found = await run_in_threadpool(api.ports.orders.order, order)
    belonging(who, found, Right.ORDER_WORK)
    if len(found.evidence) >= EVIDENCE_PER_ORDER_MAX:
        raise Rejected("evidence.too_many", f"an order has {EVIDENCE_PER_ORDER_MAX} photos at most")
    if not found.open:
        raise Conflict("order.closed", "the order is closed", found)
    raw = await request.body()
    async with api.unfolding:
        digest, media_type, size = await run_in_threadpool(api.ports.evidence.keep, raw)
    if any(one.digest == digest and one.phase == phase for one in found.evidence):
        return Json(api.wire(found), 201)  # sent twice, by a telephone that did not hear the answer
    photo = Evidence(f"p{secrets.token_hex(8)}", digest, media_type, size, phase, who.name, api.ports.clock_ms())
    wish = StepOrder(order_id=found.id, actor=who.name, step=OrderStep.ATTACH, evidence=(photo,))
    return Json(api.wire(await submitted(api, wish)), 201)


@router.get(
    "/{photo}",
    operation_id="getEvidence",
    response_class=Response,
    responses=MISSING | {200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}},
)
def get_photo(api: Context, _: Caller, order: IdPath, photo: IdPath) -> Response:
    """One photo of the order."""
    found = api.ports.orders.order(order)
    kept = next((one for one in found.evidence if one.id == photo), None)
    if kept is None:
        raise NotFound("evidence.unknown", f"the order has no photo {photo!r}", id=photo)
    headers = {"Cache-Control": "private, max-age=3600", "Content-Disposition": f'inline; filename="{photo}.jpg"'}
    return Response(api.ports.evidence.read(kept.digest), headers=headers, media_type=kept.media_type)
