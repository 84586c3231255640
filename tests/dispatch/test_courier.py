"""The courier between the real outbox and channels, one of them on a real broker."""

import threading

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import MQTTErrorCode

from alerts.intents import Notify
from dispatch.channels.mqtt import MqttChannel
from dispatch.courier import Courier
from domain.errors import Unavailable
from storage.database import open_database
from tests.support.brokers import MOSQUITTO, Mosquitto, until


def intent(number, channel="test"):
    body = {"compound": {"id": "c1"}, "id": f"a{number}"}
    return Notify(f"a{number}:1:{channel}", channel, f"a{number}", 1, 2, "rule", body=body)


class Channel:
    """Delivers at once; goes away, fails and breaks on demand."""

    name = "test"

    def __init__(self):
        self.ready, self.fault, self.sent, self.settled = True, None, [], None

    def start(self):
        pass

    def stop(self):
        pass

    def send(self, one):
        if self.fault is not None:
            raise self.fault
        self.sent.append(one.key)
        self.settled(one.key, None)


@pytest.fixture
def outbox(tmp_path):
    database = open_database(tmp_path / "anju.db")
    yield database
    database.close()


@pytest.fixture
def house(outbox):
    clock, channel = [1_000_000], Channel()
    courier = Courier(outbox.outbox, lambda: clock[0])
    channel.settled = courier.settled
    courier.serve([channel])
    courier.start()
    yield outbox, courier, channel, clock
    courier.stop()


def owe(database, courier, *numbers):
    database.journal.commit([], [intent(n) for n in numbers], (), 1_000_000)
    courier.ring()


def test_what_is_owed_is_delivered_once_and_settled(house):
    database, courier, channel, _ = house
    owe(database, courier, 1, 2, 3)
    until(lambda: courier.delivered == 3)
    assert channel.sent == ["a1:1:test", "a2:1:test", "a3:1:test"]
    assert database.outbox.depth() == 0


def test_a_channel_that_is_away_costs_no_attempts_however_long_it_is_away(house):
    database, courier, channel, clock = house
    channel.ready = False
    owe(database, courier, 1)
    for _ in range(20):
        clock[0] += 3_600_000
        courier.ring()
    assert courier.failed == 0
    channel.ready = True
    courier.ring()
    until(lambda: courier.delivered == 1)
    assert database.outbox.dead() == 0


@pytest.mark.parametrize("fault", [Unavailable("x", "refused"), ValueError("a bug")], ids=["refused", "bug"])
def test_a_message_that_fails_is_tried_again_and_keeps_no_other(house, fault):
    database, courier, channel, clock = house
    channel.fault = fault
    owe(database, courier, 1)
    until(lambda: courier.failed == 1)
    channel.fault = None
    owe(database, courier, 2)
    until(lambda: courier.delivered == 1)
    clock[0] += 5_000
    courier.ring()
    until(lambda: courier.delivered == 2)
    assert sorted(channel.sent) == ["a1:1:test", "a2:1:test"]
    assert courier.alive


def test_a_fault_of_the_courier_itself_is_told(outbox):
    told = []
    done = threading.Event()

    def failed(error):
        told.append(error)
        done.set()

    courier = Courier(outbox.outbox, lambda: 1 / 0, on_failure=failed)
    courier.serve([Channel()])
    courier.start()
    assert done.wait(10)
    assert isinstance(told[0], ZeroDivisionError)


class Line:
    """Stands for paho between us and a broker: says of each message what became of it, and confirms on demand."""

    def __init__(self, channel, *outcomes):
        self._channel, self._outcomes = channel, list(outcomes)
        channel._client = self

    def is_connected(self):
        return True

    def publish(self, *_, **__):
        code, mid = self._outcomes.pop(0)
        info = paho.MQTTMessageInfo(mid)
        info.rc = code
        return info

    def confirm(self, mid):
        self._channel._on_publish(None, None, mid, None, None)


def test_the_late_confirmation_of_what_could_not_be_sent_settles_nothing():
    settled = []
    channel = MqttChannel(lambda _: None, lambda key, _: settled.append(key))
    line = Line(channel, (MQTTErrorCode.MQTT_ERR_NO_CONN, 7), (MQTTErrorCode.MQTT_ERR_SUCCESS, 7))
    with pytest.raises(Unavailable):
        channel.send(intent(1))
    line.confirm(7)  # paho had kept it and sent it when the line came back
    channel.send(intent(2))  # the numbers have gone round
    assert settled == []
    line.confirm(7)
    assert settled == [intent(2).key]


def test_what_finds_the_queue_full_takes_no_confirmation_from_what_waits_under_its_number():
    settled = []
    channel = MqttChannel(lambda _: None, lambda key, _: settled.append(key))
    line = Line(channel, (MQTTErrorCode.MQTT_ERR_SUCCESS, 7), (MQTTErrorCode.MQTT_ERR_QUEUE_SIZE, 7))
    channel.send(intent(1))
    with pytest.raises(Unavailable):
        channel.send(intent(2))
    line.confirm(7)
    assert settled == [intent(1).key]


@pytest.mark.e2e
def test_alert_changes_reach_a_subscriber_and_survive_a_restart_of_the_broker(outbox, tmp_path):
    if not __import__("os").path.exists(MOSQUITTO):
        pytest.skip("mosquitto is not installed")
    broker = Mosquitto(tmp_path / "broker")
    broker.start()
    courier = Courier(outbox.outbox, lambda: 1_000_000)
    channel = MqttChannel(lambda client: client.connect_async("127.0.0.1", broker.port), courier.settled)
    courier.serve([channel])
    courier.start()
    heard = []
    listener = paho.Client(paho.CallbackAPIVersion.VERSION2, "listener", clean_session=False)
    listener.on_connect = lambda client, *_: client.subscribe("anju/v1/+/alerts/+", 1)
    listener.on_message = lambda _, __, message: heard.append(message.topic)
    listener.reconnect_delay_set(1, 1)
    listener.connect("127.0.0.1", broker.port)
    listener.loop_start()
    try:
        until(lambda: channel.ready and listener.is_connected())
        outbox.journal.commit([], [intent(1, "mqtt")], (), 1_000_000)
        courier.ring()
        until(lambda: heard == ["anju/v1/c1/alerts/a1"] and courier.delivered == 1)
        broker.restart()
        outbox.journal.commit([], [intent(2, "mqtt")], (), 1_000_000)
        courier.ring()
        until(lambda: courier.delivered == 2, 30)
        until(lambda: "anju/v1/c1/alerts/a2" in heard, 30)
    finally:
        listener.disconnect()
        listener.loop_stop()
        courier.stop()
        broker.stop()
