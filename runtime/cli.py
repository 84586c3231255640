"""The one console script: ``anju``. Subcommands are loaded when used, so that each starts fast."""

import importlib
import importlib.metadata
import sys
from typing import Any, Final

import click

from domain.errors import AnjuError

__all__ = ["main"]

COMMANDS: Final = {
    "up": ("runtime.cli_up:up", "Run Anju: broker (embedded or external), stores, rules, API and console."),
    "simulate": ("simulators.cli:simulate", "Publish a simulated district over real MQTT."),
    "score": ("scoring.cli:score", "Score alerting against what really happened, in a simulated district."),
    "rules": ("runtime.cli_rules:rules", "Check and test rule packs."),
    "forms": ("runtime.cli_forms:forms", "List, check and try mapping files of vendors' forms."),
    "registry": ("runtime.cli_registry:registry", "Import and export places, organisations, contracts, devices."),
    "orders": ("runtime.cli_orders:orders", "List work orders of a running service, let one take a step."),
    "alerts": ("runtime.cli_alerts:alerts", "List, explain, acknowledge and shelve alerts of a running service."),
    "journal": ("runtime.cli_journal:journal", "Verify and show the journal."),
    "users": ("runtime.cli_users:users", "Make users, passwords and tokens."),
    "config": ("runtime.cli_config:config", "Check settings."),
}
"""Name → (where it lives, what it does)."""


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, what) for name, (_, what) in COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(importlib.metadata.version("anju"), prog_name="anju")
def anju() -> None:
    """Anju 安居 watches over residential compounds: elevators, fire control, e-bike charging."""


def main(args: list[str] | None = None) -> Any:
    """Runs the command line. Exit codes: 0 well, 1 a problem was found or met, 2 used wrongly."""
    try:
        return anju.main(args, standalone_mode=True)
    except AnjuError as error:
        click.echo(f"anju: {error.text}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
