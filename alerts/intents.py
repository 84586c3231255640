"""Work owed to the world, in the imperative. Stored in the outbox in the same transaction as the facts behind it."""

from typing import Any

from msgspec import Struct, field

__all__ = ["Notify"]


class Notify(Struct, frozen=True, tag="notify"):
    """Tell somebody about a change of an alert. `key` is made of what it is about: a receiver can drop doubles."""

    key: str
    """``{alert}:{rev}:{channel}``."""
    channel: str
    """``mqtt`` or ``console``; further channels come with dispatch."""
    alert_id: str
    rev: int
    severity: int
    reason: str
    """Why this is sent: the rule's table, a re-alarm, an all-clear …"""
    ring: bool = True
    """False: for screens and records only; nobody is called (suppressed, late, a note, an all-clear)."""
    body: dict[str, Any] = field(default_factory=dict)
    about: str = "alert"
    """``alert`` or ``order``; `alert_id` and `rev` are then those of the order."""
