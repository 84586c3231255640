"""What a killed process leaves behind."""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from storage.telemetry import segments
from storage.telemetry.duckdb_store import DuckTelemetry
from tests.storage.telemetry.crash_writer import batch

ROOT = Path(__file__).resolve().parents[3]
ROUNDS = 10


def run_and_kill(path, load_readings, save_readings, after_s):
    """Runs the writer until killed with SIGKILL; returns the number it last reported as durable."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    writer = Path(__file__).with_name("crash_writer.py")
    command = [sys.executable, str(writer), str(path), str(load_readings), str(save_readings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        first = process.stdout.readline()
        assert first, "the writer did not start"
        killer = threading.Timer(after_s, process.send_signal, [signal.SIGKILL])
        killer.start()
        lines = [first, *process.stdout]
        killer.join()
        assert process.wait(30) == -signal.SIGKILL
    return int([line for line in lines if line.endswith(b"\n")][-1])


@pytest.mark.timeout(180)
def test_every_batch_reported_durable_survives_kill_9_exactly_once_and_the_last_one_is_whole_or_absent(tmp_path):
    rng = random.Random(20_261_122)
    path = tmp_path / "t.duckdb"
    for _ in range(ROUNDS):
        load, save = rng.choice((1, 50, 400, 100_000)), rng.choice((1, 300, 100_000))
        reported = run_and_kill(path, load, save, rng.uniform(0.0, 0.4))
        store = DuckTelemetry(path, memory_mb=64)
        try:
            last = store.last_batch
            assert reported <= last <= reported + 1
            seen = []
            for number, readings in store.replay(0):
                assert readings == batch(number)
                seen.append(number)
            assert seen == list(range(1, last + 1))
            assert sum(store.count(kind) for kind in ("elevator", "fire")) == sum(len(batch(n)) for n in seen)
        finally:
            store.close()


def logged(tmp_path, batches):
    """A store with `batches` batches in its log, none loaded, as a kill would leave it; returns a copy of it."""
    store = DuckTelemetry(tmp_path / "one.duckdb", load_readings=10**9, load_ms=10**9)
    for number in range(1, batches + 1):
        store.append(number, batch(number))
    left = tmp_path / "left"
    left.mkdir()
    shutil.copytree(tmp_path / "one.duckdb.log", left / "t.duckdb.log")
    store.close()
    return left / "t.duckdb"


def numbers(path):
    store = DuckTelemetry(path)
    try:
        found = list(store.replay(0))
    finally:
        store.close()
    assert all(readings == batch(number) for number, readings in found)
    return [number for number, _ in found]


def test_a_frame_cut_at_any_byte_leaves_the_batches_before_it_and_nothing_of_its_own(tmp_path):
    path = logged(tmp_path, 3)
    (segment,) = (path.parent / "t.duckdb.log").glob("*.seg")
    whole = segment.read_bytes()
    third = whole.rindex(segments.MAGIC)
    for end in {third, third + 1, third + 19, third + 20, third + 21, (third + len(whole)) // 2, len(whole) - 1}:
        copy = tmp_path / f"cut{end}"
        (copy / "t.duckdb.log").mkdir(parents=True)
        (copy / "t.duckdb.log" / segment.name).write_bytes(whole[:end])
        assert numbers(copy / "t.duckdb") == [1, 2]


def test_a_damaged_frame_with_whole_ones_behind_it_is_reported_kept_aside_and_costs_only_itself(tmp_path, caplog):
    path = logged(tmp_path, 4)
    (segment,) = (path.parent / "t.duckdb.log").glob("*.seg")
    data = bytearray(segment.read_bytes())
    second = data.index(segments.MAGIC, 4)
    data[second + 40] ^= 0xFF
    segment.write_bytes(data)
    assert numbers(path) == [1, 3, 4]
    assert any("disk may be failing" in record.message for record in caplog.records)
    assert list((path.parent / "t.duckdb.log").glob("*.damaged"))


def test_what_was_loaded_but_not_yet_in_the_file_comes_from_the_log_again(tmp_path):
    store = DuckTelemetry(tmp_path / "t.duckdb", load_ms=10**9)
    for number in range(1, 4):
        store.append(number, batch(number))
        store.flush()
    left = tmp_path / "left"
    left.mkdir()
    shutil.copy(tmp_path / "t.duckdb", left)
    shutil.copytree(tmp_path / "t.duckdb.log", left / "t.duckdb.log")
    store.close()
    assert numbers(left / "t.duckdb") == [1, 2, 3]
    assert numbers(tmp_path / "t.duckdb") == [1, 2, 3]


def test_a_log_that_was_loaded_but_not_deleted_is_not_loaded_again(tmp_path):
    path = logged(tmp_path, 3)
    copy = tmp_path / "segments"
    shutil.copytree(path.parent / "t.duckdb.log", copy)
    assert numbers(path) == [1, 2, 3]
    for segment in copy.glob("*.seg"):
        shutil.copy(segment, path.parent / "t.duckdb.log")
    assert numbers(path) == [1, 2, 3]


def test_append_returns_only_after_the_frame_was_flushed_to_disk(tmp_path, monkeypatch):
    store = DuckTelemetry(tmp_path / "t.duckdb")
    flushed = []
    real = os.fdatasync

    def watched(file):
        real(file)
        flushed.append(os.fstat(file).st_size)

    monkeypatch.setattr(segments.os, "fdatasync", watched)
    store.append(1, batch(1))
    store.append(2, batch(2))
    assert len(flushed) == 2
    assert flushed[0] < flushed[1]
    monkeypatch.undo()
    store.close()
