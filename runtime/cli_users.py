"""``anju users``: people and programs that may sign in."""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from api.auth import ROLES
from domain.errors import NotFound
from runtime.cli_options import EXPORTS, data_option, json_option
from storage.database import open_database
from storage.users import SqlUsers

__all__ = ["users"]

NEW_ROLE = "operator"


@click.group(epilog=EXPORTS)
def users() -> None:
    """Make users, passwords and tokens, in the folder of a service that may be running."""


@users.command()
@click.argument("name")
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice(ROLES),
    help="May be repeated. Without it roles stay as they are; a new user is an operator.",
)
@data_option
@json_option
def passwd(name: str, roles: tuple[str, ...], data: Path, as_json: bool) -> None:
    """Give NAME a new random password (and make the user if new). It is printed once and stored hashed.

    Sessions that NAME has open end; tokens stay.
    """  # fmt: skip
    password = secrets.token_urlsafe(12)
    with _users(data, making=True) as kept:
        standing = kept.standing(name)
        before = (NEW_ROLE,) if standing is None else standing.roles
        kept.create(name, password, roles or before, _now_ms())
    _tell(as_json, f"{name}  {password}", user=name, password=password)


@users.command()
@click.argument("name")
@click.option("--label", required=True, help="What the token is for.")
@data_option
@json_option
def token(name: str, label: str, data: Path, as_json: bool) -> None:
    """Make a personal API token for NAME. It is printed once and stored hashed."""
    with _users(data) as kept:
        made = kept.create_token(name, label, _now_ms())
    _tell(as_json, made, user=name, token=made)


@users.command("ls")
@data_option
@json_option
def list_users(data: Path, as_json: bool) -> None:
    """All users with their roles and the labels of their tokens."""
    with _users(data) as kept:
        rows = [
            {"user": name, "roles": list(kept.roles(name)), "tokens": [label for label, _ in kept.tokens(name)]}
            for name in kept.names()
        ]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        click.echo(f"{row['user']}  {','.join(row['roles']) or '-'}  {', '.join(row['tokens'])}".rstrip())


@users.command()
@click.argument("name")
@data_option
@json_option
def rm(name: str, data: Path, as_json: bool) -> None:
    """Delete NAME. Its sessions and tokens end at once, also at a running service."""
    with _users(data) as kept:
        kept.remove(name)
    _tell(as_json, f"{name} is gone", user=name)


@users.command()
@click.argument("name")
@click.option("--label", help="Only the tokens with this label; sessions stay.")
@data_option
@json_option
def revoke(name: str, label: str | None, data: Path, as_json: bool) -> None:
    """End all sessions and tokens of NAME at once, also at a running service. The password stays."""
    with _users(data) as kept:
        if label is None:
            ended = kept.revoke(name, _now_ms())
        elif not (ended := kept.revoke_tokens(name, label)):
            raise NotFound("token.unknown", f"{name!r} has no token {label!r}", user=name, label=label)
    _tell(as_json, f"{ended} tokens of {name} ended", user=name, tokens=ended)


@contextmanager
def _users(data: Path, *, making: bool = False) -> Iterator[SqlUsers]:
    if not making and not (data / "anju.db").exists():
        raise NotFound(
            "data.missing", f"there is no Anju in {data}: name its folder by --data or ANJU_DATA", data=str(data)
        )
    database = open_database(data / "anju.db")
    try:
        yield database.users
    finally:
        database.close()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _tell(as_json: bool, text: str, **fields: str | int) -> None:
    click.echo(json.dumps(fields) if as_json else text)
