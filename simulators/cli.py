"""``anju simulate``: a district that misbehaves on demand, over real MQTT."""

import math
import os
import re
import secrets
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import click
import msgspec

from domain.errors import AnjuError
from domain.limits import LOAD_DEVICES_MAX
from simulators.alone import alone
from simulators.broker import Broker
from simulators.district import DEMO_DISTRICT, load_district
from simulators.district.named import district_text
from simulators.incidents import INCIDENTS
from simulators.load_cli import load_district_text, run_load
from simulators.remote import Remote
from simulators.scenarios import SCENARIOS, Scenario, ScenarioErrors, find_scenario, load_scenario
from simulators.schedule import Planned
from simulators.session import Run, RunPlan, Summary
from simulators.truth import Truth
from simulators.vendors import VENDORS, speaking
from simulators.wire import WireFaults

__all__ = ["simulate"]

OWED_SHOWN: Final = 4
_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_INCIDENT: Final = re.compile(r"([a-z_]+)(?::([A-Za-z0-9_-]+))?(?:@([0-9.]+[smhd]?))?\Z")


class _Duration(click.ParamType[float]):
    """``90``, ``90s``, ``15m``, ``2h``, ``1d``."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smhd]?)", str(value))
        if match is None:
            self.fail(f"{value!r} is no duration: write 90s, 15m, 2h or 1d", param, ctx)
        return float(match[1]) * _UNITS[match[2] or "s"]


class _Span(_Duration):
    """A duration that takes time."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = super().convert(value, param, ctx)
        if not seconds > 0:
            self.fail(f"{value!r} is no time at all: write 90s, 15m, 2h or 1d", param, ctx)
        return seconds


class _Speed(click.ParamType[float]):
    """A factor, or ``max``."""

    name = "speed"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if value == "max":
            return math.inf
        try:
            speed = float(value)
        except ValueError:
            speed = math.nan
        if not speed > 0:
            self.fail(f"{value!r} is no speed: write a number above 0, or max", param, ctx)
        return speed


