"""Signing in and out, and personal tokens for programs. Every attempt that was checked is in the journal."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from alerts.events import SignedIn
from alerts.inputs import Record
from api.auth import Principal, Signed, address_of
from api.context import Context, Lobby, Open
from api.encode import Json
from api.errors import NotSignedIn
from api.schemas import Problem, SessionBody, SignInBody, TokenBody
from api.times import rfc3339
from domain.errors import Forbidden

__all__ = ["router"]

router = APIRouter(tags=["session"])


@router.post(
    "/session",
    response_model=SessionBody,
    operation_id="signIn",
    responses={401: {"model": Problem}, 429: {"model": Problem, "description": "Too many failed attempts."}},
)
async def sign_in(lobby: Open, request: Request, body: SignInBody) -> Response:
    """Name and password open a session: a cookie for the browser and a CSRF value for its writes."""
    _same_origin(request)
    address = address_of(request)
    who = await lobby.door.verify(body.name, body.password, address)
    await lobby.api().submit(Record(SignedIn(body.name, who is not None, address, {"by": "password"}), body.name))
    if who is None:
        raise NotSignedIn("session.wrong", "name or password is wrong")
    response = Json(_body(lobby, who))
    lobby.door.open(response, who)
    return response


@router.get("/session", response_model=SessionBody, operation_id="whoAmI")
def who_am_i(lobby: Open, who: Signed) -> Response:
    """Who is signed in, with the CSRF value of the session."""
    return Json(_body(lobby, who))


@router.delete("/session", status_code=204, operation_id="signOut", response_class=Response)
async def sign_out(api: Context, who: Signed) -> Response:
    """Ends the session everywhere: its cookie is worth nothing from now on, and its streams say bye."""
    response = Response(status_code=204)
    await api.door.close(response, who)
    if who.session is not None:
        api.hub.end_session(who.session)
    return response


@router.post("/tokens", status_code=201, operation_id="createToken")
async def create_token(api: Context, who: Signed, body: TokenBody) -> dict[str, Any]:
    """A personal token for programs that act as the caller. Shown this once, stored hashed."""
    now_ms = api.ports.clock_ms()
    token = await run_in_threadpool(api.ports.users.create_token, who.name, body.label, now_ms)
    made = {"token": token, "name": who.name, "label": body.label, "created_at": rfc3339(now_ms)}
    return Json(made, 201)  # type: ignore[return-value] # documented as an open object, sent as it is


def _body(lobby: Lobby, who: Principal) -> dict[str, Any]:
    return {
        "user": {
            "name": who.name,
            "roles": list(who.person.roles),
            "rights": sorted(who.rights),
            "may_act": who.may_act,
            "organisation": who.person.organisation,
            "compounds": None if who.scope.compounds is None else sorted(who.scope.compounds),
            "kinds": None if who.scope.kinds is None else sorted(who.scope.kinds),
        },
        "csrf": None if who.session is None else lobby.door.csrf(who),
        "expires_at": rfc3339(who.expires_ms),
    }


def _same_origin(request: Request) -> None:
    """Another site's form must not sign its visitor in here as somebody else. Programs send no Origin."""
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise Forbidden("session.origin", "sign-in from a page of another origin")
