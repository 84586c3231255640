"""Options that several commands share."""

from pathlib import Path

import click

__all__ = ["data_option", "json_option"]

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data"),
    envvar="ANJU_DATA",
    show_default=True,
    help="Folder that holds the stores.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
