"""A district at a real broker: connections, Last Wills, retained states, acknowledgements, restarts."""

import itertools
import json
import threading
from collections import defaultdict

import msgspec
import pytest

from domain.devices import Device
from domain.errors import Invalid, NotFound, Unavailable
from domain.kinds import KINDS
from domain.places import Name
from domain.registry import Registry
from simulators.broker import Broker
from simulators.packets import Packet
from simulators.publisher import Publisher
from simulators.schedule import Planned, random_incidents, show
from simulators.session import Clock, Run, RunPlan, timing
from simulators.truth import TRUTH_TOPIC, Truth
from tests.simulators.ears import Ears

pytestmark = pytest.mark.e2e

NOW = 1_800_000_000_000


@pytest.fixture
def ears(mosquitto):
    ears = Ears(mosquitto.port)
    yield ears
    ears.close()


@pytest.fixture
def publisher(mosquitto, small):
    publisher = Publisher(mosquitto.broker, small)
    publisher.wait_connected(10)
    yield publisher
    publisher.close()


def pumped(publisher, ears, condition, what):
    ears.until(lambda: publisher.pump(0.05) or condition(), what)


def test_every_gateway_has_its_own_connection_and_every_device_is_online(publisher, ears, small):
    gateways = {device.id for device in small.devices.values() if device.type == "gateway"}
    assert publisher.connections == len(gateways) + 1
    pumped(publisher, ears, lambda: len(ears.states) == len(small.devices), "all online")
    assert set(ears.states.values()) == {True}


def test_cut_link_is_announced_by_last_will_and_mended_by_a_new_connection(publisher, ears, small):
    pumped(publisher, ears, lambda: len(ears.states) == len(small.devices), "all online")
    connects = publisher.connects
    publisher.link("tj-hty-gw-fire", up=False)
    pumped(publisher, ears, lambda: ears.states["tj-hty-gw-fire"] is False, "offline by Last Will")
    assert [device for device, up in ears.states.items() if not up] == ["tj-hty-gw-fire"]
    publisher.link("tj-hty-gw-fire", up=True)
    pumped(publisher, ears, lambda: ears.states["tj-hty-gw-fire"], "online again")
    assert publisher.connects == connects + 1


def test_many_gateways_share_a_pool_and_announce_a_cut_link_themselves(mosquitto, ears):
    devices = [Device(f"g{i:03d}", "gateway", "c1", "c1", Name("网关"), type="gateway") for i in range(60)]
    publisher = Publisher(mosquitto.broker, Registry(devices=devices))
    publisher.wait_connected(10)
    assert publisher.connections <= 9
    pumped(publisher, ears, lambda: len(ears.states) == 60, "all online")
    publisher.link("g007", up=False)
    pumped(publisher, ears, lambda: ears.states["g007"] is False, "offline")
    publisher.link("g007", up=True)
    pumped(publisher, ears, lambda: ears.states["g007"], "online")
    publisher.close()


def test_good_bye_leaves_every_device_offline_and_nothing_unacknowledged(mosquitto, small, ears):
    publisher = Publisher(mosquitto.broker, small)
    publisher.wait_connected(10)
    assert publisher.close() == 0
    assert publisher.sent == publisher.acked
    ears.until(lambda: len(ears.states) == len(small.devices) and not any(ears.states.values()), "all offline")
    late = Ears(mosquitto.port)
    late.until(lambda: len(late.states) == len(small.devices), "retained")
    assert not any(late.states.values())
    late.close()


def test_what_was_published_while_the_broker_was_away_arrives_after_its_return(mosquitto, publisher, small):
    publisher.drain(10)
    mosquitto.kill()
    for number in range(50):
        publisher.publish(Packet("anju/v1/tj-hty/fire/tj-hty-panel/telemetry", b"%d" % number, "tj-hty-gw-fire"))
        publisher.pump(0.01)
    mosquitto.start()
    ears = Ears(mosquitto.port, "anju/v1/+/+/+/telemetry")
    publisher.wait_connected(20)
    pumped(publisher, ears, lambda: len({p.payload for p in ears.heard}) == 50, "delivered")
    assert publisher.drain(10) == 0
    ears.close()


def test_absent_broker_is_reported_with_its_address(small):
    publisher = Publisher(Broker("127.0.0.1", 1), small)
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
        publisher.wait_connected(0.5)
    publisher.close()


def test_refused_credentials_end_the_run_at_once_with_the_reason(guarded, small):
    with pytest.raises(Unavailable, match=r"(?i)not authori"):
        Run(RunPlan(), small, guarded.broker, lambda _: None).play()


