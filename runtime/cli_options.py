"""Options that several commands share."""

from pathlib import Path
from typing import Final

import click

__all__ = ["EXPORTS", "data_option", "json_option", "token_option", "url_option"]

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
url_option = click.option(
    "--url",
    default="http://127.0.0.1:8080",
    envvar="ANJU_URL",
    show_default=True,
    show_envvar=True,
    help="The service.",
)
token_option = click.option("--token", envvar="ANJU_TOKEN", show_envvar=True, help="Personal API token.")
