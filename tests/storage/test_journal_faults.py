"""When the disk or another process is in the way: a named error, nothing half done, and trying again is safe."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from domain.errors import Conflict, Unavailable
from domain.limits import DEAD_LETTERS_MAX
from storage.database import open_database
from storage.deadletters import DeadLetterBox
from tests.contracts.builders import NOW_MS, acked, an_alert, dead_letter, notify, raised


@pytest.fixture
def path(tmp_path):
    return tmp_path / "anju.db"


@pytest.fixture
def database(path):
    opened = open_database(path, busy_ms=50)
    yield opened
    opened.close()


def test_a_file_locked_by_another_process_is_unavailable_and_then_works(database, path):
    alert = an_alert()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked"):
            database.journal.commit([raised(alert)], [notify(alert)], (), NOW_MS)
        assert database.journal.seq == 0
        assert database.journal.open_alerts() == [], "readers are not in its way"
        other.execute("ROLLBACK")
    assert database.journal.commit([raised(alert)], [notify(alert)], (), NOW_MS) == 1
    assert database.journal.verify() == (1, None)


def test_a_full_disk_is_unavailable_and_leaves_nothing_half_done(database):
    small, large = an_alert(target="small"), an_alert(target="large", params={"x": "y" * 2_000_000})
    database.journal.commit([raised(small)], (), (), NOW_MS)
    with database._access._durable.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 20}")
    with pytest.raises(Unavailable, match="full"):
        database.journal.commit([raised(an_alert(target="b")), raised(large)], [notify(large)], (), NOW_MS)
    assert database.journal.seq == 1
    assert database.outbox.depth() == 0
    assert database.journal.verify() == (1, None)
    with database._access._durable.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 10_000}")
    assert database.journal.commit([raised(large)], [notify(large)], (), NOW_MS) == 2
    assert database.journal.verify() == (2, None)


class Broken(sqlite3.OperationalError):
    """What the driver raises when the disk answers a sync with an error."""


def fail_commits(database, *, after):
    """The next commit fails: before it reached the disk, or after."""
    engine = database._access._durable

    def do_commit(connection):
        engine.dialect.do_commit = original
        if after:
            original(connection)
        raise Broken("disk I/O error")

    original = engine.dialect.do_commit
    engine.dialect.do_commit = do_commit


@pytest.mark.parametrize("after", [False, True], ids=["before it reached the disk", "after it reached the disk"])
def test_trying_a_failed_commit_again_stores_it_exactly_once(database, after):
    alert = an_alert()
    database.journal.commit([raised(alert)], (), (), NOW_MS)
    fail_commits(database, after=after)
    with pytest.raises(Unavailable, match="disk I/O error"):
        database.journal.commit([acked(alert)], [notify(alert)], (), NOW_MS)
    assert database.journal.seq == 1
    assert database.journal.commit([acked(alert)], [notify(alert)], (), NOW_MS) == 2
    assert [row.kind for row in database.journal.rows()] == ["alert.raised", "alert.acked"]
    assert database.outbox.depth() == 1
    assert database.journal.commit([raised(an_alert(target="b"))], (), (), NOW_MS) == 3
    assert database.journal.verify() == (3, None)


def test_another_decision_after_a_commit_that_landed_unseen_is_a_conflict(database):
    alert = an_alert()
    fail_commits(database, after=True)
    with pytest.raises(Unavailable):
        database.journal.commit([raised(alert)], (), (), NOW_MS)
    with pytest.raises(Conflict):
        database.journal.commit([raised(an_alert(target="b"))], (), (), NOW_MS)


def test_readers_are_served_while_the_station_writes(database):
    alert = an_alert()
    database.journal.commit([raised(alert)], (), (), NOW_MS)

    def read(_):
        reads = 0
        while not writing.done():
            seq = database.journal.seq
            rows = database.journal.changes_after(0, 1_000)
            assert len(rows) >= seq
            assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
            database.outbox.settle("nobody", NOW_MS)
            database.users.secret("cookies")
            reads += 1
        return reads

    with ThreadPoolExecutor(4) as pool:
        writing = pool.submit(
            lambda: [database.journal.commit([raised(an_alert(target=f"q{n}"))], (), (), 1) for n in range(200)]
        )
        assert all(reads > 0 for reads in pool.map(read, range(3)))
        writing.result()
    assert database.journal.verify() == (201, None)


def test_dead_letters_are_bounded_and_the_oldest_go_first(database):
    box = DeadLetterBox(most=100)
    for number in range(30):
        letters = [dead_letter(f"{number}-{n}".encode(), at_ms=NOW_MS + 10 * number + n) for n in range(10)]
        with database._access.write() as connection:
            box.keep(connection, letters)
        page = database.history.dead_letters(reason=None, cursor=None, limit=500)
        assert len(page.items) <= 102, "a little slack, never more"
    assert len(page.items) >= 100
    assert page.items[-1].last_ms >= NOW_MS + 10 * 19
    assert database.history.dead_letter_counts() == {"bad_json": 300}
    assert DEAD_LETTERS_MAX >= 10_000


def test_a_dead_letter_seen_again_is_young_again(database):
    box = DeadLetterBox(most=5)
    with database._access.write() as connection:
        box.keep(connection, [dead_letter(b"old", at_ms=1), *(dead_letter(bytes([n]), at_ms=2 + n) for n in range(4))])
        box.keep(connection, [dead_letter(b"old", at_ms=100)])
        box.keep(connection, [dead_letter(b"new", at_ms=101), dead_letter(b"newer", at_ms=102)])
    kept = {row.raw for row in database.history.dead_letters(reason=None, cursor=None, limit=500).items}
    assert {b"old", b"new", b"newer"} <= kept
    assert len(kept) <= 6
