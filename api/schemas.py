"""Shapes of requests and answers: requests are checked by them, answers documented by them and tested against them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import AliasChoices, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from domain.ids import ID_PATTERN
from domain.limits import (
    COMMAND_CHARS_MAX,
    ID_CHARS_MAX,
    LABEL_CHARS_MAX,
    NOTE_CHARS_MAX,
    PAGE_ROWS_MAX,
    PASSWORD_CHARS_MAX,
    RULES_MAX,
)

__all__ = [
    "NAME_PATTERN",
    "AlertPage",
    "Answer",
    "BoardBody",
    "Body",
    "Command",
    "CommandBody",
    "Cursor",
    "DeclareBody",
    "DeviceBody",
    "DevicePage",
    "EndBody",
    "Health",
    "Id",
    "IdPath",
    "JournalPage",
    "Limit",
    "Moment",
    "Note",
    "Page",
    "Person",
    "Problem",
    "ResolveBody",
    "SecondBody",
    "Sequence",
    "SeriesBody",
    "SessionBody",
    "ShelveBody",
    "SignInBody",
    "TokenBody",
    "WireAlert",
]

COMMAND_PATTERN = f"^[A-Za-z0-9._:-]{{1,{COMMAND_CHARS_MAX}}}$"
NAME_PATTERN = r"^[^\x00-\x1f\x7f]+$"
CURSOR_CHARS = 256


def _written_out(value: Any) -> Any:
    """Numbers are not instants: seconds or milliseconds would be a guess."""
    if isinstance(value, datetime) or (isinstance(value, str) and "T" in value.upper()):
        return value
    raise ValueError("must be RFC 3339, such as 2026-11-22T14:36:08+08:00")


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out)]
IdPath = Annotated[str, Path(pattern=ID_PATTERN, description="Id: 1–64 of A–Z a–z 0–9 _ -")]
Id = Annotated[str, Field(pattern=ID_PATTERN)]
Limit = Annotated[int, Query(ge=1, le=PAGE_ROWS_MAX, description="Rows in the page.")]
Cursor = Annotated[str | None, Query(max_length=CURSOR_CHARS, description="`cursor` of the page before.")]
Sequence = Annotated[int, Query(ge=0, le=2**53 - 1, description="Number of a journal line.")]
Command = Annotated[str | None, Field(pattern=COMMAND_PATTERN)]
Note = Annotated[str, Field(max_length=NOTE_CHARS_MAX)]
Reason = Annotated[str, Field(min_length=1, max_length=NOTE_CHARS_MAX)]
Person = Annotated[str, Field(min_length=1, max_length=ID_CHARS_MAX, pattern=NAME_PATTERN)]


# --- requests -------------------------------------------------------------------------------------------------------
class Body(BaseModel):
    """A request. Members that nobody has written down are refused."""

    model_config = ConfigDict(extra="forbid")


class CommandBody(Body):
    """A wish about an alert. The same `cmd` twice has the effect of once and the same answer."""

    rev: Annotated[int | None, Field(ge=0, le=2**53 - 1)] = None
    """The revision the person saw; another one now answers 409 with the alert as it is."""
    cmd: Command = None
    note: Note = ""


class SecondBody(Body):
    """A second person: another user who may act, and who confirms with its own password or personal token."""

    second: Person | None = None
    second_password: Annotated[str | None, Field(min_length=1, max_length=PASSWORD_CHARS_MAX, repr=False)] = None
    second_token: Annotated[str | None, Field(min_length=1, max_length=PASSWORD_CHARS_MAX, repr=False)] = None


class ShelveBody(CommandBody, SecondBody):
    """Keep from ringing until an instant, at most eight hours away. Life safety needs a second person."""

    until: Moment
    reason: Reason


class ResolveBody(CommandBody, SecondBody):
    """End the record, saying what it was. Calling life safety not real while it holds needs a second person."""

    reason: Literal["resolved", "false_alarm", "test", "maintenance", "duplicate"]


class DeclareBody(SecondBody):
    """Somebody will be at work at a device or place."""

    target: Id
    start: Annotated[Moment, Field(alias="from")]
    until: Moment
    reason: Reason
    rules: Annotated[list[Id], Field(max_length=RULES_MAX)] = []
    purpose: Literal["maintenance", "drill"] = "maintenance"
    cmd: Command = None


class InjectBody(Body):
    """One incident at one device, or at one that chance chooses."""

    incident: Annotated[str, Field(pattern=ID_PATTERN)]
    device: Id | None = None
    params: Annotated[dict[Annotated[str, Field(pattern=ID_PATTERN)], float | bool | str], Field(max_length=20)] = {}


class PlayBody(Body):
    """One scenario."""

    scenario: Annotated[str, Field(pattern=ID_PATTERN)]


class EndBody(Body):
    """The work is done."""

    cmd: Command = None


class SignInBody(Body):
    """Name and password."""

    name: Annotated[Person, Field(validation_alias=AliasChoices("name", "user"))]
    password: Annotated[str, Field(min_length=1, max_length=PASSWORD_CHARS_MAX)]


class TokenBody(Body):
    """What a new personal token is for."""

    label: Annotated[str, Field(min_length=1, max_length=LABEL_CHARS_MAX, pattern=NAME_PATTERN)]


# --- answers --------------------------------------------------------------------------------------------------------
class Answer(BaseModel):
    """An answer. It may have more members than are written down."""

    model_config = ConfigDict(extra="allow")


class Problem(Answer):
    """RFC 9457. `code` is stable and has a translation; `detail` is English for developers."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    params: dict[str, Any]
    current: Any = None
    """With 409: the thing as it is now."""
    errors: list[dict[str, Any]] | None = None


