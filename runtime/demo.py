"""What ``anju up --demo`` adds: a district in the registry, and a simulator that plays it over real MQTT."""

import importlib.resources
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from alerts.decision import Entry
from alerts.events import RegistryImported
from domain.errors import Unavailable
from runtime.broker import EmbeddedBroker
from runtime.children import die_with_parent
from runtime.settings import Settings
from runtime.simulation import Panel
from storage.database import Database
from storage.registry_files import parse_registry
from storage.registry_plan import apply_plan, plan

__all__ = ["SimulatorChild", "load_demo_district"]

log = logging.getLogger("anju.demo")

DISTRICT: Final = "dongsheng-demo.yaml"
STOP_S: Final = 10.0


def load_demo_district(database: Database, now_ms: int) -> None:
    """Imports the demo district through the ordinary import, unless the registry has devices already."""
    current = database.registry.load()
    if current.devices:
        return
    source = importlib.resources.files("simulators.district") / DISTRICT
    with importlib.resources.as_file(source) as path:
        planned = plan(current, parse_registry(path))
    version = database.registry.apply(apply_plan(current, planned))
    devices = len(database.registry.load().devices)
    fact = RegistryImported(version=version, added=devices, changed=0, removed=0, source=DISTRICT)
    database.journal.commit([Entry(fact, "system", now_ms)], (), (), now_ms)


class SimulatorChild:
    """``anju simulate`` as a child process: another program, as real devices would be."""

    def __init__(self, settings: Settings, broker: EmbeddedBroker | None, incidents: Sequence[str] = ()) -> None:
        """With an external broker the simulator signs in as the service does. No `incidents`: the endless show."""
        self._play = [part for name in incidents for part in ("--incident", name)] or ["--demo"]
        self._url = broker.device_url if broker is not None else _external(settings)
        self._file = settings.data / "simulator.url"
        self._log = settings.data / "simulator.log"
        self._child: subprocess.Popen[bytes] | None = None
        self._out: IO[bytes] | None = None

    def start(self) -> Panel:
        """Starts the child and leaves its address, with credentials, in ``simulator.url`` for further simulators.

        Returns what takes orders to it.
        """
        _write_private(self._file, self._url)
        command = [sys.executable, "-m", "simulators", *self._play, "--orders", "--json"]
        environment = {**os.environ, "ANJU_SIM_BROKER": self._url}
        self._out = self._log.open("wb")
        self._child = subprocess.Popen(  # noqa: S603 - our own module, our own interpreter
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._out,
            start_new_session=True,  # Ctrl-C in the terminal reaches it through us, in order
            preexec_fn=die_with_parent(os.getpid()),  # noqa: PLW1509 - no thread of ours holds a lock it needs
        )
        if self._child.stdin is None or self._child.stdout is None:
            raise Unavailable("demo.pipes", "the simulator has no pipes")
        return Panel(self._child.stdin, self._child.stdout, self._out)

    def stop(self) -> None:
        """Asks the child to end; its devices report offline."""
        if self._child is None:
            return
        if self._child.poll() is not None:
            log.warning("the simulator had ended with %d; see %s", self._child.returncode, self._log)
            return
        self._child.terminate()
        try:
            self._child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


def _external(settings: Settings) -> str:
    if settings.broker is None:
        raise Unavailable("demo.broker", "the demo needs a broker")
    user, password = settings.broker_user, settings.broker_secret()
    scheme, _, rest = settings.broker.partition("://")
    return f"{scheme}://{user}:{password}@{rest}" if user and "@" not in rest else settings.broker


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write(text)
