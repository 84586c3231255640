"""From a file to a scenario: what it includes, the district it is about, and whether all names stand for something."""

import re
from functools import cache
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from domain.devices import Device
from domain.errors import Invalid
from domain.limits import SCENARIO_ERRORS_MAX, SCENARIO_INCLUDES_MAX, SCENARIO_STEPS_MAX
from domain.registry import Registry
from simulators.devices import MODELS
from simulators.district import load_district
from simulators.district.named import DISTRICTS, district, part_of
from simulators.incidents import INCIDENTS
from simulators.scenarios.base import Declared, Owed, Scenario, Step, Where
from simulators.scenarios.grammar import DECLARATIONS, Draft, read_draft
from simulators.scenarios.nodes import Fault, ScenarioErrors
from simulators.scenarios.reader import Reader, nearest

__all__ = ["SCENARIOS", "candidates", "find_scenario", "load_scenario"]

SCENARIOS: Final[dict[str, Path]] = {path.stem: path for path in sorted(Path(__file__).parent.glob("*.yml"))}
"""The shipped scenarios: name → file."""
_SIDE: Final = re.compile(r"(.*?)(?:\.(device|zone|gateway|compound))?\Z")
_PURPOSE_ACTOR: Final = "simulator"


def find_scenario(name: str) -> Path:
    """The file of a shipped scenario, or of one on disk. Raises `Invalid` where there is none."""
    if name in SCENARIOS:
        return SCENARIOS[name]
    path = Path(name)
    if path.suffix in {".yml", ".yaml"} and path.is_file():
        return path
    raise Invalid("scenario.unknown", f"no scenario {name!r}; {nearest(name, tuple(SCENARIOS))}", name=name)


def load_scenario(path: Path, registry: Registry | None = None) -> Scenario:
    """Reads a scenario and all it includes; `registry` in place of the district that it names.

    Raises `ScenarioErrors` with everything that is wrong, by file and line.
    """
    return _Loader(path, registry).load()


def candidates(where: Where, registry: Registry) -> tuple[Device, ...]:
    """Every simulated device for which all that `where` says is so, in the registry's order; `nth` aside."""
    if where.device is not None:
        found = registry.devices.get(where.device)
        return () if found is None or found.type not in MODELS else (found,)
    return tuple(
        device
        for device in registry.devices.values()
        if device.in_service
        and device.type in MODELS
        and where.type in {None, device.type}
        and where.compound in {None, device.compound}
        and where.zone in {None, device.zone}
    )


@cache
def _from_file(path: Path) -> Registry:
    return load_district(path)


