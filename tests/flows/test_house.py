"""From a packet on a real broker to what an operator sees and does, through every floor of the house."""

import base64
import json
import time
from pathlib import Path

import pytest

from tests.support.brokers import MOSQUITTO, Mosquitto, until
from tests.support.house import Living

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


@pytest.fixture(params=["embedded", "mosquitto"])
def living(request, tmp_path):
    if request.param == "embedded":
        with Living(tmp_path / "data") as living:
            yield living
        return
    if not Path(MOSQUITTO).exists():
        pytest.skip("mosquitto is not installed")
    broker = Mosquitto(tmp_path / "broker")
    broker.start()
    try:
        with Living(tmp_path / "data", broker.url) as living:
            yield living
    finally:
        broker.stop()


def test_a_fire_is_raised_confirmed_acknowledged_and_told_on_mqtt(living):
    told = []
    living.publisher.client.on_message = lambda _, __, message: told.append(json.loads(message.payload))
    if living.settings.broker:
        living.publisher.client.subscribe("anju/v1/+/alerts/+", 1)
    living.say("smoke1", values={"fire": True}, event={"kind": "fire_alarm", "scheme": "gb26875", "code": "2/1/42"})
    first = living.alert("FC-01")
    assert first["level"] == 2
    assert "FC-02" not in {key.split()[0] for key in living.open()}
    living.say("smoke2", values={"fire": True})
    confirmed = living.alert("FC-02")
    assert confirmed["level"] == 1
    answer = living.post(confirmed, "ack", cmd="c-1", note="去看")
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "acked"
    assert answer.json()["acked_by"] == "wang"
    again = living.post(confirmed, "ack", cmd="c-1", note="去看")
    assert again.status_code == 200
    late = living.post(confirmed, "ack", cmd="c-2")
    assert late.status_code == 409
    assert late.json()["current"]["acked_by"] == "wang"
    until(lambda: living.house.database.outbox.depth() == 0, what="the delivery of every change")
    if living.settings.broker:
        until(lambda: any(a["id"] == confirmed["id"] and a["state"] == "acked" for a in told))


def test_a_detector_in_another_zone_confirms_nothing(living):
    living.say("smoke1", values={"fire": True})
    living.say("smoke3", values={"fire": True})
    until(lambda: len(living.open()) == 2)
    assert {key.split()[0] for key in living.open()} == {"FC-01"}


def test_an_operator_shelves_notes_and_closes(living):
    living.say("port", values={"temp_socket": 85.0})
    alert = living.alert("EB-03")
    assert living.post(alert, "shelve", until="2099-01-01T00:00:00+08:00", reason="x").status_code in {400, 422}
    assert living.post(alert, "note", note="现场无人").status_code == 200
    explained = living.http.get(f"/alerts/{alert['id']}/explain").json()
    assert "85" in json.dumps(explained)
    alert = living.alert("EB-03")
    refused = living.post(alert, "resolve", reason="resolved")
    assert refused.status_code == 409
    alone = living.post(alert, "resolve", reason="false_alarm", note="传感器故障")
    assert alone.json()["code"] == "alert.second_person_required", "severity 1 is nobody's to end alone while it holds"
    ahead = int(time.time() * 1000)
    for second in range(0, 200, 20):
        living.say("port", values={"temp_socket": 20.0}, ts=ahead + second * 1000)
    until(lambda: living.alert("EB-03")["state"] == "rtn_unacked", what="the return")
    closed = living.post(living.alert("EB-03"), "resolve", reason="resolved", note="传感器故障")
    assert closed.status_code == 200, closed.text
    assert living.open() == {}
    lines = living.http.get(f"/alerts/{alert['id']}/journal")
    if lines.status_code == 200:
        assert [line["kind"] for line in lines.json()["items"]][-1] == "alert.closed"


NOW = object()
BAD = {
    "bad_json": b'{"ts": 1,',
    "not_utf8": b'{"ts": 1795403310000, "values": {"speed": "\xff\xfe"}}',
    "nonfinite": b'{"ts": NOW, "seq": 1, "values": {"speed": NaN}}',
    "wrong_type": b'{"ts": NOW, "seq": 2, "values": {"speed": "fast"}}',
    "implausible": b'{"ts": NOW, "seq": 3, "values": {"speed": 99.0}}',
    "epoch_seconds": b'{"ts": 1795403310, "seq": 4, "values": {"speed": 0}}',
    "future": b'{"ts": 4102444800000, "seq": 5, "values": {"speed": 0}}',
    "bad_time": b'{"ts": "yesterday", "seq": 6, "values": {"speed": 0}}',
    "empty": b'{"ts": NOW, "seq": 7}',
    "too_many_readings": b"[" + b",".join([b'{"values":{}}'] * 501) + b"]",
    "oversize": b'{"values": {"speed": 0}, "x": "' + b"x" * 70_000 + b'"}',
}


