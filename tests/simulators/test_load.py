"""The load: same bytes for the same arguments, every PUBACK recorded, nothing lost through a broker's death."""

import json
import random
import threading

import msgspec
import pytest

from domain.errors import Unavailable
from domain.kinds import KINDS
from simulators.broker import Broker
from simulators.frames import Frames
from simulators.load import LoadPublisher
from tests.simulators.ears import Ears
from tests.simulators.limits import CONDITIONS

START = 1_800_000_000_000


def test_same_arguments_make_the_same_bytes():
    first = list(Frames(20, 500, start_ms=START, seed=3, breaches=0.5))
    assert first == list(Frames(20, 500, start_ms=START, seed=3, breaches=0.5))
    assert first != list(Frames(20, 500, start_ms=START, seed=4, breaches=0.5))


def test_message_number_device_and_sequence_number_are_one():
    frames = Frames(7, 100, start_ms=START, period_ms=500)
    for number, (topic, payload) in enumerate(frames):
        device, seq = frames.key(number)
        body = json.loads(payload)
        assert topic.decode().split("/")[4] == device
        assert body["seq"] == seq
        assert body["ts"] == START + (seq - 1) * 500
        assert body["boot"] == frames.boot


def test_ordinary_messages_are_plausible_and_break_no_limit():
    frames = Frames(40, 2_000, start_ms=START)
    registry = frames.registry()
    for topic, payload in frames:
        kind, device = topic.decode().split("/")[3:5]
        values = json.loads(payload)["values"]
        msgspec.convert(values, KINDS[kind].values)
        for rule, _, holds in CONDITIONS[registry.devices[device].type](values):
            assert not holds, rule


def test_breaches_are_where_the_load_says_that_they_are():
    frames = Frames(400, 4_000, start_ms=START, breaches=0.25)
    hidden = {(breach.device, breach.seq): breach.rule for breach in frames.expected}
    found = {}
    for number, (_, payload) in enumerate(frames):
        body = json.loads(payload)
        event = body.get("event", {}).get("kind")
        rule = {"entrapment": "EL-01", "fire_alarm": "FC-01"}.get(event)
        if body.get("values", {}).get("temp_socket", 0) >= 80:
            rule = "EB-03"
        if rule:
            found[frames.key(number)] = rule
    assert found == hidden
    assert set(hidden.values()) == {"EL-01", "FC-01", "EB-03"}
    assert 50 < len(hidden) < 100


@pytest.mark.parametrize(("devices", "messages"), [(0, 1), (1, -1)])
def test_impossible_load_is_refused(devices, messages):
    with pytest.raises(ValueError, match="a load needs"):
        Frames(devices, messages, start_ms=START)


@pytest.mark.e2e
def test_everything_is_acknowledged_once_and_heard_by_others(mosquitto):
    ears = Ears(mosquitto.port, "anju/v1/#")
    load = LoadPublisher(mosquitto.broker, Frames(200, 20_000, start_ms=START))
    report = load.run(60)
    load.close()
    assert report.acked == report.sent == 20_000
    assert report.resent == 0
    assert sum(report.per_s) == 20_000
    assert load.acked_keys() == {load.frames.key(number) for number in range(20_000)}
    assert report.cpu_us_per_message < 60
    ears.until(lambda: len(ears.heard) == 20_000, "everything heard", 30)
    assert {(p.topic.encode(), p.payload) for p in ears.heard} == set(load.frames)
    ears.close()


@pytest.mark.e2e
def test_pace_is_kept(mosquitto):
    load = LoadPublisher(mosquitto.broker, Frames(10, 1_500, start_ms=START), rate=500)
    report = load.run(60)
    load.close()
    assert 2.8 <= report.wall_s <= 6
    assert report.acked == 1_500


@pytest.mark.e2e
def test_broker_killed_again_and_again_loses_nothing(mosquitto):
    load = LoadPublisher(mosquitto.broker, Frames(100, 12_000, start_ms=START), rate=3_000, window=500)
    stop, rng, kills = threading.Event(), random.Random(1), []

    def murder():
        while not stop.wait(rng.uniform(0.2, 0.8)) and len(kills) < 5:
            mosquitto.kill()
            kills.append(load.acked_count)
            mosquitto.start()

    killer = threading.Thread(target=murder)
    killer.start()
    report = load.run(90)
    stop.set()
    killer.join()
    load.close()
    assert len(kills) >= 3
    assert report.connects == len(kills) + 1
    assert report.acked == report.sent == 12_000
    assert report.resent > 0
    assert all(load.acked)


@pytest.mark.e2e
def test_load_can_be_stopped_and_says_what_was_acknowledged(mosquitto):
    load = LoadPublisher(mosquitto.broker, Frames(10, 100_000, start_ms=START), rate=2_000)
    report = load.run(60, stop=lambda: load.acked_count > 500)
    load.close()
    assert 500 < report.acked == sum(load.acked) < 5_000


@pytest.mark.e2e
def test_refusing_broker_is_named(guarded):
    with pytest.raises(Unavailable, match="code 5"):
        LoadPublisher(guarded.broker, Frames(1, 1, start_ms=START)).run(5)


def test_absent_broker_ends_the_run_at_its_deadline():
    report = LoadPublisher(Broker("127.0.0.1", 1), Frames(1, 1, start_ms=START)).run(0.3)
    assert (report.acked, report.sent, report.connects) == (0, 0, 0)
