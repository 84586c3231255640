"""The drill panel against the real simulator: orders over its pipes, packets over a real broker."""

import os
import subprocess
import sys

import pytest

from domain.errors import Conflict, NotFound, Unavailable
from runtime.simulation import Panel
from tests.support.brokers import Nats

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def panel(tmp_path):
    broker = Nats(tmp_path / "broker")
    broker.start()
    log = (tmp_path / "simulator.log").open("wb")
    child = subprocess.Popen(
        [sys.executable, "-m", "simulators", "--orders", "--json", "--duration", "1h"],
        env={**os.environ, "ANJU_SIM_BROKER": broker.url}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
    )  # fmt: skip
    made = Panel(child.stdin, child.stdout, log)
    made.child = child
    yield made
    child.kill()
    child.wait()
    log.close()
    broker.stop()


def test_panel_offers_lets_begin_watches_and_ends(panel):
    offer = panel.offer()
    names = {one["name"] for one in offer["incidents"]}
    assert {"entrapment", "hydrant_leak"} <= names
    assert len(offer["scenarios"]) >= 10
    truth = panel.inject("residual_current", None, {"rise_s": 5})
    assert truth["what"] == "residual_current"
    assert truth["params"]["rise_s"] == 5
    assert [one["rule"] for one in truth["must_raise"]] == ["FC-11"]
    with pytest.raises(NotFound) as unknown:
        panel.inject("earthquake", None, {})
    assert unknown.value.code == "incident.unknown"
    run = panel.play("door_trouble_in_the_rush")
    assert (run["scenario"], run["state"]) == ("door_trouble_in_the_rush", "running")
    with pytest.raises(Conflict):
        panel.play("door_trouble_in_the_rush")
    assert panel.stop(run["id"])["state"] == "stopped"
    assert [one["id"] for one in panel.runs()] == [run["id"]]
    with pytest.raises(NotFound):
        panel.stop("run-99")
    panel.child.kill()
    panel.child.wait()
    with pytest.raises(Unavailable):
        panel.runs()