@pytest.mark.parametrize("reason", sorted(BAD))
def test_bad_input_has_a_name_a_counter_and_a_dead_letter_and_loses_nothing_else(shared, reason):
    raw = BAD[reason].replace(b"NOW", str(int(time.time() * 1000)).encode())
    before = shared.metric("anju_messages_rejected_total", reason=reason)
    shared.send("anju/v1/c/elevator/lift/telemetry", raw)
    until(lambda: shared.metric("anju_messages_rejected_total", reason=reason) == before + 1, what=reason)
    letter = shared.http.get(f"/dead-letters?reason={reason}").json()["items"][0]
    assert base64.b64decode(letter["raw"]) == raw[:4096]
    judged = shared.house.station.processed
    shared.say("smoke3", values={"fire": False})
    until(lambda: shared.house.station.processed > judged, what="the reading behind it")


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("anju/v1/c/elevator/nobody/telemetry", "unknown_device"),
        ("anju/v1/c/fire/lift/telemetry", "wrong_kind"),
        ("anju/v1/other/elevator/lift/telemetry", "wrong_kind"),
    ],
)
def test_a_packet_on_a_wrong_topic_is_named_and_kept(shared, topic, reason):
    shared.send(topic, b'{"values": {"speed": 0}}')
    until(lambda: topic in {one["topic"] for one in shared.http.get("/dead-letters").json()["items"]})
    found = [one for one in shared.http.get("/dead-letters").json()["items"] if one["topic"] == topic]
    assert found[0]["reason"] == reason


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with Living(tmp_path_factory.mktemp("shared")) as living:
        yield living


def test_a_restart_keeps_alerts_and_lets_a_hold_go_on(tmp_path):
    start = int(time.time() * 1000) - 100_000
    with Living(tmp_path) as living:
        living.say("smoke1", values={"fire": True})
        fire = living.alert("FC-01")
        for second in range(0, 50, 10):  # 62 °C must hold for 60 s
            living.say("port", ts=start + second * 1_000, values={"temp_socket": 62.0})
        until(lambda: living.house.station.processed == 6)
        assert "EB-03 port" not in living.open()
    with Living(tmp_path) as living:
        assert living.house.recovered.readings == 0, "a clean stop leaves nothing to replay"
        assert living.alert("FC-01")["id"] == fire["id"]
        living.seq = iter(range(100, 200))
        living.say("port", ts=start + 50_000, values={"temp_socket": 62.0})
        living.say("port", ts=start + 60_000, values={"temp_socket": 62.0})
        assert living.alert("EB-03")["level"] == 3
        assert living.house.database.journal.verify()[1] is None


def test_a_gateway_that_is_gone_does_not_hide_a_fire(tmp_path):
    with Living(tmp_path) as living:
        living.say("gw", values={"uptime_s": 1.0})
        living.say("smoke1", values={"fire": True})
        living.alert("FC-01")
        living.send("anju/v1/c/gateway/gw/state", b"offline")
        until(lambda: living.house.state.watches["gw"].live == "offline")
        assert living.alert("FC-01")["suppressed"] == []


def test_a_changed_registry_is_taken_into_use_while_running(tmp_path):
    from domain.devices import Device
    from domain.places import Name
    from domain.registry import Registry

    with Living(tmp_path) as living:
        before = living.house.database.registry.load()
        added = Device("lift2", "elevator", "c", "u", Name("2号梯"), type="lift")
        living.house.database.registry.apply(
            Registry(
                before.places.values(),
                before.organisations.values(),
                before.contracts.values(),
                [*before.devices.values(), added],
                before.overrides,
            )
        )
        living.house.reload_registry()
        body = {"ts": int(time.time() * 1000), "seq": 1, "boot": "b", "event": {"kind": "entrapment"}}
        living.send("anju/v1/c/elevator/lift2/event", json.dumps(body).encode())
        assert living.alert("EL-01")["device"]["id"] == "lift2"
