"""``anju score``: how good alerting is, against what really happened."""

import json
import os
import re
import shlex
import sys
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from domain.errors import AnjuError
from runtime.packs import load_rulebook
from scoring.figures import Score
from scoring.live import Api, listen
from scoring.month import HELD_OUT_FROM, expected_per_day, unrated
from scoring.page import page
from scoring.report import compared, markdown, text
from scoring.runs import Month, Task, play_all, registry_of, tasks_of_month
from scoring.sums import score as summed
from simulators.broker import Broker
from simulators.scenarios import SCENARIOS, ScenarioErrors, find_scenario, load_scenario
from simulators.wire import WireFaults

__all__ = ["score"]

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _seconds(value: str) -> float:
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smhd]?)", value)
    if match is None:
        raise click.UsageError(f"--for {value!r} is no duration: write 90s, 15m, 2h or 1d")
    return float(match[1]) * _UNITS[match[2] or "s"]


def _seeds(value: str) -> list[int]:
    """``7``, ``1,2,5`` or ``100-103``."""
    found: list[int] = []
    for part in value.split(","):
        match = re.fullmatch(r"([0-9]{1,6})(?:-([0-9]{1,6}))?", part.strip())
        if match is None:
            raise click.UsageError(f"--seed {value!r}: write 7, 1,2,5 or 100-103")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return found


def _start_ms(value: str | None) -> int | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise click.UsageError(f"--start {value!r} is no time: write 2026-11-22T00:00:00+08:00")
    return round(moment.timestamp() * 1000)


@click.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@click.option("--all", "everything", is_flag=True, help="All shipped scenarios.")
@click.option("--days", type=click.FloatRange(0, min_open=True), help="A random time of so many days in a district.")
@click.option("--district", default="demo", show_default=True, help="demo, small, towers, or a registry file.")
@click.option("--seed", default="1", show_default=True, metavar="N[,N|-N]",
              help="One or several months: 7, or 1,2,5, or 100-103. From 100 on: held out.")  # fmt: skip
@click.option("--start", metavar="TIME", help="When the random time begins (RFC 3339).  [default: by the seed]")
@click.option("--incidents-per-day", type=click.FloatRange(0), metavar="X",
              help="Scale all rates, so that so many happen in the district on average, before --boost.")  # fmt: skip
@click.option("--boost", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True,
              help="So many times more life-safety incidents than in life: they are too rare for figures.")  # fmt: skip
@click.option("--rules", type=click.Path(path_type=Path, exists=True), help="A folder or pack instead of the shipped.")
@click.option("--compare", type=click.Path(path_type=Path, exists=True), help="A second rule set on the same worlds.")
@click.option("--jobs", type=click.IntRange(1, 64), default=lambda: os.cpu_count() or 1, help="Processes.")
@click.option("--url", envvar="ANJU_URL", default=None, help="Score the running service at this address instead.")
@click.option("--token", envvar="ANJU_TOKEN", help="Personal API token (anju users token), with --url.")
@click.option("--broker", envvar=["ANJU_SIM_BROKER", "ANJU_BROKER"], default="mqtt://127.0.0.1:1883", show_default=True,
              help="Where the simulator publishes its truths, with --url.")  # fmt: skip
@click.option("--for", "lasts", default="30m", show_default=True, help="How long to listen, with --url.")
@click.option("--json", "as_json", is_flag=True, help="Print all figures as JSON.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print tables for a page.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a report with plots to this file.")
def score(**options: Any) -> None:
    """Play SCENARIOs, or a random month, and hold what is raised against what really happened.

    In-process and on virtual time; with --url the running service is scored while `anju simulate` plays before it.
    Exit code 1 if a scenario's life-safety incident was missed or told late.
    """
    live = bool(options["url"]) and not (options["scenarios"] or options["everything"] or options["days"])
    if options["as_json"] and options["as_markdown"]:
        raise click.UsageError("--json or --markdown, not both")
    if options["scenarios"] and options["everything"]:
        raise click.UsageError("name scenarios, or --all")
    if bool(options["scenarios"] or options["everything"]) + bool(options["days"]) + live != 1:
        raise click.UsageError("name one of: scenarios, --all, --days, --url")
    try:
        scores = [_live(options)] if live else _played(options)
        _show(scores, options)
    except ScenarioErrors as error:
        raise click.ClickException("\n".join(str(fault) for fault in error.faults)) from error
    except AnjuError as error:
        raise click.ClickException(error.text) from error
    failed = any(one.life_safety for one in scores[0].missed)
    sys.exit(1 if failed and not options["days"] else 0)


