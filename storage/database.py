"""The door to the SQL store: opens a database, brings it up to date, and hands out what it keeps."""

import logging
import os
import secrets
import sqlite3
from pathlib import Path
from typing import Final

from sqlalchemy import select

from domain.errors import Rejected, Unavailable
from storage.access import BUSY_MS, Access
from storage.history import SqlHistory
from storage.journal import SqlJournal
from storage.migrate import check, migrate
from storage.orders import SqlOrders
from storage.outbox import SqlOutbox
from storage.registry import SqlRegistryStore
from storage.schema import meta
from storage.upsert import insert_or_ignore
from storage.users import SqlUsers

__all__ = ["Database", "open_database"]

log = logging.getLogger("anju.storage")

STORE_CHARS: Final = 6
ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz0123456789"


class Database:
    """One SQL database and the stores in it. One process writes the journal; everything else may be shared."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self.store: str = _store_id(access)
        """Random id of this database, made once."""
        self.journal = SqlJournal(access, self.store)
        self.outbox = SqlOutbox(access)
        self.history = SqlHistory(access)
        self.orders = SqlOrders(access)
        self.users = SqlUsers(access)
        self.registry = SqlRegistryStore(access)

    def backup(self, path: Path) -> None:
        """Copies the database as it is now to `path`, beside running readers and writers; all or nothing.

        Raises `Rejected` if the file exists or the database is not SQLite (PostgreSQL brings its own tools),
        `Unavailable` if it cannot be written.
        """
        if not self._access.sqlite:
            raise Rejected("backup.postgresql", "back up PostgreSQL with pg_dump or pg_basebackup")
        if path.exists():
            raise Rejected("backup.exists", f"{path} exists already")
        part = path.with_name(path.name + ".part")
        try:
            os.close(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
            self._copy(part)
            _sync(part)
            part.rename(path)
            _sync(path.parent)
        except (OSError, sqlite3.Error) as error:
            part.unlink(missing_ok=True)
            raise Unavailable("backup.failed", f"the backup {path} cannot be written: {error}") from error

    def close(self) -> None:
        """Closes all connections. Nothing is buffered: what was committed is on disk."""
        self._access.close()

    def _copy(self, part: Path) -> None:
        # All pages in one step: a reader's snapshot, so that writers need not wait and never make it start anew.
        with self._access.read() as connection:
            source = connection.connection.driver_connection
            if not isinstance(source, sqlite3.Connection):
                raise TypeError(f"{type(source).__name__} is not a connection of sqlite3")
            target = sqlite3.connect(part)
            try:
                source.backup(target)
            finally:
                target.close()


def open_database(where: str | Path, *, upgrade: bool = True, busy_ms: int = BUSY_MS) -> Database:
    """Opens the database at `where`: a path (SQLite), ``sqlite://`` (in memory) or ``postgresql://…``.

    With `upgrade` a missing SQLite file is made and the schema brought up to date; without, both must be there, and
    nothing is written: for looking into the database of a running service. Raises `Unavailable` when it cannot be
    opened, `Conflict` when its schema belongs to another version of the program, `NotFound` when it is missing.
    """
    access = Access(where, create=upgrade, busy_ms=busy_ms)
    try:
        if upgrade:
            migrate(access)
        else:
            check(access)
        database = Database(access)
    except BaseException:
        access.close()
        raise
    log.debug("opened store %s at line %d", database.store, database.journal.seq)
    return database


def _store_id(access: Access) -> str:
    wanted = select(meta.c.value).where(meta.c.key == "store")
    with access.read() as connection:
        found: str | None = connection.scalar(wanted)
    if found is not None:
        return found
    with access.write() as connection:
        made = "".join(secrets.choice(ALPHABET) for _ in range(STORE_CHARS))
        insert_or_ignore(connection, meta, [{"key": "store", "value": made}])
        kept: str = connection.execute(wanted).scalar_one()
    return kept


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
