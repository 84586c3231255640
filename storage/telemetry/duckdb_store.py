"""Telemetry embedded: a small write-ahead log in front of DuckDB tables, one wide table for each device kind.

Why a log in front. A DuckDB commit costs 3–9 ms of CPU however few rows it carries (four tables, a plan for each,
DuckDB's own log). At 1,000 messages a second batches hold about five readings, so committing each would take a whole
core. Measured (2 cores, DuckDB 2.0, about 15 columns in use; repeat with `benchmarks/telemetry_micro.py`):

    readings in a batch              1       5      20    1,000
    commit each, wall ms           3.3     5.2     9.3       20
    log with fdatasync, wall ms    0.5     0.5     0.7      2.3    (0.3 ms for 5 with nothing else running)

The log is loaded by a background thread, `TELEMETRY_LOAD_READINGS` rows or `TELEMETRY_LOAD_MS` at a time. CPU for each
reading at 1,000 in a batch: columns 0.8 µs, encoding, checksum and write 0.3; Arrow 0.6, insert 0.6, commit 0.3,
checkpoint 0.7: 3.3 µs in all, against 17 for commits of 1,000 rows. Checkpoints (up to 0.3 s) stall the loading thread
alone, with the GIL released. DuckDB's own appender takes 6 µs a row instead of the 1.5 of Arrow and insert.

What holds after a kill or a power cut at any point:

* `append` returns after the batch's frame is flushed to disk; a torn frame is absent as a whole, in all kinds.
* The rows of a load and the number of its last batch commit in one DuckDB transaction, which lives in memory until the
  file is brought up to date (`TELEMETRY_CHECKPOINT_READINGS`): DuckDB keeps no log of its own beside ours. On opening,
  frames at or below the number in the file are skipped and the others loaded, so every batch is there exactly once.
* A log file is deleted only after what it holds is in the file and flushed.
* A batch whose `append` raised `Unavailable` is not there, unless the process dies before the next one: then it may be.

Readers see what was appended, loaded or not: they take (newest loaded batch, batches waiting) under a lock, and ask
DuckDB for rows up to that batch only. So a load that commits meanwhile changes nothing for them.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import duckdb
import msgspec

from alerts.ports import LastValue, Series
from domain.errors import Conflict, Invalid, Unavailable
from domain.limits import (
    TELEMETRY_CHECKPOINT_READINGS,
    TELEMETRY_LOAD_MS,
    TELEMETRY_LOAD_READINGS,
    TELEMETRY_PENDING_READINGS_MAX,
    TELEMETRY_PENDING_WAIT_S,
)
from domain.readings import Reading
from storage.telemetry import bulk
from storage.telemetry.columns import LAYOUTS, Columns, columns_of
from storage.telemetry.queries import Queries, View, Waiting
from storage.telemetry.segments import SegmentLog

__all__ = ["DuckTelemetry"]

log = logging.getLogger("anju.telemetry")

RETRY_S: Final = 1.0
DAY_MS: Final = 86_400_000


class DuckTelemetry:
    """The `alerts.ports.Telemetry` port on one DuckDB file and a log folder beside it (``<path>.log``).

    `append` is for one writer; everything else is thread-safe beside it. Every failure of disk or database is
    `Unavailable`; a batch that breaks the contract is `Invalid`.

    Args:
        path: The DuckDB file; made with its folder if missing. Only one process can hold it.
        memory_mb: What DuckDB may use for its buffers; it spills to disk beyond.
        threads: Threads DuckDB may use for one query.
        load_readings: Readings waiting in the log at which they are loaded.
        load_ms: How long a reading waits in the log at most, in milliseconds.
        save_readings: Loaded readings at which the file is brought up to date and the log let go.
        on_failure: Told, from the loading thread, why it has ended; from then on readings only pile up in the log.
    """

    def __init__(
        self,
        path: Path,
        *,
        memory_mb: int = 96,
        threads: int = 1,
        load_readings: int = TELEMETRY_LOAD_READINGS,
        load_ms: int = TELEMETRY_LOAD_MS,
        save_readings: int = TELEMETRY_CHECKPOINT_READINGS,
        on_failure: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        self.failing: str | None = None
        """Why the last load failed; None while all is well. Appends go on until too much waits."""
        self._path = path
        self._load_readings = load_readings
        self._load_s = load_ms / 1_000
        self._save_readings = save_readings
        self._on_failure = on_failure
        self._changed = threading.Condition()
        """Guards everything below."""
        self._waiting: list[Waiting] = []
        self._waiting_rows = 0
        self._loaded = 0
        self._last = 0
        self._last_rows = 0
        self._closing = False
        self._unsure = False
        """The last load ended with an error, and may have been committed. Guarded by `_loading`."""
        self._unsaved_rows = 0
        """Loaded since the file was last brought up to date. Guarded by `_loading`."""
        self._loading = threading.Lock()
        """One load, retention run or close at a time."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = duckdb.connect(":memory:", config=_config(path, memory_mb, threads))
            bulk.attach(self._db, path)
        except (duckdb.Error, OSError) as error:
            raise Unavailable("telemetry.open", f"{path} cannot be opened: {error}") from error
        self._log = SegmentLog(path.with_name(f"{path.name}.log"))
        self._queries = Queries(self._db, self._view)
        try:
            self._recover()
        except (duckdb.Error, OSError) as error:
            self._db.close()
            raise Unavailable("telemetry.recover", f"{path} cannot be recovered: {error}") from error
        self._thread = threading.Thread(target=self._run, name="telemetry-load", daemon=True)
        self._thread.start()

    # --- writing ------------------------------------------------------------------------------------------------

    def append(self, number: int, readings: Sequence[Reading]) -> None:
        """See `alerts.ports.Telemetry`. Durable on return; blocks while too much waits to be loaded.

        Numbers rise; gaps are allowed. The same batch handed in again (same number, as many readings) has no effect;
        a lower number, or the same one with another size, is a `Conflict`: nothing is ever dropped silently.
        """
        if not readings:
            raise Invalid("telemetry.empty", f"batch {number} has no readings")
        rows = len(readings)
        with self._changed:
            if number <= self._last:
                if number == self._last and self._last_rows == rows:
                    return
                raise Conflict("telemetry.number", f"batch {number} after batch {self._last}", self._last)
        batch = columns_of(readings)
        self._wait_for_room()
        try:
            self._log.append(number, batch)
        except OSError as error:
            raise Unavailable("telemetry.log", f"the telemetry log cannot be written: {error}") from error
        except (OverflowError, UnicodeError, msgspec.MsgspecError) as error:
            raise Invalid("telemetry.value", f"batch {number} holds a value that cannot be stored: {error}") from error
        with self._changed:
            self._waiting.append(Waiting(number, rows, batch))
            self._waiting_rows += rows
            self._last, self._last_rows = number, rows
            if len(self._waiting) == 1 or self._waiting_rows >= self._load_readings:
                self._changed.notify_all()

    @property
    def alive(self) -> bool:
        """True while the thread that loads the log runs."""
        return self._thread.is_alive()

    @property
    def last_batch(self) -> int:
        """Number of the newest durable batch, 0 when empty."""
        with self._changed:
            return self._last

    def flush(self) -> None:
        """Loads what waits in the log into the tables now. Raises `Unavailable`."""
        with self._loading:
            # Only what waits at this moment: under steady load something new always does, a few rows at a time.
            until = self.last_batch
            while True:
                with self._changed:
                    some = self._waiting[: _prefix(self._waiting, self._load_readings)]
                if not some or some[0].number > until:
                    return
                try:
                    self._load(some)
                except (duckdb.Error, OSError) as error:
                    raise Unavailable("telemetry.load", f"{self._path} cannot be written: {error}") from error

    def retain(self, before_ms: int) -> int:
        """Deletes readings of whole days (UTC, event time) that ended by `before_ms`. Returns how many."""
        self.flush()
        limit = before_ms // DAY_MS * DAY_MS
        deleted = 0
        with self._loading, _unavailable(self._path), self._db.cursor() as cursor:
            for layout in LAYOUTS.values():
                row = cursor.execute(f"DELETE FROM {layout.table} WHERE ts_ms < ?", [limit]).fetchone()  # noqa: S608 - the table name is ours
                deleted += int(row[0]) if row else 0
            if deleted:
                bulk.checkpoint(cursor)
        self._queries.forget()
        return deleted

    def close(self) -> None:
        """Loads what waits, brings the file up to date and releases it. What cannot be loaded stays in the log."""
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        try:
            self.flush()
        except Unavailable as error:
            log.warning("closed with readings in the log, which the next start will load: %s", error)
        with self._loading:
            self._log.close()
            try:
                self._checkpoint()
            except (duckdb.Error, OSError) as error:
                log.warning("closed without bringing %s up to date; the next start will: %s", self._path, error)
            self._db.close()

    # --- reading ------------------------------------------------------------------------------------------------

    def replay(self, after_batch: int) -> Iterator[tuple[int, list[Reading]]]:
        """See `alerts.ports.Telemetry`. Streams; batches appended while it runs are not part of it."""
        self.flush()
        with _unavailable(self._path):
            yield from self._queries.replay(after_batch)

    def series(
        self, device: str, kind: str, signals: Sequence[str], from_ms: int, until_ms: int, points: int
    ) -> Series:
        """See `alerts.ports.Telemetry`; both ends inclusive, booleans as 0 and 1.

        Down-sampled, each bucket gives the least and the greatest value of each signal, in the order they came. For
        one signal at their own instants; for several at the bucket's first and last instant, as they share them.
        """
        with _unavailable(self._path):
            return self._queries.series(device, kind, signals, from_ms, until_ms, points)

    def events(self, device: str, kind: str, from_ms: int, until_ms: int, limit: int) -> list[Reading]:
        """See `alerts.ports.Telemetry`; by event time, both ends inclusive."""
        with _unavailable(self._path):
            return self._queries.events(device, kind, from_ms, until_ms, limit)

    def last_values(self, device: str, kind: str) -> dict[str, LastValue]:
        """See `alerts.ports.Telemetry`; newest by event time, of the last 7 days of the device's kind."""
        with _unavailable(self._path):
            return self._queries.last_values(device, kind)

    def count(self, kind: str) -> int:
        """Rows stored for a device kind."""
        with _unavailable(self._path):
            return self._queries.count(kind)

    def size_bytes(self) -> int:
        """Bytes on disk: tables and log."""
        with contextlib.suppress(FileNotFoundError):
            return self._log.size_bytes() + self._path.stat().st_size
        return self._log.size_bytes()

    # --- inside -------------------------------------------------------------------------------------------------

    def _view(self) -> View:
        with self._changed:
            return View(self._loaded, tuple(self._waiting))

    def _recover(self) -> None:
        bulk.create_tables(self._db)
        self._loaded = self._last = bulk.loaded_batch(self._db)
        self._last_rows = self._queries.rows_between(self._last, self._last)
        found: list[Waiting] = []
        batches = waiting = 0
        for number, columns in self._log.open(self._loaded):
            known = {kind: part for kind, part in columns.items() if kind in LAYOUTS}
            rows = sum(len(part["pos"]) for part in known.values())
            found.append(Waiting(number, rows, known))
            self._last, self._last_rows = number, rows
            batches += 1
            waiting += rows
            if waiting >= self._load_readings:
                self._load(found)
                found, waiting = [], 0
        if found:
            self._load(found)
        if batches:
            self._checkpoint()
        if batches:
            log.info("loaded %d batches from the telemetry log", batches)

    def _wait_for_room(self) -> None:
        with self._changed:
            if self._closing:
                raise Unavailable("telemetry.closed", "the telemetry store is closed")
            roomy = self._changed.wait_for(
                lambda: self._waiting_rows < TELEMETRY_PENDING_READINGS_MAX, TELEMETRY_PENDING_WAIT_S
            )
            if not roomy:
                why = self.failing or "loading is too slow"
                raise Unavailable("telemetry.behind", f"{self._waiting_rows} readings wait to be loaded: {why}")

    def _run(self) -> None:
        try:
            self._keep_loading()
        except BaseException as error:
            self.failing = repr(error)
            log.exception("telemetry is loaded no more")
            self._on_failure(error)

    def _keep_loading(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or bool(self._waiting))
                self._changed.wait_for(lambda: self._closing or self._waiting_rows >= self._load_readings, self._load_s)
                if self._closing:
                    return
            try:
                self.flush()
            except Exception as error:  # whatever it is: the log is safe, and readings must not pile up unseen
                self.failing = str(error)
                log.exception("loading telemetry failed, trying again in %.0f s", RETRY_S)
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, RETRY_S)

    def _load(self, some: Sequence[Waiting]) -> None:
        """One transaction: the rows of `some` and the number of the last of them. Holds `_loading`, or is alone."""
        last = some[-1].number
        # A commit that failed may have reached the disk all the same: what is there is not loaded again.
        there = bulk.loaded_batch(self._db) if self._unsure else self._loaded
        parts: dict[str, list[tuple[int, Columns]]] = {}
        for entry in some:
            for kind, columns in entry.columns.items() if entry.number > there else ():
                parts.setdefault(kind, []).append((entry.number, columns))
        self._unsure = True
        self._db.execute("BEGIN")
        try:
            for kind, batches in parts.items():
                bulk.insert(self._db, kind, batches)
            bulk.set_loaded_batch(self._db, last)
            self._db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(duckdb.Error):  # a failed commit has already rolled back
                self._db.execute("ROLLBACK")
            raise
        self._unsure = False
        with self._changed:
            self._loaded = last
            del self._waiting[: len(some)]
            self._waiting_rows = sum(entry.rows for entry in self._waiting)
            self.failing = None
            self._changed.notify_all()
        self._unsaved_rows += sum(entry.rows for entry in some)
        if self._unsaved_rows >= self._save_readings:
            self._checkpoint()

    def _checkpoint(self) -> None:
        """The tables are made durable as they are, and the log lets go what is in them. Holds `_loading`."""
        bulk.checkpoint(self._db)
        self._unsaved_rows = 0
        self._log.release(self._loaded)


def _config(path: Path, memory_mb: int, threads: int) -> dict[str, Any]:
    return {
        "memory_limit": f"{memory_mb}MB",
        "threads": threads,
        "temp_directory": str(path.with_name(f"{path.name}.tmp")),
        # Only when we say so: the store's own log, not DuckDB's, decides when the file must be up to date.
        "checkpoint_threshold": "1TB",
        "auto_checkpoint_skip_wal_threshold": 2**60,
        "preserve_insertion_order": True,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "enable_external_access": True,
    }


def _prefix(waiting: Sequence[Waiting], rows: int) -> int:
    """How many batches make up about `rows` readings: bounds one transaction."""
    total = 0
    for index, entry in enumerate(waiting):
        total += entry.rows
        if total >= rows:
            return index + 1
    return len(waiting)


@contextlib.contextmanager
def _unavailable(path: Path) -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise Unavailable("telemetry.read", f"{path} cannot be read: {error}") from error
