"""The alert: one rule × one target, from onset to closing. Replaced on change, never changed in place."""

from enum import StrEnum
from typing import Any

from msgspec import Struct, field

__all__ = ["Alert", "AlertState", "Clue", "Evidence", "Occurrence", "Suppression"]


class AlertState(StrEnum):
    """ISA-18.2 alarm states. Suppression is not a state: see `Alert.suppressed`."""

    UNACKNOWLEDGED = "unacked"
    """The condition holds and nobody has acknowledged it."""
    ACKNOWLEDGED = "acked"
    """The condition holds and a person has taken it on."""
    RETURNED_UNACKNOWLEDGED = "rtn_unacked"
    """The condition has gone, but nobody has acknowledged that it was there (已恢复待确认)."""
    RETURNED_LATCHED = "rtn_latched"
    """Acknowledged and gone, but the rule is latching: a person must verify and close (已恢复待复核)."""
    CLOSED = "closed"
    """Normal: the record has ended. A new breach opens a new alert that links to this one."""


class Clue(Struct, frozen=True, gc=False, array_like=True):
    """One part of a condition and what it came to."""

    depth: int
    """0 for the whole."""
    join: str
    """``all``, ``any``, ``not``, ``hold`` or ``types`` for what the deeper lines after it are joined by; else empty."""
    text: str
    """In words of the pack; the duration of a ``hold``, the types of ``types``."""
    truth: bool | None
    """None: unknown, for want of data or because it was not looked at."""


class Evidence(Struct, frozen=True):
    """Why the rule spoke: enough for a person to check the machine."""

    rule: str
    rule_version: int
    condition: str
    """The condition as written in the pack, e.g. ``temp_socket >= 70 for 10s``."""
    inputs: dict[str, Any] = field(default_factory=dict)
    """Signal or event → the value that was judged."""
    params: dict[str, Any] = field(default_factory=dict)
    """Thresholds in force for this target, after overrides."""
    overrides: dict[str, str] = field(default_factory=dict)
    """Parameter → where its value came from when not the pack: ``device:…`` or ``compound:…``."""
    window_from_ms: int | None = None
    window_until_ms: int | None = None
    samples: list[tuple[int, float]] = field(default_factory=list)
    """(event time ms, value) of the main signal in the window; at most `EVIDENCE_SAMPLES_MAX`."""
    clues: list[Clue] = field(default_factory=list)
    """Each part of the condition and what it came to; empty for a condition without parts."""
    sources: list[str] = field(default_factory=list)
    """Devices whose readings counted; more than one for correlations."""


class Occurrence(Struct, frozen=True, gc=False):
    """One time the condition came (again) while the alert was open."""

    at_ms: int
    severity: int
    value: float | None = None
    source: str | None = None


class Suppression(Struct, frozen=True, gc=False):
    """A reason why the alert is kept from ringing; computed beside the state. The alert stays open."""

    by: str
    """``shelved``, ``maintenance``, ``inhibited``, ``superseded`` or ``flapping``."""
    reason: str
    until_ms: int | None = None
    actor: str | None = None
    second: str | None = None
    """The second person, where a life-safety alert is concerned."""
    ref: str | None = None
    """The maintenance window, the alert or gateway that inhibits, or the alert that speaks for this one."""


class Alert(Struct, frozen=True):
    """An alert as stored, journalled and shown. Codes and parameters, never sentences. Times are epoch ms."""

    id: str
    no: str
    """Number for people: ``GJ-20261122-0187``."""
    rule: str
    rule_version: int
    target: str
    """Device id, or place id for rules over a zone or compound."""
    target_kind: str
    """``device``, ``zone``, ``compound`` …"""
    kind: str
    """Device kind the rule speaks of: elevator, fire, ebike, gateway."""
    severity: int
    state: AlertState
    rev: int
    """Rises by one with each journalled change; commands name the one they saw."""
    onset_ms: int
    """Event time of the breach that opened it."""
    raised_ms: int
    """Receive time at which Anju judged it."""
    compound: str
    place: str
    device: str | None = None
    """The device that triggered it (for place targets: the latest source)."""
    code: str = ""
    """What happened, as a translation key: ``EB-03``; parameters in `params`."""
    params: dict[str, Any] = field(default_factory=dict)
    value: float | None = None
    signal: str | None = None
    limit: float | None = None
    direction: str | None = None
    """``high`` or ``low``: on which side of the limit trouble lies."""
    evidence: Evidence | None = None
    latching: bool = False
    life_safety: bool = False
    card: str | None = None
    """Response card (处置卡) id."""
    recipients: list[str] = field(default_factory=list)
    """Organisation kinds of the rule's table, first handlers first."""
    flags: list[str] = field(default_factory=list)
    """``late``, ``drill``, ``simulated``, ``flapping``, ``unverified`` …"""
    occurrences: int = 1
    last_occurrence_ms: int = 0
    history: list[Occurrence] = field(default_factory=list)
    """The latest occurrences, oldest first; at most `OCCURRENCES_KEPT_MAX`."""
    cleared_ms: int | None = None
    """Event time at which the condition was last seen to be gone; None while it holds or is unknown."""
    acked_by: str | None = None
    acked_ms: int | None = None
    due_ms: int | None = None
    """When it should have been acknowledged (domain.md §5.3)."""
    closed_ms: int | None = None
    closed_by: str | None = None
    close_reason: str | None = None
    """``returned``, ``resolved``, ``false_alarm``, ``test``, ``superseded`` …"""
    previous: str | None = None
    """Id of the last alert of the same rule and target."""
    cause: str | None = None
    """Id of the alert this one follows from (cause + symptoms are shown as one row)."""
    suppressed: list[Suppression] = field(default_factory=list)
    notes: int = 0
    verify_ms: int | None = None
    """When it becomes graver unless somebody acknowledges it first (`RuleInfo.verify_s`)."""
    marks: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Source (device id, or ``clock``) → (event time of the reading behind its last journalled finding, how many
    findings it gave at that instant). Judging such a reading again has no effect; carried on to the next alert."""
    changed_ms: int = 0
    """Receive time of the latest journalled change."""

    @property
    def vital(self) -> bool:
        """True when neither one person alone nor its own restlessness may silence it: life safety, or severity 1."""
        return self.life_safety or self.severity == 1

    @property
    def open(self) -> bool:
        """True until the record has ended."""
        return self.state is not AlertState.CLOSED
