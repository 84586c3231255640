"""Devices: whether they speak, what they last said, and what they said before."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.auth import Caller
from api.context import Api, Context
from api.encode import Json, plain
from api.routes.alerts import Ids
from api.schemas import Cursor, DeviceBody, DevicePage, IdPath, Limit, Moment, Page, Problem, SeriesBody
from api.series import series_body, signal_labels
from api.times import milliseconds, rfc3339
from domain.devices import Device
from domain.errors import NotFound
from domain.kinds import KINDS
from domain.limits import PAGE_ROWS_DEFAULT, SERIES_POINTS_MAX

__all__ = ["router"]

router = APIRouter(prefix="/devices", tags=["devices"])

WINDOW_MS = 6 * 3_600_000
"""What a series or event list shows when nobody says from when."""
MISSING: dict[int | str, dict[str, Any]] = {404: {"model": Problem, "description": "No such device."}}


@router.get("", response_model=DevicePage, operation_id="listDevices")
def list_devices(
    api: Context,
    _: Caller,
    *,
    status: Annotated[list[Literal["unknown", "online", "overdue", "offline"]] | None, Query(max_length=4)] = None,
    compound: Ids = None,
    kind: Ids = None,
    gateway: Ids = None,
    limit: Limit = PAGE_ROWS_DEFAULT,
    cursor: Cursor = None,
) -> Response:
    """Devices by id, each with its liveness and the newest value of every signal."""
    wanted = ((status, None), (compound, "compound"), (kind, "kind"), (gateway, "gateway"))
    items: list[dict[str, Any]] = []
    devices = api.ports.registry().devices
    for device_id in sorted(devices):
        if cursor is not None and device_id <= cursor:
            continue
        device = devices[device_id]
        if any(
            values is not None and name is not None and getattr(device, name) not in values for values, name in wanted
        ):
            continue
        if status is not None and api.ports.liveness(device_id).state not in status:
            continue
        if len(items) == limit:
            return Json({"items": items, "cursor": items[-1]["id"]})
        items.append(_body(api, device))
    return Json({"items": items, "cursor": None})


@router.get("/{device}", response_model=DeviceBody, operation_id="getDevice", responses=MISSING)
def get_device(api: Context, _: Caller, device: IdPath) -> Response:
    """One device with its signals described and its open alerts."""
    found = _found(api, device)
    body = _body(api, found)
    body["signals"] = signal_labels(found.kind, list(KINDS[found.kind].signals))
    body["alerts"] = [wire for wire in api.ports.board.board().alerts if (wire["device"] or {}).get("id") == found.id]
    body["overrides"] = found.overrides
    return Json(body)


@router.get("/{device}/series", response_model=SeriesBody, operation_id="seriesOfDevice", responses=MISSING)
def series(
    api: Context,
    _: Caller,
    *,
    device: IdPath,
    signal: Annotated[list[str] | None, Query(max_length=64, description="Signals; all if none is named.")] = None,
    from_: Annotated[Moment | None, Query(alias="from")] = None,
    until: Moment | None = None,
    points: Annotated[int, Query(ge=10, le=SERIES_POINTS_MAX)] = SERIES_POINTS_MAX,
) -> Response:
    """Values in event time; more rows than `points` become minima and maxima of buckets, never averages."""
    found = _found(api, device)
    known = KINDS[found.kind].signals
    for name in signal or ():
        if name not in known:
            raise NotFound("signal.unknown", f"{found.kind} has no signal {name!r}", signal=name, kind=found.kind)
    start_ms, end_ms = _window(api, from_, until)
    return Json(series_body(api, found.id, signal or list(known), start_ms, end_ms, points))


@router.get("/{device}/events", response_model=Page, operation_id="eventsOfDevice", responses=MISSING)
def events(
    api: Context,
    _: Caller,
    device: IdPath,
    from_: Annotated[Moment | None, Query(alias="from")] = None,
    until: Moment | None = None,
    limit: Limit = PAGE_ROWS_DEFAULT,
) -> Response:
    """Discrete events the device reported, newest first. The next page: `until` = the last one's time."""
    found = _found(api, device)
    start_ms, end_ms = _window(api, from_, until)
    rows = api.ports.telemetry.events(found.id, found.kind, start_ms, end_ms, limit)
    items = [
        {
            "at": rfc3339(row.ts_ms),
            "received_at": rfc3339(row.received_ms),
            "event": plain(row.event),
            "values": {} if row.values is None else {k: v for k, v in plain(row.values).items() if v is not None},
            "seq": row.seq,
            "quality": row.quality,
        }
        for row in rows
    ]
    return Json({"items": items, "cursor": None})


def _found(api: Api, device: str) -> Device:
    found = api.ports.registry().devices.get(device)
    if found is None:
        raise NotFound("device.unknown", f"there is no device {device!r}", device=device)
    return found


def _window(api: Api, start: Moment | None, until: Moment | None) -> tuple[int, int]:
    end_ms = api.ports.clock_ms() if until is None else milliseconds(until, "until")
    return (end_ms - WINDOW_MS if start is None else milliseconds(start, "from")), end_ms


def _body(api: Api, device: Device) -> dict[str, Any]:
    registry = api.ports.registry()
    alive = api.ports.liveness(device.id)
    compound = registry.places.get(device.compound)
    return {
        "id": device.id,
        "kind": device.kind,
        "type": device.type,
        "name": plain(device.name),
        "compound": device.compound,
        "compound_name": None if compound is None else plain(compound.name),
        "place": device.place,
        "path": [
            {"id": place.id, "kind": place.kind, "name": plain(place.name)} for place in registry.above(device.place)
        ],
        "zone": device.zone,
        "gateway": device.gateway,
        "model": device.model,
        "period_s": registry.period_s(device),
        "in_service": device.in_service,
        "attrs": plain(device.attrs),
        "liveness": {"state": alive.state, "since": rfc3339(alive.since_ms), "heard": rfc3339(alive.heard_ms)},
        "values": {
            name: {"value": last.value, "at": rfc3339(last.at_ms)}
            for name, last in api.ports.telemetry.last_values(device.id, device.kind).items()
        },
    }
