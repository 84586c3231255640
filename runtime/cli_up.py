"""``anju up``: the whole service in the foreground."""

import contextlib
import gc
import json
import logging
import os
import queue
import secrets
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from domain.errors import AnjuError, Unavailable
from runtime.brokers import redacted
from runtime.cli_options import json_option
from runtime.demo import SimulatorChild, load_demo_district
from runtime.interpreter import settle_memory, share_fairly
from runtime.settings import Settings, load_settings
from runtime.wiring import House, wall_clock_ms
from storage.database import Database

__all__ = ["up"]

log = logging.getLogger("anju")

ADMIN: Final = "admin"
WATCH_S: Final = 2.0
"""How often it looks whether all parts are alive."""

_path = click.Path(path_type=Path)


@click.command()
@click.option("--config", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Settings file (YAML).")
@click.option("--data", type=_path, help="Folder that holds the stores.  [default: data]")
@click.option("--http-host", help="Address of the console and API.  [default: 127.0.0.1]")
@click.option("--http-port", type=click.IntRange(0, 65_535), help="Its port; 0 picks a free one.  [default: 8080]")
@click.option("--broker", help="URL of an external broker; none starts the embedded one.")
@click.option("--mqtt-port", type=click.IntRange(0, 65_535), help="Port of the embedded broker.  [default: 1883]")
@click.option("--rules", type=_path, multiple=True, help="Rule pack or folder; may be repeated.  [default: shipped]")
@click.option("--log-level", help="DEBUG, INFO, WARNING or ERROR.  [default: INFO]")
@click.option("--metrics-open", is_flag=True, default=None, help="Serve /metrics without a token.")
@click.option("--demo", is_flag=True, help="Load the demo district and simulate it.")
@click.option(
    "--incident",
    "incidents",
    multiple=True,
    metavar="NAME[:DEVICE][@OFFSET]",
    help="With --demo: a calm district but for this, instead of the endless show; may be repeated.",
)
@json_option
def up(
    config: Path | None, rules: tuple[Path, ...], demo: bool, incidents: tuple[str, ...], as_json: bool, **given: Any
) -> None:
    """Run Anju: broker (embedded or external), stores, rules, API and console. Ctrl-C stops it.

    SIGHUP takes a changed registry into use.
    """
    if incidents and not demo:
        raise click.UsageError("--incident goes with --demo; beside a running Anju use `anju simulate`")
    settings = load_settings(config, rules=list(rules) or None, **given)
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)  # six lines that tell nobody anything
    share_fairly()
    events: queue.SimpleQueue[signal.Signals | BaseException] = queue.SimpleQueue()
    with _signals(events):
        house = House(settings, on_failure=events.put)
        failed = _run(house, events, demo=demo, incidents=incidents, as_json=as_json)
    if failed is not None:
        raise click.ClickException(f"Anju stopped: {failed}")


def _run(
    house: House,
    events: "queue.SimpleQueue[signal.Signals | BaseException]",
    *,
    demo: bool,
    incidents: tuple[str, ...],
    as_json: bool,
) -> BaseException | None:
    """Runs until a signal (returns None) or until a part gives up (returns why)."""
    with contextlib.ExitStack() as stack:
        stack.callback(house.stop)
        database = house.open_stores()
        if demo:
            load_demo_district(database, wall_clock_ms())
        house.start()
        # Only now, when it can be shown: a start that fails must not use the one chance up.
        password = _first_password(database, fresh=demo)
        if demo:
            child = SimulatorChild(house.settings, house.broker, incidents)
            stack.callback(child.stop)
            house.simulation = child.start()
        _greet(house, password, demo=demo, as_json=as_json)
        settle_memory()
        stack.callback(gc.unfreeze)
        while True:
            try:
                event = events.get(timeout=WATCH_S)
            except queue.Empty:
                if (part := house.dead_part()) is not None:
                    return Unavailable("house.part", f"the {part} has ended")
                continue
            if isinstance(event, BaseException):
                return event
            if event != signal.SIGHUP:
                log.info("stopping: %s", event.name)
                return None
            _reload(house)


def _reload(house: House) -> None:
    """Takes a changed registry into use; keeps the old one if that fails."""
    try:
        house.reload_registry()
    except (AnjuError, TimeoutError):
        log.exception("the registry is not reloaded, the old one stays in force")
    else:
        settle_memory()


@contextlib.contextmanager
def _signals(events: "queue.SimpleQueue[signal.Signals | BaseException]") -> Iterator[None]:
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda got, _: events.put(signal.Signals(got))) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _first_password(database: Database, *, fresh: bool) -> str | None:
    """Makes the first user; its password is shown once. A demo gets a new one at each start. None: there are users."""
    if database.users.exists_any() and not fresh:
        return None
    password = secrets.token_urlsafe(9)
    database.users.create(ADMIN, password, ("admin",), wall_clock_ms())
    return password


def _greet(house: House, password: str | None, *, demo: bool, as_json: bool) -> None:
    url = house.server.url
    if as_json:
        started = {"url": url, "user": ADMIN if password else None, "password": password, "pid": os.getpid()}
        click.echo(json.dumps(started))
        sys.stdout.flush()
        return
    settings: Settings = house.settings
    rules, devices = len(house.state.rulebook.rules), len(house.state.registry.devices)
    broker = f"mqtt://127.0.0.1:{house.broker.port} (embedded)" if house.broker else redacted(settings.broker or "")
    click.echo(f"\n  Anju 安居  {url}\n")
    if password is not None:
        said = "new with each start of the demo" if demo else "shown once"
        click.echo(f"  user      {ADMIN}\n  password  {password}    ({said})\n")
    click.echo(f"  broker    {broker}\n  data      {settings.data}\n  watching  {devices} devices with {rules} rules")
    click.echo("  Ctrl-C stops it.\n")
    sys.stdout.flush()
