"""How a fact becomes a line of the journal and back, and how the lines hang together.

Any program can check the chain: a line's hash is SHA-256 over the 32 bytes of the previous hash, then a JSON array
``[seq,at_ms,actor,kind,alert_id,cmd,length of body,length of alert_after or null]`` without spaces, a line feed, the
bytes of `body` and the bytes of `alert_after`. Before the first line stands SHA-256 of ``anju:`` and the store's id.
"""

import hashlib
from typing import Any, Final

import msgspec

from alerts.alert import Alert
from alerts.decision import Entry
from alerts.events import AlertRaised, AlertReturned, ConditionReoccurred, Event, SeverityChanged
from alerts.intents import Notify

__all__ = [
    "ORDER_KINDS",
    "Line",
    "alert_of",
    "alert_row",
    "encode",
    "event_of",
    "event_time",
    "genesis",
    "intent_of",
    "line_after",
    "line_hash",
    "numbered",
]

ORDER_KINDS: Final = "order."
"""Lines about work orders are of kinds that begin so."""
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_EVENT: Final = msgspec.json.Decoder(Event)
_ALERT: Final = msgspec.json.Decoder(Alert)
_INTENT: Final = msgspec.json.Decoder(Notify)

encode = _ENCODER.encode
"""Canonical JSON: fields in order of declaration, keys of maps sorted, no spaces, UTF-8."""
alert_of = _ALERT.decode
intent_of = _INTENT.decode


class Line(msgspec.Struct, frozen=True, gc=False):
    """A line as stored: one column each."""

    seq: int
    at_ms: int
    actor: str
    kind: str
    alert_id: str | None
    cmd: str | None
    body: bytes
    alert_after: bytes | None
    prev_hash: bytes
    hash: bytes


def genesis(store: str) -> bytes:
    """What the first line of `store` points back to: lines of another store do not fit."""
    return hashlib.sha256(f"anju:{store}".encode()).digest()


def line_after(seq: int, prev_hash: bytes, entry: Entry) -> Line:
    """The line for `entry` behind line `seq`."""
    event = entry.event
    about = entry.alert or entry.order
    alert_id = about.id if about is not None else getattr(event, "alert_id", None)
    kind = str(event.__struct_config__.tag)
    body = encode(event)
    after = encode(about) if about is not None else None
    at_ms, actor, cmd = entry.at_ms, entry.actor, entry.cmd
    digest = line_hash(prev_hash, seq + 1, at_ms, actor, kind, alert_id, cmd, body, after)
    return Line(seq + 1, at_ms, actor, kind, alert_id, cmd, body, after, prev_hash, digest)


def line_hash(  # noqa: PLR0913, PLR0917 - one argument for each thing that is sealed
    prev_hash: bytes,
    seq: int,
    at_ms: int,
    actor: str,
    kind: str,
    alert_id: str | None,
    cmd: str | None,
    body: bytes,
    after: bytes | None,
) -> bytes:
    """The seal of a line. The lengths in the header keep bytes from moving between the two documents unnoticed."""
    header = encode([seq, at_ms, actor, kind, alert_id, cmd, len(body), None if after is None else len(after)])
    return hashlib.sha256(b"".join((prev_hash, header, b"\n", body, after or b""))).digest()


def event_of(body: bytes) -> Any:
    """The event of a line; a plain dict for a kind or form that this version does not know (any more)."""
    try:
        return _EVENT.decode(body)
    except msgspec.ValidationError:
        return msgspec.json.decode(body)


def event_time(event: Event) -> int | None:
    """Event time (epoch ms) of a finding; None for what is not the outcome of judging a reading."""
    if isinstance(event, AlertRaised):
        return event.alert.last_occurrence_ms or event.alert.onset_ms
    if isinstance(event, ConditionReoccurred | SeverityChanged | AlertReturned):
        return event.at_ms
    return None


def alert_row(seq: int, body: bytes, alert: Alert | None = None) -> tuple[Any, ...]:
    """The row of the alerts table that line `seq` leaves behind; `alert` is what `body` encodes, if at hand."""
    a = alert or alert_of(body)
    day, number = numbered(a.no)
    return (
        a.id, a.no, day, number, a.rule, a.target, a.target_kind, a.kind, a.open, a.severity, str(a.state), a.compound,
        a.place, a.device, a.onset_ms, a.raised_ms, a.changed_ms, a.closed_ms, a.rev, seq, body,
        "drill" in a.flags,
    )  # fmt: skip


def numbered(no: str) -> tuple[str, int]:
    """``GJ-20261122-0187`` → (``20261122``, 187); what has another form counts for no day."""
    parts = no.rsplit("-", 2)
    if len(parts) == 3 and len(parts[1]) == 8 and parts[2].isdecimal():
        return parts[1], int(parts[2])
    return "", 0
