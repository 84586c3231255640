"""Opening, closing and copying a database."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from alerts.ports import Checkpoint
from domain.errors import Invalid, Rejected, Unavailable
from storage.database import open_database
from tests.contracts.builders import NOW_MS, an_alert, raised


@pytest.fixture
def database(tmp_path):
    opened = open_database(tmp_path / "data" / "anju.db")
    yield opened
    opened.close()


def test_the_files_are_for_their_owner_only(database, tmp_path):
    database.journal.commit([raised(an_alert())], (), (), NOW_MS)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()}
    assert modes == {"anju.db": 0o600, "anju.db-wal": 0o600, "anju.db-shm": 0o600}


def test_writes_are_synced_as_promised(database):
    def pragma(engine, name):
        with engine.connect() as connection:
            return connection.exec_driver_sql(f"PRAGMA {name}").scalar()

    access = database._access
    assert [pragma(engine, "journal_mode") for engine in (access._durable, access._relaxed)] == ["wal", "wal"]
    assert [pragma(engine, "synchronous") for engine in (access._durable, access._relaxed)] == [2, 1]
    for engine in (access._durable, access._relaxed, access._readers):
        assert pragma(engine, "foreign_keys") == 1
    assert pragma(access._readers, "query_only") == 1


def test_saving_a_checkpoint_folds_the_log_into_the_file(database, tmp_path):
    for number in range(20):
        database.journal.commit([raised(an_alert(target=f"p{number}"))], (), (), NOW_MS)
    database.journal.save_checkpoint(Checkpoint(1, NOW_MS, bytes(500_000), b""))
    assert (tmp_path / "data" / "anju.db").stat().st_size > 500_000


@pytest.mark.parametrize("url", ["mysql://somewhere/x", "oracle://x"])
def test_only_sqlite_and_postgresql_are_spoken(url):
    with pytest.raises(Invalid):
        open_database(url)


def test_a_path_may_hold_any_characters(tmp_path):
    path = tmp_path / "安居 100% ?x=1#y" / "a&b.db"
    open_database(str(path)).close()
    assert path.exists()
    open_database(path, upgrade=False).close()


def test_what_is_no_database_is_unavailable(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("this is not a database\n" * 1_000)
    with pytest.raises(Unavailable):
        open_database(path)
    assert path.read_text().startswith("this is not")


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable):
        open_database(tmp_path / "file" / "anju.db")


def test_a_server_that_does_not_answer_is_unavailable():
    with pytest.raises(Unavailable):
        open_database("postgresql://nobody@127.0.0.1:9/anju?connect_timeout=2")


def test_databases_in_memory_are_apart():
    one, two = open_database("sqlite://"), open_database("sqlite://")
    one.journal.commit([raised(an_alert())], (), (), NOW_MS)
    assert (one.journal.seq, two.journal.seq) == (1, 0)
    assert two.journal.open_alerts() == []
    one.close()
    two.close()


def test_a_backup_taken_under_writing_is_a_whole_database(database, tmp_path):
    def write():
        for number in range(200):
            database.journal.commit([raised(an_alert(target=f"p{number}"))], (), (), NOW_MS)

    copies = []
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        while not writing.done() and len(copies) < 20:
            copies.append(tmp_path / f"copy-{len(copies)}.db")
            database.backup(copies[-1])
        writing.result()
    assert copies
    for path in copies:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        copy = open_database(path, upgrade=False)
        assert copy.store == database.store
        assert copy.journal.verify() == (copy.journal.seq, None)
        copy.close()
    assert not list(tmp_path.glob("*.part"))


def test_a_backup_never_overwrites_and_leaves_no_torso(database, tmp_path):
    (tmp_path / "there.db").write_text("precious")
    with pytest.raises(Rejected):
        database.backup(tmp_path / "there.db")
    assert (tmp_path / "there.db").read_text() == "precious"
    with pytest.raises(Unavailable):
        database.backup(tmp_path / "no" / "folder.db")


def test_a_database_in_memory_can_be_saved(tmp_path):
    database = open_database("sqlite://")
    database.journal.commit([raised(an_alert())], (), (), NOW_MS)
    database.backup(tmp_path / "saved.db")
    saved = open_database(tmp_path / "saved.db")
    assert saved.journal.verify() == (1, None)
    saved.close()
    database.close()
