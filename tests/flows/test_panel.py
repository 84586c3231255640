"""The drill panel on the service as people start it: `anju up --demo`, one fault by hand, a scenario, a drill."""

import time
import urllib.error

import pytest

from tests.support.brokers import until
from tests.support.service import Service

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


@pytest.fixture
def demo(tmp_path):
    calm = ("--incident", "camera_false_positive@20h")
    service = Service(tmp_path / "data", "--demo", "--mqtt-port", "0", *calm).start()
    yield service
    if service.running:
        assert service.stop() == 0


def alerts_of(service, rule, target):
    return [one for one in service.alerts() if (one["kind"], one["target"]["id"]) == (rule, target)]


def test_a_fault_by_hand_becomes_a_marked_alert_and_the_journal_says_who_made_it(demo):
    offer = demo.get("/simulation")
    assert len(offer["scenarios"]) >= 25
    truth = demo.call("POST", "/simulation/incidents", {"incident": "manual_call_point"})
    owed = next(one for one in truth["must_raise"] if one["rule"] == "FC-03")
    until(lambda: alerts_of(demo, owed["rule"], owed["target"]), timeout_s=60, what="the alert that is owed")
    (alert,) = alerts_of(demo, owed["rule"], owed["target"])
    assert "simulated" in alert["flags"]
    lines = [one for one in demo.get("/journal?limit=500")["items"] if one["kind"] == "simulation.commanded"]
    assert [(one["actor"], one["event"]["what"], one["event"]["name"]) for one in lines] == [
        ("admin", "inject", "manual_call_point")
    ]
    with pytest.raises(urllib.error.HTTPError) as unknown:
        demo.call("POST", "/simulation/incidents", {"incident": "earthquake"})
    assert unknown.value.code == 404


def test_a_fault_within_a_drill_rings_is_marked_and_counts_in_no_figure(demo):
    device = "js-ml-b1-lift1"
    now = time.time()
    window = {
        "target": "js-ml", "purpose": "drill", "reason": "季度演练",
        "from": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 5)),
        "until": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + 1800)),
    }  # fmt: skip
    demo.call("POST", "/maintenance", window)
    demo.call("POST", "/simulation/incidents", {"incident": "overspeed", "device": device})
    until(lambda: alerts_of(demo, "EL-06", device), timeout_s=60, what="the alert of the drill")
    (alert,) = alerts_of(demo, "EL-06", device)
    assert "drill" in alert["flags"]
    assert alert["suppressed"] == []
    assert demo.get("/board")["health"]["rate10"] == 0


def test_a_scenario_is_played_watched_and_stopped(demo):
    run = demo.call("POST", "/simulation/runs", {"scenario": "door_trouble_in_the_rush"})
    assert run["state"] == "running"
    with pytest.raises(urllib.error.HTTPError) as twice:
        demo.call("POST", "/simulation/runs", {"scenario": "door_trouble_in_the_rush"})
    assert twice.value.code == 409
    assert demo.call("POST", f"/simulation/runs/{run['id']}/stop")["state"] == "stopped"
    assert [one["state"] for one in demo.get("/simulation/runs")["items"]] == ["stopped"]
