"""How the service itself is: alive, ready, and its metrics. Health is open, so that supervisors need no account."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.context import Context
from api.encode import Json
from api.metrics import CONTENT_TYPE, render
from api.times import rfc3339

__all__ = ["router"]

router = APIRouter(tags=["service"])


@router.get("/-/healthy", operation_id="healthy")
@router.get("/healthz", include_in_schema=False)
async def healthy(api: Context) -> dict[str, Any]:
    """200 while the one loop runs; 503 when restarting is all that can help."""
    alive = api.ports.status().station_alive
    return Json({"healthy": alive}, 200 if alive else 503)  # type: ignore[return-value] # sent as it is


@router.get("/-/ready", operation_id="ready")
async def ready(api: Context) -> dict[str, Any]:
    """200 when messages are taken, judged and stored; otherwise 503 and why not. Names no device and no person."""
    status = api.ports.status()
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
def metrics(api: Context, request: Request) -> Response:
    """Metrics in the Prometheus text format. Needs a token unless the setting ``metrics_open`` is on."""
    if not api.metrics_open:
        api.door.identify(request, request.method)
    return Response(render(api), headers={"Cache-Control": "no-store", "Content-Type": CONTENT_TYPE})
