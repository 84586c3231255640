"""docker-compose.yml and deploy/, as far as they can be proven without a container engine."""

import re
import shutil
import time
from pathlib import Path

import pytest
import yaml

from runtime.settings import Settings
from tests.support.brokers import Deployed

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


def test_every_service_has_a_pinned_image_and_publishes_on_loopback_only():
    for name, service in COMPOSE["services"].items():
        tag = service["image"].rpartition(":")[2]
        assert re.fullmatch(r"\d+\.\d+(\.\d+)?", tag), f"{name}: {service['image']}"
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), f"{name} publishes {port} to the world"


def test_every_named_volume_and_secret_is_declared():
    for name, service in COMPOSE["services"].items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./deploy/secrets/"):
                continue
            known = (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
            assert known, f"{name} mounts {source}, which nobody makes"
        for secret in service.get("secrets", []):
            assert secret in COMPOSE["secrets"], f"{name} wants the secret {secret}"


def test_no_password_is_written_into_the_file():
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert not re.search(r"(PASSWORD|TOKEN|SECRET):\s*\S", text)


def test_the_environment_of_the_service_is_one_that_settings_accept():
    known = {f"ANJU_{name.upper()}" for name in Settings.model_fields}
    given = set(COMPOSE["services"]["anju"]["environment"])
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    given |= set(re.findall(r"\b(ANJU_[A-Z_]+)=", dockerfile))
    assert given <= known, given - known


def test_the_image_runs_as_an_unprivileged_user_and_installs_by_hash():
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^USER (?!root)\w+", dockerfile, re.MULTILINE)
    assert "--require-hashes" in dockerfile
    for source in re.findall(r"^COPY (?!--from)(\S+) ", dockerfile, re.MULTILINE):
        assert (ROOT / source).exists(), f"the image copies {source}, which is not there"


@pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed: its configuration was not tried")
def test_mosquitto_starts_with_our_configuration_and_secrets(tmp_path):
    broker = Deployed(tmp_path)
    broker.start()
    try:
        assert connect(broker.port, "anju", broker.password("mqtt_password")) == 0
        assert connect(broker.port, "anju", "wrong") != 0
    finally:
        broker.stop()


def connect(port, user, password):
    import paho.mqtt.client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(user, password)
    answers = []
    client.on_connect = lambda *args: answers.append(args[3].value)
    client.connect("127.0.0.1", port)
    give_up = time.monotonic() + 10
    while not answers and time.monotonic() < give_up:
        client.loop(0.1)
    client.disconnect()
    return answers[0]
