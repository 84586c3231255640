"""The one place where a family of errors becomes a status and an RFC 9457 problem."""

import logging
from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from alerts.alert import Alert
from api.encode import plain, to_json
from api.web import HEADERS
from domain.errors import AnjuError, Conflict, Forbidden, Invalid, NotFound, Rejected, Unavailable
from domain.orders import WorkOrder

__all__ = ["PROBLEM_TYPE", "NotSignedIn", "TooManyRequests", "install", "problem"]

log = logging.getLogger("anju.api")

PROBLEM_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 2
BAD_FIELDS_SHOWN: Final = 20
"""A list of a thousand wrong items needs no thousand complaints."""


class NotSignedIn(Rejected):
    """The caller has not proved who it is."""


class TooManyRequests(AnjuError):
    """The caller must wait before it tries again; `params["retry_after_s"]` says how long."""


_STATUS: Final[tuple[tuple[type[AnjuError], int, str], ...]] = (
    (NotSignedIn, 401, "Not signed in"),
    (NotFound, 404, "Not found"),
    (Forbidden, 403, "Not allowed"),
    (Invalid, 422, "Invalid input"),
    (Rejected, 400, "Rejected"),
    (Conflict, 409, "The state has moved"),
    (TooManyRequests, 429, "Too many attempts"),
    (Unavailable, 503, "Not available now"),
    (AnjuError, 500, "Internal error"),
)
"""First match wins: subclasses stand before their family."""

_HTTP: Final = {
    400: ("http.bad_request", "Bad request"),
    404: ("http.not_found", "Not found"),
    405: ("http.method_not_allowed", "Method not allowed"),
    406: ("http.not_acceptable", "Not acceptable"),
    413: ("http.too_large", "Request too large"),
}


def problem(
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> Response:
    """A problem document. `code` is stable and translatable; `detail` is English, for developers and logs."""
    body = {"type": f"urn:anju:problem:{code}", "title": title, "status": status, "detail": detail, "code": code}
    return Response(to_json(body | members), status, headers, PROBLEM_TYPE)


def from_error(error: AnjuError, current: Any = None) -> Response:
    """The problem document for one of ours."""
    status, title = next((status, title) for kind, status, title in _STATUS if isinstance(error, kind))
    headers: dict[str, str] = {}
    members: dict[str, Any] = {"params": {name: plain(value) for name, value in error.params.items()}}
    if isinstance(error, Conflict):
        members["current"] = current
    if isinstance(error, NotSignedIn):
        headers["WWW-Authenticate"] = 'Bearer realm="anju"'
    if isinstance(error, Unavailable | TooManyRequests):
        headers["Retry-After"] = str(error.params.get("retry_after_s", RETRY_AFTER_S))
    return problem(status, error.code, title, error.text, headers=headers, **members)


def install(app: FastAPI) -> None:
    """Makes every failure of `app` a problem document, also those that FastAPI and Starlette answer themselves."""

    @app.exception_handler(AnjuError)
    async def ours(request: Request, error: AnjuError) -> Response:
        who = getattr(request.state, "who", None)
        if who is not None:
            try:
                await request.app.state.api.refused(who, request, error)
            except TooManyRequests as instead:
                error = instead
        current = getattr(error, "current", None)
        if isinstance(current, Alert | WorkOrder) and who is not None:
            current = request.app.state.api.api(who).wire(current)
        return from_error(error, None if current is None else plain(current))

    @app.exception_handler(RequestValidationError)
    async def validation(_: Request, error: RequestValidationError) -> Response:
        return _invalid_request(error)

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> Response:
        code, title = _HTTP.get(error.status_code, (f"http.{error.status_code}", "Request failed"))
        return problem(error.status_code, code, title, str(error.detail), headers=error.headers, params={})

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        text = "Anju failed to answer; its log says why."
        # This answer is made outside all middleware, so it carries the headers by itself.
        return problem(500, "internal", "Internal error", text, headers=dict(HEADERS), params={})


def _invalid_request(error: RequestValidationError) -> Response:
    found = error.errors()
    if any(item.get("type") == "json_invalid" for item in found):
        return problem(400, "request.malformed", "Malformed JSON", "The body is not JSON.", params={})
    fields = [
        {"at": ".".join(str(part) for part in item.get("loc", ())), "code": item.get("type"), "text": item.get("msg")}
        for item in found[:BAD_FIELDS_SHOWN]
    ]
    first = fields[0] if fields else {"at": "", "text": "unknown"}
    return problem(
        422,
        "request.invalid",
        "Invalid input",
        f"{first['at']}: {first['text']}",
        params={"field": first["at"]},
        errors=fields,
    )
