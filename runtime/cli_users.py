"""``anju users``: people and programs that may sign in."""

import json
import secrets
import time
from pathlib import Path

import click

from runtime.cli_options import data_option, json_option
from storage.database import open_database

__all__ = ["users"]


@click.group()
def users() -> None:
    """Make users, passwords and tokens."""


@users.command()
@click.argument("name")
@click.option("--role", "roles", multiple=True, default=("operator",), show_default=True, help="May be repeated.")
@data_option
@json_option
def passwd(name: str, roles: tuple[str, ...], data: Path, as_json: bool) -> None:
    """Give NAME a new random password (and make the user if new). It is printed once and stored hashed."""
    password = secrets.token_urlsafe(12)
    database = open_database(data / "anju.db")
    try:
        database.users.create(name, password, roles, time.time_ns() // 1_000_000)
    finally:
        database.close()
    _tell(as_json, f"{name}  {password}", user=name, password=password)


@users.command()
@click.argument("name")
@click.option("--label", required=True, help="What the token is for.")
@data_option
@json_option
def token(name: str, label: str, data: Path, as_json: bool) -> None:
    """Make a personal API token for NAME. It is printed once and stored hashed."""
    database = open_database(data / "anju.db")
    try:
        made = database.users.create_token(name, label, time.time_ns() // 1_000_000)
    finally:
        database.close()
    _tell(as_json, made, user=name, token=made)


def _tell(as_json: bool, text: str, **fields: str) -> None:
    click.echo(json.dumps(fields) if as_json else text)
