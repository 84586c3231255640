"""A PostgreSQL cluster of one's own, for the length of a test session."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def programs() -> Path | None:
    """Where initdb and postgres are, if they are installed."""
    named = os.environ.get("ANJU_TEST_POSTGRES_BIN")
    found = [Path(named)] if named else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in found if (folder / "initdb").exists()), None)


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """Starts a server on a free loopback port; yields its URL less the name of a database."""
    binaries = programs()
    if binaries is None:
        raise FileNotFoundError("PostgreSQL is not installed")
    owner: dict[str, str] = {}
    home = Path(tempfile.mkdtemp(prefix="anju-pg-"))
    try:
        if os.geteuid() == 0:  # it refuses to run as root
            owner = {"user": "postgres"}
            shutil.chown(home, "postgres")
        data = home / "data"
        initdb = [binaries / "initdb", "-D", data, "-U", "anju", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=home, **owner)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        options = f"-p {port} -c listen_addresses=127.0.0.1 -k {home} -c fsync=off -c full_page_writes=off"
        control = [binaries / "pg_ctl", "-D", data, "-l", home / "log", "-w", "-t", "60"]
        subprocess.run([*control, "-o", options, "start"], check=True, stdout=subprocess.DEVNULL, cwd=home, **owner)
        try:
            yield f"postgresql://anju@127.0.0.1:{port}"
        finally:
            stop = [*control, "-m", "immediate", "stop"]
            subprocess.run(stop, check=True, stdout=subprocess.DEVNULL, cwd=home, **owner)
    finally:
        shutil.rmtree(home, ignore_errors=True)