def _say(words: str) -> None:
    click.echo(f"anju score: {words}", err=True)


def _live(options: dict[str, Any]) -> Score:
    if not options["token"]:
        raise click.UsageError("--url needs --token or ANJU_TOKEN (made by `anju users token`)")
    if options["compare"] is not None:
        raise click.UsageError("--compare plays two rule sets in-process; a running service has one")
    seconds = _seconds(options["lasts"])
    with click.progressbar(length=round(seconds), label="listening", file=sys.stderr) as bar:
        part = listen(
            Api(options["url"], options["token"]),
            Broker.parse(options["broker"]),
            seconds,
            lambda passed: bar.update(round(passed)),
            _say,
        )
    return summed(options["url"], [part])


def _tasks(options: dict[str, Any]) -> list[Task]:
    if options["days"]:
        return _month_tasks(options)
    tasks = []
    for name in options["scenarios"] or SCENARIOS:
        scenario = load_scenario(find_scenario(name))
        if scenario.wire != WireFaults():
            _say(f"{scenario.name}: its bad wire is not played in-process; play it before a running service (--url)")
        devices = len(scenario.registry.devices)
        tasks.append(Task(name=scenario.name, size=devices * scenario.lasts_s / 86_400, scenario=name))
    return tasks


def _month_tasks(options: dict[str, Any]) -> list[Task]:
    registry = registry_of(options["district"])
    seeds = _seeds(options["seed"])
    factor = 1.0
    if options["incidents_per_day"] is not None:
        factor = options["incidents_per_day"] / max(1e-9, expected_per_day(registry))
    if missing := unrated():
        _say(f"no rate, so they never happen: {', '.join(missing)}")
    if {seed >= HELD_OUT_FROM for seed in seeds} == {True, False}:
        _say(f"seeds below {HELD_OUT_FROM} are for tuning, the others are held out: do not report them together")
    start_ms = _start_ms(options["start"])
    return [
        task
        for seed in seeds
        for task in tasks_of_month(
            Month(
                district=options["district"],
                seed=seed,
                days=options["days"],
                factor=factor,
                boost=options["boost"],
                start_ms=start_ms,
            )
        )
    ]


def _rule_sets(options: dict[str, Any]) -> list[Path | None]:
    return [options["rules"]] + ([options["compare"]] if options["compare"] is not None else [])


def _played(options: dict[str, Any]) -> list[Score]:
    rules = _rule_sets(options)
    for path in rules:
        load_rulebook(None if path is None else [path])  # told at once, not by each process
    tasks = _tasks(options)
    size = sum(task.size for task in tasks)
    quiet = options["as_json"] and not sys.stderr.isatty()
    shown: AbstractContextManager[Any] = (
        nullcontext()
        if quiet
        else click.progressbar(length=max(1, round(1000 * size)), label="playing", file=sys.stderr)
    )
    with shown as bar:
        told = play_all(
            tasks, rules, options["jobs"], None if bar is None else lambda task: bar.update(round(1000 * task.size))
        )
    names = ["shipped rules" if path is None else str(path) for path in rules]
    return [summed(name, [one.parts[index] for one in told]) for index, name in enumerate(names)]


def _show(scores: list[Score], options: dict[str, Any]) -> None:
    books = [load_rulebook(None if path is None else [path]) for path in _rule_sets(options)]
    how = shlex.join(["anju", "score", *_words()])
    if options["html"] is not None:
        options["html"].write_text(page(scores, books, how), encoding="utf-8")
        _say(f"wrote {options['html']}")
    if options["as_json"]:
        body = msgspec.to_builtins(scores if len(scores) > 1 else scores[0], str_keys=True)
        click.echo(json.dumps(body, ensure_ascii=False))
    elif options["as_markdown"]:
        click.echo("\n".join(markdown(one, book, how) for one, book in zip(scores, books, strict=True)))
    else:
        click.echo("\n\n".join(text(one, book) for one, book in zip(scores, books, strict=True)))
    if len(scores) > 1 and not options["as_json"]:
        click.echo("")
        click.echo(compared(*scores, pipes=options["as_markdown"]))


def _words() -> list[str]:
    """The command as typed, but for secrets: the report may be handed on."""
    context = click.get_current_context()
    words: list[str] = [str(one) for one in context.params.get("scenarios") or ()]
    for option in context.command.params:
        value = context.params.get(option.name or "")
        given = context.get_parameter_source(option.name or "") is click.core.ParameterSource.COMMANDLINE
        if isinstance(option, click.Option) and given and option.name not in {"token", "broker", "html"}:
            words += [option.opts[0]] if option.is_flag else [option.opts[0], str(value)]
    return words
