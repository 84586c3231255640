"""What may come in. Readings, operators, timers and imports all end in `Desk.submit`: there is no second path."""

from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct, field

from alerts.events import Event
from alerts.orders.commands import OpenOrder, StepOrder
from alerts.orders.events import OrderOpened
from domain.ids import payload_digest
from domain.readings import Batch
from domain.registry import Registry

__all__ = [
    "Acknowledge",
    "AddNote",
    "AdoptRegistry",
    "Answered",
    "Command",
    "DeclareMaintenance",
    "EndMaintenance",
    "Input",
    "Record",
    "Resolve",
    "Shelve",
    "Tick",
    "Unshelve",
    "answered",
]


class Answered(NamedTuple):
    """What is remembered of a command that had its effect: whoever sends it again gets its answer, nobody else."""

    alert_id: str
    """Empty if it was not about an alert."""
    kind: str
    """Tag of the event it led to."""
    actor: str
    digest: int
    """Of that event with all it says: the same id with another reason or another time is another command."""


def answered(event: Event, actor: str) -> Answered:
    """What is remembered of a command by `actor` that leads, or led, to `event`."""
    if isinstance(event, OrderOpened) and event.asked is not None:
        event = event.asked  # the order itself has a number and a time that no repetition could know
    digest = payload_digest(msgspec.json.encode(event))
    return Answered(getattr(event, "alert_id", ""), str(event.__struct_config__.tag), actor, digest)


class Command(Struct, frozen=True, kw_only=True):
    """A person's wish about an alert. Judged against the alert as it is when its turn comes."""

    alert_id: str
    actor: str
    """Who: the user's name, as signed in."""
    rev: int | None = None
    """The revision the person saw; None means whatever it is now."""
    cmd: str | None = None
    """The client's id of this command: the same one twice has the effect of once and the same answer."""
    note: str = ""


class Acknowledge(Command, frozen=True, kw_only=True):
    """I have seen it and take it on."""


class Shelve(Command, frozen=True, kw_only=True):
    """Keep it from ringing for a while. Never for severity 1; at most `SHELVE_MS_MAX`; a reason is required.

    A life-safety alert needs `second`, a second person's name.
    """

    until_ms: int
    reason: str
    second: str | None = None


class Unshelve(Command, frozen=True, kw_only=True):
    """Let it ring again."""


class Resolve(Command, frozen=True, kw_only=True):
    """End the record. Refused while the condition still holds unless `reason` says why it is not real.

    While the condition of a life-safety alert holds, that needs `second`, a second person's name: the alert would stay
    silent for as long as it holds.
    """

    reason: str
    """``resolved``, ``false_alarm``, ``test``, ``maintenance`` or ``duplicate``."""
    second: str | None = None


class AddNote(Command, frozen=True, kw_only=True):
    """Write something down beside the alert."""


class DeclareMaintenance(Struct, frozen=True, kw_only=True):
    """Somebody will be at work at `target` (device or place). Never mutes life safety without a second person.

    For a drill nothing is muted: see `alerts.events.MaintenanceDeclared.purpose`.
    """

    window: str
    target: str
    from_ms: int
    until_ms: int
    reason: str
    actor: str
    second: str | None = None
    rules: list[str] = field(default_factory=list)
    purpose: Literal["maintenance", "drill"] = "maintenance"
    cmd: str | None = None


class EndMaintenance(Struct, frozen=True, kw_only=True):
    """The work is done."""

    window: str
    actor: str
    cmd: str | None = None


class Tick(Struct, frozen=True):
    """Time has passed: deadlines, missing data, the end of shelving."""


class AdoptRegistry(Struct, frozen=True):
    """The registry has a new version; judge by it from now on. `record` goes to the journal with it."""

    registry: Registry
    actor: str
    record: Event


class Record(Struct, frozen=True):
    """A fact from outside the alerts that belongs in the journal (a sign-in, a loaded rule pack)."""

    event: Event
    actor: str


Input = (
    Batch
    | Acknowledge
    | Shelve
    | Unshelve
    | Resolve
    | AddNote
    | DeclareMaintenance
    | EndMaintenance
    | Tick
    | AdoptRegistry
    | Record
    | OpenOrder
    | StepOrder
)
