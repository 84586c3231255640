"""Real brokers and small districts for the simulators' tests."""

import shutil
import socket
import subprocess
import time

import pytest

from domain.registry import Registry
from simulators.broker import Broker
from simulators.district import load_district

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"


class Mosquitto:
    """A Mosquitto on loopback that can be killed and started again with what it had."""

    def __init__(self, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.config = folder / "mosquitto.conf"
        self.config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\nmax_queued_messages 0\n"
            f"persistence true\npersistence_location {folder}/\nautosave_interval 1\nuser root\n"
        )
        self.child = None

    @property
    def broker(self):
        return Broker("127.0.0.1", self.port)

    @property
    def url(self):
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self):
        self.child = subprocess.Popen([MOSQUITTO, "-c", self.config], stderr=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
            except OSError:
                assert self.child.poll() is None, "mosquitto ended"
                time.sleep(0.02)
            else:
                return self
        raise AssertionError("mosquitto does not answer")

    def kill(self):
        self.child.kill()
        self.child.wait()


@pytest.fixture
def mosquitto(tmp_path):
    broker = Mosquitto(tmp_path).start()
    yield broker
    broker.kill()


@pytest.fixture
def guarded(tmp_path):
    """A broker that lets nobody in."""
    broker = Mosquitto(tmp_path)
    broker.config.write_text(broker.config.read_text().replace("anonymous true", "anonymous false"))
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture(scope="session")
def district():
    return load_district()


@pytest.fixture(scope="session")
def small(district):
    """Three compounds: a high-rise one, one without a firm, and one of middle height."""
    return part(district, {"tj-hty", "jt-fx", "js-ml"})


def part(district, compounds):
    devices = [device for device in district.devices.values() if device.compound in compounds]
    return Registry(district.places.values(), district.organisations.values(), district.contracts.values(), devices)
