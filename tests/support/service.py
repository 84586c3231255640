"""The real service as a process: started, asked, killed."""

import contextlib
import http.cookiejar
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from domain.registry import Registry
from storage.database import open_database

ROOT = Path(__file__).resolve().parent.parent.parent
START_S = 60


class Service:
    """``anju up`` on its own data folder. `registry` is stored before the first start; `settings` are ``ANJU_…``."""

    def __init__(self, data: Path, *options: str, registry: Registry | None = None, **settings: str) -> None:
        self.data = data
        self.url = ""
        self.password = ""
        self._options = options
        self._environment = os.environ | {f"ANJU_{name.upper()}": value for name, value in settings.items()}
        self._process: subprocess.Popen[str] | None = None
        self._opener = urllib.request.build_opener()
        data.mkdir(parents=True, exist_ok=True)
        if registry is not None:
            database = open_database(data / "anju.db")
            database.registry.apply(registry)
            database.close()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> "Service":
        """Returns when it has printed its address. The port stays the same over restarts."""
        port = self.url.rpartition(":")[2] or "0"
        command = [sys.executable, "-m", "runtime.cli", "up", "--json", "--data", str(self.data), "--http-port", port]
        log = (self.data / "service.log").open("a")
        self._process = subprocess.Popen(
            [*command, *self._options],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=ROOT,
            env=self._environment,
        )
        log.close()
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("{"), f"anju up said {line!r}:\n{self.log()[-3000:]}"
        started = json.loads(line)
        self.url = started["url"]
        self.password = started["password"] or self.password
        self._sign_in()
        return self

    def kill(self) -> None:
        """kill -9: nothing is tidied up."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(10)

    def stop(self) -> int:
        """SIGTERM. Returns the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(30)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        return (self.data / "service.log").read_text(encoding="utf-8", errors="replace")

    # --- the API ------------------------------------------------------------------------------------------------

    def _sign_in(self) -> None:
        jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        session = self.call("POST", "/session", {"name": "admin", "password": self.password})
        self._opener.addheaders = [("X-Anju-CSRF", session["csrf"])]

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One request; raises `urllib.error.HTTPError` for a refusal."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v1{path}", data, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        with self._opener.open(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def alerts(self) -> list[dict[str, Any]]:
        """All alerts, open and closed."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.get(f"/alerts?limit=500{cursor}")
            found += page["items"]
            if not page.get("cursor"):
                return found
            cursor = f"&cursor={page['cursor']}"

    def stream(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """(event, data) of the live stream, from now on."""
        with self._opener.open(f"{self.url}/api/v1/stream", timeout=30) as answer:
            name = ""
            for raw in answer:
                line = raw.decode().rstrip("\n")
                if line.startswith("event:"):
                    name = line[6:].strip()
                elif line.startswith("data:"):
                    yield name, json.loads(line[5:])

    def metric(self, name: str) -> float:
        """Sum of a metric over its labels; needs ``--metrics-open`` or a session."""
        with self._opener.open(f"{self.url}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.split("{")[0].split(" ")[0] == name)


def wait_until(condition, timeout_s: float, what: str) -> None:
    """Polls `condition`; fails by name."""
    give_up = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < give_up, f"{what} did not come about in {timeout_s:.0f} s"
        time.sleep(0.05)
