"""Who may say and hear what: the topic contract, granted alike by the embedded broker and by deploy/acl."""

from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
import pytest

from ingest.topics import CHANNELS
from tests.support.brokers import MOSQUITTO, Deployed, Nats, Publisher, until

pytestmark = pytest.mark.e2e

DEVICE = "anju/v1/c1/fire/d1"
SPOKEN = sorted(set(CHANNELS) - {"cmd"})
TOLD = ["anju/v1/c1/alerts/a1", "anju/v1/c1/orders/w1"]
"""What the service says of alerts and orders."""
FORBIDDEN = [f"{DEVICE}/cmd", *TOLD, f"{DEVICE}/other", f"{DEVICE}/telemetry/more", "anju/v2/x"]
NEEDS_MOSQUITTO = pytest.mark.skipif(not Path(MOSQUITTO).exists(), reason="mosquitto is not installed")


@pytest.fixture(params=[Nats, pytest.param(Deployed, marks=NEEDS_MOSQUITTO)], ids=lambda kind: kind.name)
def broker(request, tmp_path):
    broker = request.param(tmp_path)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def deployed(tmp_path):
    broker = Deployed(tmp_path, {"c1": "secret"})
    broker.start()
    yield broker
    broker.stop()


@contextmanager
def listening(url: str, wanted: str, client_id: str):
    """The topics that come to whoever subscribes to `wanted`, as a list that grows."""
    parts, heard, subscribed = urlsplit(url), [], []
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=client_id)
    client.username_pw_set(unquote(parts.username or ""), unquote(parts.password or ""))
    client.on_connect = lambda c, *_: c.subscribe(wanted, 1)
    client.on_subscribe = lambda *_: subscribed.append(1)
    client.on_message = lambda _, __, message: heard.append(message.topic)
    client.connect(parts.hostname, parts.port)
    client.loop_start()
    until(lambda: subscribed, what="the subscription")
    try:
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


def say(url: str, topics: list[str], *, allowed: bool) -> None:
    """Publishes on `topics`; one connection for each that is not allowed, for a broker may end it."""
    if allowed:
        publisher = Publisher(url, "allowed")
        publisher.publish_all([(topic, b"{}") for topic in topics])
        publisher.close()
        return
    for number, topic in enumerate(topics):
        publisher = Publisher(url, f"forger-{number}")
        publisher.publish(topic, b"forged")
        publisher.close()


def test_devices_speak_on_the_channels_of_devices_and_on_no_other(broker):
    with listening(broker.url, "anju/v1/#", "service") as heard:
        say(broker.device_url, FORBIDDEN, allowed=False)
        say(broker.device_url, [f"{DEVICE}/{channel}" for channel in SPOKEN], allowed=True)
        until(lambda: len(heard) >= len(SPOKEN), what="what devices may say")
        assert sorted(heard) == sorted(f"{DEVICE}/{channel}" for channel in SPOKEN)


def test_the_service_tells_of_alerts_and_orders(broker):
    with listening(broker.url, "anju/v1/#", "screen") as heard:
        say(broker.url, TOLD, allowed=True)
        until(lambda: sorted(heard) == TOLD, what="alerts and orders")


def test_devices_hear_their_commands_from_the_service(broker):
    with listening(broker.device_url, f"{DEVICE}/cmd", "device") as heard:
        say(broker.url, [f"{DEVICE}/cmd"], allowed=True)
        until(lambda: heard, what="the command")
        assert heard == [f"{DEVICE}/cmd"]


def test_simulators_tell_their_truth_where_the_service_does_not_listen(broker):
    with listening(broker.url, "anju/v1/#", "service") as heard:
        say(broker.device_url, ["anju/sim/v1/truth", f"{DEVICE}/event"], allowed=True)
        until(lambda: heard, what="the event")
        assert heard == [f"{DEVICE}/event"]


@NEEDS_MOSQUITTO
def test_gateway_speaks_for_its_own_compound_only(deployed):
    gateway = f"mqtt://c1:secret@127.0.0.1:{deployed.port}"
    strange = [f"anju/v1/c2/fire/d1/{channel}" for channel in CHANNELS]
    with listening(deployed.url, "anju/#", "service") as heard:
        say(gateway, [*FORBIDDEN, *strange, "anju/sim/v1/truth"], allowed=False)
        say(gateway, [f"{DEVICE}/{channel}" for channel in SPOKEN], allowed=True)
        until(lambda: len(heard) >= len(SPOKEN), what="what the gateway may say")
        assert sorted(heard) == sorted(f"{DEVICE}/{channel}" for channel in SPOKEN)


@NEEDS_MOSQUITTO
def test_gateway_hears_the_commands_of_its_own_compound_and_nothing_else(deployed):
    with listening(f"mqtt://c1:secret@127.0.0.1:{deployed.port}", "anju/#", "gateway") as heard:
        say(deployed.device_url, [f"{DEVICE}/{channel}" for channel in SPOKEN], allowed=True)
        say(deployed.url, ["anju/v1/c2/fire/d1/cmd", "anju/v1/c1/alerts/a1", f"{DEVICE}/cmd"], allowed=True)
        until(lambda: heard, what="the command")
        assert heard == [f"{DEVICE}/cmd"]
