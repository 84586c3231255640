"""The board and the live stream that goes on from it."""

import gzip
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from api.auth import Caller
from api.changes import TOPICS
from api.context import Context
from api.encode import Json, to_json
from api.ports import Board
from api.schemas import BoardBody, Sequence
from api.times import rfc3339
from domain.errors import Invalid

__all__ = ["router", "tally"]

router = APIRouter(tags=["board"])

GZIP_LEVEL: Final = 4
"""2,000 alerts: a third of the time of level 9 for a tenth more bytes."""


def tally(wires: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts of the strip: by level (all, and still unacknowledged) and by state; shelved ones in their lane only."""
    levels = {str(level): {"n": 0, "unacked": 0} for level in range(1, 5)}
    states: dict[str, int] = {}
    shelved = total = 0
    for wire in wires:
        total += 1
        if wire.get("shelved_until"):
            shelved += 1
            continue
        states[wire["state"]] = states.get(wire["state"], 0) + 1
        row = levels[str(int(wire["level"]))]
        row["n"] += 1
        row["unacked"] += wire["state"] == "unacked"
    return {"open": total, "shelved": shelved, "levels": levels, "states": states}


def _encode(head: dict[str, Any], board: Board, *, zipped: bool) -> bytes:
    body = to_json(head | {"counts": tally(board.alerts), "alerts": board.alerts})
    return gzip.compress(body, GZIP_LEVEL, mtime=0) if zipped else body


@router.get("/board", response_model=BoardBody, operation_id="getBoard")
async def get_board(
    api: Context, who: Caller, accept_encoding: Annotated[str, Header(include_in_schema=False)] = ""
) -> Response:
    """All open alerts at one line of the journal, with the figures of the strip."""
    zipped = "gzip" in accept_encoding
    board = api.ports.board.board()
    head = {
        "store": api.ports.journal.store,
        "seq": board.seq,
        "now": rfc3339(api.ports.clock_ms()),
        "shift": {"operator": who.name},
        "health": api.hub.health(who.scope),
    }
    # Thousands of alerts take tens of milliseconds to write and to press: not on the loop that serves the streams.
    body = await run_in_threadpool(_encode, head, board, zipped=zipped)
    headers = {"Vary": "Accept-Encoding", **({"Content-Encoding": "gzip"} if zipped else {})}
    return Json(body, headers=headers)


@router.get(
    "/stream",
    operation_id="getStream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "Events."}},
)
async def get_stream(
    api: Context,
    who: Caller,
    request: Request,
    after: Annotated[Sequence | None, Query(description="Last known `seq`; the stream goes on after it.")] = None,
    store: Annotated[str | None, Query(max_length=64, description="`store` that `after` belongs to.")] = None,
    topics: Annotated[str, Query(max_length=100, description="Of: alert, order, health; joined by commas.")] = "",
) -> Response:
    """Server-sent events: hello, batch, tick, health, reset, bye. `Last-Event-ID` (store-seq) wins over `after`."""
    chosen = frozenset(topics.split(",")) if topics else frozenset(TOPICS)
    if not chosen <= set(TOPICS):
        raise Invalid("stream.topics", f"topics are some of {', '.join(TOPICS)}", topics=topics)
    last = request.headers.get("last-event-id")
    if last:
        store, _, number = last.rpartition("-")
        # An id that is not ours is no position: its store is not ours either, and the client fetches the board anew.
        after = int(number) if number.isascii() and number.isdigit() and len(number) <= 16 else 0
    client = api.hub.join(who, chosen, lambda: api.door.identify(request, request.method))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(api.hub.stream(client, after, store), 200, headers, "text/event-stream")
