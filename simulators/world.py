"""A whole district on virtual time: every device of a registry, the weather above it, and what goes wrong."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from domain.errors import Invalid, NotFound
from domain.limits import SIM_TRUTHS_MAX
from domain.registry import Registry
from simulators.climate import Climate
from simulators.devices import MODELS, Model
from simulators.devices.ebike import Port, Station
from simulators.incidents import INCIDENTS, Chronicle, Incident, Site
from simulators.kernel import Item, Kernel
from simulators.truth import Truth

__all__ = ["World"]


class World:
    """Pure: the same registry, seed, start and incidents always say the same, whatever the speed.

    ``advance(until_ms)`` hands out messages, link changes and truths in order of virtual time.
    """

    def __init__(self, registry: Registry, seed: int, start_ms: int) -> None:
        self.registry = registry
        self.seed = seed
        self.start_ms = start_ms
        self.kernel = Kernel(start_ms)
        self.models: dict[str, Model] = {}
        self.truths: dict[str, Truth] = {}
        """Incidents so far, by id: all that last, and the newest that are over, `SIM_TRUTHS_MAX` together."""
        self.unhappened: Counter[str] = Counter()
        """Incident → how often it was scheduled and no device could have it then."""
        self.boot = f"{random.Random(f'{seed}/{start_ms}/boot').getrandbits(32):08x}"  # noqa: S311
        """Stands for this life of the devices: sequence numbers start anew with it."""
        self._chronicles: dict[str, Chronicle] = {}
        self._incidents = 0
        self._rng = random.Random(f"{seed}/world")  # noqa: S311 (a reproducible world, not a secret)
        climate = Climate(random.Random(f"{seed}/climate"))  # noqa: S311
        for device in registry.devices.values():
            model = MODELS.get(device.type)
            if model is not None and device.in_service:
                rng = random.Random(f"{seed}/{device.id}")  # noqa: S311
                self.models[device.id] = model(device, self.kernel, climate, rng)
        self.site = Site(registry, self.kernel, self.models, self._rng)
        self._connect_meters()

    def _connect_meters(self) -> None:
        sheds: dict[str, list[Port]] = {}
        for model in self.models.values():
            if isinstance(model, Port):
                sheds.setdefault(model.device.place, []).append(model)
        for model in self.models.values():
            if isinstance(model, Station):
                model.ports = tuple(sheds.get(model.device.place, ()))

    @property
    def next_ms(self) -> int | None:
        """Virtual time of the next thing that happens."""
        return self.kernel.next_ms

    def advance(self, until_ms: int) -> Iterator[Item]:
        """Lives up to and including `until_ms`."""
        return self.kernel.advance(until_ms)

    def schedule(self, at_ms: int, name: str, device: str | None = None, /, **params: Any) -> None:
        """Lets an incident happen at `at_ms`; where no device can have it at that time, it does not happen.

        Raises `NotFound` at once for an unknown incident or device.
        """
        self._check(name, device)
        INCIDENTS[name].settled(params)

        def happen() -> None:
            if self._begin(name, device, params, quietly=True) is None:
                self.unhappened[name] += 1

        self.kernel.call_at(at_ms, happen)

    def inject(self, name: str, device: str | None = None, /, **params: Any) -> Truth:
        """Lets an incident begin now, at `device` or at one chosen by the seed. The truth returned grows with it.

        Raises `NotFound` for an unknown incident or device, or when no device that fits is free.
        """
        self._check(name, device)
        truth = self._begin(name, device, params, quietly=False)
        if truth is None:
            raise NotFound("incident.no_target", f"no device is free for {name}", incident=name, device=device)
        return truth

    def _check(self, name: str, device: str | None) -> None:
        if name not in INCIDENTS:
            raise NotFound("incident.unknown", f"no incident {name!r}; there are: {', '.join(INCIDENTS)}", name=name)
        if device is not None and device not in self.models:
            raise NotFound("incident.no_device", f"no simulated device {device!r}", device=device)

    def stop(self, truth_id: str) -> None:
        """Ends an incident early: things get better from now on. No effect on one that is over.

        Raises `NotFound` for an unknown one, and `Invalid` for a kind that takes its course whatever happens.
        """
        truth = self.truths.get(truth_id)
        if truth is None:
            raise NotFound("incident.unknown", f"no incident {truth_id!r}", id=truth_id)
        if not INCIDENTS[truth.what].stoppable:
            raise Invalid("incident.unstoppable", f"{truth.what} cannot be stopped", incident=truth.what)
        chronicle = self._chronicles.get(truth_id)
        if chronicle is not None and truth.to_ms is None:
            chronicle.stop()

    def _begin(self, name: str, device: str | None, params: dict[str, Any], *, quietly: bool) -> Truth | None:
        incident = INCIDENTS[name]
        model = self.models[device] if device is not None else self.choose(incident)
        if model is None or not incident.fits(self.site, model):
            if quietly:
                return None
            raise NotFound("incident.no_target", f"{name} cannot happen at {device}", incident=name, device=device)
        return self.happen_to(incident, model, params)

    def happen_to(self, incident: Incident, model: Model, params: dict[str, Any]) -> Truth:
        """Lets `incident` begin now at `model`, which must fit. The truth returned grows with it."""
        settled = incident.settled(params)
        self._incidents += 1
        held = incident.reach(self.site, model, settled)
        truth = Truth(
            id=f"{self.boot}-{self._incidents}",
            what=incident.name,
            device=model.device.id,
            compound=model.device.compound,
            zone=model.device.zone,
            from_ms=self.kernel.now_ms,
            params=settled,
            devices=[one.device.id for one in held],
            life_safety=incident.life_safety,
        )
        self._remember(truth)
        incident.owe(self.site, model, truth)
        chronicle = self._chronicles[truth.id] = Chronicle(self.kernel, truth, held)
        incident.start(self.site, model, chronicle)
        return truth

    def _remember(self, truth: Truth) -> None:
        self.truths[truth.id] = truth
        if len(self.truths) > SIM_TRUTHS_MAX:
            oldest = next((one.id for one in self.truths.values() if one.to_ms is not None), None)
            if oldest is not None:
                del self.truths[oldest]
                self._chronicles.pop(oldest, None)

    def choose(self, incident: Incident, among: Iterable[Model] | None = None) -> Model | None:
        """One of `among` (or of all) to which `incident` can happen now, by the seed; None if there is none."""
        models = self.models.values() if among is None else among
        fitting = [model for model in models if incident.fits(self.site, model)]
        ready = [model for model in fitting if incident.at_once(model)]
        return self._rng.choice(ready or fitting) if fitting else None
