"""``anju simulate``: a district that misbehaves on demand, over real MQTT."""

import math
import re
import signal
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from domain.errors import AnjuError
from simulators.broker import Broker
from simulators.district import DEMO_DISTRICT, load_district
from simulators.incidents import INCIDENTS
from simulators.schedule import Planned
from simulators.session import Run, RunPlan, Summary
from simulators.truth import Truth
from simulators.wire import WireFaults

__all__ = ["simulate"]

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


def _list(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    del param
    if not value or ctx.resilient_parsing:
        return
    for incident in INCIDENTS.values():
        click.echo(f"{incident.name:28} {incident.zh}  {incident.en}")
    ctx.exit()


@click.command()
@click.option("--broker", envvar=["ANJU_SIM_BROKER", "ANJU_BROKER"], default="mqtt://127.0.0.1:1883", show_default=True,
              help="mqtt://[user:pass@]host[:port], or mqtts://")  # fmt: skip
@click.option("--user", envvar="ANJU_SIM_USER", default="", help="Overrides the user in the address.")
@click.option("--password-file", envvar="ANJU_SIM_PASSWORD_FILE", type=click.Path(path_type=Path, dir_okay=False),
              help="File with the password: keeps it out of the list of processes.")  # fmt: skip
@click.option("--district", type=click.Path(path_type=Path, dir_okay=False), default=DEMO_DISTRICT,
              help="Registry file to play; the demo district where none is named.")  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed and start, same world.")
@click.option("--speed", type=_Speed(), default="1",
              help="Virtual seconds per second, or max. Faster than 1 starts in the past and ends now.")  # fmt: skip
@click.option("--duration", type=_Duration(), help="Virtual time to play: 90s, 15m, 2h. Endless at speed 1.")
@click.option("--start", type=_Start(), help="Virtual start instead of the one that --speed implies (RFC 3339).")
@click.option("--incident", "incidents", type=_Incident(), multiple=True, metavar="NAME[:DEVICE][@OFFSET]",
              help="Let something go wrong, 10 s after the start or at OFFSET. May be repeated.")  # fmt: skip
@click.option("--random-incidents", type=click.FloatRange(0), default=0.0, metavar="PER_HOUR",
              help="Let things go wrong by chance.")  # fmt: skip
@click.option("--demo", is_flag=True, help="An endless show: every kind of incident, one each 20 to 60 seconds.")
@click.option("--duplicates", type=_Rate, default=0.0, help="Share of packets sent twice.")
@click.option("--reorder", type=_Rate, default=0.0, help="Share of packets that others overtake.")
@click.option("--loss", type=_Rate, default=0.0, help="Share of packets that never arrive.")
@click.option("--corrupt", type=_Rate, default=None, help="Share of packets that arrive damaged.  [demo: 0.001]")
@click.option("--skewed", type=_Rate, default=0.0, help="Share of devices with a wrong clock.")
@click.option("--skew", type=_Duration(), default=400.0, help="How wrong such a clock is at most.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per incident change, and a summary.")
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="List the incidents.")
def simulate(**options: Any) -> None:
    """Publish a simulated district over real MQTT.

    What really happens is published on anju/sim/v1/truth, outside the device tree. Ctrl-C ends the run in good order:
    every device says that it goes offline.
    """
    as_json = bool(options["as_json"])
    try:
        run = _prepared(options, as_json)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: run.stop())
        if run.clock.warning:
            click.echo(f"anju simulate: {run.clock.warning}", err=True)
        _farewell(run.play(), as_json)
    except AnjuError as error:
        raise click.ClickException(error.text) from error


def _prepared(options: dict[str, Any], as_json: bool) -> Run:
    password = ""
    if options["password_file"] is not None:
        try:
            password = options["password_file"].read_text(encoding="utf-8").strip()
        except OSError as error:
            raise click.ClickException(f"--password-file: {error}") from error
    corrupt = options["corrupt"] if options["corrupt"] is not None else 0.001 if options["demo"] else 0.0
    plan = RunPlan(
        seed=options["seed"],
        speed=options["speed"],
        duration_s=options["duration"],
        start_ms=options["start"],
        incidents=options["incidents"],
        random_per_hour=options["random_incidents"],
        demo=options["demo"],
        faults=WireFaults(
            duplicates=options["duplicates"],
            reorder=options["reorder"],
            loss=options["loss"],
            corrupt=corrupt,
            skewed=options["skewed"],
            skew_s=options["skew"],
        ),
    )
    broker = Broker.parse(options["broker"], options["user"], password)
    return Run(plan, load_district(options["district"]), broker, lambda truth: _tell(truth, as_json))


def _tell(truth: Truth, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode({"truth": truth}))
        return
    moment = datetime.fromtimestamp((truth.to_ms or truth.from_ms) / 1000).astimezone()
    word = "begins" if truth.to_ms is None else "is over"
    owed = ", ".join(f"{one.rule} {one.target}" for one in truth.must_raise) if truth.to_ms is None else ""
    what = INCIDENTS[truth.what]
    click.echo(f"{moment:%H:%M:%S}  {what.zh} {what.en} {word} at {truth.device}{'  → ' if owed else ''}{owed}")


def _farewell(summary: Summary, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode({"summary": summary}))
        return
    click.echo(
        f"{summary.devices} devices, {summary.virtual_s:g} s of their life in {summary.wall_s:g} s: "
        f"{summary.sent} packets sent, {summary.acked} acknowledged, {summary.unacked} not, {summary.dropped} lost; "
        f"{len(summary.incidents)} incidents."
    )