class _Start(click.ParamType[int]):
    """RFC 3339 with offset."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self.fail(f"{value!r} is no time: write 2026-11-22T08:00:00+08:00", param, ctx)
        return round(moment.timestamp() * 1000)


class _Incident(click.ParamType[Planned]):
    """``NAME[:device][@offset]``."""

    name = "incident"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Planned:
        if isinstance(value, Planned):
            return value
        match = _INCIDENT.match(str(value))
        if match is None or match[1] not in INCIDENTS:
            self.fail(f"{value!r}: write NAME[:device][@offset]; names: {', '.join(INCIDENTS)}", param, ctx)
        offset_s = _Duration().convert(match[3], param, ctx) if match[3] else 10.0
        return Planned(offset_s, match[1], match[2], tuple(INCIDENTS[match[1]].brisk.items()))


_Rate = click.FloatRange(0.0, 1.0)
_WIRE: Final = {
    "duplicates": "duplicates", "reorder": "reorder", "loss": "loss", "corrupt": "corrupt", "skewed": "skewed",
    "skew": "skew_s", "drifting": "drifting", "drift": "drift_per_day_s", "silent": "silent", "held": "held",
    "held_every": "held_every_s", "held_for": "held_s", "storm_every": "storm_every_s",
}  # fmt: skip
"""Option → the field of `WireFaults` that it goes before."""


def _list(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    del param
    if not value or ctx.resilient_parsing:
        return
    for incident in INCIDENTS.values():
        click.echo(f"{incident.name:28} {incident.zh}  {incident.en}")
    ctx.exit()


def _list_scenarios(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    del param
    if not value or ctx.resilient_parsing:
        return
    for path in SCENARIOS.values():
        scenario = load_scenario(path)
        lasts = f"{scenario.lasts_s / 60:.0f} min"
        click.echo(f"{scenario.name:32} {lasts:>8}  {scenario.district:8} {scenario.title.zh}  {scenario.title.en}")
    ctx.exit()


def _check(ctx: click.Context, param: click.Parameter, value: tuple[Path, ...]) -> None:
    """Reads scenario files and says all that is wrong with them; exit code 1 if anything is."""
    del param
    if not value or ctx.resilient_parsing:
        return
    bad = False
    for path in value:
        try:
            scenario = load_scenario(path)
        except ScenarioErrors as error:
            bad = True
            for fault in error.faults:
                click.echo(str(fault), err=True)
        else:
            happens = sum(step.times for step in scenario.steps if step.what != "stop")
            click.echo(f"{path}: ok, {happens} incidents in {scenario.lasts_s / 60:g} min")
    ctx.exit(1 if bad else 0)


@click.command()
@click.option("--broker", envvar=["ANJU_SIM_BROKER", "ANJU_BROKER"], default="mqtt://127.0.0.1:1883", show_default=True,
              help="mqtt://[user:pass@]host[:port], or mqtts://")  # fmt: skip
@click.option("--user", envvar="ANJU_SIM_USER", default="", help="Overrides the user in the address.")
@click.option("--password-file", envvar="ANJU_SIM_PASSWORD_FILE", type=click.Path(path_type=Path, dir_okay=False),
              help="File with the password: keeps it out of the list of processes.")  # fmt: skip
@click.option("--district", type=click.Path(path_type=Path, dir_okay=False),
              help="Registry file to play; the scenario's own, or the demo district, where none is named.")  # fmt: skip
@click.option("--scenario", metavar="NAME|FILE", help="Play a written timeline: see --list-scenarios.")
@click.option("--seed", type=int, help="Same seed and start, same world.  [default: 1, or the scenario's]")
@click.option("--speed", type=_Speed(), default="1",
              help="Virtual seconds per second, or max. Faster than 1 starts in the past and ends now.")  # fmt: skip
@click.option(
    "--duration", type=_Duration(), help="Virtual time to play: 90s, 15m, 2h. Endless at speed 1 without a scenario."
)
@click.option("--start", type=_Start(), help="Virtual start instead of the one that --speed implies (RFC 3339).")
@click.option("--incident", "incidents", type=_Incident(), multiple=True, metavar="NAME[:DEVICE][@OFFSET]",
              help="Let something go wrong, 10 s after the start or at OFFSET. May be repeated.")  # fmt: skip
@click.option("--random-incidents", type=click.FloatRange(0), default=0.0, metavar="PER_HOUR",
              help="Let things go wrong by chance.")  # fmt: skip
@click.option("--demo", is_flag=True, help="An endless show: every kind of incident, one each 20 to 60 seconds.")
@click.option("--load", type=click.IntRange(1), metavar="MESSAGES", help="Send so many pre-encoded messages instead.")
@click.option("--load-devices", type=click.IntRange(1, LOAD_DEVICES_MAX), default=20_000, show_default=True,
              help="Devices that take turns in a load.")  # fmt: skip
@click.option("--load-rate", type=click.FloatRange(1), help="Messages a second.  [default: as the broker takes them]")
@click.option("--print-load-district", is_flag=True, help="Print the registry file of a load's devices instead.")
@click.option("--duplicates", type=_Rate, help="Share of packets sent twice.")
@click.option("--reorder", type=_Rate, help="Share of packets that others overtake.")
@click.option("--loss", type=_Rate, help="Share of packets that never arrive.")
@click.option("--corrupt", type=_Rate, help="Share of packets that arrive damaged.  [demo: 0.001]")
@click.option("--skewed", type=_Rate, help="Share of devices with a wrong clock.")
@click.option("--skew", type=_Duration(), help="How wrong such a clock is at most.  [default: 400s]")
@click.option("--drifting", type=_Rate, help="Share of devices whose clock runs fast or slow.")
@click.option("--drift", type=_Duration(), help="By how much such a clock is off after a day at most.  [default: 20s]")
@click.option("--silent", type=_Rate, help="Share of devices that never say anything.")
@click.option("--held", type=_Rate,
              help="Share of gateways that are cut off now and then, and send late what they kept.")  # fmt: skip
@click.option("--held-every", type=_Span(), help="From one such time to the next, on average.  [default: 1h]")
@click.option("--held-for", type=_Span(), help="How long each lasts.  [default: 5m]")
@click.option("--storm-every", type=_Span(), metavar="DURATION",
              help="All gateways lose their connection and come back together, by the wall's clock.")  # fmt: skip
@click.option("--form", "forms", type=click.Choice(list(VENDORS)), multiple=True,
              help="Devices of matching types speak this vendor's form. May be repeated.")  # fmt: skip
@click.option("--vendor-forms", is_flag=True, help="All devices that can speak a vendor's form do: every --form.")
@click.option("--beside", is_flag=True,
              help="Start although another simulator plays at this broker: for other devices than its.")  # fmt: skip
@click.option("--orders", is_flag=True, hidden=True, help="Obey JSON lines on standard input (simulators/remote.py).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per incident change, and a summary.")
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="List the incidents.")
@click.option("--list-scenarios", is_flag=True, is_eager=True, expose_value=False, callback=_list_scenarios,
              help="List the shipped scenarios.")  # fmt: skip
@click.option("--check", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), is_eager=True,
              expose_value=False, callback=_check, help="Check a scenario file instead. May be repeated.")  # fmt: skip
@click.option("--print-district", type=click.Choice(["demo", "towers"]),
              help="Print a district's registry file, for anju registry import; with the forms of --form.")  # fmt: skip
def simulate(**options: Any) -> None:
    """Publish a simulated district over real MQTT.

    What really happens is published on anju/sim/v1/truth, outside the device tree. Ctrl-C ends the run in good order:
    every device says that it goes offline.

    One simulator at one broker: another one on this machine is noticed and refused, one elsewhere is not. To play one
    incident in a calm district use anju up --demo --data data/try --incident NAME.
    """
    as_json = bool(options["as_json"])
    if options["print_load_district"]:
        click.echo(load_district_text(options["load_devices"]), nl=False)
        return
    if options["print_district"] is not None:
        click.echo(district_text(options["print_district"], _forms(options)), nl=False)
        return
    try:
        if options["load"] is not None:
            _load(options, as_json)
            return
        run = _prepared(options, as_json)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: run.stop())
        for one in run.declares():
            click.echo(f"anju simulate: {one}", err=True)
        if run.clock.warning:
            click.echo(f"anju simulate: {run.clock.warning}", err=True)
        with alone(run.publisher.broker, beside=options["beside"]):
            _farewell(run.play(), as_json)
    except ScenarioErrors as error:
        raise click.ClickException("\n".join(str(fault) for fault in error.faults)) from error
    except AnjuError as error:
        raise click.ClickException(error.text) from error


def _broker(options: dict[str, Any]) -> Broker:
    password = ""
    if options["password_file"] is not None:
        try:
            password = options["password_file"].read_text(encoding="utf-8").strip()
        except OSError as error:
            raise click.ClickException(f"--password-file: {error}") from error
    return Broker.parse(options["broker"], options["user"], password)


def _forms(options: dict[str, Any]) -> tuple[str, ...]:
    return tuple(VENDORS) if options["vendor_forms"] else options["forms"]


def _load(options: dict[str, Any], as_json: bool) -> None:
    seed = 1 if options["seed"] is None else options["seed"]
    run_load(
        _broker(options), devices=options["load_devices"], messages=options["load"], rate=options["load_rate"],
        seed=seed, start_ms=options["start"], as_json=as_json,
    )  # fmt: skip


def _prepared(options: dict[str, Any], as_json: bool) -> Run:
    scenario = _scenario(options)
    faults = WireFaults(corrupt=0.001) if options["demo"] else WireFaults()
    if scenario is not None:
        faults = scenario.wire
    given = {field: options[name] for name, field in _WIRE.items() if options[name] is not None}
    faults = msgspec.structs.replace(faults, **given)
    seed, duration_s = options["seed"], options["duration"]
    plan = RunPlan(
        seed=seed if seed is not None else scenario.seed if scenario is not None else 1,
        speed=options["speed"],
        duration_s=scenario.lasts_s if duration_s is None and scenario is not None else duration_s,
        start_ms=options["start"],
        incidents=options["incidents"],
        random_per_hour=options["random_incidents"],
        demo=options["demo"],
        scenario=scenario,
        faults=faults,
    )
    registry = scenario.registry if scenario is not None else load_district(options["district"] or DEMO_DISTRICT)
    registry = speaking(registry, _forms(options))
    broker = _broker(options)
    attend = Remote(_orders(), _answer).obey if options["orders"] else lambda _: None
    name = f"sim-{secrets.token_hex(3)}" if options["beside"] else "sim"
    return Run(plan, registry, broker, lambda truth: _tell(truth, as_json), attend, name)


def _orders() -> BinaryIO:
    """Standard input under a second name: a thread that reads the first one makes the interpreter abort at its end."""
    return os.fdopen(os.dup(sys.stdin.fileno()), "rb")


def _answer(line: bytes) -> None:
    click.echo(line)
    sys.stdout.flush()


def _scenario(options: dict[str, Any]) -> Scenario | None:
    if options["scenario"] is None:
        return None
    if options["demo"]:
        raise click.UsageError("--scenario and --demo are two different shows: take one of them")
    registry = None if options["district"] is None else load_district(options["district"])
    return load_scenario(find_scenario(options["scenario"]), registry)


def _tell(truth: Truth, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode({"truth": truth}))
        return
    moment = datetime.fromtimestamp((truth.to_ms or truth.from_ms) / 1000).astimezone()
    word = "begins" if truth.to_ms is None else "is over"
    owed = _owed(truth) if truth.to_ms is None else ""
    what = INCIDENTS[truth.what]
    click.echo(f"{moment:%H:%M:%S}  {what.zh} {what.en} {word} at {truth.device}{'  → ' if owed else ''}{owed}")


def _owed(truth: Truth) -> str:
    """The first alerts that are owed, and how many more."""
    told = [f"{one.rule} {one.target}" for one in truth.must_raise[:OWED_SHOWN]]
    more = len(truth.must_raise) - len(told)
    return ", ".join(told) + (f" and {more} more" if more else "")


def _farewell(summary: Summary, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode({"summary": summary}))
        return
    click.echo(
        f"{summary.devices} devices, {summary.virtual_s:g} s of their life in {summary.wall_s:g} s: "
        f"{summary.sent} packets sent, {summary.acked} acknowledged, {summary.unacked} not, {summary.dropped} lost; "
        f"{len(summary.incidents)} incidents."
    )
    for one in summary.missed:
        click.echo(f"found no device to happen to: {one}", err=True)
