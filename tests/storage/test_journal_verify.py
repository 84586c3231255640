"""Whoever changes the journal behind Anju's back is found out."""

import sqlite3
from contextlib import closing

import pytest

from storage.database import open_database
from storage.lines import genesis, line_hash
from tests.contracts.builders import NOW_MS, a_rich_alert, acked, an_alert, closed, raised

LINES = 6


@pytest.fixture
def path(tmp_path):
    where = tmp_path / "anju.db"
    database = open_database(where)
    one, two = a_rich_alert(), an_alert(target="port-2")
    database.journal.commit([raised(one), raised(two), acked(one, cmd="c-1")], (), (), NOW_MS)
    database.journal.commit([acked(two), closed(acked(one).alert, NOW_MS + 9), raised(an_alert("F", "f"))], (), (), 1)
    assert database.journal.verify() == (LINES, None)
    database.close()
    return where


def tamper(path, *statements):
    with closing(sqlite3.connect(path)) as connection, connection:
        for trigger in ("journal_no_update", "journal_no_delete", "journal_gapless"):
            connection.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            changed = connection.execute(*statement) if isinstance(statement, tuple) else connection.execute(statement)
            assert changed.rowcount != 0


def verified(path):
    database = open_database(path)
    try:
        return database.journal.verify()
    finally:
        database.close()


@pytest.mark.parametrize("seq", range(1, LINES + 1))
@pytest.mark.parametrize(
    "change",
    [
        "at_ms = at_ms + 1",
        "actor = actor || ' '",
        "actor = CAST(x'ff' AS TEXT)",
        "kind = 'alert.note'",
        "alert_id = NULL",
        "cmd = 'c-2'",
        "cmd = 7",
        "body = CAST(replace(CAST(body AS TEXT), '\"', '''') AS BLOB)",
        "body = CAST(body AS TEXT)",
        "alert_after = NULL",
        "alert_after = body, body = alert_after",
        "prev_hash = hash",
        "hash = prev_hash",
        "hash = zeroblob(32)",
        "at_ms = 'soon'",
    ],
)
def test_a_changed_column_is_found_at_its_line(path, seq, change):
    tamper(path, f"UPDATE journal SET {change} WHERE seq = {seq}")
    found, wrong = verified(path)
    assert wrong is not None
    assert found == seq, wrong


