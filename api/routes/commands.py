"""What a person may do to an alert. Every command ends in `Desk.submit`; the answer comes when it is durable."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from msgspec.structs import replace
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from alerts.alert import Alert
from alerts.inputs import Acknowledge, AddNote, Resolve, Shelve, Unshelve
from api.auth import Principal, needing
from api.context import Api, CommandKey, Context, command_id
from api.encode import Json
from api.narrow import Hidden
from api.schemas import CommandBody, IdPath, Problem, ResolveBody, ShelveBody, WireAlert
from api.second import confirmed
from api.times import milliseconds
from domain.access import Right
from domain.errors import Conflict, Invalid, NotFound

__all__ = ["router"]

router = APIRouter(prefix="/alerts/{alert}", tags=["commands"])

PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": Problem, "description": "No such alert."},
    409: {"model": Problem, "description": "The alert has moved; `current` is what it is now."},
}


Acks = Annotated[Principal, needing(Right.ALERT_ACK)]
Shelves = Annotated[Principal, needing(Right.ALERT_SHELVE)]
Resolves = Annotated[Principal, needing(Right.ALERT_RESOLVE)]
Notes = Annotated[Principal, needing(Right.ALERT_NOTE)]


async def _do(api: Api, command: Acknowledge | Shelve | Unshelve | Resolve | AddNote) -> Response:
    try:
        after = await api.submit(command)
    except Hidden:
        raise
    except NotFound:
        old = await run_in_threadpool(api.ports.history.alert, command.alert_id)
        if old.id != command.alert_id:  # it was named by the number that people say
            return await _do(api, replace(command, alert_id=old.id))
        # The engine remembers the open alerts and the latest closed ones: an older one is closed, not unknown.
        raise Conflict("alert.closed", "the alert is closed", old, by=old.closed_by, reason=old.close_reason) from None
    if not isinstance(after, Alert):  # a repeat of a command whose alert has been closed long since
        after = await run_in_threadpool(api.ports.history.alert, command.alert_id)
    return Json(api.wire(after))


def _common(alert: str, who: Principal, body: CommandBody, key: str | None) -> dict[str, Any]:
    return {
        "alert_id": alert,
        "actor": who.name,
        "rev": body.rev,
        "cmd": command_id(body.cmd, key),
        "note": body.note,
    }


@router.post("/ack", response_model=WireAlert, operation_id="acknowledgeAlert", responses=PROBLEMS)
async def acknowledge(api: Context, who: Acks, alert: IdPath, body: CommandBody, key: CommandKey = None) -> Response:
    """I have seen it and take it on (确认)."""
    return await _do(api, Acknowledge(**_common(alert, who, body, key)))


@router.post("/shelve", response_model=WireAlert, operation_id="shelveAlert", responses=PROBLEMS)
async def shelve(
    api: Context, request: Request, who: Shelves, alert: IdPath, body: ShelveBody, key: CommandKey = None
) -> Response:
    """Keep it from ringing for a while (搁置). Never severity 1; it comes back by itself."""
    until_ms = milliseconds(body.until, "until")
    wish = Shelve(**_common(alert, who, body, key), until_ms=until_ms, reason=body.reason)
    return await _do(api, replace(wish, second=await confirmed(api, request, who, body, wish)))


@router.post("/unshelve", response_model=WireAlert, operation_id="unshelveAlert", responses=PROBLEMS)
async def unshelve(api: Context, who: Shelves, alert: IdPath, body: CommandBody, key: CommandKey = None) -> Response:
    """Let it ring again."""
    return await _do(api, Unshelve(**_common(alert, who, body, key)))


@router.post("/resolve", response_model=WireAlert, operation_id="resolveAlert", responses=PROBLEMS)
async def resolve(
    api: Context, request: Request, who: Resolves, alert: IdPath, body: ResolveBody, key: CommandKey = None
) -> Response:
    """End the record, saying what it was: real and dealt with, or why it was not real."""
    wish = Resolve(**_common(alert, who, body, key), reason=body.reason)
    return await _do(api, replace(wish, second=await confirmed(api, request, who, body, wish)))


@router.post("/note", response_model=WireAlert, operation_id="noteOnAlert", responses=PROBLEMS)
async def note(api: Context, who: Notes, alert: IdPath, body: CommandBody, key: CommandKey = None) -> Response:
    """Write something down beside the alert."""
    if not body.note.strip():
        raise Invalid("note.empty", "a note needs words")
    return await _do(api, AddNote(**_common(alert, who, body, key)))
