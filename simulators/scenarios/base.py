"""What a scenario is, once read: when, where, what goes wrong at which time, and what alerting owes for it."""

from typing import Any

from msgspec import Struct, field

from domain.places import Name
from domain.registry import Registry
from simulators.wire import WireFaults

__all__ = ["Declared", "Owed", "Scenario", "Step", "Where"]


class Where(Struct, frozen=True, kw_only=True):
    """Which devices a step may happen to: all that is said must be so. Nothing said: any, chosen by the seed."""

    device: str | None = None
    place: str | None = None
    """Declarations only: a place of the registry."""
    type: str | None = None
    """Device type of the registry: ``lift``, ``smoke``, ``port`` …"""
    compound: str | None = None
    zone: str | None = None
    nth: int | None = None
    """Of all devices for which the rest is so, in the registry's order, the one with this number, from 0. A repeated
    step begins there and goes on in that order."""
    like: str | None = None
    """The device of an earlier step, by its label."""

    @property
    def filters(self) -> bool:
        """True if something is said of what the device is like."""
        return any(one is not None for one in (self.type, self.compound, self.zone))


class Step(Struct, frozen=True, kw_only=True):
    """One line of the timeline."""

    at_s: float
    what: str
    """An incident, ``maintenance``, ``drill`` or ``stop``."""
    label: str
    """Its own, or one made from the line; of what it stops for ``stop``."""
    where: Where = field(default_factory=Where)
    params: dict[str, Any] = field(default_factory=dict)
    times: int = 1
    every_s: float = 0.0
    file: str = ""
    line: int = 0


class Declared(Struct, frozen=True, kw_only=True):
    """Work or an exercise that people announce beforehand. The simulator only says so; whoever runs it declares it."""

    label: str
    purpose: str
    """``maintenance`` or ``drill``."""
    target: str
    """Device or place."""
    from_s: float
    until_s: float
    reason: str
    actor: str
    second: str | None = None
    """A second person, needed where life-safety rules are muted."""
    rules: tuple[str, ...] = ()
    """Rules that it covers; none: all that may be."""


class Owed(Struct, frozen=True, kw_only=True):
    """An alert that must come, may come, or must not."""

    rule: str
    target: str | None = None
    """A device, zone, gateway or compound; or a label, or a label and ``.zone``, ``.gateway`` or ``.compound``. None:
    any."""
    label: str | None = None
    """The step whose device `target` stands for."""
    side: str = "device"
    """What of that step's device is meant: ``device``, ``zone``, ``gateway`` or ``compound``."""
    within_s: float | None = None
    """From the beginning of the labelled incident, or else of the scenario."""
    severity: int | None = None
    muted: bool | None = None
    """True: it is open but rings nobody when it comes, because of declared maintenance; None: no matter."""
    drill: bool | None = None
    """True: it is marked as an exercise; None: no matter."""
    file: str = ""
    line: int = 0


class Scenario(Struct, frozen=True, kw_only=True):
    """A scenario with all that it includes: everything is resolved but chance."""

    name: str
    title: Name
    about: Name
    file: str
    start_ms: int
    lasts_s: float
    district: str
    """Name in `simulators.district.named.DISTRICTS`, or a path."""
    compounds: tuple[str, ...]
    """Only these of the district; none: all."""
    seed: int
    wire: WireFaults
    steps: tuple[Step, ...]
    declares: tuple[Declared, ...]
    must: tuple[Owed, ...]
    may: tuple[Owed, ...]
    must_not: tuple[Owed, ...]
    registry: Registry
    """The district itself."""
