"""``anju up --demo`` as a person starts and stops it."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys

import pytest

from tests.support.brokers import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def heard(data):
    with contextlib.closing(sqlite3.connect(f"file:{data / 'anju.db'}?mode=ro", uri=True)) as database:
        return database.execute("SELECT count(*) FROM journal WHERE kind = 'liveness.changed'").fetchone()[0]


def test_ctrl_c_ends_a_demo_without_a_word_of_complaint(tmp_path):
    data = tmp_path / "data"
    words = ["up", "--demo", "--data", str(data), "--http-port", "0", "--mqtt-port", "0", "--json"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANJU_")}
    with (tmp_path / "err").open("wb") as err:
        child = subprocess.Popen(
            [sys.executable, "-m", "runtime.cli", *words, "--incident", "entrapment@1h"],
            env=environment, stdout=subprocess.PIPE, stderr=err,
        )  # fmt: skip
    try:
        assert json.loads(child.stdout.readline())["pid"] == child.pid
        until(lambda: heard(data), what="a word of a simulated device")
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=60)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 0
    assert out == b""
    told = (tmp_path / "err").read_text(encoding="utf-8").splitlines()
    assert [line for line in told if " INFO " not in line] == []
    played = (data / "simulator.log").read_text(encoding="utf-8")
    assert "Fatal" not in played
    assert json.loads(played.splitlines()[-1])["summary"]["unacked"] == 0
