"""``anju simulate --load``: how much a broker and what stands behind it can take."""

import json
import signal
import time

import click
import msgspec
import yaml

from simulators.broker import Broker
from simulators.frames import Frames
from simulators.load import LoadPublisher

__all__ = ["load_district_text", "run_load"]


def load_district_text(devices: int) -> str:
    """The registry file of the devices that a load plays, for ``anju registry import``."""
    registry = Frames(devices, 0, start_ms=0).registry()
    lines = []
    for table in ("places", "devices"):
        lines.append(f"{table}:\n")
        for one in getattr(registry, table).values():
            row = {key: value for key, value in msgspec.to_builtins(one).items() if value not in (None, "", {}, [])}
            line = yaml.safe_dump(row, allow_unicode=True, sort_keys=False, default_flow_style=True, width=10_000)
            lines.append(f"- {line}")
    return "".join(lines)


def run_load(
    broker: Broker, *, devices: int, messages: int, rate: float | None, seed: int, start_ms: int | None, as_json: bool
) -> None:
    """Sends `messages` of `devices`, `rate` a second (None: as fast as the broker takes them), and reports.

    Event time starts so that the newest reading is not ahead of the clock.
    """
    now_ms = time.time_ns() // 1_000_000
    turns = -(-messages // devices)
    frames = Frames(devices, messages, start_ms=now_ms - turns * 1_000 if start_ms is None else start_ms, seed=seed)
    publisher = LoadPublisher(broker, frames, rate=rate)
    stopped: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.append(1))
    try:
        report = publisher.run(deadline_s=86_400.0, stop=lambda: bool(stopped))
    finally:
        publisher.close()
    if as_json:
        figures = {"acked_per_s": report.acked_per_s, "cpu_us_per_message": report.cpu_us_per_message}
        click.echo(json.dumps({"load": {**msgspec.to_builtins(report), **figures}}))
        return
    click.echo(
        f"{devices} devices: {report.sent} sent, {report.acked} acknowledged in {report.wall_s:.1f} s "
        f"({report.acked_per_s:,.0f}/s), {report.resent} sent again, {report.connects} connections; "
        f"own cost {report.cpu_us_per_message:.1f} µs a message"
    )
