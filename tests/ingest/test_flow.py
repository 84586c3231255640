"""Packets from real brokers to a station and back: late acknowledgement, redelivery, order, windows."""

import random
import time

import pytest

from domain.errors import Unavailable
from domain.limits import BATCH_MESSAGES_MAX, BATCHES_IN_FLIGHT_MAX
from domain.readings import Quality
from ingest.gate import Gate
from ingest.intake import Intake
from ingest.outcomes import Outcome
from ingest.session import MqttSession
from tests.ingest.support import RecordingDesk, device, devices, payload, topic
from tests.support.brokers import Publisher, until

pytestmark = pytest.mark.e2e

REGISTRY = devices(*(device(f"lift-{n}") for n in range(20)), device("fire-1", "fire"))


def clock_ms() -> int:
    return time.time_ns() // 1_000_000


class Service:
    """Session, intake and gate on a desk that a test commands."""

    def __init__(self, url, desk, gate=None, first_number=1, client_id="anju"):
        self.session = MqttSession(url, client_id, rng=random.Random(1))
        self.gate = gate or Gate()
        self.intake = Intake(self.session, desk, REGISTRY, self.gate, clock_ms, first_number)
        self.counters = self.intake.counters
        self.intake.start()
        until(lambda: self.intake.connected, what="the session")

    def stop(self, timeout_s=5.0):
        return self.intake.stop(timeout_s)


def lifts(count, start=0, at_ms=None, lift=None):
    """Messages of lifts in turn, each with its own sequence."""
    at_ms = at_ms or clock_ms()
    for n in range(start, start + count):
        name = f"lift-{n % 20 if lift is None else lift}"
        seq = n // 20 if lift is None else n
        yield topic(name), payload(seq, at_ms + seq)


def keys(readings):
    return sorted((reading.device, reading.seq) for reading in readings)


def test_a_single_message_is_handed_in_and_acknowledged_at_once(broker):
    desk = RecordingDesk()
    service = Service(broker.url, desk)
    publisher = Publisher(broker.device_url)
    publisher.publish_all([(topic("lift-1"), payload(0, clock_ms()))])
    until(lambda: service.counters.acked == 1, 2, "the acknowledgement")
    assert [reading.device for reading in desk.readings] == ["lift-1"]
    assert desk.batches[0].number == 1
    publisher.close()
    assert service.stop()


def test_nothing_is_acknowledged_before_the_answer(broker):
    desk = RecordingDesk(automatic=False)
    service = Service(broker.url, desk)
    publisher = Publisher(broker.device_url)
    publisher.publish_all(lifts(100))
    until(lambda: service.counters.packets == 100, what="all packets")
    assert service.counters.acked == 0
    until(lambda: desk.answer() >= 0 and service.counters.acked == 100, what="all acks")
    assert keys(desk.readings) == sorted((f"lift-{n}", seq) for n in range(20) for seq in range(5))
    publisher.close()
    assert service.stop()


def test_unacknowledged_packets_come_to_the_next_service_and_are_taken_once(broker):
    desk = RecordingDesk(automatic=False)
    service = Service(broker.url, desk)
    publisher = Publisher(broker.device_url)
    publisher.publish_all(lifts(300))
    until(lambda: service.counters.packets == 300, what="all packets")
    assert not service.stop(0.2)
    heir_desk = RecordingDesk()
    heir = Service(broker.url, heir_desk)
    until(lambda: len(heir_desk.readings) >= 300, what="redelivery")
    until(lambda: heir.counters.acked >= 300, what="acks")
    assert len(set(keys(heir_desk.readings))) == len(heir_desk.readings) == 300
    publisher.close()
    assert heir.stop()


