"""What every incident offers: where it can happen, what it owes to alerting, and how it goes."""

import math
import random
from typing import Any, ClassVar

import msgspec

from domain.errors import Invalid
from domain.registry import Registry
from simulators.devices.base import Model
from simulators.kernel import Kernel, Process, Script
from simulators.truth import Expectation, Truth

__all__ = ["Chronicle", "Incident", "Site", "forbid", "owe"]


class Site:
    """What an incident may reach."""

    def __init__(self, registry: Registry, kernel: Kernel, models: dict[str, Model], rng: random.Random) -> None:
        self.registry = registry
        self.kernel = kernel
        self.models = models
        self.rng = rng
        self._zones: dict[str, list[Model]] = {}
        for model in models.values():
            if model.device.zone is not None:
                self._zones.setdefault(model.device.zone, []).append(model)

    def online(self, model: Model) -> bool:
        """True while what `model` says is heard."""
        return (model.device.gateway or model.device.id) not in self.kernel.silent

    def zone_mates(self, model: Model, kind: str) -> list[Model]:
        """Other devices of type `kind` in the same alarm zone."""
        return [other for other in self.in_zone(model) if other is not model and other.device.type == kind]

    def in_zone(self, model: Model) -> list[Model]:
        """All devices of its alarm zone, itself among them; none where it has no zone."""
        return [] if model.device.zone is None else self._zones.get(model.device.zone, [])

    def panel(self, model: Model) -> Model | None:
        """The fire alarm panel of the compound."""
        compound = model.device.compound
        panels = (one for one in self.models.values() if one.device.type == "panel")
        return next((one for one in panels if one.device.compound == compound), None)


class Chronicle:
    """Writes the truth of one incident while it happens, and tells the world's listeners."""

    def __init__(self, kernel: Kernel, truth: Truth, held: list[Model]) -> None:
        self.kernel = kernel
        self.truth = truth
        self.stopped = False
        """True once somebody wished it to end early: what lasts in `lasting` is over at once."""
        self._waiting: Process | None = None
        self._held = held
        for model in held:
            model.busy = truth.id

    def begin(self) -> None:
        """Things go wrong from this instant on: what is owed is counted from here."""
        self.truth.from_ms = self.kernel.now_ms
        self.kernel.emit(msgspec.structs.replace(self.truth))

    def lasting(self, seconds: float) -> Script:
        """Lets `seconds` pass, or fewer if it is stopped meanwhile: ``yield from chronicle.lasting(600)``.

        For incidents that are `Incident.stoppable`: they use it for the time at the end of which things get better.
        """
        until_ms = self.kernel.now_ms + round(seconds * 1000)
        while not self.stopped and self.kernel.now_ms < until_ms:
            self._waiting = self.kernel.current
            yield (until_ms - self.kernel.now_ms) / 1000
        self._waiting = None

    def stop(self) -> None:
        """Things get better from now on instead of later."""
        self.stopped = True
        if self._waiting is not None:
            self._waiting.hurry()

    def end(self) -> None:
        """All is well again; the devices are free for the next incident."""
        self.truth.to_ms = self.kernel.now_ms
        for model in self._held:
            model.busy = None
        self.kernel.emit(msgspec.structs.replace(self.truth))


class Incident:
    """One way in which things go wrong. Stateless: what happens lives in the models and in the truth."""

    life_safety: ClassVar[bool] = False
    """True where somebody's life is at stake: those are the incidents that must never be missed."""
    stoppable: ClassVar[bool] = False
    """True if it can be ended early: its course waits in `Chronicle.lasting`."""

    def __init__(self, name: str, zh: str, en: str, params: dict[str, Any], brisk: dict[str, Any]) -> None:
        self.name = name
        self.zh = zh
        self.en = en
        self.params = params
        """Parameter → default; those ending in ``_s`` are seconds."""
        self.brisk = brisk
        """Parameters of a show: the same thing, in minutes instead of hours."""

    def fits(self, site: Site, model: Model) -> bool:
        """True if it can happen to `model` now."""
        raise NotImplementedError

    def at_once(self, model: Model) -> bool:
        """True if it would show without delay; such devices are chosen first."""
        del model
        return True

    def settled(self, params: dict[str, Any]) -> dict[str, Any]:
        """All parameters, given or default.

        Raises `Invalid` for one that the incident does not have, or that is not what its default is: a finite number,
        ``true`` or ``false``, a text. What lasts is not negative.
        """
        unknown = sorted(params.keys() - self.params.keys())
        if unknown:
            text = f"{self.name} has no parameter {', '.join(unknown)}; it has {', '.join(self.params)}"
            raise Invalid("incident.parameter", text, incident=self.name)
        for name, value in params.items():
            if not _like(name, value, self.params[name]):
                text = f"{self.name}: {name} is like {self.params[name]!r}, not {value!r}"
                raise Invalid("incident.parameter", text, incident=self.name)
        return self.params | params

    def held(self, site: Site, model: Model) -> list[Model]:
        """Every device that behaves differently because of it; no other incident may touch them meanwhile."""
        del site
        return [model]

    def reach(self, site: Site, model: Model, params: dict[str, Any]) -> list[Model]:
        """`held` where it depends on the parameters how many devices that are."""
        del params
        return self.held(site, model)

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """Writes the expectations."""
        raise NotImplementedError

    def start(self, site: Site, model: Model, chronicle: Chronicle) -> None:
        """Lets it take its course: calls `chronicle.begin` when it shows and `chronicle.end` when all is well."""
        raise NotImplementedError


def _like(name: str, value: Any, default: Any) -> bool:
    if isinstance(default, bool) or not isinstance(default, int | float):
        return type(value) is type(default)
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return number and (value >= 0 or not name.endswith("_s"))


def owe(rule: str, target: str, within_s: float, severity: int | None = None) -> Expectation:
    """An alert that must be open at the latest `within_s` seconds after the incident began."""
    return Expectation(rule, target, round(within_s, 1), severity)


def forbid(target: str, *rules: str) -> list[Expectation]:
    """Alerts that must not open at `target` because of the incident."""
    return [Expectation(rule, target) for rule in rules]
