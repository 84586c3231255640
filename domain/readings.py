"""What a device said, once: the unit that is stored and judged."""

from enum import IntFlag

from msgspec import Struct

from domain.kinds import Values

__all__ = ["Batch", "DeadLetter", "DeviceEvent", "Quality", "Reading", "StateReport"]


class Quality(IntFlag):
    """Marks the gate leaves on a reading. Stored as one integer; 0 is a reading without blemish."""

    LATE = 1
    """Older than what the device had already said, within the lateness bound: judged where a rule allows."""
    STALE = 2
    """Beyond the lateness bound: stored, never judged."""
    SKEWED = 4
    """Device clock and receive time differ by more than `SKEW_WARN_MS`."""
    RESTAMPED = 8
    """The device gave no time, or one that cannot be right: receive time stands in."""
    IMPLAUSIBLE = 16
    """At least one value was outside its physical range and has been dropped (kept raw as a dead letter)."""
    UNKNOWN_KEYS = 32
    """The payload had keys the contract does not know: ignored, counted."""
    BACKFILL = 64
    """Sent after the fact by a device that was cut off; nobody is called for it when older than `FRESH_MS_MAX`."""
    GAP = 128
    """At least one sequence number before this one has not arrived."""
    CLOCK_SET = 256
    """The device's clock was set back before this reading: it is the newest word of the device although older ones
    bear later times. From here on the device's instants are counted anew."""
    RETAINED = 512
    """The broker kept it and sent it because we subscribed: it says nothing about whether the device is there now."""


class DeviceEvent(Struct, frozen=True, gc=False):
    """A discrete thing a device reports. `(scheme, code)` stay together: the same number differs between schemes."""

    kind: str
    """Canonical event kind, e.g. ``entrapment`` (domain.md §2.3)."""
    scheme: str = ""
    code: str = ""
    raw: str = ""
    """The vendor's or standard's bytes in hexadecimal, as evidence."""
    confidence: float | None = None
    """0…1, for camera events."""


class Reading(Struct, frozen=True, gc=False):
    """One device at one instant. Times are epoch milliseconds, UTC."""

    device: str
    kind: str
    """Device kind: a key of `domain.kinds.KINDS`."""
    ts_ms: int
    """Event time by the device's clock (or receive time, see `Quality.RESTAMPED`). Rules live in event time."""
    received_ms: int
    values: Values | None = None
    event: DeviceEvent | None = None
    seq: int | None = None
    boot: str | None = None
    digest: int = 0
    """`payload_digest` of the packet where the device sends no `seq`; otherwise 0."""
    quality: int = 0
    """`Quality` bits."""


class StateReport(Struct, frozen=True, gc=False):
    """A retained `state` message: a device or gateway came online or (usually by Last Will) went offline."""

    device: str
    online: bool
    ts_ms: int
    """When it was said; for ``offline`` the time of receipt, because a Last Will was written long before."""
    received_ms: int
    retained: bool = False
    """The broker kept it and sent it because we subscribed: of any age, so nobody has been heard."""


class DeadLetter(Struct, frozen=True, gc=False):
    """A packet, or a part of one, that was refused: what it was, why, and the raw bytes."""

    topic: str
    reason: str
    """A name from `ingest.outcomes.Outcome`."""
    detail: str
    """English, one line: what was wrong and what would have been right."""
    raw: bytes
    """At most `DEAD_LETTER_BYTES_MAX` bytes."""
    received_ms: int
    device: str | None = None


class Batch(Struct, frozen=True):
    """What intake hands to the station: stored, judged and answered as one. Order is the order of arrival."""

    readings: list[Reading]
    states: list[StateReport]
    dead: list[DeadLetter]
    received_ms: int
    """Receive time of the newest packet: the station's `now` for this input."""
    number: int
    """Rises by one with every batch of this store; telemetry rows carry it, so that a replay knows where to begin."""
    gate: bytes | None = None
    """The gate's memory after this batch, when a checkpoint is due: the station stores it with its own."""
