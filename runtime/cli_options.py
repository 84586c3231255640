"""Options that several commands share."""

from pathlib import Path
from typing import Final

import click

__all__ = ["EXPORTS", "data_option", "json_option"]

EXPORTS: Final = """Set once, beside a running demo:

\b
    export ANJU_DATA=data/demo
    export ANJU_TOKEN=$(anju users token admin --label me)
"""
"""How commands find the service: the end of their help."""

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data"),
    envvar="ANJU_DATA",
    show_default=True,
    show_envvar=True,
    help="Folder that holds the stores; of a demo: data/demo.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
