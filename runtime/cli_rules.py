"""``anju rules``: packs and their tests, before they take effect."""

import json
from pathlib import Path
from typing import Any

import click

from alerts.rules.book import Book
from alerts.rules.nodes import PackError
from alerts.rules.testing import Outcome, run_case
from runtime.cli_options import json_option
from runtime.packs import PackErrors, load_packs, load_rulebook, load_suite, shipped_packs, suites_in

__all__ = ["rules"]

_paths = click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True), metavar="[PATH]...")


@click.group()
def rules() -> None:
    """Check and test rule packs.

    PATH is a pack file or a folder of them; without one, the packs that come with Anju.
    """


@rules.command()
@_paths
@json_option
def check(paths: tuple[Path, ...], as_json: bool) -> None:
    """Read packs and tell everything that is wrong, and what to write instead. Exits with 1 if anything is."""
    packs, errors = load_packs(paths or None)
    count = sum(len(pack.rules) for pack in packs)
    if as_json:
        click.echo(
            json.dumps({"ok": not errors, "rules": count, "errors": [_plain(e) for e in errors]}, ensure_ascii=False)
        )
    else:
        _show(errors)
        if not errors:
            click.echo(f"{_word('ok', 'green')}  {len(packs)} packs, {count} rules")
    if errors:
        raise click.exceptions.Exit(1)


@rules.command()
@_paths
@json_option
def test(paths: tuple[Path, ...], as_json: bool) -> None:
    """Run the tests beside packs (fire_test.yml beside fire.yml) on a virtual clock. Exits with 1 if one fails.

    PATH may also be a test file: it runs against the pack beside it, or the shipped packs if there is none.
    """
    outcomes: list[tuple[str, Outcome]] = []
    errors: list[PackError] = []
    for suite in suites_in(paths or tuple(shipped_packs())):
        try:
            book = _book_for(suite)
            outcomes += [(str(suite), run_case(book, case)) for case in load_suite(suite).cases]
        except PackErrors as refused:
            errors += refused.errors
    failed = [outcome for _, outcome in outcomes if not outcome.passed]
    if as_json:
        listed = [
            {"file": file, "line": one.line, "rule": one.rule, "name": one.name, "passed": one.passed,
             "failures": list(one.failures)}
            for file, one in outcomes
        ]  # fmt: skip
        ok = not failed and not errors
        click.echo(json.dumps({"ok": ok, "tests": listed, "errors": [_plain(e) for e in errors]}, ensure_ascii=False))
    else:
        _show(errors)
        for file, one in outcomes:
            if not one.passed:
                click.echo(f"{file}:{one.line}: {_word('failed', 'red')}  {one.rule}  {one.name}")
                for failure in one.failures:
                    click.echo(f"    {failure}")
        click.echo(f"{len(outcomes) - len(failed)} passed, {len(failed)} failed")
    if failed or errors:
        raise click.exceptions.Exit(1)


def _book_for(suite: Path) -> Book:
    pack = suite.with_name(f"{suite.stem.removesuffix('_test')}{suite.suffix}")
    shipped = pack.resolve() in {path.resolve() for path in shipped_packs()}
    return load_rulebook(None if shipped or not pack.exists() else [pack])


def _plain(error: PackError) -> dict[str, Any]:
    return {"file": error.file, "line": error.line, "what": error.what, "write": error.write}


def _show(errors: list[PackError]) -> None:
    for error in errors:
        click.echo(f"{error.file}:{error.line}: {_word('error', 'red')}  {error.what}; {error.write}")


def _word(word: str, colour: str) -> str:
    """A coloured word; click removes the colour where the output is no terminal."""
    return click.style(word, fg=colour)
