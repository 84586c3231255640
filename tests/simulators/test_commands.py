"""Cut-off commands reach a simulated port over a real broker, and its answer comes back."""

import json
import time

import paho.mqtt.client as mqtt
import pytest

from simulators.broker import Broker
from simulators.district.named import district
from simulators.kernel import Message
from simulators.publisher import Publisher
from simulators.world import World
from tests.support.brokers import Nats

START = 1_795_400_000_000


@pytest.fixture
def broker(tmp_path):
    broker = Nats(tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()


def charging(world, until_ms):
    while True:
        for _ in world.advance(world.kernel.now_ms + 60_000):
            pass
        for model in world.models.values():
            if model.device.type == "port" and model.closed:
                return model
        assert world.kernel.now_ms < until_ms


def test_command_goes_to_the_port_and_the_answer_comes_back(broker):
    registry = district("small")
    world = World(registry, 4, START)
    port = charging(world, START + 12 * 3_600_000)
    publisher = Publisher(Broker.parse(broker.url), registry, obey=lambda name, body: world.models[name].command(body))
    publisher.wait_connected(10)
    answers = []
    service = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    user, _, password = broker.url.split("//")[1].rpartition("@")[0].partition(":")
    if user:
        service.username_pw_set(user, password)
    service.on_message = lambda _c, _d, message: answers.append((message.topic, json.loads(message.payload)))
    service.connect("127.0.0.1", int(broker.url.rsplit(":", 1)[1]))
    service.loop_start()
    service.subscribe("anju/v1/+/+/+/cmd_ack", 1)
    topic = f"anju/v1/{port.device.compound}/ebike/{port.device.id}"
    until = time.monotonic() + 20
    service.publish(f"{topic}/cmd", json.dumps({"id": "c1", "action": "power_off"}), 1)
    while not answers and time.monotonic() < until:
        publisher.pump(0.05)
    assert answers == [(f"{topic}/cmd_ack", {"id": "c1", "state": "acked", "relay_closed": False, "power": 0.0})]
    said = [one for one in world.advance(world.kernel.now_ms + 1_000) if isinstance(one, Message)]
    assert any(one.device == port.device.id and one.event == {
        "kind": "session_stop", "scheme": "canonical", "code": "remote",
    } for one in said)  # fmt: skip
    service.loop_stop()
    publisher.close()


def test_port_opens_only_and_only_in_time(broker):
    del broker
    world = World(district("small"), 4, START)
    port = charging(world, START + 12 * 3_600_000)
    assert port.command({"id": "c", "action": "power_on"})["state"] == "failed"
    assert port.command({"id": "c", "action": "power_off", "expires_at": world.kernel.now_ms - 1})["state"] == "expired"
    assert port.closed
    port.obeys = False
    answer = port.command({"id": "c", "action": "power_off"})
    assert (answer["state"], answer["relay_closed"]) == ("acked", True)
