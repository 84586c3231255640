"""``anju users``: people and programs that may sign in."""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from domain.access import ROLES
from domain.errors import NotFound
from domain.kinds import KINDS
from domain.people import Person
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
    type=click.Choice(tuple(ROLES)),
    help="May be repeated. Without it roles stay as they are; a new user is an operator.",
)
@click.option("--organisation", help="Whose member it is: it sees what that organisation answers for.")
@click.option(
    "--place", "places", multiple=True, help="Subtree of the place tree it is restricted to; may be repeated."
)
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(tuple(KINDS)), help="Device kind it is restricted to."
)
@data_option
@json_option
def passwd(
    name: str,
    roles: tuple[str, ...],
    organisation: str | None,
    places: tuple[str, ...],
    kinds: tuple[str, ...],
    data: Path,
    as_json: bool,
) -> None:
    """Give NAME a new random password (and make the user if new). It is printed once and stored hashed.

    What no option names stays as it is. Sessions that NAME has open end; tokens stay.
    """  # fmt: skip
    password = secrets.token_urlsafe(12)
    with _users(data, making=True) as kept:
        before = kept.person(name) or Person(name, roles=(NEW_ROLE,))
        given = {"roles": roles, "organisation": organisation, "places": places, "kinds": kinds}
        kept.save(replace(before, **{key: value for key, value in given.items() if value}), password, _now_ms())
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
        rows: list[dict[str, Any]] = [
            {
                "user": one.id,
                "roles": list(one.roles),
                "organisation": one.organisation,
                "places": list(one.places),
                "kinds": list(one.kinds),
                "active": one.active,
                "tokens": [label for label, _ in kept.tokens(one.id)],
            }
            for one in kept.people()
        ]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        bound = [word for word in (row["organisation"], *row["places"], *row["kinds"]) if word]
        words = [row["user"], ",".join(row["roles"]) or "-", ",".join(bound), ", ".join(row["tokens"])]
        click.echo("  ".join(word for word in words if word))


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
