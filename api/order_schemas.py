"""Shapes of requests and answers about work orders; see `api.schemas`."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import Field

from api.schemas import Answer, Body, Command, Id, Moment, Note, Person
from domain.access import STEP_RIGHTS
from domain.kinds import KINDS
from domain.limits import LABEL_CHARS_MAX, NOTE_CHARS_MAX
from domain.orders import OrderStep

__all__ = ["OpenOrderBody", "OrderPage", "StepBody", "StepPath", "WireOrder"]

BY_HAND = tuple(sorted(step.value for step in STEP_RIGHTS))
StepPath = Annotated[
    OrderStep,
    Path(description="What is to happen to the order.", json_schema_extra={"enum": list(BY_HAND)}),
]
Words = Annotated[str, Field(max_length=NOTE_CHARS_MAX)]


class OpenOrderBody(Body):
    """An order made by hand."""

    severity: Annotated[int, Field(ge=1, le=4)]
    place: Id
    """Where somebody is to come: a compound, or a building or spot in one."""
    compound: Id | None = None
    """Its compound, where it is known."""
    subject: Annotated[str, Field(min_length=1, max_length=LABEL_CHARS_MAX, pattern=r"\S")]
    source: Literal["hand", "hotline"] = "hand"
    kind: Annotated[str | None, Field(pattern=f"^({'|'.join(KINDS)})$")] = None
    alert: Id | None = None
    device: Id | None = None
    reporter: Annotated[str, Field(max_length=LABEL_CHARS_MAX)] = ""
    """Telephone number of whoever called the hotline."""
    note: Note = ""
    cmd: Command = None


class StepBody(Body):
    """What a step comes with. The same `cmd` twice has the effect of once and the same answer."""

    rev: Annotated[int | None, Field(ge=0, le=2**53 - 1)] = None
    """The revision the person saw; another one now answers 409 with the order as it is."""
    organisation: Id | None = None
    """dispatch, transfer: who is to come."""
    handler: Person | None = None
    """dispatch: the person who is to come."""
    reason: Words = ""
    """return, transfer, reject, reopen, ask_suspension: why."""
    note: Note = ""
    """submit, false_alarm, call_back, note: what was done, found or said."""
    until: Moment | None = None
    """ask_suspension, supervise: until when."""
    leader: Person | None = None
    """supervise: who answers for it."""
    cmd: Command = None


class WireClock(Answer):
    """One deadline."""

    name: Literal["accept", "arrive", "handle", "close", "supervise", "call_back"]
    due_at: datetime
    done_at: datetime | None
    breached_at: datetime | None


class WireOrder(Answer):
    """A work order; times are RFC 3339."""

    id: str
    no: str
    state: str
    rev: int
    level: int
    domain: str
    subject: str
    source: Literal["alert", "hand", "hotline"]
    compound: dict[str, Any]
    place: dict[str, Any]
    device: str | None
    alerts: list[str]
    organisation: dict[str, Any] | None
    lead: dict[str, Any] | None
    handler: str | None
    clocks: list[WireClock]
    escalated: int
    """1 property firm, 2 street and community, 3 competent department, 4 district duty."""
    telephone: bool
    """Nobody in the chain is left to tell: a person must telephone."""
    created_at: datetime
    changed_at: datetime
    closed_at: datetime | None
    life_safety: bool
    drill: bool


class OrderPage(Answer):
    """A page of orders."""

    items: list[WireOrder]
    cursor: str | None
