"""Alerts: list, one, why, its journal and its curve."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from msgspec.structs import replace
from starlette.responses import Response

from alerts.alert import Alert, AlertState
from alerts.explain import explain as explain_alert
from alerts.ports import AlertQuery
from api.auth import Caller
from api.context import Api, Context
from api.encode import Json, plain
from api.routes.journal import lines
from api.schemas import (
    AlertPage,
    Cursor,
    IdPath,
    JournalPage,
    Limit,
    Moment,
    Problem,
    Sequence,
    SeriesBody,
    WireAlert,
)
from api.series import series_body
from api.times import milliseconds, rfc3339, span_ms
from domain.ids import ID_PATTERN
from domain.limits import PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX

__all__ = ["router"]

router = APIRouter(prefix="/alerts", tags=["alerts"])

AFTERWARDS: Final = 10
"""The curve of a closed alert ends a tenth of its span after the close."""

Ids = Annotated[list[Annotated[str, Query(pattern=ID_PATTERN)]] | None, Query(max_length=PAGE_ROWS_MAX)]


@router.get("", response_model=AlertPage, operation_id="listAlerts")
def list_alerts(  # noqa: PLR0913 - one parameter for each filter of the contract
    api: Context,
    _: Caller,
    *,
    open_: Annotated[bool | None, Query(alias="open")] = None,
    status: Annotated[list[AlertState] | None, Query(max_length=len(AlertState))] = None,
    severity: Annotated[list[Annotated[int, Query(ge=1, le=4)]] | None, Query(max_length=4)] = None,
    compound: Ids = None,
    kind: Ids = None,
    rule: Annotated[str | None, Query(pattern=ID_PATTERN)] = None,
    target: Annotated[str | None, Query(pattern=ID_PATTERN)] = None,
    device: Annotated[str | None, Query(pattern=ID_PATTERN)] = None,
    since: Annotated[Moment | None, Query(description="Onset at or after.")] = None,
    until: Annotated[Moment | None, Query(description="Onset before.")] = None,
    limit: Limit = PAGE_ROWS_DEFAULT,
    cursor: Cursor = None,
) -> Response:
    """Alerts by filter, open and closed, newest onset first."""
    page = api.ports.history.alerts(
        AlertQuery(
            open=open_,
            states=tuple(state.value for state in status or ()),
            severities=tuple(severity or ()),
            kinds=tuple(kind or ()),
            compounds=tuple(compound or ()),
            rule=rule,
            target=target,
            device=device,
            since_ms=None if since is None else milliseconds(since, "since"),
            until_ms=None if until is None else milliseconds(until, "until"),
            cursor=cursor,
            limit=limit,
        )
    )
    return Json({"items": [api.wire(alert) for alert in page.items], "cursor": page.cursor})


@router.get("/{alert}", response_model=WireAlert, operation_id="getAlert", responses={404: {"model": Problem}})
def get_alert(api: Context, _: Caller, alert: IdPath) -> Response:
    """One alert, open or closed."""
    return Json(api.wire(api.ports.history.alert(alert)))


@router.get("/{alert}/explain", operation_id="explainAlert", responses={404: {"model": Problem}})
def explain(api: Context, who: Caller, alert: IdPath) -> dict[str, Any]:
    """Why it exists, why it does or does not ring, who was told, and what comes next.

    `detail` of a notification (a receipt, or what the line to the receiver said) is for those who may act.
    """
    found, book = api.ports.history.alert(alert), api.ports.rulebook()
    deliveries = api.ports.deliveries(found.id)
    told = explain_alert(
        found,
        api.ports.journal.rows(alert_id=found.id, limit=PAGE_ROWS_MAX),
        book.rules.get(found.rule),
        api.ports.registry(),
        api.ports.clock_ms(),
        deliveries=deliveries if who.may_act else [replace(one, detail="") for one in deliveries],
        card=None if found.card is None else book.cards.get(found.card),
    )
    return Json(plain(told))  # type: ignore[return-value] # documented as an open object, sent as it is


@router.get(
    "/{alert}/journal", response_model=JournalPage, operation_id="journalOfAlert", responses={404: {"model": Problem}}
)
def journal(api: Context, _: Caller, alert: IdPath, after: Sequence = 0, limit: Limit = PAGE_ROWS_DEFAULT) -> Response:
    """Everything that happened to the alert, oldest first."""
    found = api.ports.history.alert(alert)
    rows = api.ports.journal.rows(after=after, limit=limit, alert_id=found.id)
    return Json({"items": lines(rows), "seq": api.ports.journal.seq})


@router.get(
    "/{alert}/series", response_model=SeriesBody, operation_id="seriesOfAlert", responses={404: {"model": Problem}}
)
def series(
    api: Context, _: Caller, alert: IdPath, span: Annotated[str, Query(pattern=r"^(30m|6h|7d)$")] = "30m"
) -> Response:
    """The evidence curve: the rule's signals of the alert's device, until now or shortly after the close."""
    found = api.ports.history.alert(alert)
    now_ms = api.ports.clock_ms()
    length = span_ms(span)
    until_ms = now_ms if found.open or found.closed_ms is None else min(now_ms, found.closed_ms + length // AFTERWARDS)
    body = series_body(api, _source(found), _signals(api, found), until_ms - length, until_ms)
    marks = {
        "onset": found.onset_ms,
        "raised": found.raised_ms,
        "acked": found.acked_ms,
        "cleared": found.cleared_ms,
        "closed": found.closed_ms,
    }
    body |= {
        "device": _source(found),
        "signal": found.signal,
        "limit": found.limit,
        "dir": found.direction,
        "marks": {name: rfc3339(ms) for name, ms in marks.items()},
    }
    return Json(body)


def _source(alert: Alert) -> str:
    if alert.device is not None:
        return alert.device
    sources = alert.evidence.sources if alert.evidence is not None else ()
    return sources[-1] if sources else alert.target


def _signals(api: Api, alert: Alert) -> list[str]:
    """The alert's main signal first, then the others the rule has judged."""
    info = api.ports.rulebook().rules.get(alert.rule)
    judged = list(alert.evidence.inputs) if alert.evidence is not None else []
    wanted = [alert.signal, info.signal if info is not None else None, *judged]
    return list(dict.fromkeys(name for name in wanted if name))