class Page(Answer):
    """A page of a list; `cursor` asks for the next one."""

    items: list[dict[str, Any]]
    cursor: str | None


class Named(Answer):
    """A thing with an id and a name."""

    id: str
    name: Any


class RuleRef(Answer):
    """Which rule spoke."""

    code: str
    ver: int


class WireAlert(Answer):
    """An alert as shown (console.md §14). Codes and parameters, never sentences; times with offset."""

    id: str
    no: str
    level: Annotated[int, Field(ge=1, le=4)]
    kind: str
    domain: str
    params: dict[str, Any]
    state: Literal["unacked", "acked", "rtn_unacked", "rtn_latched", "closed"]
    rev: int
    raised_at: datetime
    device_at: datetime | None
    cleared_at: datetime | None
    acked_by: str | None
    acked_at: datetime | None
    due_at: datetime | None
    compound: Named
    value: float | None
    limit: float | None
    trend: list[float]
    rule: RuleRef
    flags: list[str]


class AlertPage(Answer):
    """A page of alerts, newest onset first."""

    items: list[WireAlert]
    cursor: str | None


class Health(Answer):
    """Figures of the board's strip."""

    online: int
    devices: int
    offline: int
    rate10: int
    rate_strip: list[int]
    flood: bool
    oldest_unacked: datetime | None
    overdue_orders: int
    broker: bool
    storing: bool
    last_data_at: datetime | None


class BoardBody(Answer):
    """All open alerts at one line of the journal; the stream goes on from there."""

    store: str
    seq: int
    now: datetime
    alerts: list[WireAlert]
    counts: dict[str, Any]
    shift: dict[str, Any]
    health: Health


class SeriesBody(Answer):
    """Columnar time series: `t` in epoch milliseconds, one list for each signal, null where not reported."""

    t: list[int]
    v: dict[str, list[float | None]]
    sampled: bool
    start: Annotated[datetime, Field(alias="from")]
    until: datetime
    signals: dict[str, Any]


class Liveness(Answer):
    """Whether a device speaks."""

    state: str
    since: datetime | None
    heard: datetime | None


class DeviceBody(Answer):
    """A device, whether it speaks, and what it last said."""

    id: str
    kind: str
    compound: str
    place: str
    liveness: Liveness
    values: dict[str, Any]


class DevicePage(Answer):
    """A page of devices by id."""

    items: list[DeviceBody]
    cursor: str | None


class JournalLine(Answer):
    """One fact."""

    seq: int
    at: datetime
    actor: str
    kind: str
    event: dict[str, Any]
    alert: str | None
    cmd: str | None


class JournalPage(Answer):
    """Lines of the journal in order; `after` for the next page is the last `seq`."""

    items: list[JournalLine]
    seq: int


class User(Answer):
    """Who is signed in."""

    name: str
    roles: list[str]
    rights: list[str]
    may_act: bool
    organisation: str | None
    compounds: list[str] | None
    """Where it may look and act; null: everywhere."""
    kinds: list[str] | None
    """Of which device kinds; null: of all."""


class SessionBody(Answer):
    """A session. Writes with its cookie must carry `csrf` in the header X-Anju-CSRF."""

    user: User
    csrf: str | None
    expires_at: datetime | None
