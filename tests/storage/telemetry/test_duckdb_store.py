"""The time series in DuckDB: what is appended is what is read."""

import contextlib
import errno
import sys
import threading

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain.errors import Conflict, Invalid, Unavailable
from domain.kinds import KINDS, EbikeValues, ElevatorValues, FireValues
from domain.readings import DeviceEvent, Reading
from storage.telemetry import duckdb_store, segments
from storage.telemetry.columns import LAYOUTS
from storage.telemetry.duckdb_store import DuckTelemetry

NEVER = 10**9
T0 = 1_790_000_000_000
DAY = 86_400_000


@contextlib.contextmanager
def opened(path, **settings_):
    store = DuckTelemetry(path, **settings_)
    try:
        yield store
    finally:
        store.close()


@pytest.fixture(params=["waiting", "loaded"])
def store(tmp_path, request):
    """A store whose readers see rows in the log (waiting) or in the tables (loaded)."""
    loaded = request.param == "loaded"
    with opened(tmp_path / "t.duckdb", load_readings=1 if loaded else NEVER, load_ms=NEVER) as made:
        made.settle = made.flush if loaded else (lambda: None)
        yield made


def lift(at_ms, *, device="l1", seq=None, event=None, **values):
    return Reading(device, "elevator", at_ms, at_ms + 5, ElevatorValues(**values) if values else None, event, seq)


def signal_values(kind):
    fields = {}
    for name, signal in KINDS[kind].signals.items():
        if signal.type == "boolean":
            value = st.booleans()
        elif signal.type == "integer":
            value = st.integers(int(signal.low), int(signal.high))
        else:
            value = st.floats(signal.low, signal.high)
        fields[name] = st.none() | value
    return st.fixed_dictionaries({}, optional=fields).map(lambda given_: KINDS[kind].values(**given_))


TEXT = st.text(max_size=12)
EVENTS = st.builds(DeviceEvent, TEXT, TEXT, TEXT, TEXT, st.none() | st.floats(0, 1))
READINGS = st.sampled_from(sorted(KINDS)).flatmap(
    lambda kind: st.builds(
        Reading,
        device=st.sampled_from(["d1", "d2", "门"]),
        kind=st.just(kind),
        ts_ms=st.integers(0, 2**53),
        received_ms=st.integers(0, 2**53),
        values=st.none() | signal_values(kind),
        event=st.none() | EVENTS,
        seq=st.none() | st.integers(0, 2**63 - 1),
        boot=st.none() | TEXT,
        digest=st.integers(0, 2**63 - 1),
        quality=st.integers(0, 255),
    )
)


def typed(readings):
    """Readings with the types of their values, since 1 == 1.0 == True."""
    return [(r, [type(getattr(r.values, f, None)) for f in LAYOUTS[r.kind].signals]) for r in readings]


@pytest.mark.slow
@settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a store for each example makes shrinking slow
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(batches=st.lists(st.lists(READINGS, min_size=1, max_size=12), min_size=1, max_size=4), data=st.data())
def test_replay_gives_back_the_very_readings_in_their_order_also_after_reopening(tmp_path_factory, batches, data):
    path = tmp_path_factory.mktemp("store") / "t.duckdb"
    numbers = sorted(data.draw(st.sets(st.integers(1, 40), min_size=len(batches), max_size=len(batches))))
    with opened(path, load_ms=NEVER) as store:
        for number, batch in zip(numbers, batches, strict=True):
            store.append(number, batch)
        replayed = list(store.replay(0))
        assert [number for number, _ in replayed] == numbers
        assert [typed(batch) for _, batch in replayed] == [typed(batch) for batch in batches]
        after = data.draw(st.sampled_from(numbers))
        assert [number for number, _ in store.replay(after)] == [n for n in numbers if n > after]
    with opened(path) as store:
        assert store.last_batch == numbers[-1]
        assert list(store.replay(0)) == replayed


@settings(max_examples=200, deadline=None)
@given(batch=st.lists(READINGS, min_size=1, max_size=12))
def test_columns_and_log_frames_hold_everything_a_reading_says(batch):
    columns = duckdb_store.columns_of(batch)
    frame = segments._decode(segments._encode(columns))
    back = {}
    for kind, found in frame.items():
        back.update(zip(found["pos"], LAYOUTS[kind].restore(found), strict=True))
    assert typed([back[position] for position in range(len(batch))]) == typed(batch)


def test_last_batch_is_zero_in_an_empty_store_and_the_newest_number_afterwards(store):
    assert store.last_batch == 0
    store.append(3, [lift(T0, floor=1)])
    assert store.last_batch == 3


