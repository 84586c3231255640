"""Puts the doors together: routes, sign-in, live stream, console. Nothing is global; two apps can live side by side."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from fastapi import Depends, FastAPI
from starlette.middleware.gzip import GZipMiddleware

from api import errors
from api.auth import COOKIE, CSRF_HEADER
from api.context import Lobby
from api.errors import PROBLEM_TYPE
from api.pages import CONSOLE, Pages
from api.ports import ApiPorts
from api.query import exact_query
from api.routes import ROUTERS, service
from api.schemas import Problem
from api.web import Guard

__all__ = ["OPEN_ROUTES", "create_app", "describe"]

GZIP_LEVEL: Final = 4

OPEN_ROUTES: Final = frozenset(
    {
        ("GET", "/-/healthy"),  # supervisors and load balancers have no account; it names nothing
        ("GET", "/-/ready"),
        ("GET", "/healthz"),
        ("GET", "/metrics"),  # checks a token itself unless the setting opens it
        ("GET", "/openapi.json"),  # committed to the public repository anyway
        ("POST", "/api/v1/session"),  # the way in
    }
)
"""The only routes that do not ask who is calling, besides the console's files. A test holds the app to this list."""


def create_app(ports: ApiPorts, *, https: bool = False, metrics_open: bool = False, console: Path = CONSOLE) -> FastAPI:
    """The whole API and console over `ports`.

    `https`: a TLS proxy stands in front, so cookies are marked Secure. `metrics_open`: ``/metrics`` needs no token.
    """
    lobby = Lobby(ports, https=https, metrics_open=metrics_open)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        lobby.hub.close()

    app = _routes(console, lifespan=lifespan)
    app.state.api = lobby
    errors.install(app)
    app.add_middleware(GZipMiddleware, compresslevel=GZIP_LEVEL)
    app.add_middleware(Guard)
    return app


def describe() -> dict[str, Any]:
    """The OpenAPI document. It does not depend on the house behind the doors."""
    return _routes(CONSOLE).openapi()


def _routes(console: Path, **given: Any) -> FastAPI:
    app = FastAPI(
        title="Anju 安居",
        version="1",
        summary="Safety monitoring and dispatch for residential compounds",
        description=_DESCRIPTION,
        docs_url=None,  # they load scripts from the network, which neither the CSP nor an offline site allows
        redoc_url=None,
        redirect_slashes=False,  # one address for each thing
        responses={code: {"model": Problem, "description": text} for code, text in _PROBLEMS.items()},
        separate_input_output_schemas=False,
        **given,
    )
    for router in ROUTERS:
        app.include_router(router, prefix="/api/v1", dependencies=[Depends(exact_query)])
    app.include_router(service.router)
    app.include_router(Pages(console).router)
    _describe_sign_in(app)
    return app


def _describe_sign_in(app: FastAPI) -> None:
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            schema["components"]["securitySchemes"] = {
                "bearer": {"type": "http", "scheme": "bearer", "description": "Personal token."},
                "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": f"Writes: {CSRF_HEADER}."},
            }
            for path, operations in schema["paths"].items():
                for method, operation in operations.items():
                    if (method.upper(), path) not in OPEN_ROUTES:
                        operation["security"] = [{"bearer": []}, {"cookie": []}]
                    for answer in operation["responses"].values():
                        _as_problem(answer)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign] # the documented way to extend the schema


def _as_problem(answer: dict[str, Any]) -> None:
    """The framework documents every model as plain JSON; problems have a media type of their own."""
    content = answer.get("content", {})
    if content.get("application/json", {}).get("schema", {}).get("$ref", "").endswith("/Problem"):
        answer["content"] = {PROBLEM_TYPE: content["application/json"]}


_PROBLEMS: Final[dict[int | str, str]] = {
    400: "Malformed.",
    401: "Not signed in.",
    403: "Not allowed.",
    413: "Too large.",
    422: "Invalid input.",
    429: "Refused too often; Retry-After says when to try again.",
    503: "A part does not answer; Retry-After says when to try again.",
}

_DESCRIPTION: Final = (
    "Errors are RFC 9457 problems with a stable `code` and `params`. Times are RFC 3339 with an offset; only the "
    "columns of time series are epoch milliseconds. Lists page by an opaque `cursor`. A command carries `cmd` (or the "
    "header Idempotency-Key): the same one twice has the effect of once. `/api/v1/stream` goes on from `/api/v1/board`."
)
