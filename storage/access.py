"""Connections: one writer at a time, readers beside it, and database errors told in Anju's own words."""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine, StaticPool, create_engine, event, exc, make_url, text
from sqlalchemy.engine import URL

from domain.errors import Conflict, Invalid, NotFound, Unavailable

__all__ = ["Access", "translated"]

BUSY_MS: Final = 5_000
"""How long a statement waits for another process (a CLI command, a backup) to let go of the file."""
READERS: Final = 8
"""Reader connections kept open; more are made when more threads ask at once."""
READERS_EXTRA: Final = 56
LOG_PAGES: Final = 4_000
"""Pages (4 KiB) of write-ahead log at which a commit itself folds it into the file. Rarely reached: `Access.fold` is
called with every checkpoint, from a thread that no alert waits for."""
CACHE_KIB: Final = 8_192
"""Page cache of the writer; readers share what the operating system caches."""
WAL: Final = "PRAGMA journal_mode=WAL"


class Access:
    """How the stores reach one database.

    SQLite takes one writer at a time, so writes of this process queue at a lock instead of polling the file's. Two
    connections write: `write(durable=True)` returns once the commit is fsynced; `durable=False` survives the end of
    the process but may be undone by a power cut, and suits leases and receipts that may be repeated. Both go through
    one log in one order, so nothing durable can rest on something that is not.
    """

    def __init__(self, where: str | Path, *, create: bool = True, busy_ms: int = BUSY_MS) -> None:
        self.url = _url(where)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self.memory = self.sqlite and self.url.database in {None, "", ":memory:"}
        self._lock = threading.Lock()
        if self.memory:
            self._durable = self._relaxed = self._readers = _memory_engine(self.url)
        elif self.sqlite:
            _prepare_file(Path(str(self.url.database)), create=create)
            self._durable = _sqlite_engine(self.url, busy_ms, role="durable")
            self._relaxed = _sqlite_engine(self.url, busy_ms, role="relaxed")
            self._readers = _sqlite_engine(self.url, busy_ms, role="reader")
        else:
            self._durable = _postgres_engine(self.url, 2)
            self._relaxed = self._durable
            self._readers = _postgres_engine(self.url, READERS, isolation_level="REPEATABLE READ")

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        """A transaction that writes; commits when the block ends well. Raises `Unavailable`, `Conflict`.

        Not re-entrant: a transaction in a transaction would be a second one.
        """
        with self._lock, translated(), (self._durable if durable else self._relaxed).begin() as connection:
            if not (durable or self.sqlite):
                connection.execute(text("SET LOCAL synchronous_commit TO OFF"))
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent snapshot to read from, beside any writer. Raises `Unavailable`."""
        if self.memory:
            # One connection is all there is of a database in memory: readers queue with the writers.
            with self._lock, translated(), self._readers.begin() as connection:
                yield connection
            return
        with translated(), self._readers.begin() as connection:
            yield connection

    def fold(self) -> None:
        """Moves the write-ahead log into the file beside readers and writers, as far as it goes; SQLite only."""
        if self.sqlite and not self.memory:
            with translated(), self._readers.connect() as connection:
                connection.connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Closes all connections; SQLite folds its log into the file when the last one goes."""
        with self._lock:
            for engine in {id(e): e for e in (self._readers, self._relaxed, self._durable)}.values():
                engine.dispose()


@contextmanager
def translated() -> Iterator[None]:
    """Turns driver errors into `Unavailable` or `Conflict`; faults of our own SQL stay what they are."""
    try:
        yield
    except exc.IntegrityError as error:
        raise Conflict("store.conflict", f"the database refuses: {_words(error)}") from error
    except (exc.ProgrammingError, exc.DataError, exc.NotSupportedError):
        raise
    except (exc.DBAPIError, exc.TimeoutError, sqlite3.Error) as error:
        raise Unavailable("store.unavailable", f"the database does not answer: {_words(error)}") from error


def _words(error: Exception) -> str:
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    return " ".join(str(cause).split())


def _url(where: str | Path) -> URL:
    """A path is a SQLite file; everything else an SQLAlchemy URL. ``postgresql:`` means the psycopg driver."""
    if isinstance(where, Path) or "://" not in where:
        return URL.create("sqlite", database=str(where))
    url = make_url(where)
    backend = url.get_backend_name()
    if backend == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise Invalid("store.url", f"a database is a path, sqlite:// or postgresql://, not {backend}://")
    return url


def _prepare_file(path: Path, *, create: bool) -> None:
    if path.exists():
        return
    if not create:
        raise NotFound("store.missing", f"there is no database at {path}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The file holds password hashes and signing keys: for its owner only. SQLite gives its log the same mode.
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError as error:
        raise Unavailable("store.unavailable", f"the database {path} cannot be made: {error}") from error


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _engine(url: URL, **options: Any) -> Engine:
    return create_engine(url, json_serializer=_json, json_deserializer=msgspec.json.decode, **options)


def _memory_engine(url: URL) -> Engine:
    engine = _engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    _begin_ourselves(engine, "BEGIN", ("PRAGMA foreign_keys=ON",))
    return engine


def _sqlite_engine(url: URL, busy_ms: int, *, role: str) -> Engine:
    pool: dict[str, Any] = {"pool_size": 1, "max_overflow": 0}
    if role == "reader":
        pool = {"pool_size": READERS, "max_overflow": READERS_EXTRA}
    engine = _engine(url, connect_args={"check_same_thread": False}, **pool)
    pragmas = [f"PRAGMA busy_timeout={busy_ms:d}", "PRAGMA foreign_keys=ON"]
    if role == "reader":
        pragmas.append("PRAGMA query_only=ON")
    else:
        level = "FULL" if role == "durable" else "NORMAL"
        pragmas += [WAL, f"PRAGMA synchronous={level}", f"PRAGMA cache_size=-{CACHE_KIB:d}"]
        pragmas.append(f"PRAGMA wal_autocheckpoint={LOG_PAGES:d}")
    _begin_ourselves(engine, "BEGIN" if role == "reader" else "BEGIN IMMEDIATE", pragmas)
    return engine


def _begin_ourselves(engine: Engine, begin: str, pragmas: Sequence[str]) -> None:
    # The driver would begin only at the first INSERT and commit behind our back around DDL: take that over.
    def on_connect(connection: sqlite3.Connection, record: object) -> None:
        del record
        connection.isolation_level = None
        for pragma in pragmas:
            answer = connection.execute(pragma).fetchone()
            if pragma == WAL and answer != ("wal",):
                raise Unavailable("store.unavailable", "the disk of the database does not allow write-ahead logging")

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)


def _postgres_engine(url: URL, size: int, **options: Any) -> Engine:
    return _engine(url, pool_size=size, max_overflow=READERS_EXTRA, pool_pre_ping=True, **options)
