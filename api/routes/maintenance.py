"""Windows of maintenance and drills: what work keeps from ringing, and what is only an exercise."""

import hashlib
import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Request
from msgspec.structs import replace
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from alerts.events import MaintenanceDeclared
from alerts.inputs import DeclareMaintenance, EndMaintenance
from api.auth import Caller, Principal, needing
from api.context import CommandKey, Context, command_id
from api.encode import Json
from api.schemas import DeclareBody, EndBody, IdPath, Page, Problem
from api.second import confirmed
from api.times import milliseconds, rfc3339
from domain.access import Right
from domain.errors import Conflict, Invalid

__all__ = ["router"]

router = APIRouter(prefix="/maintenance", tags=["maintenance"])

Actor = Annotated[Principal, needing(Right.MAINTENANCE)]


@router.get("", response_model=Page, operation_id="listMaintenance")
def list_windows(api: Context, _: Caller) -> Response:
    """Windows that have not ended."""
    return Json({"items": [_body(window) for window in api.ports.journal.maintenance()], "cursor": None})


@router.post(
    "", status_code=201, operation_id="declareMaintenance", responses={404: {"model": Problem}, 409: {"model": Problem}}
)
async def declare(
    api: Context, request: Request, who: Actor, body: DeclareBody, key: CommandKey = None
) -> dict[str, Any]:
    """Declares a window. Life safety is muted only with a second person.

    With the purpose ``drill`` nothing is muted: what is raised rings, is marked, and counts in no figure.
    """
    cmd = command_id(body.cmd, key)
    from_ms, until_ms = milliseconds(body.start, "from"), milliseconds(body.until, "until")
    if until_ms <= from_ms:
        raise Invalid("maintenance.window", "until must be later than from")
    # The same command names the same window: a repeat cannot declare a second one.
    name = secrets.token_hex(8) if cmd is None else hashlib.blake2b(cmd.encode(), digest_size=8).hexdigest()
    window = f"w{name}"
    wish = DeclareMaintenance(
        window=window,
        target=body.target,
        from_ms=from_ms,
        until_ms=until_ms,
        reason=body.reason,
        actor=who.name,
        rules=body.rules,
        purpose=body.purpose,
        cmd=cmd,
    )
    second = await confirmed(api, request, who, body, wish)
    await api.submit(replace(wish, second=second))
    open_now = await run_in_threadpool(api.ports.journal.maintenance)
    declared = next((one for one in open_now if one.window == window), None)
    if declared is None:
        raise Conflict("maintenance.ended", "the window of this command has ended", window)
    return Json(_body(declared), 201)  # type: ignore[return-value] # documented as an open object, sent as it is


@router.post("/{window}/end", operation_id="endMaintenance", responses={404: {"model": Problem}})
async def end(api: Context, who: Actor, window: IdPath, body: EndBody, key: CommandKey = None) -> dict[str, Any]:
    """The work is done: what the window kept from ringing rings again if it still holds."""
    cmd = command_id(body.cmd, key)
    await api.submit(EndMaintenance(window=window, actor=who.name, cmd=cmd))
    return Json({"window": window, "ended": True})  # type: ignore[return-value] # likewise


def _body(window: MaintenanceDeclared) -> dict[str, Any]:
    return {
        "window": window.window,
        "target": window.target,
        "from": rfc3339(window.from_ms),
        "until": rfc3339(window.until_ms),
        "reason": window.reason,
        "rules": window.rules,
        "purpose": window.purpose,
        "actor": window.actor,
        "second": window.second,
    }
