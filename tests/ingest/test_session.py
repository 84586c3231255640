"""The broker session: addresses, credentials, TLS, refusals, reconnects, and what it relies on in paho."""

import inspect
import random
import subprocess
import time

import paho.mqtt.client as paho
import pytest

from domain.errors import Invalid
from ingest.gate import Gate
from ingest.intake import Intake
from ingest.packets import SplitSocket
from ingest.session import MqttSession, SessionOptions, _Paho
from tests.ingest.support import RecordingDesk, device, devices, payload, topic
from tests.support.brokers import MOSQUITTO, Mosquitto, Publisher, free_port, until


def clock_ms() -> int:
    return time.time_ns() // 1_000_000


class Listener:
    """The least a handler can be."""

    def __init__(self):
        self.packets, self.sessions, self.errors = [], [], []

    def established(self, resumed):
        self.sessions.append(resumed)

    def room(self):
        return True

    def take(self, packets):
        self.packets += packets

    def turn(self, drained):
        return 0.2

    def redelivered(self, count):
        pass

    def failed(self, error):
        self.errors.append(error)


@pytest.fixture
def started():
    sessions = []

    def start(url, **more):
        session = MqttSession(url, more.pop("client_id", "anju"), rng=random.Random(1), **more)
        listener = Listener()
        session.start(listener)
        sessions.append(session)
        return session, listener

    yield start
    for session in sessions:
        session.stop(5)
        assert not session.alive


@pytest.mark.parametrize("url", ["tcp://h", "mqtt://", "mqtt://h:99999", "mqtt://h/path", "h:1883", ""])
def test_a_malformed_address_is_refused(url):
    with pytest.raises(Invalid):
        MqttSession(url, "anju")


def test_missing_tls_files_are_refused(tmp_path):
    with pytest.raises(Invalid, match="TLS"):
        MqttSession("mqtts://h", "anju", options=SessionOptions(ca=str(tmp_path / "none.pem")))


def test_paho_still_makes_its_connection_the_way_we_rely_on():
    assert "self._sock = self._create_socket()" in inspect.getsource(paho.Client.reconnect)
    assert _Paho._create_socket is not paho.Client._create_socket
    reads = inspect.getsource(paho.Client._sock_recv)
    assert "self._sock.recv(bufsize)" in reads
    assert "self._sock.send(buf)" in inspect.getsource(paho.Client._sock_send)
    for needed in ("recv", "send", "close", "fileno", "setblocking", "pending"):
        assert hasattr(SplitSocket, needed)


