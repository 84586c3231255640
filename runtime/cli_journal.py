"""``anju journal``: check and read the journal, also beside a running service."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from alerts.ports import JournalRow
from domain.limits import PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX
from runtime.cli_options import EXPORTS, data_option, json_option
from storage.database import Database, open_database

__all__ = ["journal"]


@click.group(epilog=EXPORTS)
def journal() -> None:
    """Verify and show the journal, in the folder of a service that may be running."""


@journal.command()
@data_option
@json_option
@click.pass_context
def verify(ctx: click.Context, data: Path, as_json: bool) -> None:
    """Recompute the hash chain and compare the alerts with it. Exit code 1 if anything was changed."""
    with _opened(data) as database:
        found, wrong = database.journal.verify()
        store = database.store
    if as_json:
        answer: dict[str, Any] = {"store": store, "ok": wrong is None}
        answer |= {"lines": found} if wrong is None else {"seq": found, "wrong": wrong}
        click.echo(json.dumps(answer, ensure_ascii=False))
    elif wrong is None:
        click.echo(f"{store}: {found} lines, unbroken" if found else f"{store}: nothing has been written to {data} yet")
    else:
        click.echo(f"{store}: broken at line {found}: {wrong}", err=True)
    ctx.exit(0 if wrong is None else 1)


@journal.command()
@click.option("--from", "first", type=click.IntRange(min=1), help="Begin with this line instead of near the newest.")
@click.option(
    "--limit", type=click.IntRange(1, PAGE_ROWS_MAX), default=PAGE_ROWS_DEFAULT, show_default=True, help="Lines."
)
@click.option("--alert", help="Only lines about this alert (its number or id), from its beginning.")
@data_option
@json_option
def show(first: int | None, limit: int, alert: str | None, data: Path, as_json: bool) -> None:
    """Print the newest lines, in order, one per row; --json prints one JSON object per line."""
    with _opened(data) as database:
        alert_id = None if alert is None else database.history.alert(alert).id
        if first is None:
            first = 1 if alert is not None else max(1, database.journal.seq - limit + 1)
        rows = database.journal.rows(after=first - 1, limit=limit, alert_id=alert_id)
        left = database.journal.seq - rows[-1].seq if rows else 0
    for row in rows:
        click.echo(_as_json(row) if as_json else _as_text(row))
    if not as_json and len(rows) == limit and left:
        click.echo(f"-- more: --from {rows[-1].seq + 1}", err=True)
    elif not as_json and alert is None and first > 1:
        click.echo(f"-- earlier: --from {max(1, first - limit)}", err=True)


@contextmanager
def _opened(data: Path) -> Iterator[Database]:
    database = open_database(data / "anju.db", upgrade=False)
    try:
        yield database
    finally:
        database.close()


def _as_json(row: JournalRow) -> str:
    line = {name: getattr(row, name) for name in ("seq", "at_ms", "actor", "kind", "alert_id", "cmd", "event")}
    return msgspec.json.encode(line).decode()


def _as_text(row: JournalRow) -> str:
    at = datetime.fromtimestamp(row.at_ms / 1000).astimezone().isoformat(sep=" ", timespec="milliseconds")
    return f"{row.seq:>8}  {at}  {row.kind:<20}  {row.actor:<20}  {row.alert_id or '-'}  {_detail(row.event)}".rstrip()


def _detail(event: Any) -> str:
    """The plain fields of an event; documents inside it are for --json."""
    fields = event if isinstance(event, dict) else msgspec.to_builtins(event)
    plain = {
        name: value
        for name, value in fields.items()
        if name not in {"type", "alert_id"} and value not in (None, "") and not isinstance(value, dict | list)
    }
    return " ".join(f"{name}={value}" for name, value in plain.items())
