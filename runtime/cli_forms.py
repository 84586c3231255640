"""``anju forms``: mapping files of vendors' forms, before they take effect."""

import json
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from domain.errors import NotFound
from ingest.kinds.mapped import Mapped
from runtime.cli_options import json_option
from runtime.forms import load_forms
from runtime.packs import PackErrors

__all__ = ["forms"]

_files = click.option(
    "--forms", "paths", multiple=True, type=click.Path(path_type=Path, exists=True), help="Mapping file or folder."
)


@click.group()
def forms() -> None:
    """List, check and try mapping files: how what a vendor sends is understood (docs/ingest.md)."""


@forms.command("ls")
@_files
@json_option
def list_forms(paths: tuple[Path, ...], as_json: bool) -> None:
    """The forms that can be named in a device's attribute `form`."""
    found, errors = load_forms(paths)
    if errors:
        raise PackErrors(errors)
    if as_json:
        rows = [{"form": one.name, "kind": one.kind, "zh": one.zh, "en": one.en} for one in found]
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for one in found:
        click.echo(f"{one.name:<20} {one.kind:<10} {one.zh}  {one.en}")


@forms.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="PATH...")
@json_option
def check(paths: tuple[Path, ...], as_json: bool) -> None:
    """Read mapping files and tell everything that is wrong, and what to write instead. Exits with 1 if anything is."""
    found, errors = load_forms(paths, shipped=False)
    if as_json:
        click.echo(json.dumps({"ok": not errors, "forms": len(found), "errors": [str(one) for one in errors]}))
    else:
        for error in errors:
            click.echo(str(error), err=True)
        if not errors:
            click.echo(f"ok  {len(found)} forms")
    if errors:
        raise click.exceptions.Exit(1)


@forms.command("try")
@click.argument("form")
@click.argument("payload", type=click.File("rb"), default="-")
@_files
def try_(form: str, payload: Any, paths: tuple[Path, ...]) -> None:
    """Show what FORM makes of PAYLOAD (a file, or standard input). Exits with 1 if anything is refused."""
    found, errors = load_forms(paths)
    if errors:
        raise PackErrors(errors)
    one = next((one for one in found if one.name == form), None)
    if one is None:
        raise NotFound("form.unknown", f"no form {form!r}; there are: {', '.join(one.name for one in found)}")
    refused = False
    for decoded in Mapped(one).careful(one.kind, payload.read()):
        if decoded.sample is not None:
            plain = msgspec.to_builtins(decoded.sample)
            plain = {key: value for key, value in plain.items() if value is not None}
            plain["values"] = {k: v for k, v in (plain.get("values") or {}).items() if v is not None}
            click.echo(json.dumps(plain, ensure_ascii=False))
        for fault in decoded.faults:
            refused = True
            click.echo(f"{fault.outcome.value}: {fault.detail}", err=True)
    sys.exit(1 if refused else 0)
