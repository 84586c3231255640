"""``anju registry``: places, organisations, contracts and devices in and out, as CSV, workbook or YAML."""

import contextlib
import fcntl
import getpass
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from alerts.decision import Entry
from alerts.events import RegistryImported
from alerts.inputs import Record
from runtime.cli_options import data_option, json_option
from runtime.packs import load_rulebook
from storage.database import open_database
from storage.registry_export import FORMATS, export_registry
from storage.registry_files import Problem, parse_registry
from storage.registry_plan import Plan, apply_plan, plan

__all__ = ["registry"]

SHOWN: Final = 20
"""Rows of each sort that the report lists; --json lists all."""


@click.group()
def registry() -> None:
    """Import and export places, organisations, contracts and devices."""


@registry.command("import")
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option("--dry-run", is_flag=True, help="Only report what would change.")
@click.option("--prune", is_flag=True, help="Remove rows that a table of the files does not have.")
@click.option("--rules", multiple=True, type=click.Path(path_type=Path, exists=True), help="Rule packs in force.")
@data_option
@json_option
@click.pass_context
def import_(
    ctx: click.Context, path: Path, dry_run: bool, prune: bool, rules: tuple[Path, ...], data: Path, as_json: bool
) -> None:
    """Import PATH: a folder of places.csv, organisations.csv, contracts.csv, devices.csv, one of them, .xlsx or .yaml.

    Rows are found again by id; columns may come in any order, in Chinese or English; absent columns stay as they are.
    Thresholds of a compound's or device's own are checked against the rules in force (docs/rules.md lists their
    parameters). Exits with 1 and changes nothing if anything is wrong. A running service takes the new registry into
    use when it gets SIGHUP.
    """
    book = load_rulebook(rules or None)
    draft = parse_registry(path)
    database = open_database(data / "anju.db")
    try:
        current = database.registry.load()
        planned = plan(current, draft, prune=prune, judge=book.override_problems)
        version: int | None = None
        running = False
        if planned.ok and planned.changes and not dry_run:
            with _journal_if_free(data) as free:
                running = not free
                made = apply_plan(current, planned)
                if free:
                    version = database.registry.apply(made)
                    now_ms = time.time_ns() // 1_000_000
                    database.journal.commit([Entry(_fact(planned, version), _person(), now_ms)], (), (), now_ms)
                else:
                    version = database.registry.apply(made, lambda new: Record(_fact(planned, new), _person()))
    finally:
        database.close()
    if as_json:
        click.echo(json.dumps(_as_tree(planned, version=version, running=running), ensure_ascii=False))
    else:
        _report(planned, dry_run=dry_run, version=version, running=running)
    ctx.exit(0 if planned.ok else 1)


@registry.command("export")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: by the ending of PATH, else csv.")
@click.option("--force", is_flag=True, help="Replace files that exist.")
@data_option
@json_option
def export(path: Path, form: str | None, force: bool, data: Path, as_json: bool) -> None:
    """Export the registry to PATH: a folder for csv, a file for xlsx and yaml. Importing it again changes nothing."""
    form = form or {".xlsx": "xlsx", ".yaml": "yaml", ".yml": "yaml"}.get(path.suffix.lower(), "csv")
    database = open_database(data / "anju.db", upgrade=False)
    try:
        held = database.registry.load()
    finally:
        database.close()
    files = export_registry(held, path, form, replace=force)
    counts = {name: len(getattr(held, name)) for name in ("places", "organisations", "contracts", "devices")}
    if as_json:
        click.echo(json.dumps({"files": [str(file) for file in files], "version": held.version, **counts}))
        return
    for file in files:
        click.echo(str(file))
    click.echo(", ".join(f"{count} {name}" for name, count in counts.items()))


@contextlib.contextmanager
def _journal_if_free(data: Path) -> Iterator[bool]:
    """Whether no service runs on `data`; if so none can start meanwhile. A running one keeps its own journal."""
    with (data / "anju.lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


def _person() -> str:
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):
        return "cli"


def _fact(planned: Plan, version: int) -> RegistryImported:
    parts = planned.tables.values()
    return RegistryImported(
        version=version,
        added=sum(len(part.added) for part in parts),
        changed=sum(len(part.changed) for part in parts),
        removed=sum(len(part.removed) for part in parts),
        source=planned.source,
    )


# --- telling --------------------------------------------------------------------------------------------------------


def _as_tree(planned: Plan, *, version: int | None, running: bool) -> dict[str, Any]:
    return {
        "ok": planned.ok,
        "applied": version is not None,
        "version": version,
        "reload_needed": running and version is not None,
        "source": planned.source,
        "tables": msgspec.to_builtins(planned.tables),
        "problems": [{**msgspec.structs.asdict(problem), "text": str(problem)} for problem in planned.problems],
        "problems_unlisted": planned.unlisted,
    }


def _report(planned: Plan, *, dry_run: bool, version: int | None, running: bool) -> None:
    click.echo(f"{'table':<14}{'added':>8}{'changed':>9}{'unchanged':>11}{'missing':>9}{'removed':>9}")
    for name, part in planned.tables.items():
        counts = (len(part.added), len(part.changed), part.unchanged, len(part.missing), len(part.removed))
        click.echo(f"{name:<14}{counts[0]:>8}{counts[1]:>9}{counts[2]:>11}{counts[3]:>9}{counts[4]:>9}")
    for name, part in planned.tables.items():
        _list(f"{name} + ", part.added)
        _list(f"{name} ~ ", [f"{change.id}: {_differences(change.fields)}" for change in part.changed])
        _list(f"{name} - ", part.removed)
    for problem in planned.problems:
        click.echo(f"{_level(problem)}: {problem}", err=True)
    if planned.unlisted:
        click.echo(f"… and {planned.unlisted} more problems", err=True)
    click.echo(_outcome(planned, dry_run=dry_run, version=version, running=running))


def _level(problem: Problem) -> str:
    return "错误 error" if problem.level == "error" else "提示 warning"


def _list(head: str, lines: list[str]) -> None:
    for line in lines[:SHOWN]:
        click.echo(f"  {head}{line}")
    if len(lines) > SHOWN:
        click.echo(f"  {head}… {len(lines) - SHOWN} more (--json lists all)")


def _differences(fields: dict[str, tuple[Any, Any]]) -> str:
    return ", ".join(f"{name} {_brief(before)} → {_brief(after)}" for name, (before, after) in fields.items())


def _brief(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _outcome(planned: Plan, *, dry_run: bool, version: int | None, running: bool) -> str:
    if not planned.ok:
        return f"{len(planned.errors)} errors: nothing was changed 未做任何更改"
    if version is not None:
        told = "; send SIGHUP to the running service (kill -HUP) to take it into use" if running else ""
        return f"registry version {version} 已导入{told}"
    if planned.changes and dry_run:
        return f"{planned.changes} changes; nothing was changed (--dry-run) 试运行,未做任何更改"
    return "nothing to change 无需更改"
