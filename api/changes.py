"""Changes of the board in the live protocol (console.md §14): in one place for what is live and what is resumed."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from alerts.alert import AlertState
from alerts.events import AlertClosed, AlertRaised
from api.encode import to_json

__all__ = ["TOPICS", "changed", "live", "order_changed"]

TOPICS: Final = ("alert", "order", "health")
"""What a client may choose from."""


def changed(
    seq: int,
    event: Any,
    wire: Mapping[str, Any],
    patch: Mapping[str, Any],
    cmd: str | None,
) -> bytes:
    """The encoded change for journal line `seq`.

    `wire` is the alert as it stands after the line, `patch` what of it differs from before (the whole wire form where
    before is not known: applying it twice does no harm).
    """
    if isinstance(event, AlertRaised):
        return to_json({"s": seq, "t": "alert.raised", "a": wire})
    if isinstance(event, AlertClosed) or wire["state"] == AlertState.CLOSED.value:
        why = event.reason if isinstance(event, AlertClosed) else "closed"
        return to_json({"s": seq, "t": "alert.gone", "id": wire["id"], "why": why, "cmd": cmd})
    return to_json({"s": seq, "t": "alert.set", "id": wire["id"], "rev": wire["rev"], "p": patch, "cmd": cmd})


def order_changed(seq: int, wire: Mapping[str, Any], cmd: str | None) -> bytes:
    """The encoded change of a work order: always the whole of it."""
    word = "gone" if wire["closed_at"] else "created" if wire["rev"] == 1 else "set"
    return to_json({"s": seq, "t": f"order.{word}", "id": wire["id"], "o": wire, "cmd": cmd})


def live(seq: int, wire: Mapping[str, Any], names: Iterable[str]) -> bytes:
    """Members of an open alert that change without a journal line (decision 4), above all ``value`` and ``trend``.

    `seq` is the position it is sent at; a live change does not advance it.
    """
    members = {name: wire[name] for name in sorted(names)}
    return to_json(
        {"s": seq, "t": "alert.set", "id": wire["id"], "rev": wire["rev"], "p": members, "cmd": None, "live": True}
    )
