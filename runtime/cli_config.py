"""``anju config``: settings before they take effect."""

import json
from pathlib import Path

import click

from runtime.calendars import load_calendar
from runtime.cli_options import json_option
from runtime.settings import load_settings

__all__ = ["config"]


@click.group()
def config() -> None:
    """Check settings."""


@config.command()
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
def check(file: Path | None, as_json: bool) -> None:
    """Read FILE and the environment; print the settings in force, without secrets. Exits with 1 if they are wrong."""
    settings = load_settings(file)
    settings.broker_secret()
    load_calendar(settings.calendar)
    tree = settings.model_dump(mode="json")
    if as_json:
        click.echo(json.dumps(tree, ensure_ascii=False))
        return
    for name, value in tree.items():
        click.echo(f"{name}: {value if value is not None else '-'}")