def test_the_same_batch_handed_in_again_is_stored_once_and_another_under_its_number_is_refused(tmp_path):
    path = tmp_path / "t.duckdb"
    batch = [lift(T0, floor=1), lift(T0 + 1, floor=2)]
    with opened(path) as store:
        store.append(1, [lift(T0, floor=0)])
        store.append(2, batch)
        store.append(2, batch)
        with pytest.raises(Conflict):
            store.append(2, batch[:1])
        with pytest.raises(Conflict):
            store.append(1, [lift(T0, floor=0)])
    with opened(path) as store:
        store.append(2, batch)
        with pytest.raises(Conflict):
            store.append(2, batch[:1])
        assert store.count("elevator") == 3


def test_a_batch_that_breaks_the_contract_is_invalid_and_leaves_nothing(store):
    good = lift(T0, floor=1)
    for bad in (
        Reading("x", "toaster", T0, T0),
        Reading("x", "fire", T0, T0, ElevatorValues(floor=1)),
        Reading("\ud800", "elevator", T0, T0),
    ):
        with pytest.raises(Invalid):
            store.append(1, [good, bad])
    with pytest.raises(Invalid):
        store.append(1, [])
    assert store.last_batch == 0
    assert store.count("elevator") == 0
    store.append(1, [good])
    assert store.count("elevator") == 1


def test_a_number_no_column_can_hold_is_left_out_without_keeping_the_rest_out(tmp_path, caplog):
    with opened(tmp_path / "t.duckdb", load_ms=NEVER) as store:
        store.append(1, [lift(T0, seq=2**64 - 1, floor=1), lift(T0 + 1, seq=7, floor=2)])
        ((_, replayed),) = store.replay(0)
    assert [reading.seq for reading in replayed] == [None, 7]
    assert [reading.values.floor for reading in replayed] == [1, 2]
    assert any("cannot be stored" in record.message for record in caplog.records)


def test_a_short_series_is_exact_in_event_time_with_booleans_as_numbers(store):
    store.append(1, [lift(T0 + 20, speed=2.5, presence=True), lift(T0, speed=1.0), lift(T0 + 10, floor=3)])
    store.append(2, [lift(T0 + 30, presence=False), lift(T0 + 5, device="l2", speed=9.0), lift(T0 + 40, speed=4.0)])
    store.settle()
    series = store.series("l1", "elevator", ["speed", "presence"], T0, T0 + 30, 100)
    assert series.t == [T0, T0 + 20, T0 + 30]
    assert series.v == {"speed": [1.0, 2.5, None], "presence": [None, 1.0, 0.0]}
    assert series.sampled is False
    assert store.series("l1", "elevator", ["door_state"], T0, T0 + 30, 100).t == []


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 5_000), st.none() | st.floats(0, 20), st.none() | st.booleans()), min_size=1
    ),
    split=st.integers(0, 40),
    points=st.integers(1, 30),
    both=st.booleans(),
)
def test_a_sampled_series_keeps_every_extreme_and_never_invents_a_value(tmp_path_factory, rows, split, points, both):
    names = ["speed", "presence"] if both else ["speed"]
    readings = [lift(T0 + at, speed=speed, presence=presence) for at, speed, presence in rows]
    with opened(tmp_path_factory.mktemp("s") / "t.duckdb", load_ms=NEVER) as store:
        if readings[:split]:
            store.append(1, readings[:split])
            store.flush()
        if readings[split:]:
            store.append(2, readings[split:])
        series = store.series("l1", "elevator", names, T0, T0 + 5_000, points)
    assert len(series.t) <= points
    assert series.t == sorted(series.t)
    given_ = {
        "speed": [s for _, s, _ in rows if s is not None],
        "presence": [float(p) for *_, p in rows if p is not None],
    }
    for name in names:
        kept = [value for value in series.v[name] if value is not None]
        assert len(series.v[name]) == len(series.t)
        assert set(kept) <= set(given_[name])
        if given_[name]:
            assert max(kept) == max(given_[name])
            if points >= 2:
                assert min(kept) == min(given_[name])


def test_one_peak_in_a_day_of_readings_stays_at_its_instant(store):
    batch = [lift(T0 + 60_000 * index, speed=18.5 if index == 777 else 1.0) for index in range(1_440)]
    store.append(1, batch)
    store.settle()
    series = store.series("l1", "elevator", ["speed"], T0, T0 + DAY, 100)
    assert series.sampled
    assert series.t[series.v["speed"].index(18.5)] == T0 + 60_000 * 777


def test_unknown_kinds_and_signals_are_named_in_the_refusal(store):
    with pytest.raises(Invalid, match="toaster"):
        store.series("l1", "toaster", ["speed"], 0, 1, 10)
    with pytest.raises(Invalid, match="smoke"):
        store.series("l1", "elevator", ["smoke"], 0, 1, 10)