def test_every_single_flipped_bit_of_a_document_is_found(path):
    with closing(sqlite3.connect(path)) as connection:
        body, after = connection.execute("SELECT body, alert_after FROM journal WHERE seq = 4").fetchone()
    for column, whole in (("body", body), ("alert_after", after)):
        for position in range(0, len(whole), 41):
            flipped = bytearray(whole)
            flipped[position] ^= 1 << (position % 8)
            assert line_hash(b"", 4, 0, "", "", None, None, bytes(flipped), None) != line_hash(
                b"", 4, 0, "", "", None, None, whole, None
            )
        flipped = bytearray(whole)
        flipped[len(whole) // 2] ^= 4
        copy = path.with_name(f"{column}.db")
        copy.write_bytes(path.read_bytes())
        tamper(copy, (f"UPDATE journal SET {column} = ? WHERE seq = 4", (bytes(flipped),)))
        assert verified(copy)[0] == 4


@pytest.mark.parametrize("seq", range(1, LINES + 1))
def test_a_deleted_line_is_found(path, seq):
    tamper(path, f"DELETE FROM journal WHERE seq = {seq}")
    found, wrong = verified(path)
    assert wrong is not None
    assert "missing" in wrong
    assert found == seq


def test_a_deleted_line_is_found_even_when_the_others_close_up(path):
    tamper(path, "DELETE FROM journal WHERE seq = 3", "UPDATE journal SET seq = seq - 1 WHERE seq > 3")
    found, wrong = verified(path)
    assert wrong is not None
    assert found in {3, LINES}


def test_a_journal_cut_at_the_end_is_found(path):
    tamper(path, "DELETE FROM journal WHERE seq > 2")
    found, wrong = verified(path)
    assert found == 3
    assert wrong is not None


def test_an_emptied_journal_is_found(path):
    tamper(path, "DELETE FROM journal")
    assert verified(path)[1] is not None


@pytest.mark.parametrize("seq", [-1, 0, LINES + 1])
def test_an_inserted_line_is_found(path, seq):
    tamper(path, f"INSERT INTO journal SELECT {seq}, at_ms, actor, kind, NULL, NULL, body, NULL, prev_hash, hash"
                 " FROM journal WHERE seq = 1")  # fmt: skip
    found, wrong = verified(path)
    assert found == seq
    assert wrong is not None


def test_a_line_forged_with_a_right_hash_is_found_by_the_next_one(path):
    with closing(sqlite3.connect(path)) as connection:
        row = connection.execute(
            "SELECT prev_hash, seq, at_ms, 'mallory', kind, alert_id, cmd, body, alert_after FROM journal WHERE seq = 3"
        ).fetchone()
    tamper(path, ("UPDATE journal SET actor = 'mallory', hash = ? WHERE seq = 3", (line_hash(*row),)))
    assert verified(path) == (4, "line 4 does not point back to line 3")


def test_the_last_line_forged_with_a_right_hash_is_found_by_the_note_of_the_head(path):
    with closing(sqlite3.connect(path)) as connection:
        row = connection.execute(
            "SELECT prev_hash, seq, at_ms, 'mallory', kind, alert_id, cmd, body, alert_after"
            f" FROM journal WHERE seq = {LINES}"
        ).fetchone()
    tamper(path, (f"UPDATE journal SET actor = 'mallory', hash = ? WHERE seq = {LINES}", (line_hash(*row),)))
    found, wrong = verified(path)
    assert found == LINES
    assert wrong is not None


def test_lines_of_another_store_do_not_fit(path):
    tamper(path, "UPDATE meta SET value = 'other1' WHERE key = 'store'")
    assert verified(path)[0] == 1
    assert genesis("other1") != genesis("other2")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE alerts SET severity = 4 WHERE target = 'port-2'",
        "UPDATE alerts SET open = 0 WHERE target = 'port-2'",
        "UPDATE alerts SET body = (SELECT alert_after FROM journal WHERE seq = 2) WHERE target = 'port-2'",
        "UPDATE alerts SET seq = 2, body = (SELECT alert_after FROM journal WHERE seq = 2) WHERE target = 'port-2'",
        "DELETE FROM alerts WHERE target = 'port-2'",
        "UPDATE alerts SET id = 'x' WHERE target = 'f'",
    ],
)
def test_alerts_that_do_not_stand_as_the_journal_left_them_are_found(path, statement):
    tamper(path, statement)
    assert verified(path)[1] is not None


def test_a_torn_page_is_reported_and_not_raised(path):
    database = open_database(path)
    alerts = [raised(an_alert(target=f"p{number}", params={"x": "y" * 2_000})) for number in range(100)]
    database.journal.commit(alerts, (), (), NOW_MS)
    database.close()
    whole = path.read_bytes()
    spots = [at for at in range(0, len(whole), 4096) if whole.count(b"yyyyyyyy", at, at + 4096)]
    for at in spots[:: len(spots) // 12]:
        path.write_bytes(whole[:at] + b"\xff" * 4096 + whole[at + 4096 :])
        found, wrong = verified(path)
        assert wrong is not None
        assert 1 <= found <= LINES + 100


def test_verifying_goes_on_beside_a_writer(path):
    from concurrent.futures import ThreadPoolExecutor

    database = open_database(path)
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(
            lambda: [database.journal.commit([raised(an_alert(target=f"q{n}"))], (), (), 1) for n in range(150)]
        )
        while not writing.done():
            lines, wrong = database.journal.verify()
            assert wrong is None, (lines, wrong)
        writing.result()
    assert database.journal.verify() == (LINES + 150, None)
    database.close()
