"""A scenario played: a world in which its steps happen, and what alerting owes for all that did."""

from collections.abc import Iterable
from functools import partial
from itertools import islice
from math import inf
from typing import Any, NamedTuple

from msgspec import Struct

from domain.registry import Registry
from simulators.devices import Model
from simulators.incidents import INCIDENTS
from simulators.scenarios.base import Declared, Owed, Scenario, Step
from simulators.scenarios.loader import candidates
from simulators.truth import Truth
from simulators.world import World

__all__ = ["Due", "Expectations", "Raised", "Stage", "Staged", "begin", "expectations", "problems"]


class Due(Struct, frozen=True):
    """An alert that must, may or must not come."""

    rule: str
    target: str | None
    """None: any."""
    source: str
    """Incident or file that asks for it, for people."""
    from_ms: int
    """Before this it has nothing to do with it."""
    until_ms: int | None = None
    """For what must not come: from then on it may have other causes."""
    by_ms: int | None = None
    """For what must come: event time by which it must be open; None: at any time."""
    severity: int | None = None
    """Gravest that it must reach, exactly; None: no matter."""
    muted: bool | None = None
    drill: bool | None = None
    life_safety: bool = False

    def meets(self, alert: "Raised") -> bool:
        """True if `alert` is the one meant."""
        return (
            alert.rule == self.rule
            and self.target in {None, alert.target}
            and alert.at_ms >= self.from_ms
            and (self.until_ms is None or alert.at_ms <= self.until_ms)
        )


class Expectations(NamedTuple):
    """What alerting owes, all in all."""

    must: list[Due]
    may: list[Due]
    must_not: list[Due]


class Raised(Struct, frozen=True):
    """An alert that alerting raised while the scenario was played."""

    rule: str
    target: str
    at_ms: int
    severity: int
    """Gravest it reached."""
    muted: bool = False
    """It rang nobody when it was raised, for maintenance was declared."""
    drill: bool = False
    """It was marked as an exercise."""


class Stage:
    """The steps of a scenario in a world, from an instant on, and what came of them."""

    def __init__(self, scenario: Scenario, world: World, start_ms: int) -> None:
        self.scenario = scenario
        self.start_ms = start_ms
        self.by_label: dict[str, list[Truth]] = {}
        """Label → the incidents that happened for it."""
        self.missed: list[Step] = []
        """Steps that found no device to happen to: the scenario was not played as written."""
        self._world = world
        self._left: list[list[Any]] = []
        self.cancelled = False
        for step in scenario.steps:
            for index in range(step.times):
                at_ms = start_ms + round((step.at_s + index * step.every_s) * 1000)
                act = partial(self._stop, step.label) if step.what == "stop" else partial(self._start, step, index)
                self._left.append(world.kernel.call_at(at_ms, act))

    @property
    def end_ms(self) -> int:
        """Virtual time at which the scenario is over."""
        return self.start_ms + round(self.scenario.lasts_s * 1000)

    @property
    def truths(self) -> list[Truth]:
        """The incidents so far, in the order of their beginning."""
        return sorted((one for truths in self.by_label.values() for one in truths), key=lambda truth: truth.from_ms)

    def cancel(self) -> None:
        """What is still to come does not come."""
        self.cancelled = True
        for entry in self._left:
            entry[2] = None

    def _stop(self, label: str) -> None:
        for truth in self.by_label.get(label, ()):
            self._world.stop(truth.id)

    def _start(self, step: Step, index: int) -> None:
        incident = INCIDENTS[step.what]
        model = self._whom(step, index)
        if model is None or not incident.fits(self._world.site, model):
            self.missed.append(step)
            return
        truth = self._world.happen_to(incident, model, step.params)
        self.by_label.setdefault(step.label, []).append(truth)

    def _whom(self, step: Step, index: int) -> Model | None:
        where, incident, world = step.where, INCIDENTS[step.what], self._world
        if where.like is not None:
            earlier = self.by_label.get(where.like)
            return world.models.get(earlier[0].device) if earlier else None
        found = candidates(where, world.registry)
        models = [world.models[device.id] for device in found if device.id in world.models]
        if where.device is not None or (where.nth is not None and step.times == 1):
            return next(islice(models, where.nth or 0, None), None)
        if where.nth is not None:
            rest = islice(models, where.nth + index, None)
            return next((model for model in rest if incident.fits(world.site, model)), None)
        return world.choose(incident, models)


class Staged(World):
    """A world of its own in which a scenario happens. Advance it as any other."""

    def __init__(self, scenario: Scenario, registry: Registry, start_ms: int, seed: int) -> None:
        super().__init__(registry, seed, start_ms)
        self.scenario = scenario
        self.stage = Stage(scenario, self, start_ms)

    @property
    def by_label(self) -> dict[str, list[Truth]]:
        """See `Stage.by_label`."""
        return self.stage.by_label

    @property
    def missed(self) -> list[Step]:
        """See `Stage.missed`."""
        return self.stage.missed

    @property
    def end_ms(self) -> int:
        """See `Stage.end_ms`."""
        return self.stage.end_ms

    @property
    def declares(self) -> tuple[Declared, ...]:
        """Work and exercises to be announced to alerting, in seconds from `start_ms`."""
        return self.scenario.declares


