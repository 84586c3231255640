"""How the service itself is: alive, ready, and its metrics. Health is open, so that supervisors need no account."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.auth import principal
from api.context import Open
from api.encode import Json
from api.metrics import CONTENT_TYPE, render
from api.times import rfc3339
from domain.access import Right
from domain.errors import Forbidden

__all__ = ["router"]

router = APIRouter(tags=["service"])


@router.get("/-/healthy", operation_id="healthy")
@router.get("/healthz", include_in_schema=False)
async def healthy(lobby: Open) -> dict[str, Any]:
    """200 while the one loop runs; 503 when restarting is all that can help."""
    alive = lobby.ports.status().station_alive
    return Json({"healthy": alive}, 200 if alive else 503)  # type: ignore[return-value] # sent as it is


@router.get("/-/ready", operation_id="ready")
async def ready(lobby: Open) -> dict[str, Any]:
    """200 when messages are taken, judged and stored; otherwise 503 and why not. Names no device and no person."""
    status = lobby.ports.status()
    parts = {"station": status.station_alive, "broker": status.broker_connected, "storage": status.storing}
    good = all(parts.values())
    body = {"ready": good, "parts": parts, "last_data_at": rfc3339(status.last_data_ms)}
    return Json(body, 200 if good else 503)  # type: ignore[return-value] # sent as it is


@router.get(
    "/metrics",
    operation_id="metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus text."}},
)
def metrics(lobby: Open, request: Request) -> Response:
    """Metrics in the Prometheus text format. Needs a token unless the setting ``metrics_open`` is on."""
    if not lobby.metrics_open:
        who = principal(request)
        who.need(Right.SERVICE)
        if not who.scope.everything:
            raise Forbidden("scope.too_narrow", "this takes an account that is bound to no place")
    return Response(render(lobby), headers={"Cache-Control": "no-store", "Content-Type": CONTENT_TYPE})