class _Loader:
    """One loading."""

    def __init__(self, path: Path, registry: Registry | None) -> None:
        self.path = path
        self.given = registry
        self.faults: list[Fault] = []
        self.included = 0
        self.steps: list[Step] = []
        self.must: list[Owed] = []
        self.may: list[Owed] = []
        self.must_not: list[Owed] = []

    def load(self) -> Scenario:
        draft = self._read(self.path)
        self._take(draft, "", 0.0, (self.path.resolve(),))
        reader = Reader(draft.file)
        registry = self._district(draft, reader)
        self.faults += reader.faults
        if self.faults or registry is None:
            raise ScenarioErrors(self.faults[:SCENARIO_ERRORS_MAX])
        lasts_s = draft.lasts_s or 0.0
        self._check_steps(registry, lasts_s)
        declares = tuple(self._declared(step, registry) for step in self.steps if step.what in DECLARATIONS)
        must, may, must_not = (
            tuple(self._aimed(one, registry) for one in owed) for owed in (self.must, self.may, self.must_not)
        )
        if self.faults or draft.title is None or draft.about is None or draft.start_ms is None:
            raise ScenarioErrors(self.faults[:SCENARIO_ERRORS_MAX])
        return Scenario(
            name=draft.name, title=draft.title, about=draft.about, file=draft.file, start_ms=draft.start_ms,
            lasts_s=lasts_s, district=draft.district, compounds=draft.compounds, seed=draft.seed, wire=draft.wire,
            steps=tuple(sorted((s for s in self.steps if s.what not in DECLARATIONS), key=lambda step: step.at_s)),
            declares=tuple(one for one in declares if one is not None), must=must, may=may, must_not=must_not,
            registry=registry,
        )  # fmt: skip

    def _fault(self, file: str, line: int, what: str, write: str) -> None:
        self.faults.append(Fault(file, line, what, write))

    # --- files -------------------------------------------------------------------------------------------------------
    def _read(self, path: Path) -> Draft:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ScenarioErrors([Fault(path.name, 1, f"it cannot be read: {error.strerror}", "check it")]) from error
        draft, reader = read_draft(data, path)
        self.faults += reader.faults
        return draft

    def _take(self, draft: Draft, prefix: str, shift_s: float, chain: tuple[Path, ...]) -> None:
        """Adds what a file says, moved by `shift_s`, with `prefix` before its labels; then what it includes."""
        mine = {step.label for step in draft.steps if step.what != "stop"}
        for step in draft.steps:
            where = step.where
            if where.like is not None:
                where = replace(where, like=prefix + where.like)
            self.steps.append(replace(step, at_s=step.at_s + shift_s, label=prefix + step.label, where=where))
        for into, owed in ((self.must, draft.must), (self.may, draft.may), (self.must_not, draft.must_not)):
            into += [self._named(one, prefix, mine, shift_s) for one in owed]
        for one in draft.includes:
            self.included += 1
            path = SCENARIOS.get(one.scenario, draft.path.parent / one.scenario)
            if one.scenario not in SCENARIOS and not (path.suffix in {".yml", ".yaml"} and path.is_file()):
                advice = nearest(one.scenario, tuple(SCENARIOS))
                self._fault(draft.file, one.line, f"there is no scenario {one.scenario[:60]!r}", advice)
            elif path.resolve() in chain:
                self._fault(draft.file, one.line, f"{one.scenario!r} includes itself", "remove it")
            elif self.included > SCENARIO_INCLUDES_MAX:
                self._fault(draft.file, one.line, f"more than {SCENARIO_INCLUDES_MAX} scenarios are included", "split")
                return
            else:
                try:
                    part = self._read(path)
                except ScenarioErrors as error:
                    self.faults += error.faults
                else:
                    self._take(part, f"{prefix}{one.alias}/", shift_s + one.at_s, (*chain, path.resolve()))

    @staticmethod
    def _named(owed: Owed, prefix: str, labels: set[str], shift_s: float) -> Owed:
        """Labels of a part are known outside by the part's name and their own."""
        found = _SIDE.match(owed.target or "")
        if found is not None and (found[1] in labels or "/" in found[1]):
            return replace(owed, label=prefix + found[1], side=found[2] or "device")
        if owed.within_s is not None:
            owed = replace(owed, within_s=owed.within_s + shift_s)
        return owed

    def _district(self, draft: Draft, reader: Reader) -> Registry | None:
        registry, line = self.given, draft.lines.get("district", 1)
        if registry is None and draft.district in DISTRICTS:
            registry = district(draft.district)
        elif registry is None:
            path = draft.path.parent / draft.district
            if path.suffix not in {".yml", ".yaml"} or not path.is_file():
                advice = nearest(draft.district, tuple(DISTRICTS), f"one of {', '.join(DISTRICTS)}, or a registry file")
                reader.fault(line, f"there is no district {draft.district[:60]!r}", advice)
                return None
            try:
                registry = _from_file(path.resolve())
            except Invalid as error:
                reader.fault(line, f"the district cannot be read: {error.text}", "mend that file")
                return None
        if draft.compounds:
            try:
                return part_of(registry, frozenset(draft.compounds))
            except Invalid as error:
                reader.fault(draft.lines["compounds"], error.text, "write compounds of the district")
        return registry

    # --- names -------------------------------------------------------------------------------------------------------
    def _check_steps(self, registry: Registry, lasts_s: float) -> None:
        if sum(step.times for step in self.steps) > SCENARIO_STEPS_MAX:
            step = max(self.steps, key=lambda one: one.times)
            self._fault(step.file, step.line, f"more than {SCENARIO_STEPS_MAX} things happen", "repeat less")
        known = {step.label: step for step in self.steps if step.what != "stop"}
        for step in self.steps:
            last_s = step.at_s + (step.times - 1) * step.every_s
            if last_s >= lasts_s:
                self._fault(
                    step.file, step.line, f"the step is at {last_s:g} s, when all is over", "move it, or raise `lasts`"
                )
            if step.what == "stop":
                self._check_stop(step, known)
            elif step.where.like is not None:
                other = known.get(step.where.like)
                if other is None or other.at_s > step.at_s or other.what in DECLARATIONS:
                    advice = "write the label of an incident that begins before"
                    self._fault(step.file, step.line, f"like is {step.where.like!r}", advice)
            elif step.where.place is None:
                self._check_where(step, registry)

    def _check_stop(self, step: Step, known: dict[str, Step]) -> None:
        other = known.get(step.label)
        if other is None:
            labels = [label for label in known if "#" not in label]
            self._fault(step.file, step.line, f"stop: there is no {step.label!r}", nearest(step.label, labels))
        elif other.what not in DECLARATIONS and not INCIDENTS[other.what].stoppable:
            advice = f"shorten it by its parameters: {', '.join(INCIDENTS[other.what].params)}"
            self._fault(step.file, step.line, f"{other.what} cannot be stopped", advice)
        elif other.at_s >= step.at_s:
            self._fault(step.file, step.line, f"{step.label!r} has not begun then", "stop it later")

    def _check_where(self, step: Step, registry: Registry) -> None:
        where = step.where
        if where.device is not None:
            advice = nearest(where.device, tuple(registry.devices), "write the id of one of its devices")
            what = f"the district has no simulated device {where.device!r}"
        else:
            for said, known in ((where.type, {d.type for d in registry.devices.values()} & MODELS.keys()),
                                (where.compound, {d.compound for d in registry.devices.values()}),
                                (where.zone, {d.zone for d in registry.devices.values() if d.zone})):  # fmt: skip
                if said is not None and said not in known:
                    self._fault(step.file, step.line, f"the district has no device of {said!r}", nearest(said, known))
                    return
            what, advice = "the district has no such device", "say less in `where`"
        found = candidates(where, registry)
        if not found:
            self._fault(step.file, step.line, what, advice)
        elif where.nth is not None and where.nth + step.times > len(found):
            advice = f"there are {len(found)} such devices, from 0"
            self._fault(step.file, step.line, f"nth reaches {where.nth + step.times - 1}", advice)

    def _declared(self, step: Step, registry: Registry) -> Declared | None:
        where = step.where
        target = where.place or where.device
        if target is None and where.compound is not None and where.type is None and where.zone is None:
            target = where.compound
        elif target is None and where.zone is not None and where.type is None:
            target = where.zone
        elif target is None:
            found = candidates(where, registry)
            target = found[where.nth or 0].id if (where.nth or 0) < len(found) else None
        if target is None or (target not in registry.places and target not in registry.devices):
            self._fault(step.file, step.line, f"the district has no {target or 'such device'}", "write a place of it")
            return None
        stops = [one.at_s for one in self.steps if one.what == "stop" and one.label == step.label]
        params = step.params
        return Declared(
            label=step.label, purpose=step.what, target=target, from_s=step.at_s,
            until_s=min([step.at_s + float(params.get("lasts", 0)), *stops]), reason=str(params.get("reason")),
            actor=params.get("actor", _PURPOSE_ACTOR), second=params.get("second"), rules=params.get("rules", ()),
        )  # fmt: skip

    def _aimed(self, owed: Owed, registry: Registry) -> Owed:
        if owed.target is None:
            return owed
        labels = {step.label for step in self.steps if step.what != "stop"}
        if owed.label is not None and owed.label not in labels:
            self._fault(owed.file, owed.line, f"there is no label {owed.label!r}", nearest(owed.label, labels))
        elif owed.label is None and owed.target not in registry.devices and owed.target not in registry.places:
            known = [*(one for one in labels if "#" not in one), *registry.devices]
            self._fault(
                owed.file, owed.line, f"there is no {owed.target!r}", nearest(owed.target, known, "a label or id")
            )
        return owed