def begin(
    scenario: Scenario, registry: Registry | None = None, start_ms: int | None = None, seed: int | None = None
) -> Staged:
    """The world in which `scenario` happens: in its own district, at its own time and with its own seed by default."""
    return Staged(
        scenario,
        scenario.registry if registry is None else registry,
        scenario.start_ms if start_ms is None else start_ms,
        scenario.seed if seed is None else seed,
    )


def expectations(world: Staged) -> Expectations:
    """What is owed for all that happened so far in `world`: what its incidents say, and what its file says."""
    owes = Expectations([], [], [])
    for truth in world.truths.values():
        begun, what, vital = truth.from_ms, truth.what, truth.life_safety
        for one in truth.must_raise:
            by_ms = None if one.within_s is None else begun + round(one.within_s * 1000)
            due = Due(one.rule, one.target, what, begun, by_ms=by_ms, severity=one.severity, life_safety=vital)
            owes.must.append(due)
        owes.may.extend(Due(one.rule, one.target, what, begun) for one in truth.may_raise)
        owes.must_not.extend(Due(one.rule, one.target, what, begun, truth.to_ms) for one in truth.must_not_raise)
    scenario = world.scenario
    for lines, into in zip((scenario.must, scenario.may, scenario.must_not), owes, strict=True):
        for line in lines:
            into.extend(_dues(line, world))
    return owes


def _dues(owed: Owed, world: Staged) -> list[Due]:
    """One line of a file: about each incident of its label, or about what it names."""
    start_ms = world.start_ms
    if owed.label is None:
        about = [(owed.target, start_ms, False)]
    elif declared := next((one for one in world.declares if one.label == owed.label), None):
        about = [(declared.target, start_ms + round(declared.from_s * 1000), False)]
    else:
        truths = world.by_label.get(owed.label, ())
        about = [(_side(truth, owed.side, world), truth.from_ms, truth.life_safety) for truth in truths]
    source = f"{owed.file}:{owed.line}"
    within_ms = None if owed.within_s is None else round(owed.within_s * 1000)
    return [
        Due(
            owed.rule, target, source, from_ms, by_ms=None if within_ms is None else from_ms + within_ms,
            severity=owed.severity, muted=owed.muted, drill=owed.drill, life_safety=vital,
        )
        for target, from_ms, vital in about
    ]  # fmt: skip


def _side(truth: Truth, side: str, world: Staged) -> str:
    device = world.registry.devices[truth.device]
    return {"zone": device.zone, "gateway": device.gateway, "compound": device.compound}.get(side) or device.id


def problems(world: Staged, raised: Iterable[Raised]) -> list[str]:
    """Everything in which what was raised differs from what is owed, and every step that could not happen."""
    must, may, must_not = expectations(world)
    alerts = list(raised)
    found = [f"{step.file}:{step.line}: {step.what} found no device to happen to" for step in world.missed]
    for due in must:
        again_ms = min((one.from_ms for one in must if _same(one, due) and one.from_ms > due.from_ms), default=inf)
        mine = [alert for alert in alerts if due.meets(alert) and alert.at_ms < again_ms]
        levels = [one.severity for one in must if _same(one, due) and one.from_ms == due.from_ms and one.severity]
        found += _shortfall(due, mine, min(levels, default=None), world)
    for alert in alerts:
        if not any(due.meets(alert) for due in (*must, *may)):
            when = _clock(alert.at_ms, world)
            found.append(f"{alert.rule} {alert.target} was raised at {when}: nobody asked for it")
        for due in must_not:
            if due.meets(alert):
                found.append(f"{alert.rule} {alert.target} was raised, and must not be ({due.source})")
    return found


def _same(one: Due, other: Due) -> bool:
    """Whether both want an alert at the same place: what comes after the later one began is the later one's."""
    return (one.rule, one.target) == (other.rule, other.target)


def _shortfall(due: Due, mine: list[Raised], gravest_asked: int | None, world: Staged) -> list[str]:
    what = f"{due.rule} {due.target or 'anywhere'} ({due.source})"
    if not mine:
        if due.by_ms is not None and due.by_ms > world.kernel.now_ms:
            return [f"{what} is due only at {_clock(due.by_ms, world)}, after the end: let the scenario last longer"]
        return [f"{what} was not raised"]
    first = min(mine, key=lambda alert: alert.at_ms)
    wrong = []
    if due.by_ms is not None and first.at_ms > due.by_ms:
        wrong.append(f"{what} was raised at {_clock(first.at_ms, world)}, due at {_clock(due.by_ms, world)}")
    gravest = min(alert.severity for alert in mine)
    # Where each level is owed by a time of its own, the lesser one was passed through on the way.
    if due.severity is not None and not (gravest_asked or due.severity) <= gravest <= due.severity:
        wrong.append(f"{what} reached severity {gravest}, not {due.severity}")
    if due.muted not in {None, first.muted}:
        wrong.append(f"{what} was {'not ' if due.muted else ''}muted")
    if due.drill not in {None, first.drill}:
        wrong.append(f"{what} was {'not ' if due.drill else ''}marked as an exercise")
    return wrong


def _clock(at_ms: int, world: Staged) -> str:
    return f"{(at_ms - world.start_ms) / 1000:.0f} s"
