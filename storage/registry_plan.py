"""What an import would change, judged before anything is changed.

A draft is laid over the registry in force: rows are found by id, only the fields they give are replaced, and what the
draft does not mention stays (unless `prune`). The result as a whole is then checked; a plan with an error cannot be
applied.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct, field

from domain.devices import Device
from domain.errors import Conflict, Invalid
from domain.limits import IMPORT_PROBLEMS_MAX
from domain.organisations import Contract, Organisation
from domain.places import Name, Place
from domain.registry import Registry
from storage.registry_checks import Checked, OverrideCheck, check
from storage.registry_columns import TABLES
from storage.registry_files import DraftRow, Problem, RegistryDraft

__all__ = ["Change", "Plan", "TablePlan", "apply_plan", "plan"]

Overrides = dict[str, dict[str, dict[str, object]]]

STRUCTS: Final[dict[str, type[Struct]]] = {
    "places": Place,
    "organisations": Organisation,
    "contracts": Contract,
    "devices": Device,
}


class Change(Struct, frozen=True):
    """One row that would change: field → (now, then)."""

    id: str
    fields: dict[str, tuple[Any, Any]]


class TablePlan(Struct):
    """What would happen to one table."""

    added: list[str] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    unchanged: int = 0
    missing: list[str] = field(default_factory=list)
    """In the registry, not in a table that the files have; they stay unless pruned."""
    removed: list[str] = field(default_factory=list)


class Plan(Struct):
    """What an import would do. `tables` has only those that the files have."""

    tables: dict[str, TablePlan]
    problems: list[Problem]
    unlisted: int
    base_version: int
    source: str
    result: Registry
    """The registry as it would be; meaningless while there are errors."""

    @property
    def ok(self) -> bool:
        """True when it can be applied."""
        return not self.errors

    @property
    def errors(self) -> list[Problem]:
        """What keeps it from being applied."""
        return [problem for problem in self.problems if problem.level == "error"]

    @property
    def changes(self) -> int:
        """Rows added, changed and removed."""
        return sum(len(part.added) + len(part.changed) + len(part.removed) for part in self.tables.values())


def plan(current: Registry, draft: RegistryDraft, *, prune: bool = False, judge: OverrideCheck | None = None) -> Plan:
    """Compares `draft` with `current`. With `prune`, rows missing from a table of the draft are removed.

    `judge` says what is wrong with thresholds that compounds and devices set for themselves.
    """
    laid = _Overlay(current, draft)
    for table in TABLES:
        if table in draft.tables:
            laid.table(table, prune=prune)
    problems, unlisted = list(draft.problems), draft.unlisted
    for problem in [*laid.problems, *check(laid.checked(judge), current)]:
        if len(problems) < IMPORT_PROBLEMS_MAX:
            problems.append(problem)
        else:
            unlisted += 1
    return Plan(laid.plans, problems, unlisted, current.version, draft.source, laid.result())


def apply_plan(current: Registry, planned: Plan) -> Registry:
    """The registry after `planned`; `current` itself where nothing changes.

    Raises `Invalid` with the first errors if the plan has any, `Conflict` if `current` is not what it was made for.
    """
    if not planned.ok:
        first = "; ".join(str(problem) for problem in planned.errors[:3])
        rest = len(planned.errors) - 3 + planned.unlisted
        more = f" (and {rest} more)" if rest > 0 else ""
        raise Invalid("registry.import", f"{planned.source} cannot be imported: {first}{more}", source=planned.source)
    if current.version != planned.base_version:
        raise Conflict("registry.version", "the registry has changed since the plan was made", current.version)
    return planned.result if planned.changes else current


class _Overlay:
    """The draft laid over the registry."""

    def __init__(self, current: Registry, draft: RegistryDraft) -> None:
        self.plans: dict[str, TablePlan] = {}
        self.problems: list[Problem] = []
        self._current = current
        self._draft = draft
        self._overrides: Overrides = dict(current.overrides)
        self._tables: dict[str, dict[str, Any]] = {
            "places": dict(current.places),
            "organisations": dict(current.organisations),
            "contracts": dict(current.contracts),
            "devices": dict(current.devices),
        }

    def table(self, name: str, *, prune: bool) -> None:
        """Lays one table over the current one."""
        rows, held = self._draft.tables[name], self._tables[name]
        planned = self.plans[name] = TablePlan()
        for key in [key for key in held if key not in rows]:
            if not prune:
                planned.missing.append(key)
                continue
            planned.removed.append(key)
            del held[key]
            if name == "places":
                self._overrides.pop(key, None)
        for key, row in rows.items():
            before = held.get(key)
            flat = self._flat(name, before) if before is not None else {}
            after = self._merged(name, row, flat)
            if after is None:
                continue
            self._put(name, key, after)
            if before is None:
                planned.added.append(key)
                continue
            now = self._flat(name, held[key])
            differing = {field_: (flat[field_], now[field_]) for field_ in now if not same(flat[field_], now[field_])}
            if differing:
                planned.changed.append(Change(key, differing))
            else:
                held[key] = before
                planned.unchanged += 1

    def checked(self, judge: OverrideCheck | None) -> Checked:
        """What the checks look at."""
        return Checked(
            places=self._tables["places"],
            organisations=self._tables["organisations"],
            contracts=self._tables["contracts"],
            devices=self._tables["devices"],
            rows=self._draft.tables,
            overrides=self._overrides,
            judge=judge,
        )

    def result(self) -> Registry:
        """The registry as it would be."""
        rows = {name: list(held.values()) for name, held in self._tables.items()}
        return Registry(
            rows["places"],
            rows["organisations"],
            rows["contracts"],
            rows["devices"],
            self._overrides,
            self._current.version + 1,
        )

    def _flat(self, name: str, thing: Any) -> dict[str, Any]:
        """A row of the registry by columns of the file."""
        flat = msgspec.structs.asdict(thing)
        if "name" in flat:
            flat["name_zh"], flat["name_en"] = flat["name"].zh, flat.pop("name").en
        if name == "places":
            flat["overrides"] = self._overrides.get(thing.id, {})
        return flat

    def _merged(self, name: str, row: DraftRow, flat: dict[str, Any]) -> dict[str, Any] | None:
        given = dict(row.fields)
        single = given.pop("attrs.", None)
        if single is not None:
            given["attrs"] = {**given.get("attrs", flat.get("attrs", {})), **single}
        after = {**flat, **given, "id": row.id}
        sound = True
        for column in TABLES[name].columns:
            if column.required and column.key not in after:
                write = f"a column {column.key} ({column.names[0]})"
                self.problems.append(row.problem(column.key, f"{row.id!r} is new and has none", write))
                sound = False
        return after if sound else None

    def _put(self, name: str, key: str, flat: dict[str, Any]) -> None:
        fields = dict(flat)
        if "name_zh" in fields:
            fields["name"] = Name(fields.pop("name_zh"), fields.pop("name_en", ""))
        if name == "places":
            overrides = fields.pop("overrides", {})
            if overrides:
                self._overrides[key] = overrides
            else:
                self._overrides.pop(key, None)
        self._tables[name][key] = STRUCTS[name](**fields)


def same(one: Any, other: Any) -> bool:
    """Equality that tells true from 1, as a file does; 1 and 1.0 are one number."""
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
