"""Refused packets, with the bytes as they came."""

from base64 import b64encode
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from alerts.ports import DeadLetterRow
from api.auth import Principal, needing
from api.context import Context
from api.encode import Json
from api.schemas import Cursor, Limit, Page
from api.times import rfc3339
from domain.access import Right
from domain.limits import PAGE_ROWS_DEFAULT

__all__ = ["router"]

router = APIRouter(prefix="/dead-letters", tags=["ingest"])


@router.get("", response_model=Page, operation_id="listDeadLetters")
def list_dead_letters(
    api: Context,
    _: Annotated[Principal, needing(Right.SERVICE)],
    reason: Annotated[str | None, Query(max_length=64, pattern=r"^[a-z0-9_.-]+$")] = None,
    limit: Limit = PAGE_ROWS_DEFAULT,
    cursor: Cursor = None,
) -> Response:
    """Latest first. `counts`: packets refused for each reason. `raw` is base64, `hex` the same in hexadecimal."""
    page = api.ports.history.dead_letters(reason=reason, cursor=cursor, limit=limit)
    counts = api.ports.history.dead_letter_counts()
    return Json({"items": [_body(row) for row in page.items], "cursor": page.cursor, "counts": counts})


def _body(row: DeadLetterRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "topic": row.topic,
        "reason": row.reason,
        "detail": row.detail,
        "raw": b64encode(row.raw).decode(),
        "hex": row.raw.hex(),
        "device": row.device,
        "count": row.count,
        "first_at": rfc3339(row.first_ms),
        "last_at": rfc3339(row.last_ms),
    }