def test_events_come_newest_first_and_only_of_the_device_and_range_asked_for(store):
    def event(code):
        return DeviceEvent("door_close_fail", "vendor", code, "ab", 0.5)

    store.append(1, [lift(T0, event=event("a")), lift(T0 + 1, floor=1), lift(T0 + 9, device="l2", event=event("x"))])
    store.append(
        2, [lift(T0 + 2, event=event("b"), floor=4), lift(T0 + 2, event=event("c")), lift(T0 + 3, event=event("d"))]
    )
    store.settle()
    found = store.events("l1", "elevator", T0, T0 + 2, 10)
    assert [reading.event.code for reading in found] == ["c", "b", "a"]
    assert found[1] == lift(T0 + 2, event=event("b"), floor=4)
    assert [reading.event.code for reading in store.events("l1", "elevator", T0, T0 + 3, 1)] == ["d"]


def test_last_values_are_the_newest_by_event_time_of_each_signal(store):
    store.append(1, [lift(T0 - DAY, load=80.0), lift(T0, floor=1, presence=True), lift(T0 + 10, floor=2)])
    store.settle()
    assert store.last_values("l1", "elevator")["floor"].value == 2
    store.append(2, [lift(T0 + 5, floor=9, speed=1.5), lift(T0 + 10, presence=False, floor=3)])
    store.settle()
    values = store.last_values("l1", "elevator")
    assert {name: (value.value, value.at_ms) for name, value in values.items()} == {
        "load": (80.0, T0 - DAY),
        "floor": (3, T0 + 10),
        "presence": (False, T0 + 10),
        "speed": (1.5, T0 + 5),
    }
    assert type(values["presence"].value) is bool
    assert store.last_values("nobody", "elevator") == {}


def test_retention_deletes_whole_days_that_have_ended(store):
    midnight = T0 // DAY * DAY
    store.append(1, [lift(midnight - 1, floor=1), lift(midnight, floor=2), lift(midnight + DAY - 1, floor=3)])
    store.settle()
    assert store.last_values("l1", "elevator")["floor"].value == 3
    assert store.retain(midnight + DAY - 1) == 1
    assert store.count("elevator") == 2
    assert store.retain(midnight + DAY) == 2
    assert store.count("elevator") == 0
    assert store.last_values("l1", "elevator") == {}
    assert store.last_batch == 1


def test_a_signal_added_to_a_kind_becomes_a_column_when_the_store_is_opened(tmp_path):
    path = tmp_path / "t.duckdb"
    with opened(path) as store:
        store.append(1, [lift(T0, floor=1, speed=2.0)])
    with duckdb.connect(str(path)) as database:
        database.execute('ALTER TABLE readings_elevator DROP COLUMN "speed"')
    with opened(path) as store:
        store.append(2, [lift(T0 + 1, speed=3.0)])
        assert [batch for _, batch in store.replay(0)] == [[lift(T0, floor=1)], [lift(T0 + 1, speed=3.0)]]


def test_readers_see_every_batch_exactly_once_while_batches_are_appended_and_loaded(tmp_path):
    with opened(tmp_path / "t.duckdb", load_readings=40, load_ms=5) as store:
        wrong = []
        stop = threading.Event()

        def read():
            while not stop.is_set():
                low = store.last_batch
                counted = store.count("ebike")
                series = store.series("p1", "ebike", ["power"], 0, 2**53, 100_000)
                high = store.last_batch
                if not (5 * low <= counted <= 5 * high + 5) or series.v["power"] != [
                    float(n) for n in range(len(series.t))
                ]:
                    wrong.append((low, counted, high, len(series.t)))

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for number in range(1, 201):
            first = 5 * (number - 1)
            store.append(
                number, [Reading("p1", "ebike", T0 + n, T0, EbikeValues(power=n)) for n in range(first, first + 5)]
            )
        stop.set()
        for reader in readers:
            reader.join()
        assert wrong == []
        assert store.count("ebike") == 1_000


