"""Fixtures of the tests of ingest."""

import pytest

from tests.support.brokers import Mosquitto, Nats


@pytest.fixture(params=["mosquitto", "nats"])
def broker(request, tmp_path):
    """Each of the two brokers, running."""
    broker = (Mosquitto if request.param == "mosquitto" else Nats)(tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def nats(tmp_path):
    broker = Nats(tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def mosquitto(tmp_path):
    broker = Mosquitto(tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()