def test_a_window_full_of_unanswered_packets_does_not_deadlock(broker):
    desk = RecordingDesk(automatic=False)
    service = Service(broker.url, desk)
    publisher = Publisher(broker.device_url)
    count = BATCH_MESSAGES_MAX * (BATCHES_IN_FLIGHT_MAX + 3)
    publisher.publish_all(lifts(count))
    until(lambda: desk.waiting == BATCHES_IN_FLIGHT_MAX, what="a full flight")
    assert service.intake.in_flight == BATCHES_IN_FLIGHT_MAX
    until(lambda: service.counters.pauses > 0, what="a pause in reading")
    taken = service.counters.packets
    assert taken < count
    assert service.intake.connected
    # What waited longer than the broker's ack_wait comes twice and is acknowledged twice: acks alone prove nothing.
    done = service.counters
    until(lambda: desk.answer() >= 0 and len(desk.readings) >= count and done.acked >= count, 30, "all readings")
    assert len(desk.readings) == count
    assert max(len(batch.readings) for batch in desk.batches) <= BATCH_MESSAGES_MAX
    publisher.close()
    assert service.stop()


def test_session_stays_alive_while_reading_is_paused(mosquitto):
    from ingest.session import SessionOptions

    desk = RecordingDesk(automatic=False)
    session = MqttSession(mosquitto.url, "anju", options=SessionOptions(keepalive_s=2), rng=random.Random(1))
    intake = Intake(session, desk, REGISTRY, Gate(), clock_ms, 1)
    intake.start()
    until(lambda: intake.connected, what="the session")
    publisher = Publisher(mosquitto.url)
    count = BATCH_MESSAGES_MAX * (BATCHES_IN_FLIGHT_MAX + 3)
    publisher.publish_all(lifts(count))
    until(lambda: intake.counters.pauses > 0, what="a pause in reading")
    give_up = time.monotonic() + 5
    until(lambda: time.monotonic() > give_up, 6, "five seconds of pause")
    assert intake.connected
    assert session.connects == 1
    until(lambda: desk.answer() >= 0 and intake.counters.acked >= count, 30, "all acks")
    assert session.connects == 1
    publisher.close()
    assert intake.stop()


def test_kill_9_of_the_broker_loses_nothing_doubles_nothing_and_keeps_order(nats):
    desk = RecordingDesk(automatic=False)
    service = Service(nats.url, desk)
    publisher = Publisher(nats.device_url)
    began = clock_ms()
    publisher.publish_all(lifts(200, at_ms=began))
    until(lambda: service.counters.packets == 200, what="the first packets")
    publisher.close()
    nats.restart()
    until(lambda: service.counters.connects == 2, what="the reconnect")
    # Newer packets reach the service before the broker sends the unacknowledged ones again.
    publisher = Publisher(nats.device_url, "publisher-2")
    publisher.publish_all(lifts(200, 200, at_ms=began))
    desk.automatic = True
    until(lambda: desk.answer() >= 0 and len(desk.readings) >= 400, 20, "all readings")
    until(lambda: service.counters.packets - service.counters.redelivered >= 600, 20, "redelivery")
    until(lambda: service.counters.acked >= 400, 20, "all acks")
    assert len(set(keys(desk.readings))) == len(desk.readings) == 400
    assert not any(reading.quality & Quality.LATE for reading in desk.readings)
    publisher.close()
    assert service.stop()
    rest = Service(nats.url, RecordingDesk())
    publisher = Publisher(nats.device_url, "publisher-3")
    give_up = time.monotonic() + 4  # longer than the broker's ack_wait: whatever was not acknowledged would come now
    until(lambda: time.monotonic() > give_up, what="the end of ack_wait")
    publisher.publish_all([(topic("fire-1", "fire", "state"), b"online")])
    until(lambda: rest.counters.packets, what="the one new packet")
    assert rest.counters.packets == 1
    publisher.close()
    rest.stop()


