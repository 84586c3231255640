"""What one input led to. The station commits it, then lets the engine apply it."""

from typing import Any

from msgspec import Struct, field

from alerts.alert import Alert
from alerts.events import Event
from alerts.intents import Notify
from domain.errors import AnjuError
from domain.orders import WorkOrder

__all__ = ["Answer", "Decision", "Entry", "ValueUpdate"]

Answer = Alert | WorkOrder | None
"""What a command is answered with: the alert or the order it was about, as it stands afterwards."""


class Entry(Struct, frozen=True):
    """One line for the journal: the fact, who caused it, and the alert as it stands afterwards (if it is about one)."""

    event: Event
    actor: str
    """User name, ``rule:EB-03``, ``clock`` or ``system``."""
    at_ms: int
    """Receive time of the input that led to it."""
    alert: Alert | None = None
    cmd: str | None = None
    order: WorkOrder | None = None
    """The work order as it stands afterwards, if the fact is about one."""


class ValueUpdate(Struct, frozen=True, gc=False):
    """A newer value of the main signal of an open alert. Shown live, not journalled."""

    alert_id: str
    value: float
    at_ms: int


class Decision(Struct):
    """Everything that follows from one input. Nothing has happened yet."""

    entries: list[Entry] = field(default_factory=list)
    intents: list[Notify] = field(default_factory=list)
    values: list[ValueUpdate] = field(default_factory=list)
    answer: Answer = None
    """For a command."""
    refusal: AnjuError | None = None
    """For a command: why it has no effect."""
    memory: Any = None
    """Changes to the engine's working memory; only `evolve` looks inside."""
