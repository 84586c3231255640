"""The embedded broker: durable, private, restarted, ended with its parent or adopted."""

import json
import os
import signal
import stat
import subprocess
import sys
import textwrap

import paho.mqtt.client as paho
import pytest

from domain.errors import Unavailable
from runtime.broker import EmbeddedBroker
from runtime.broker_files import connect_packet
from runtime.children import ends_within, is_running
from tests.support.brokers import Publisher, free_port, until

pytestmark = pytest.mark.e2e


@pytest.fixture
def broker(tmp_path):
    broker = EmbeddedBroker(tmp_path / "broker")
    broker.start()
    yield broker
    broker.stop()
    assert broker.pid is None or not is_running(broker.pid, "nats")


def subscriber(broker, got, client_id="keeper"):
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False, manual_ack=True)
    client.username_pw_set(broker.service.user, broker.service.password)
    subscribed = []
    client.on_connect = lambda c, *_: c.subscribe("anju/v1/+/+/+/+", 1)
    client.on_subscribe = lambda *_: subscribed.append(1)
    client.on_message = lambda _, __, message: got.append(bytes(message.payload))
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    until(lambda: subscribed, what="the subscription")
    return client


def close(client):
    client.disconnect()
    client.loop_stop()


def test_starts_ready_within_sixty_megabytes(broker):
    assert broker.ready
    assert 0 < broker.rss_bytes < 60 * 2**20


def test_what_was_acknowledged_survives_kill_9_of_the_broker(broker):
    got = []
    close(subscriber(broker, got))
    publisher = Publisher(broker.device_url)
    publisher.publish_all([("anju/v1/c1/fire/d1/telemetry", b"%d" % n) for n in range(500)])
    publisher.close()
    first = broker.pid
    broker.kill()
    until(lambda: broker.ready and broker.pid not in (None, first), what="the restart")
    again = subscriber(broker, got)
    until(lambda: len(got) >= 500, what="redelivery")
    close(again)
    assert sorted(set(got), key=int) == [b"%d" % n for n in range(500)]
    assert broker.restarts == 1


def test_port_stays_the_same_over_a_restart(broker):
    port, first = broker.port, broker.pid
    broker.kill()
    until(lambda: broker.ready and broker.pid not in (None, first), what="the restart")
    assert broker.port == port


def test_nobody_gets_in_without_the_right_password(broker):
    import socket

    for login in (type(broker.device)("", ""), type(broker.device)(broker.service.user, "wrong")):
        with socket.create_connection(("127.0.0.1", broker.port), timeout=5) as sock:
            sock.sendall(connect_packet("intruder", login))
            assert sock.recv(4) != b"\x20\x02\x00\x00"


def test_devices_may_publish_but_not_listen_to_others(broker):
    reasons = []
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="nosy")
    client.username_pw_set(broker.device.user, broker.device.password)
    client.on_connect = lambda c, *_: c.subscribe("anju/v1/#", 1)
    client.on_subscribe = lambda _, __, ___, codes, ____: reasons.extend(codes)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    until(lambda: reasons, what="the answer to SUBSCRIBE")
    close(client)
    assert reasons[0].is_failure


def test_devices_cannot_speak_for_anju_and_still_leave_their_state(broker):
    got = []
    client = subscriber(broker, got)
    publisher = Publisher(broker.device_url)
    forged = [("anju/v1/c1/alerts/a1", b"forged"), ("anju/v1/c1/fire/d1/cmd", b"forged"), ("anju/v2/x", b"forged")]
    for topic, body in forged:
        publisher.publish(topic, body, retain=True)
    publisher.close()
    publisher = Publisher(broker.device_url)
    publisher.publish("anju/v1/c1/fire/d1/state", b"online", retain=True).wait_for_publish(20)
    publisher.publish_all([("anju/sim/v1/truth", b"truth"), ("anju/v1/c1/fire/d1/event", b"event")])
    until(lambda: b"event" in got, what="the event")
    close(client)
    publisher.close()
    late, heard = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="late"), []
    late.username_pw_set(broker.service.user, broker.service.password)
    late.on_connect = lambda c, *_: c.subscribe("anju/#", 1)
    late.on_message = lambda _, __, message: heard.append((message.topic, bytes(message.payload), message.retain))
    late.connect("127.0.0.1", broker.port)
    late.loop_start()
    until(lambda: heard, what="the retained state")
    close(late)
    assert heard == [("anju/v1/c1/fire/d1/state", b"online", True)]
    assert b"forged" not in got


def test_a_last_will_reaches_the_service(broker):
    got = []
    client = subscriber(broker, got)
    device = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="mortal")
    device.username_pw_set(broker.device.user, broker.device.password)
    device.will_set("anju/v1/c1/fire/d1/state", b"offline", qos=1, retain=True)
    device.connect("127.0.0.1", broker.port)
    device.loop_start()
    until(device.is_connected, what="the device")
    device.socket().shutdown(2)
    until(lambda: b"offline" in got, what="the Last Will")
    device.loop_stop()
    close(client)


def test_secrets_are_readable_for_the_owner_only(broker, tmp_path):
    for name in ("credentials.json", "nats.conf"):
        assert stat.S_IMODE((tmp_path / "broker" / name).stat().st_mode) == 0o600


def test_credentials_last_over_a_new_start(tmp_path):
    first = EmbeddedBroker(tmp_path)
    first.start()
    login = first.service
    first.stop()
    second = EmbeddedBroker(tmp_path)
    second.start()
    try:
        assert second.service == login
        assert len(login.password) >= 24
        assert second.port == first.port
    finally:
        second.stop()


def test_listens_on_loopback_only(broker):
    listening = subprocess.run(["ss", "-ltnp"], capture_output=True, text=True, check=False).stdout
    ours = [line.split()[3] for line in listening.splitlines() if f"pid={broker.pid}," in line]
    if not ours:
        pytest.skip("ss does not show processes here")
    assert len(ours) == 2
    assert all(address.startswith("127.0.0.1:") for address in ours)


def test_a_taken_port_is_named(tmp_path):
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        with pytest.raises(Unavailable, match=str(port)):
            EmbeddedBroker(tmp_path, port=port).start()


PARENT = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from runtime.broker import EmbeddedBroker
    broker = EmbeddedBroker(Path(sys.argv[1]), port=int(sys.argv[2]), dies_with_parent=sys.argv[3] == "yes")
    broker.start()
    print(broker.pid, flush=True)
    time.sleep(60)
""")


def orphan(folder, *, dies_with_parent):
    """Starts a broker from another process, kills that process with SIGKILL, returns the broker's pid."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(folder), str(free_port()), "yes" if dies_with_parent else "no"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait(10)
    parent.stdout.close()
    return pid


def test_broker_dies_with_a_killed_service(tmp_path):
    pid = orphan(tmp_path, dies_with_parent=True)
    assert ends_within(pid, 5)


def test_broker_left_running_is_adopted_by_the_next_service(tmp_path):
    pid = orphan(tmp_path, dies_with_parent=False)
    heir = EmbeddedBroker(tmp_path, dies_with_parent=False)
    try:
        heir.start()
        assert heir.adopted
        assert heir.pid == pid
        assert json.loads((tmp_path / "broker.json").read_text())["pid"] == pid
        os.kill(pid, signal.SIGKILL)
        until(lambda: heir.ready and heir.pid not in (None, pid), what="a broker in place of the adopted one")
        assert not heir.adopted
    finally:
        heir.stop()
        if is_running(pid, str(tmp_path / "nats.conf")):
            os.kill(pid, signal.SIGKILL)