def test_a_full_disk_is_unavailable_and_the_batch_may_be_handed_in_again(tmp_path, monkeypatch):
    path = tmp_path / "t.duckdb"
    with opened(path, load_ms=NEVER) as store:
        store.append(1, [lift(T0, floor=1)])
        real = segments.os.write

        def torn(file, data):
            real(file, bytes(data)[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(segments.os, "write", torn)
        with pytest.raises(Unavailable, match="No space left"):
            store.append(2, [lift(T0 + 1, floor=2)])
        assert store.last_batch == 1
        monkeypatch.undo()
        store.append(2, [lift(T0 + 1, floor=2)])
        store.append(3, [lift(T0 + 2, floor=3)])
        assert [number for number, _ in store.replay(0)] == [1, 2, 3]
    with opened(path) as store:
        assert [number for number, _ in store.replay(0)] == [1, 2, 3]


def test_too_much_waiting_for_a_failing_database_is_unavailable_and_comes_right_again(tmp_path, monkeypatch):
    monkeypatch.setattr(duckdb_store, "TELEMETRY_PENDING_READINGS_MAX", 3)
    monkeypatch.setattr(duckdb_store, "TELEMETRY_PENDING_WAIT_S", 0.05)
    with opened(tmp_path / "t.duckdb", load_readings=1) as store:

        def broken(*_):
            raise duckdb.IOException("the disk is on fire")

        monkeypatch.setattr(duckdb_store.bulk, "set_loaded_batch", broken)
        for number in (1, 2, 3):
            store.append(number, [FIRE])
        with pytest.raises(Unavailable, match="on fire"):
            store.append(4, [FIRE])
        assert store.failing
        assert store.count("fire") == 3
        monkeypatch.undo()
        store.flush()
        assert store.failing is None
        store.append(4, [FIRE])
        assert [number for number, _ in store.replay(0)] == [1, 2, 3, 4]


FIRE = Reading("s1", "fire", T0, T0, FireValues(smoke=0.5))


class Treacherous:
    """A connection whose next commit reaches the disk and then says it failed."""

    def __init__(self, real):
        self.real = real
        self.armed = True

    def __getattr__(self, name):
        return getattr(self.real, name)

    def execute(self, sql, *given):
        answer = self.real.execute(sql, *given)
        if sql == "COMMIT" and self.armed:
            self.armed = False
            raise duckdb.IOException("the answer got lost")
        return answer


def test_a_commit_that_took_place_but_failed_to_say_so_is_not_made_twice(tmp_path):
    with opened(tmp_path / "t.duckdb", load_ms=NEVER) as store:
        store.append(1, [FIRE, FIRE])
        store._db = Treacherous(store._db)
        with pytest.raises(Unavailable, match="got lost"):
            store.flush()
        assert store.count("fire") == 2
        store.append(2, [FIRE])
        store.flush()
        assert [(number, len(batch)) for number, batch in store.replay(0)] == [(1, 2), (2, 1)]


def test_a_second_process_s_file_and_a_closed_store_are_unavailable(tmp_path):
    garbage = tmp_path / "garbage.duckdb"
    garbage.write_bytes(b"not a database" * 1_000)
    with pytest.raises(Unavailable):
        DuckTelemetry(garbage)
    store = DuckTelemetry(tmp_path / "t.duckdb")
    store.close()
    store.close()
    with pytest.raises(Unavailable):
        store.append(1, [FIRE])
    with pytest.raises(Unavailable):
        store.count("fire")


def test_old_log_files_are_deleted_once_their_batches_are_in_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(segments, "TELEMETRY_SEGMENT_BYTES_MAX", 200)
    with opened(tmp_path / "t.duckdb", load_ms=NEVER, load_readings=NEVER, save_readings=30) as store:
        for number in range(1, 30):
            store.append(number, [FIRE])
        before = store.size_bytes()
        store.flush()
        assert len(list((tmp_path / "t.duckdb.log").glob("*.seg"))) > 5
        store.append(30, [FIRE])
        store.flush()
        assert len(list((tmp_path / "t.duckdb.log").glob("*.seg"))) == 1
        assert before > 0
    assert list((tmp_path / "t.duckdb.log").glob("*.seg")) == []
    assert store.size_bytes() > 0


def test_pandas_is_not_loaded_only_to_store_readings(tmp_path):
    import subprocess

    code = (
        "import sys, pathlib\n"
        "from tests.storage.telemetry.crash_writer import batch\n"
        "from storage.telemetry.duckdb_store import DuckTelemetry\n"
        f"store = DuckTelemetry(pathlib.Path({str(tmp_path / 't.duckdb')!r}))\n"
        "store.append(1, batch(1)); store.flush(); store.count('fire'); store.close()\n"
        "assert 'pandas' not in sys.modules, 'pandas was loaded'\n"
        "import pyarrow; assert pyarrow.table({'a': [1]}).to_pandas().a[0] == 1\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_loading_thread_that_ends_says_so(tmp_path, monkeypatch):
    class Fatal(BaseException):
        """Not an Exception: what ends a thread for certain."""

    def fatal(*_):
        raise Fatal("the end")

    failures, told = [], threading.Event()

    def on_failure(error):
        failures.append(error)
        told.set()

    store = DuckTelemetry(tmp_path / "t.duckdb", load_ms=1, on_failure=on_failure)
    with monkeypatch.context() as broken:
        broken.setattr(duckdb_store.bulk, "insert", fatal)
        store.append(1, [FIRE])
        assert told.wait(10)
    assert isinstance(failures[0], Fatal)
    assert store.failing is not None
    store.close()
