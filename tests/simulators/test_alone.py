"""Two simulators do not meet at one broker unless that is wanted."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from domain.errors import Conflict
from simulators.alone import alone
from simulators.broker import Broker
from simulators.cli import simulate

HOLDER = """
import sys
from simulators.alone import alone
from simulators.broker import Broker
with alone(Broker("127.0.0.1", int(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(mosquitto):
    """Another process that keeps the broker to itself."""
    command = [sys.executable, "-c", HOLDER, str(mosquitto.port)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "held\n"
    yield child
    child.kill()
    child.communicate()


def test_second_simulator_is_refused_by_whatever_name_it_calls_the_broker(mosquitto, holder):
    for host in ("127.0.0.1", "localhost"):
        url = f"{host}:{mosquitto.port}"
        done = CliRunner().invoke(simulate, ["--broker", f"mqtt://{url}", "--speed", "max", "--duration", "1m"])
        assert done.exit_code == 1, done.output
        assert f"another simulator plays at {url}" in done.output
        assert "anju up --demo --data data/try --incident" in done.output
        assert "--beside" in done.output


def test_beside_starts_all_the_same_under_client_ids_of_its_own(mosquitto, holder, monkeypatch):
    names = []
    monkeypatch.setattr("simulators.connection.Connection.__init__", _noting(names))
    words = ["--broker", mosquitto.url, "--speed", "max", "--duration", "1m", "--beside"]
    done = CliRunner().invoke(simulate, words)
    assert done.exit_code == 0, done.output
    assert len(names) > 1
    assert all(name.startswith("sim-") and not name.startswith("sim-truth") for name in names)
    assert len({name.split("-")[1] for name in names}) == 1


def _noting(names):
    from simulators.connection import Connection

    genuine = Connection.__init__

    def noted(self, broker, client_id, *rest):
        names.append(client_id)
        genuine(self, broker, client_id, *rest)

    return noted


def test_other_brokers_stay_free_and_a_simulator_that_has_ended_holds_nothing():
    with alone(Broker("127.0.0.1", 1)):
        with alone(Broker("127.0.0.1", 2)):
            pass
        with pytest.raises(Conflict), alone(Broker("127.0.0.1", 1)):
            pass
    with alone(Broker("127.0.0.1", 1)):
        pass


def test_killed_simulator_leaves_nothing_behind(mosquitto, holder):
    with pytest.raises(Conflict), alone(mosquitto.broker):
        pass
    holder.kill()
    holder.wait()
    with alone(mosquitto.broker):
        pass


def test_address_that_cannot_be_found_is_left_to_the_connection_to_tell():
    with alone(Broker("no-such-host.invalid", 1883)):
        pass