def test_what_overtakes_redelivered_packets_waits_for_them(nats):
    """A service that starts anew gets new packets first, the unacknowledged ones after the broker's ack_wait."""
    desk = RecordingDesk(automatic=False)
    service = Service(nats.url, desk)
    publisher = Publisher(nats.device_url)
    began = clock_ms()
    publisher.publish_all(lifts(10, at_ms=began, lift=1))
    until(lambda: service.counters.packets == 10, what="the first packets")
    until(lambda: desk.answer() >= 0 and service.counters.acked == 10, what="acks")
    publisher.publish_all(lifts(10, 10, at_ms=began, lift=1))
    until(lambda: service.counters.packets == 20, what="more packets")
    gate = Gate()
    for reading in desk.readings:
        gate.learn(reading)
    service.stop(0.1)
    publisher.publish_all(lifts(10, 20, at_ms=began, lift=1))
    heir_desk = RecordingDesk()
    heir = Service(nats.url, heir_desk, gate=gate)
    until(lambda: len(heir_desk.readings) == 20, 20, "both halves")
    until(lambda: heir.counters.acked >= 20, 5, "acks")
    assert [reading.seq for reading in heir_desk.readings] == list(range(10, 30))
    assert heir.counters.held > 0, "nothing overtook: this test has proved nothing"
    assert not any(reading.quality for reading in heir_desk.readings)
    publisher.close()
    assert heir.stop()


def test_restart_of_mosquitto_keeps_session_and_packets(mosquitto):
    desk = RecordingDesk()
    service = Service(mosquitto.url, desk)
    publisher = Publisher(mosquitto.url)
    publisher.publish_all(lifts(100))
    until(lambda: service.counters.acked == 100, what="acks")
    publisher.close()
    mosquitto.restart()
    until(lambda: service.counters.connects == 2 and service.intake.connected, what="the reconnect")
    publisher = Publisher(mosquitto.url)
    publisher.publish_all(lifts(100, 100))
    until(lambda: service.counters.acked == 200, what="acks")
    assert len(desk.readings) == 200
    publisher.close()
    assert service.stop()


def test_a_refused_batch_is_handed_in_again_until_it_is_taken(broker):
    desk = RecordingDesk()
    desk.refuse = 3
    service = Service(broker.url, desk)
    publisher = Publisher(broker.device_url)
    publisher.publish_all(lifts(50))
    until(lambda: service.counters.acked == 50, what="acks")
    assert len(desk.readings) == 50
    assert service.counters.batch_retries >= 3
    publisher.close()
    assert service.stop()


def test_a_dead_station_makes_intake_give_up_and_leaves_packets_with_the_broker(broker):
    desk = RecordingDesk(automatic=False)
    service = Service(broker.url, desk)
    publisher = Publisher(broker.device_url)
    publisher.publish_all(lifts(50))
    until(lambda: desk.waiting, what="a batch")
    desk.answer(error=Unavailable("station.stopped", "gone"))
    until(lambda: service.intake.failure is not None, what="giving up")
    assert not service.intake.connected
    assert service.counters.acked == 0
    assert not service.stop()
    heir_desk = RecordingDesk()
    heir = Service(broker.url, heir_desk)
    until(lambda: len(heir_desk.readings) == 50, what="redelivery")
    publisher.close()
    heir.stop()


def test_retained_state_and_dead_letters_arrive(broker):
    desk = RecordingDesk()
    service = Service(broker.url, desk)
    publisher = Publisher(broker.device_url)
    publisher.publish(topic("fire-1", "fire", "state"), b"online", retain=True).wait_for_publish(5)
    bad = [(topic("fire-1", "fire"), b"{"), (topic("nobody"), b"{}")]
    publisher.publish_all([*bad, (topic("fire-1", "fire", "cmd_ack"), b"x")])
    until(lambda: service.counters.acked == 4, what="acks")
    assert [(report.device, report.online) for report in desk.states] == [("fire-1", True)]
    assert [letter.reason for letter in desk.dead] == [Outcome.BAD_JSON, Outcome.UNKNOWN_DEVICE]
    publisher.close()
    assert service.stop()
