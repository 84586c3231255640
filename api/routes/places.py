"""The place tree and the organisations that answer for it."""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.auth import Caller
from api.context import Api, Context
from api.encode import Json, plain
from api.schemas import Page, Problem
from api.times import rfc3339
from domain.errors import NotFound
from domain.ids import ID_PATTERN
from domain.places import Place
from domain.registry import Registry

__all__ = ["router"]

router = APIRouter(tags=["registry"])


@router.get("/places", response_model=Page, operation_id="listPlaces", responses={404: {"model": Problem}})
def list_places(
    api: Context, _: Caller, under: Annotated[str | None, Query(pattern=ID_PATTERN, description="Root place.")] = None
) -> Response:
    """The tree, depth first: every place comes after its parent and before its next sibling."""
    registry = api.ports.registry()
    if under is not None and under not in registry.places:
        raise NotFound("place.unknown", f"there is no place {under!r}", place=under)
    counts = _counts(api)
    day = (rfc3339(api.ports.clock_ms()))[:10]
    items = [_place(registry, place, depth, counts, day) for place, depth in _walk(registry, under)]
    return Json({"items": items, "cursor": None, "version": registry.version})


@router.get("/organisations", response_model=Page, operation_id="listOrganisations")
def list_organisations(api: Context, _: Caller) -> Response:
    """Organisations with the contracts that bind them to compounds."""
    registry = api.ports.registry()
    contracts: dict[str, list[Any]] = {}
    for contract in registry.contracts.values():
        contracts.setdefault(contract.organisation, []).append(plain(contract))
    items = [plain(one) | {"contracts": contracts.get(one.id, [])} for one in registry.organisations.values()]
    return Json({"items": items, "cursor": None, "version": registry.version})


def _walk(registry: Registry, under: str | None) -> Iterator[tuple[Place, int]]:
    children: dict[str | None, list[Place]] = {}
    for place in registry.places.values():
        # A place whose parent is missing is shown at the top: it must not vanish from the tree.
        parent = place.parent if place.parent in registry.places else None
        children.setdefault(parent, []).append(place)
    roots = children.get(None, []) if under is None else [registry.places[under]]
    waiting = [(place, 0) for place in reversed(roots)]
    seen: set[str] = set()
    while waiting:
        place, depth = waiting.pop()
        if place.id in seen:
            continue
        seen.add(place.id)
        yield place, depth
        waiting.extend((child, depth + 1) for child in reversed(children.get(place.id, ())))


def _counts(api: Api) -> dict[str, dict[str, int]]:
    """Compound → level → open alerts."""
    counts: dict[str, dict[str, int]] = {}
    for wire in api.ports.board.board().alerts:
        levels = counts.setdefault(wire["compound"]["id"], {})
        level = str(int(wire["level"]))
        levels[level] = levels.get(level, 0) + 1
    return counts


def _place(registry: Registry, place: Place, depth: int, counts: dict[str, dict[str, int]], day: str) -> dict[str, Any]:
    body = {
        "id": place.id,
        "kind": place.kind,
        "name": plain(place.name),
        "parent": place.parent,
        "depth": depth,
        "code": place.code,
        "attrs": plain(place.attrs),
    }
    if place.kind == "compound":
        responsible = registry.responsible(place.id, day)
        body["responsible"] = None if responsible is None else {"id": responsible.id, "name": plain(responsible.name)}
        body["devices"] = len(registry.devices_in(place.id))
        body["alerts"] = counts.get(place.id, {})
    return body
