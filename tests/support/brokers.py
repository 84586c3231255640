"""Real brokers for tests: a Mosquitto of the system, and the embedded nats-server. Both on free loopback ports."""

import contextlib
import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import paho.mqtt.client as paho

from runtime.broker import EmbeddedBroker

ROOT = Path(__file__).resolve().parents[2]
MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def until(condition, timeout_s: float = 15.0, what: str = "the condition") -> None:
    """Waits for `condition`, and fails by name when it does not come about."""
    give_up = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < give_up, f"{what} did not come about in {timeout_s} s"
        time.sleep(0.01)


class Mosquitto:
    """A Mosquitto with settings like deploy/mosquitto.conf."""

    name = "mosquitto"

    def __init__(self, folder: Path, extra: str = "") -> None:
        self.port = free_port()
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "mosquitto.conf"
        listener = f"listener {self.port} 127.0.0.1\n{extra or 'allow_anonymous true'}\n"
        self._config.write_text(
            listener + "max_inflight_messages 0\nmax_queued_messages 0\nset_tcp_nodelay true\n"
            # Started as root it would change to its own user, who may not read a test's folder.
            f"user {getpass.getuser()}\npersistence true\npersistence_location {folder}/\n",
            encoding="utf-8",
        )
        self._process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def device_url(self) -> str:
        return self.url

    def start(self) -> None:
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self._config)],
            stdout=(self._folder / "log").open("ab"),
            stderr=subprocess.STDOUT,
        )
        until(lambda: listens(self.port), what="mosquitto")

    def stop(self) -> None:
        """In good order: Mosquitto writes its sessions to disk."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def restart(self) -> None:
        self.stop()
        self.start()


class Deployed(Mosquitto):
    """A Mosquitto exactly as deploy/ configures it, on another port, with the secrets that deploy/secrets.sh makes."""

    name = "deployed"

    def __init__(self, folder: Path, gateways: Mapping[str, str] | None = None) -> None:
        """`gateways`: user names and passwords beside those of the service and the simulators."""
        super().__init__(folder)
        self._deploy = folder / "deploy"
        shutil.copytree(ROOT / "deploy", self._deploy, ignore=shutil.ignore_patterns("secrets"))
        subprocess.run(["sh", "deploy/secrets.sh"], cwd=folder, check=True, capture_output=True, timeout=60)
        passwords = self._deploy / "secrets" / "passwords"
        passwords.chmod(0o600)
        for user, password in (gateways or {}).items():
            added = ["mosquitto_passwd", "-b", str(passwords), user, password]
            subprocess.run(added, check=True, capture_output=True, timeout=60)
        text = (self._deploy / "mosquitto.conf").read_text(encoding="utf-8")
        text = text.replace("listener 1883", f"listener {self.port} 127.0.0.1")
        text = text.replace("/mosquitto/config/passwords", str(passwords))
        text = text.replace("/mosquitto/config/acl", str(self._deploy / "acl"))
        text = text.replace("/mosquitto/data/", f"{folder}/")
        self._config.write_text(f"{text}\nuser {getpass.getuser()}\n", encoding="utf-8")

    def password(self, name: str) -> str:
        """One of the secrets, as deploy/secrets.sh has made it."""
        return (self._deploy / "secrets" / name).read_text(encoding="utf-8").strip()

    @property
    def url(self) -> str:
        return f"mqtt://anju:{self.password('mqtt_password')}@127.0.0.1:{self.port}"

    @property
    def device_url(self) -> str:
        return f"mqtt://simulator:{self.password('simulator_password')}@127.0.0.1:{self.port}"


class Nats:
    """The embedded broker."""

    name = "nats"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.broker = EmbeddedBroker(folder)

    @property
    def port(self) -> int:
        return self.broker.port

    @property
    def url(self) -> str:
        return self.broker.url

    @property
    def device_url(self) -> str:
        return self.broker.device_url

    def start(self) -> None:
        self.broker.start()

    def stop(self) -> None:
        self.broker.stop()

    def restart(self) -> None:
        """Hard: kill -9, and the supervisor starts it again."""
        before = self.broker.restarts
        self.broker.kill()
        until(lambda: self.broker.restarts > before and self.broker.ready, what="the restart of the broker")


class Publisher:
    """A device: publishes at QoS 1 and knows what was acknowledged."""

    def __init__(self, url: str, client_id: str = "publisher") -> None:
        from urllib.parse import unquote, urlsplit

        parts = urlsplit(url)
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=client_id)
        self.client.max_inflight_messages_set(1000)
        if parts.username:
            self.client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
        self.client.connect(parts.hostname, parts.port)
        self.client.loop_start()
        until(self.client.is_connected, what="the publisher's connection")

    def publish(self, topic: str, payload: bytes, *, retain: bool = False):
        return self.client.publish(topic, payload, qos=1, retain=retain)

    def publish_all(self, messages) -> None:
        """Publishes (topic, payload) pairs in order and waits until the broker has acknowledged all."""
        infos = [self.publish(topic, payload) for topic, payload in messages]
        for info in infos:
            info.wait_for_publish(20)
            assert info.is_published()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
