"""The command as people and scripts use it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from simulators.broker import Broker
from simulators.cli import simulate
from simulators.district import load_district
from simulators.district.named import district, district_text
from simulators.incidents import INCIDENTS
from simulators.kernel import Message
from simulators.scenarios import SCENARIOS, begin, load_scenario
from simulators.session import Run, RunPlan
from tests.simulators.ears import Ears

GOOD = Path(__file__).parent / "scenario_files" / "good"
BAD = Path(__file__).parent / "scenario_files" / "bad"


def run(*args, **more):
    return CliRunner().invoke(simulate, args, **more)


def test_list_names_every_incident_in_both_languages():
    result = run("--list")
    assert result.exit_code == 0
    for incident in INCIDENTS.values():
        assert incident.name in result.output
        assert incident.zh in result.output
        assert incident.en in result.output


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (["--incident", "earthquake"], "entrapment"),
        (["--incident", "entrapment@soon"], "NAME[:device][@offset]"),
        (["--speed", "fast"], "write a number above 0, or max"),
        (["--duration", "long"], "write 90s"),
        (["--start", "2026-01-01 08:00"], "write 2026-"),
        (["--corrupt", "2"], "corrupt"),
    ],
)
def test_wrong_use_ends_with_two_and_says_what_to_write(args, word):
    result = run(*args)
    assert result.exit_code == 2
    assert word in result.output


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (["--broker", "http://x"], "must be mqtt://"),
        (["--district", "/nonexistent.yaml"], "nonexistent.yaml"),
        (["--incident", "entrapment:no-such-lift"], "no-such-lift"),
        (["--start", "2099-01-01T00:00:00+08:00"], "ahead of the clock"),
        (["--password-file", "/nonexistent"], "--password-file"),
    ],
)
def test_problem_ends_with_one_and_names_it(args, word):
    result = run(*args)
    assert result.exit_code == 1
    assert word in result.output


def test_list_of_scenarios_names_each_in_both_languages():
    result = run("--list-scenarios")
    assert result.exit_code == 0
    for name, path in SCENARIOS.items():
        title = load_scenario(path).title
        assert name in result.output
        assert title.zh in result.output
        assert title.en in result.output


@pytest.mark.parametrize("name", ["demo", "towers"])
def test_district_can_be_printed_as_a_registry_file(tmp_path, name):
    path = tmp_path / "district.yaml"
    path.write_text(run("--print-district", name).output, encoding="utf-8")
    assert load_district(path).devices == district(name).devices


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (["--scenario", "quiet_dai"], "did you mean 'quiet_day'?"),
        (["--scenario", str(BAD / "unknown_incident.yml")], "unknown_incident.yml:7: what 'entrapmend' is unknown"),
        (["--scenario", "quiet_day", "--demo"], "two different shows"),
    ],
)
def test_scenario_that_cannot_be_played_is_refused_before_anything_is_sent(args, word):
    result = run(*args)
    assert result.exit_code in {1, 2}
    assert word in result.output


def test_scenario_whose_devices_another_district_does_not_have_is_refused_by_line(tmp_path):
    path = tmp_path / "towers.yaml"
    path.write_text(district_text("towers"), encoding="utf-8")
    result = run("--scenario", "hydrant_leak_six_hours", "--district", str(path))
    assert result.exit_code == 1
    assert "no compound js-ml; there are: jt-sj" in result.output


@pytest.mark.e2e
def test_scenario_over_mqtt_is_the_one_in_process_moved_to_the_present(mosquitto):
    """Same devices, numbers and values at the same distance from the start; only the clock and the boot differ."""
    ears = Ears(mosquitto.port)
    result = run("--broker", mosquitto.url, "--scenario", "entrapment_told_by_code", "--speed", "max", "--json")
    assert result.exit_code == 0, result.output
    *truths, last = map(json.loads, result.output.splitlines())
    world = begin(load_scenario(SCENARIOS["entrapment_told_by_code"]))
    alone = [item for item in world.advance(world.end_ms) if isinstance(item, Message)]
    assert last["summary"]["messages"] == len(alone)
    assert last["summary"]["missed"] == []
    ears.until(lambda: len(readings(ears)) >= len(alone), "all heard")
    ears.close()
    truth = next(iter(world.truths.values()))
    ahead_ms = truths[0]["truth"]["from_ms"] - truth.from_ms
    assert truths[1]["truth"]["to_ms"] - truth.to_ms == ahead_ms
    assert truths[0]["truth"]["device"] == truth.device
    assert abs(time.time() * 1000 - (world.end_ms + ahead_ms)) < 60_000, "it ends now"
    heard = {(topic.split("/")[4], body["seq"]): body for topic, body in readings(ears)}
    for message in alone:
        body = heard[message.device, message.seq]
        assert body["ts"] == message.ts_ms + ahead_ms
        assert body.get("values") == message.values
        assert body["boot"] != world.boot


@pytest.mark.e2e
def test_scenario_brings_its_own_faults_of_the_wire_and_flags_go_before_them(mosquitto):
    base = ("--broker", mosquitto.url, "--scenario", "bad_wire", "--speed", "max", "--duration", "10m", "--json")
    wire = json.loads(run(*base).output.splitlines()[-1])["summary"]["wire"]
    assert min(wire["lost"], wire["duplicates"], wire["reordered"], wire["corrupt"]) > 5
    wire = json.loads(run(*base, "--loss", "0", "--corrupt", "0").output.splitlines()[-1])["summary"]["wire"]
    assert wire["lost"] == wire["corrupt"] == 0
    assert wire["duplicates"] > 5


def test_run_tells_what_work_has_to_be_declared():
    plan = RunPlan(scenario=load_scenario(GOOD / "everything.yml"), speed=60, duration_s=7200)
    run = Run(plan, plan.scenario.registry, Broker("127.0.0.1", 1), lambda truth: None)
    told = run.declares()
    assert len(told) == len(plan.scenario.declares)
    assert told[0].startswith("declare maintenance at tj-hty-b1-lift1 from ")
    assert "drill at js-ml" in told[4]


@pytest.mark.e2e
def test_storm_is_told_in_one_line_that_people_can_read(mosquitto):
    result = run("--broker", mosquitto.url, "--scenario", "fire_alarm_storm", "--speed", "max", "--duration", "3m")
    assert result.exit_code == 0, result.output
    line = next(line for line in result.output.splitlines() if "begins at" in line)
    assert len(line) < 250
    assert " more" in line


def readings(ears):
    return [
        (packet.topic, json.loads(packet.payload))
        for packet in ears.heard
        if packet.topic.endswith(("/telemetry", "/event"))
    ]


@pytest.mark.e2e
def test_json_run_prints_truths_and_a_summary(mosquitto):
    result = run(
        "--broker", mosquitto.url, "--speed", "max", "--duration", "20m", "--json",
        "--incident", "residual_current:tj-hty-b1-rcd@60s", "--duplicates", "0.01", "--loss", "0.01",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    *truths, last = map(json.loads, result.output.splitlines())
    assert [one["truth"]["to_ms"] is None for one in truths] == [True, False]
    assert truths[0]["truth"]["device"] == "tj-hty-b1-rcd"
    assert truths[0]["truth"]["must_raise"][0]["rule"] == "FC-11"
    summary = last["summary"]
    assert summary["virtual_s"] == 1200
    assert summary["acked"] == summary["sent"] > 5_000
    assert summary["wire"]["duplicates"] > 10
    assert summary["wire"]["lost"] > 10


@pytest.mark.e2e
def test_demo_process_shows_something_soon_stays_small_and_leaves_in_good_order(mosquitto):
    ears = Ears(mosquitto.port)
    environment = os.environ | {"ANJU_SIM_BROKER": mosquitto.url}
    command = [sys.executable, "-m", "simulators", "--demo"]
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        began = time.monotonic()
        ears.until(lambda: any(b"fire_alarm" in packet.payload for packet in ears.heard), "a first event", 20)
        assert time.monotonic() - began < 20
        status = Path(f"/proc/{child.pid}/status").read_text(encoding="ascii")
        rss_kb = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        assert rss_kb < 45 * 1024
        child.send_signal(signal.SIGTERM)
        out, _ = child.communicate(timeout=15)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 0
    assert "smoke" in out
    assert "0 not, 0 lost" in out
    ears.until(lambda: not any(ears.states.values()), "all offline")
    ears.close()
