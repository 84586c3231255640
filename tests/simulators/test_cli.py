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

from simulators.cli import simulate
from simulators.incidents import INCIDENTS
from tests.simulators.ears import Ears


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
