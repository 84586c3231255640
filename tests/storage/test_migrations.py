"""Migrations run from inside the package, all or nothing, and only when there is something to do."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

import storage
from domain.errors import Conflict, NotFound
from storage.database import open_database
from storage.migrate import HEAD
from storage.schema import METADATA
from tests.contracts.builders import NOW_MS, an_alert, raised

MIGRATIONS = Path(storage.__file__).parent / "migrations"


def test_partial_indexes_say_the_same_in_migration_and_schema(tmp_path):
    open_database(tmp_path / "migrated.db").close()
    engine = create_engine(f"sqlite:///{tmp_path}/declared.db")
    METADATA.create_all(engine)
    engine.dispose()

    def indexes(name):
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
            return {name: " ".join(sql.split()) for name, sql in rows if "alembic" not in name}

    assert indexes("migrated.db") == indexes("declared.db")


def test_the_named_head_is_the_newest_revision():
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [HEAD]
    assert len(list(scripts.walk_revisions())) == len(list((MIGRATIONS / "versions").glob("rev_*.py")))


def test_opening_again_keeps_what_is_there_and_loads_no_alembic(tmp_path):
    path = tmp_path / "anju.db"
    database = open_database(path)
    database.journal.commit([raised(an_alert())], (), (), NOW_MS)
    database.close()
    code = (
        "import sys; from storage.database import open_database\n"
        "database = open_database(sys.argv[1]); print(database.journal.seq, 'alembic' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True, cwd=MIGRATIONS.parents[1]
    )
    assert answer.stdout.split() == ["1", "False"]


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path):
    path = tmp_path / "anju.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE tokens (mine TEXT)")
    with pytest.raises(Exception, match="tokens"):
        open_database(path)
    with closing(sqlite3.connect(path)) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == {"tokens"}


def test_looking_without_upgrading_makes_nothing(tmp_path):
    with pytest.raises(NotFound):
        open_database(tmp_path / "deep" / "anju.db", upgrade=False)
    assert list(tmp_path.iterdir()) == []
    sqlite3.connect(tmp_path / "empty.db").close()
    (tmp_path / "empty.db").touch()
    with pytest.raises(Conflict):
        open_database(tmp_path / "empty.db", upgrade=False)