def test_run_plays_at_speed_and_everything_decodes_strictly(mosquitto, small, ears):
    plan = RunPlan(seed=2, speed=60.0, duration_s=600.0, incidents=(Planned(30.0, "entrapment_code"),))
    told = []
    run = Run(plan, small, mosquitto.broker, told.append)
    summary = run.play()
    assert summary.virtual_s == pytest.approx(600, abs=1)
    assert 8 <= summary.wall_s <= 30
    assert summary.sent == summary.acked
    assert summary.unacked == summary.dropped == 0
    ears.until(lambda: len(ears.heard) >= summary.acked, "everything heard")
    seqs, truths = defaultdict(list), []
    for packet in ears.heard:
        if packet.topic == TRUTH_TOPIC:
            truths.append(msgspec.json.decode(packet.payload, type=Truth))
            continue
        _, _, compound, kind, device, channel = packet.topic.split("/")
        assert small.devices[device].compound == compound
        assert small.devices[device].kind == kind
        if channel in {"telemetry", "event"}:
            body = json.loads(packet.payload)
            seqs[device].append(body["seq"])
            if "values" in body:
                msgspec.convert(body["values"], KINDS[kind].values)
            assert ("event" in body) == (channel == "event")
    assert all(found == list(range(1, len(found) + 1)) for found in seqs.values())
    assert sum(map(len, seqs.values())) == summary.messages
    assert truths == told
    assert truths[0].what == "entrapment_code"


def test_run_can_be_stopped_and_says_good_bye(mosquitto, small, ears):
    run = Run(RunPlan(demo=True), small, mosquitto.broker, lambda _: None)
    threading.Timer(3.0, run.stop).start()
    summary = run.play()
    assert summary.wall_s < 10
    assert summary.unacked == 0
    ears.until(lambda: len(ears.states) == len(small.devices) and not any(ears.states.values()), "all offline")


def test_live_run_stamps_readings_with_the_clock(mosquitto, small, ears):
    import time

    begin = time.time() * 1000
    Run(RunPlan(duration_s=5.0), small, mosquitto.broker, lambda _: None).play()
    end = time.time() * 1000
    stamps = [json.loads(p.payload)["ts"] for p in ears.heard if p.topic.endswith("/telemetry")]
    assert len(stamps) > 50
    assert begin <= min(stamps) <= max(stamps) <= end
    assert not any(b"backfill" in p.payload for p in ears.heard)


# --- plans, without a broker ---------------------------------------------------------------------------------------


def test_live_clock_is_the_wall_clock():
    clock = timing(RunPlan(), NOW)
    assert clock == Clock(NOW, NOW, 1.0, None)
    assert clock.now_ms(NOW + 5_000) == NOW + 5_000


@pytest.mark.parametrize("speed", [2.0, 10.0, 60.0, float("inf")])
def test_hurried_run_meets_the_wall_clock_when_it_ends_and_is_never_ahead(speed):
    clock = timing(RunPlan(speed=speed, duration_s=3600.0), NOW)
    end = NOW + round(3_600_000 / speed)
    assert clock.now_ms(end) == pytest.approx(end, abs=2)
    assert clock.ended(end + 1)
    assert all(clock.now_ms(wall) <= wall + 1 for wall in range(NOW, end, max(1, (end - NOW) // 50)))


def test_run_into_the_future_is_refused_and_a_stale_one_is_warned_of():
    with pytest.raises(Invalid, match="ahead of the clock"):
        timing(RunPlan(start_ms=NOW + 600_000), NOW)
    with pytest.raises(Invalid, match="ahead of the clock"):
        timing(RunPlan(start_ms=NOW - 60_000, speed=10.0, duration_s=3600.0), NOW)
    assert timing(RunPlan(speed=100.0, duration_s=3600.0), NOW).warning == ""
    assert "2 h" in timing(RunPlan(speed=100.0, duration_s=4 * 3600.0), NOW).warning


def test_show_brings_the_usual_within_minutes_every_kind_in_turn_and_then_goes_on_for_ever():
    import random

    from simulators.incidents import INCIDENTS
    from simulators.schedule import TOO_WIDE

    plan = show(random.Random(1))
    first = [next(plan) for _ in range(300)]
    assert len({one.name for one in first if one.offset_s < 180}) == 10
    once = [one.name for one in first[: len(INCIDENTS.keys() - TOO_WIDE)]]
    assert sorted(once) == sorted(INCIDENTS.keys() - TOO_WIDE), "each once before any comes again"
    assert first[0].offset_s < 20
    gaps = [after.offset_s - before.offset_s for before, after in itertools.pairwise(first[10:])]
    assert min(gaps) >= 20
    assert max(gaps) <= 60


def test_random_incidents_come_at_their_rate():
    import random

    plan = random_incidents(random.Random(1), 6.0)
    offsets = [next(plan).offset_s for _ in range(600)]
    assert 85 * 3600 < offsets[-1] < 115 * 3600


def test_plan_that_cannot_be_played_is_refused_before_anything_is_connected(small):
    plan = RunPlan(incidents=(Planned(1.0, "entrapment", "no-such-lift"),))
    with pytest.raises(NotFound, match="no-such-lift"):
        Run(plan, small, Broker("127.0.0.1", 1), lambda _: None)


@pytest.mark.parametrize(
    ("text", "broker"),
    [
        ("mqtt://127.0.0.1:1884", Broker("127.0.0.1", 1884)),
        ("broker.example", Broker("broker.example", 1883)),
        ("mqtts://sim:p%40ss@b.example", Broker("b.example", 8883, "sim", "p@ss", tls=True)),
    ],
)
def test_broker_address_is_read_as_people_write_it(text, broker):
    assert Broker.parse(text) == broker


@pytest.mark.parametrize("text", ["http://a", "mqtt://", "mqtt://a:port"])
def test_wrong_broker_address_is_refused(text):
    with pytest.raises(Invalid, match="broker"):
        Broker.parse(text)
