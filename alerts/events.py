"""Facts for the journal, in the past tense. The alert as it stands afterwards is stored beside each one."""

from typing import Any, Literal

from msgspec import Struct, field

from alerts.alert import Alert, Evidence, Suppression
from alerts.orders.events import OrderEvent, OrderOpened

__all__ = [
    "AccessRefused",
    "AlertAcknowledged",
    "AlertClosed",
    "AlertEvent",
    "AlertRaised",
    "AlertReturned",
    "AlertSuppressed",
    "AlertUnsuppressed",
    "ConditionReoccurred",
    "Event",
    "LivenessChanged",
    "MaintenanceDeclared",
    "MaintenanceEnded",
    "NoteAdded",
    "OrderEvent",
    "OrderOpened",
    "PersonChanged",
    "RegistryImported",
    "RulesLoaded",
    "SeverityChanged",
    "SignedIn",
    "SimulationCommanded",
    "StorageChanged",
]


class AlertRaised(Struct, frozen=True, tag="alert.raised"):
    """A rule found a breach at a target without an open alert."""

    alert: Alert


class ConditionReoccurred(Struct, frozen=True, tag="alert.reoccurred"):
    """The condition came again while the alert was open. Re-alarms (back to unacknowledged) where it had returned."""

    alert_id: str
    at_ms: int
    severity: int
    value: float | None = None
    source: str | None = None
    evidence: Evidence | None = None
    drill: bool = False
    """It came within a drill: what is no exercise ends the mark of one."""


class SeverityChanged(Struct, frozen=True, tag="alert.severity"):
    """A graver (or, after a clear of the graver level, milder) level of the same rule holds now."""

    alert_id: str
    severity: int
    at_ms: int
    why: str = ""
    evidence: Evidence | None = None
    value: float | None = None
    limit: float | None = None
    drill: bool = False
    """See `ConditionReoccurred.drill`."""


class AlertReturned(Struct, frozen=True, tag="alert.returned"):
    """Readings show the condition to be gone. Silence never does."""

    alert_id: str
    at_ms: int
    value: float | None = None


class AlertAcknowledged(Struct, frozen=True, tag="alert.acked"):
    """A person has taken the alert on."""

    alert_id: str
    note: str = ""


class AlertClosed(Struct, frozen=True, tag="alert.closed"):
    """The record has ended."""

    alert_id: str
    reason: str
    note: str = ""
    second: str | None = None
    """Who confirmed that a life-safety alert whose condition holds is not real."""


class AlertSuppressed(Struct, frozen=True, tag="alert.suppressed"):
    """The alert is kept from ringing, with a reason; it stays open."""

    alert_id: str
    suppression: Suppression
    note: str = ""


class AlertUnsuppressed(Struct, frozen=True, tag="alert.unsuppressed"):
    """A reason not to ring has ended. `why`: ``expired``, ``unshelved``, ``window_ended``, ``source_back`` etc."""

    alert_id: str
    by: str
    why: str


class NoteAdded(Struct, frozen=True, tag="alert.note"):
    """A person wrote something down."""

    alert_id: str
    note: str


class MaintenanceDeclared(Struct, frozen=True, tag="maintenance.declared"):
    """Somebody is at work, or holds a drill, at a place or device from one instant to another."""

    window: str
    target: str
    from_ms: int
    until_ms: int
    reason: str
    rules: list[str] = field(default_factory=list)
    """Rule ids concerned; empty means all that are not life safety."""
    second: str | None = None
    actor: str = ""
    """Who declared it."""
    purpose: Literal["maintenance", "drill"] = "maintenance"
    """Maintenance keeps alerts from ringing. A drill lets them ring and marks them: they are counted in no figure."""


class MaintenanceEnded(Struct, frozen=True, tag="maintenance.ended"):
    """A maintenance window ended, by time or by hand."""

    window: str
    why: str


class LivenessChanged(Struct, frozen=True, tag="liveness.changed"):
    """Devices moved to another liveness state together."""

    state: str
    devices: list[str]
    why: str
    at_ms: int


class RegistryImported(Struct, frozen=True, tag="registry.imported"):
    """The registry was changed by an import."""

    version: int
    added: int
    changed: int
    removed: int
    source: str


class RulesLoaded(Struct, frozen=True, tag="rules.loaded"):
    """Rule packs took effect."""

    digest: str
    rules: int
    source: str


class SignedIn(Struct, frozen=True, tag="session.signed_in"):
    """A person or program proved who it is (or failed to, with the reason)."""

    user: str
    ok: bool
    origin: str
    detail: dict[str, Any] = field(default_factory=dict)


class AccessRefused(Struct, frozen=True, tag="access.refused"):
    """Somebody who had signed in asked for what it may not do, or may not know of."""

    what: str
    """Method and address."""
    code: str
    """Why: the code it was answered with, or ``scope.hidden`` where it was told that there is no such thing."""
    origin: str


class PersonChanged(Struct, frozen=True, tag="person.changed"):
    """An account was made, changed or ended. Passwords and addresses of people are never in the journal."""

    person: str
    what: Literal["made", "changed", "password", "removed"]
    roles: list[str] = field(default_factory=list)
    organisation: str | None = None
    places: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    active: bool = True


class SimulationCommanded(Struct, frozen=True, tag="simulation.commanded"):
    """A person let something happen in the simulated world, or ended it."""

    what: Literal["inject", "play", "stop"]
    name: str
    """The incident, the scenario or the run."""
    device: str | None = None
    run: str | None = None


class StorageChanged(Struct, frozen=True, tag="storage.changed"):
    """The time series can no longer be written, or can again. Alerts go on meanwhile, but within bounds."""

    storing: bool
    why: str = ""


AlertEvent = (
    AlertRaised
    | ConditionReoccurred
    | SeverityChanged
    | AlertReturned
    | AlertAcknowledged
    | AlertClosed
    | AlertSuppressed
    | AlertUnsuppressed
    | NoteAdded
)
Event = (
    AlertEvent
    | OrderOpened
    | OrderEvent
    | MaintenanceDeclared
    | MaintenanceEnded
    | LivenessChanged
    | RegistryImported
    | RulesLoaded
    | SignedIn
    | AccessRefused
    | PersonChanged
    | SimulationCommanded
    | StorageChanged
)
