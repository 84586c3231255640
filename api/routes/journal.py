"""The journal: everything that happened, in order, with who or what caused it."""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter
from starlette.responses import Response

from alerts.ports import JournalRow
from api.auth import Principal, needing
from api.context import Context
from api.encode import Json, plain
from api.schemas import JournalPage, Limit, Sequence
from api.times import rfc3339
from domain.access import Right
from domain.limits import PAGE_ROWS_DEFAULT

__all__ = ["lines", "router"]

router = APIRouter(prefix="/journal", tags=["journal"])


def lines(rows: Iterable[JournalRow]) -> list[dict[str, Any]]:
    """Journal lines as the API sends them."""
    return [
        {
            "seq": row.seq,
            "at": rfc3339(row.at_ms),
            "actor": row.actor,
            "kind": row.kind,
            "event": plain(row.event),
            "alert": row.alert_id,
            "cmd": row.cmd,
        }
        for row in rows
    ]


@router.get("", response_model=JournalPage, operation_id="listJournal")
def list_journal(
    api: Context,
    _: Annotated[Principal, needing(Right.JOURNAL)],
    after: Sequence = 0,
    limit: Limit = PAGE_ROWS_DEFAULT,
) -> Response:
    """Lines after `after`, oldest first; for an account bound to places those about alerts and orders there."""
    return Json({"items": lines(api.ports.journal.rows(after=after, limit=limit)), "seq": api.ports.journal.seq})
