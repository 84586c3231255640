"""Plays scenarios and months before rule sets, in one process or several. Same work, same figures, however split."""

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from msgspec import Struct

from alerts.rules.base import Rulebook
from domain.registry import Registry
from runtime.packs import load_rulebook
from scoring.desk import Desk
from scoring.figures import Part
from scoring.house import VirtualHouse, calm, declarations, play
from scoring.matching import Case, claims_of, claims_of_file, match
from scoring.month import plan, start_of
from scoring.sums import DAY_MS, part_of
from simulators.district import load_district
from simulators.district.named import DISTRICTS, district
from simulators.district.named import part_of as devices_of
from simulators.scenarios import Staged, begin, expectations, find_scenario, load_scenario
from simulators.truth import Truth
from simulators.world import World

__all__ = ["Month", "Played", "Task", "operators", "play_all", "registry_of", "tasks_of_month"]


class Month(Struct, frozen=True, kw_only=True):
    """A random time in a district."""

    district: str
    """A name of `DISTRICTS`, or the path of a registry file."""
    seed: int
    days: float
    factor: float = 1.0
    boost: float = 1.0
    start_ms: int | None = None
    """None: by the seed."""


class Task(Struct, frozen=True, kw_only=True):
    """One world to be played."""

    name: str
    """For people: a scenario, or seed and compound."""
    size: float
    """Device-days: who starts with the longest ends first."""
    scenario: str | None = None
    month: Month | None = None
    compound: str = ""


class Played(Struct, frozen=True):
    """What came of a task: one part for each rule set."""

    task: Task
    parts: list[Part]


@cache
def registry_of(name: str) -> Registry:
    """The district called `name`, or the one in the registry file at that path. Raises `Invalid`."""
    return district(name) if name in DISTRICTS else load_district(Path(name))


def tasks_of_month(month: Month) -> list[Task]:
    """One task for each compound: compounds never touch each other."""
    registry = registry_of(month.district)
    compounds = dict.fromkeys(device.compound for device in registry.devices.values())
    return [
        Task(
            name=f"seed {month.seed} {compound}",
            size=month.days * len(registry.devices_in(compound)),
            month=month,
            compound=compound,
        )
        for compound in compounds
    ]


def operators(registry: Registry, at_ms: int) -> dict[str, str]:
    """Compound → who sits at its desk: its property firm, without one its community."""
    day = datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()
    found = {}
    for compound in {device.compound for device in registry.devices.values()}:
        who = registry.responsible(compound, day)
        found[compound] = compound if who is None else who.id
    return found


_books: list[Rulebook] = []


def _prepare(paths: Sequence[Path | None]) -> None:
    _books[:] = [load_rulebook(None if path is None else [path]) for path in paths]


def play_all(
    tasks: Sequence[Task], rules: Sequence[Path | None], jobs: int, done: Callable[[Task], None] | None = None
) -> list[Played]:
    """Plays all tasks before all rule sets (None: the shipped one), `jobs` at a time; answers in the order of tasks.

    Raises `PackErrors` for rules that cannot be read, and what a scenario or district cannot be read by.
    """
    tell = done or (lambda _task: None)
    if jobs <= 1 or len(tasks) <= 1:
        _prepare(rules)
        told = []
        for task in tasks:
            told.append(_play(task))
            tell(task)
        return told
    answers: dict[str, Played] = {}
    # Started afresh: a copy of this process could inherit a lock that one of its threads holds.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_prepare, initargs=(rules,)) as pool:
        longest_first = sorted(tasks, key=lambda task: -task.size)
        futures = {pool.submit(_play, task): task for task in longest_first}
        for future in as_completed(futures):
            answers[futures[future].name] = future.result()
            tell(futures[future])
    return [answers[task.name] for task in tasks]


def _play(task: Task) -> Played:
    with calm():
        if task.scenario is not None:
            return _play_scenario(task, task.scenario)
        if task.month is not None:
            return _play_month(task, task.month)
    raise ValueError(task.name)


def _houses(registry: Registry) -> list[VirtualHouse]:
    return [VirtualHouse(registry, book, Desk()) for book in _books]


def _play_month(task: Task, month: Month) -> Played:
    whole = registry_of(month.district)
    registry = devices_of(whole, frozenset({task.compound}))
    start_ms = start_of(month.seed) if month.start_ms is None else month.start_ms
    span = (start_ms, start_ms + round(month.days * DAY_MS))
    world = World(registry, month.seed, start_ms)
    for one in plan(whole, task.compound, month.seed, span, month.factor, month.boost):
        world.schedule(one.at_ms, one.what, **one.params)
    houses = _houses(registry)
    truths = {truth.id: truth for truth in play(world, houses, span[1])}
    cases = [claims_of(truth, span[1], task.name) for truth in truths.values()]
    return Played(task, _parts(houses, cases, registry, span, f"seed {month.seed}", world.unhappened))


def _play_scenario(task: Task, name: str) -> Played:
    scenario = load_scenario(find_scenario(name))
    world = begin(scenario)
    houses = _houses(world.registry)
    span = (world.start_ms, world.end_ms)
    truths: dict[str, Truth] = {t.id: t for t in play(world, houses, world.end_ms, declarations(world))}
    cases = [claims_of(truth, span[1], task.name) for truth in truths.values()]
    cases += _asked_by_file(world)
    missed = Counter(step.what for step in world.missed)
    return Played(task, _parts(houses, cases, world.registry, span, scenario.name, missed))


def _asked_by_file(world: Staged) -> list[Case]:
    """What the scenario's own lines ask for; those of incidents bear an incident's name instead of file and line."""
    asked = expectations(world)
    dues = [(role, due) for role in ("must", "may", "must_not") for due in getattr(asked, role) if ":" in due.source]
    return [claims_of_file(world.scenario.name, world.start_ms, world.end_ms, dues)] if dues else []


def _parts(
    houses: Iterable[VirtualHouse],
    cases: list[Case],
    registry: Registry,
    span: tuple[int, int],
    series: str,
    unhappened: Counter[str],
) -> list[Part]:
    happened = [(case.id, case.what, case.life_safety) for case in cases]
    desks = operators(registry, span[0])
    devices = sum(device.in_service for device in registry.devices.values())
    parts = []
    for house in houses:
        records = list(house.records.values())
        found = match(cases, records, span[1])
        part = part_of(records, found, happened, desks, devices, span, series)
        part.unhappened = unhappened
        parts.append(part)
    return parts
