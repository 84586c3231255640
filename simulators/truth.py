"""What really happened: the yardstick by which alerting is judged. Published beside the device tree, never in it."""

from typing import Any, Final

from msgspec import Struct, field

__all__ = ["TRUTH_TOPIC", "Expectation", "Truth"]

TRUTH_TOPIC: Final = "anju/sim/v1/truth"


class Expectation(Struct, frozen=True, gc=False):
    """An alert that an incident must (or must not) lead to."""

    rule: str
    """Rule id of domain.md §7."""
    target: str
    """What the alert is about: id of a device, a gateway (itself a device), an alarm zone or a compound."""
    within_s: float | None = None
    """Event time from the incident's beginning by which it must be open; None where it must never open."""
    severity: int | None = None
    """Gravest severity it must reach; None: the rule's own."""


class Truth(Struct, kw_only=True):
    """One incident: what, where, from when to when, and what alerting owes."""

    id: str
    what: str
    """Name in `simulators.incidents.INCIDENTS`."""
    device: str
    compound: str
    zone: str | None = None
    from_ms: int
    to_ms: int | None = None
    """None while it lasts."""
    must_raise: list[Expectation] = field(default_factory=list)
    may_raise: list[Expectation] = field(default_factory=list)
    """Consequences that are right but not owed: symptoms that inhibition may hide, statistics over weeks."""
    must_not_raise: list[Expectation] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)
    devices: list[str] = field(default_factory=list)
    """Every device that behaves differently because of it."""
    life_safety: bool = False
    """True where somebody's life is at stake."""
