"""Rules in force with their response cards, and what the device kinds say about themselves."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from api.auth import Caller
from api.context import Context
from api.encode import Json, plain
from api.schemas import IdPath, Page, Problem
from api.series import signal_labels
from domain.errors import NotFound
from domain.kinds import KINDS

__all__ = ["router"]

router = APIRouter(tags=["rules"])


@router.get("/rules", response_model=Page, operation_id="listRules")
def list_rules(api: Context, _: Caller) -> Response:
    """All rules in force. `digest` changes when any of them does."""
    book = api.ports.rulebook()
    items = [plain(book.rules[rule]) for rule in sorted(book.rules)]
    return Json({"items": items, "cursor": None, "cards": plain(book.cards), "digest": book.digest})


@router.get("/rules/{rule}", operation_id="getRule", responses={404: {"model": Problem}})
def get_rule(api: Context, _: Caller, rule: IdPath) -> dict[str, Any]:
    """One rule with its card and the compounds and devices that override it."""
    book, registry = api.ports.rulebook(), api.ports.registry()
    info = book.rules.get(rule)
    if info is None:
        raise NotFound("rule.unknown", f"there is no rule {rule!r}", rule=rule)
    compounds = {c: rules[rule] for c, rules in registry.overrides.items() if rule in rules}
    devices = {d.id: d.overrides[rule] for d in registry.devices.values() if rule in d.overrides}
    card = None if info.card is None else plain(book.cards.get(info.card))
    body = plain(info) | {"card_text": card, "overrides": {"compounds": compounds, "devices": devices}}
    return Json(body)  # type: ignore[return-value] # documented as an open object, sent as it is


@router.get("/kinds", response_model=Page, operation_id="listKinds")
def list_kinds(_: Caller) -> Response:
    """Device kinds: signals with unit and range, and events."""
    items = [
        {
            "id": kind.name,
            "name": {"zh": kind.zh, "en": kind.en},
            "period_s": kind.period_s,
            "signals": signal_labels(kind.name, list(kind.signals)),
            "events": {code: {"zh": zh, "en": en} for code, (zh, en) in kind.events.items()},
        }
        for kind in KINDS.values()
    ]
    return Json({"items": items, "cursor": None})