@pytest.mark.e2e
class TestWithBrokers:
    def test_connects_subscribes_and_tells_whether_the_session_was_kept(self, broker, started):
        session, listener = started(broker.url)
        until(lambda: session.connected)
        assert listener.sessions == [False]
        session.stop(5)
        again, second = started(broker.url)
        until(lambda: again.connected)
        assert second.sessions == [True]
        assert again.last_error is None

    def test_a_refused_subscription_is_never_called_connected(self, nats, started):
        """Three filters of 30,000 do not fit into MQTT's 65,535 packet ids: the broker grants two."""
        filters = [f"anju/v1/+/+/+/{channel}" for channel in ("telemetry", "event", "state")]
        session, _ = started(nats.url, topics=filters)
        until(lambda: session.last_error is not None, what="an error")
        assert "anju/v1/+/+/+/state" in session.last_error
        assert not session.connected

    def test_wrong_credentials_are_named_and_tried_again_slowly(self, nats, started):
        session, listener = started(f"mqtt://{nats.broker.service.user}:wrong@127.0.0.1:{nats.port}")
        until(lambda: session.last_error is not None, what="an error")
        assert "refused" in session.last_error
        assert listener.sessions == []
        assert not session.connected

    def test_connects_once_the_broker_is_there(self, started, tmp_path):
        broker = Mosquitto(tmp_path / "later")
        session, _ = started(broker.url)
        until(lambda: session.last_error is not None, what="an error")
        assert not session.connected
        broker.start()
        until(lambda: session.connected)
        broker.stop()
        until(lambda: not session.connected and session.last_error)
        assert session.alive

    def test_a_silent_peer_is_given_up_and_tried_again(self, started):
        import socket

        with socket.create_server(("127.0.0.1", 0)) as server:
            options = SessionOptions(handshake_s=0.3)
            session, _ = started(f"mqtt://127.0.0.1:{server.getsockname()[1]}", options=options)
            until(lambda: session.last_error and "in time" in session.last_error, 5, "giving up")
            for _ in range(2):
                server.accept()[0].close()

    def test_old_acknowledgements_never_answer_new_packets(self, mosquitto, started):
        session, listener = started(mosquitto.url)
        until(lambda: session.connected)
        publisher = Publisher(mosquitto.url)
        publisher.publish_all([(topic("d1"), b"one")])
        until(lambda: listener.packets)
        old = list(listener.packets)
        mosquitto.restart()
        until(lambda: session.connects == 2, what="the reconnect")
        until(lambda: len(listener.packets) == 2, what="redelivery")
        acks = []
        listener.turn = lambda drained: acks.append(session.ack(old)) or 0.2
        session.wake()
        until(lambda: acks, what="an attempt")
        assert acks[0] == 0
        publisher.close()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A CA, a certificate for the broker, one for the client."""
    folder = tmp_path_factory.mktemp("tls")
    folder.chmod(0o755)

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    extensions = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign,cRLSign"]
    new = ["-newkey", "rsa:2048", "-nodes"]
    openssl(
        "req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test CA", "-days", "2", *extensions
    )
    for name in ("server", "client"):
        (folder / f"{name}.ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("req", *new, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext"]
        openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signed)
    for file in folder.iterdir():
        file.chmod(0o644)
    return folder


@pytest.fixture
def secured(certificates, tmp_path):
    passwords = tmp_path / "passwords"
    subprocess.run(
        [MOSQUITTO.replace("sbin", "bin") + "_passwd", "-c", "-b", str(passwords), "gate way", "p@ss/word"], check=True
    )
    passwords.chmod(0o644)
    broker = Mosquitto(
        tmp_path / "secured",
        f"allow_anonymous false\npassword_file {passwords}\ncafile {certificates}/ca.pem\n"
        f"certfile {certificates}/server.pem\nkeyfile {certificates}/server.key\nrequire_certificate true",
    )
    broker.start()
    yield broker
    broker.stop()


@pytest.mark.e2e
class TestSecured:
    ADDRESS = "mqtts://gate%20way:p%40ss%2Fword@127.0.0.1:{}"

    def options(self, certificates, **more):
        paths = {"ca": "ca.pem", "cert": "client.pem", "key": "client.key"} | more
        return SessionOptions(**{key: str(certificates / path) for key, path in paths.items() if path})

    def test_messages_come_over_tls_with_a_client_certificate_and_a_password(self, secured, certificates):
        desk = RecordingDesk()
        options = self.options(certificates)
        session = MqttSession(self.ADDRESS.format(secured.port), "anju", options=options, rng=random.Random(1))
        intake = Intake(session, desk, devices(device("d1")), Gate(), clock_ms, 1)
        intake.start()
        until(lambda: intake.connected, what="the session")
        publisher = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="p")
        publisher.username_pw_set("gate way", "p@ss/word")
        publisher.tls_set(
            str(certificates / "ca.pem"), str(certificates / "client.pem"), str(certificates / "client.key")
        )
        publisher.connect("127.0.0.1", secured.port)
        publisher.loop_start()
        infos = [publisher.publish(topic("d1"), payload(n, clock_ms()) + b" " * 20_000, 1) for n in range(40)]
        for info in infos:
            info.wait_for_publish(10)
        until(lambda: intake.counters.acked == 40, what="acks over TLS")
        assert [reading.seq for reading in desk.readings] == list(range(40))
        publisher.disconnect()
        publisher.loop_stop()
        assert intake.stop(5)

    def test_without_the_certificate_or_with_a_stranger_as_ca_there_is_no_session(
        self, secured, certificates, started, tmp_path
    ):
        for options in (self.options(certificates, cert=None, key=None), SessionOptions()):
            session, _ = started(self.ADDRESS.format(secured.port), options=options)
            until(lambda session=session: session.last_error is not None, what="an error")
            assert not session.connected

    def test_plain_text_to_a_tls_port_is_no_session(self, secured, started):
        session, _ = started(f"mqtt://127.0.0.1:{secured.port}", options=SessionOptions(handshake_s=1))
        until(lambda: session.last_error is not None, what="an error")
        assert not session.connected


@pytest.mark.e2e
def test_nobody_listening_is_no_reason_to_end(started):
    session, listener = started(f"mqtt://127.0.0.1:{free_port()}")
    until(lambda: session.last_error is not None, what="an error")
    assert session.alive
    assert listener.errors == []
