"""The questions asked of the time series. Each looks at the tables and at the batches that wait to be loaded."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import duckdb
from msgspec import Struct

from alerts.ports import LastValue, Series
from domain.errors import Invalid
from domain.limits import LAST_VALUES_CACHED_MAX, TELEMETRY_REPLAY_READINGS_MAX
from domain.readings import Reading
from storage.telemetry.columns import LAYOUTS, Columns, Layout, rows_in
from storage.telemetry.sampling import sampled, series_of

__all__ = ["Queries", "View", "Waiting"]

WINDOWS_MS: Final = (3_600_000, 86_400_000, 7 * 86_400_000)
"""How far back newest values are looked for, step by step."""
FETCH_ROWS: Final = 2_048
LOOK_ROWS: Final = 64
FOREVER_MS: Final = 2**62


class Waiting(Struct, frozen=True):
    """A batch in the log that is not in the tables yet."""

    number: int
    rows: int
    columns: dict[str, Columns]


class View(Struct, frozen=True):
    """What there is at one instant: rows of batches up to `loaded` in the tables, the rest in `waiting`."""

    loaded: int
    waiting: tuple[Waiting, ...]


class _Newest(Struct):
    """Newest values of one device, and up to which batch they were looked for."""

    batch: int
    values: dict[str, LastValue]


class Queries:
    """Reads beside the writer. Thread-safe."""

    def __init__(self, database: duckdb.DuckDBPyConnection, view: Callable[[], View]) -> None:
        self._database = database
        self._view = view
        self._lock = threading.Lock()
        self._newest: OrderedDict[tuple[str, str], _Newest] = OrderedDict()

    def forget(self) -> None:
        """Drops cached newest values, after a deletion."""
        with self._lock:
            self._newest.clear()

    def count(self, kind: str) -> int:
        """Rows of a kind."""
        layout, view = _layout(kind), self._view()
        row = self._ask(f"SELECT count(*) FROM {layout.table} WHERE batch <= ?", [view.loaded])[0]  # noqa: S608 - ours
        return int(row[0]) + sum(rows_in(entry.columns[kind]) for entry in view.waiting if kind in entry.columns)

    def series(
        self, device: str, kind: str, signals: Sequence[str], from_ms: int, until_ms: int, points: int
    ) -> Series:
        """See `DuckTelemetry.series`."""
        layout, view = _layout(kind), self._view()
        wanted = list(dict.fromkeys(signals))
        for name in wanted:
            if name not in layout.signals:
                raise Invalid("telemetry.signal", f"{kind} has no signal {name!r}", kind=kind, signal=name)
        if points < 1 or not wanted:
            raise Invalid("telemetry.points", "a series needs at least one signal and one point")
        late = _waiting_rows(view, kind, device, ("ts_ms", *wanted))
        late = [row for row in late if from_ms <= row[0] <= until_ms and any(v is not None for v in row[1:])]
        where = f"device = ? AND batch <= ? AND ts_ms BETWEEN ? AND ? AND ({_any_of(wanted)})"
        given = [device, view.loaded, from_ms, until_ms]
        found, first, last = self._ask(
            f"SELECT count(*), min(ts_ms), max(ts_ms) FROM {layout.table} WHERE {where}",  # noqa: S608 - names are ours
            given,
        )[0]
        if found + len(late) <= points:
            names = ", ".join(f'"{name}"' for name in wanted)
            rows = self._ask(
                f"SELECT ts_ms, {names} FROM {layout.table} WHERE {where} ORDER BY ts_ms, batch, pos",  # noqa: S608 - names are ours
                given,
            )
            return series_of(wanted, sorted([*rows, *late], key=_first))
        instants = [row[0] for row in late] + ([first, last] if found else [])
        low, high = min(instants), max(instants)
        width = (high - low) // max(1, points // 2) + 1
        rows = self._ask(
            _buckets(layout, wanted, where),
            [low, width, *given],
        )
        return sampled(wanted, rows, late, low, width, points)

    def events(self, device: str, kind: str, from_ms: int, until_ms: int, limit: int) -> list[Reading]:
        """See `DuckTelemetry.events`."""
        layout, view = _layout(kind), self._view()
        names = tuple(layout.types)
        listed = ", ".join(f'"{name}"' for name in names)
        rows = self._ask(
            f"SELECT {listed} FROM {layout.table} WHERE device = ? AND batch <= ? AND ts_ms BETWEEN ? AND ?"  # noqa: S608 - names are ours
            " AND event_kind IS NOT NULL ORDER BY ts_ms DESC, batch DESC, pos DESC LIMIT ?",
            [device, view.loaded, from_ms, until_ms, max(0, limit)],
        )
        at, kind_at = names.index("ts_ms"), names.index("event_kind")
        late = [
            row
            for row in _waiting_rows(view, kind, device, names)
            if from_ms <= row[at] <= until_ms and row[kind_at] is not None
        ]
        # Later arrivals first among equals: waiting rows are newer than any in the tables.
        merged = sorted([*reversed(late), *rows], key=lambda row: -row[at])[: max(0, limit)]
        return layout.restore(dict(zip(names, zip(*merged, strict=True), strict=True))) if merged else []

    def last_values(self, device: str, kind: str) -> dict[str, LastValue]:
        """See `DuckTelemetry.last_values`."""
        layout, view = _layout(kind), self._view()
        key = (kind, device)
        with self._lock:
            known = self._newest.get(key)
        values = dict(known.values) if known is not None else {}
        if known is None:
            self._look_back(layout, device, view.loaded, values)
        elif known.batch < view.loaded:
            where = "batch > ? AND batch <= ?"
            self._newest_of(layout, device, layout.signals, where, [known.batch, view.loaded], values)
        if known is None or known.batch < view.loaded:
            with self._lock:
                self._newest[key] = _Newest(view.loaded, dict(values))
                self._newest.move_to_end(key)
                while len(self._newest) > LAST_VALUES_CACHED_MAX:
                    self._newest.popitem(last=False)
        for ts_ms, *row in _waiting_rows(view, kind, device, ("ts_ms", *layout.signals)):
            for name, value in zip(layout.signals, row, strict=True):
                if value is not None:
                    _keep_newer(values, name, value, ts_ms)
        return values

    def replay(self, after_batch: int) -> Iterator[tuple[int, list[Reading]]]:
        """Batches in the tables after `after_batch`, in order of arrival; a window of them in memory at a time."""
        end = self._view().loaded
        begin = after_batch
        width = 256
        while (begin := self._next_batch(begin, end)) <= end:
            until = min(begin + width - 1, end)
            while (rows := self.rows_between(begin, until)) > TELEMETRY_REPLAY_READINGS_MAX and until > begin:
                until = begin + (until - begin) // 2
            width = max(1, until - begin + 1) * (2 if rows < TELEMETRY_REPLAY_READINGS_MAX // 2 else 1)
            yield from self._batches(begin, until)
            begin = until

    def rows_between(self, begin: int, until: int) -> int:
        """Rows of all kinds in batches `begin` to `until`, both inclusive."""
        return sum(
            int(
                self._ask(f"SELECT count(*) FROM {layout.table} WHERE batch BETWEEN ? AND ?", [begin, until])[0][0]  # noqa: S608 - ours
            )
            for layout in LAYOUTS.values()
        )

    # --- inside -------------------------------------------------------------------------------------------------

    def _ask(self, sql: str, given: Sequence[Any]) -> list[Any]:
        # A cursor of its own makes it safe beside the writer and other readers, for 20 µs.
        with self._database.cursor() as cursor:
            return cursor.execute(sql, list(given)).fetchall()

    def _look_back(self, layout: Layout, device: str, loaded: int, values: dict[str, LastValue]) -> None:
        newest = self._ask(f"SELECT max(ts_ms) FROM {layout.table}", [])[0][0]  # noqa: S608 - ours
        if newest is None:
            return
        # What is found in a window is newer than anything before it, so later windows only fill what is missing.
        until = FOREVER_MS
        for window in WINDOWS_MS:
            where = "batch <= ? AND ts_ms >= ? AND ts_ms < ?"
            missing = [name for name in layout.signals if name not in values]
            self._newest_of(layout, device, missing, where, [loaded, newest - window, until], values)
            until = newest - window

    def _newest_of(
        self,
        layout: Layout,
        device: str,
        signals: Sequence[str],
        where: str,
        given: list[int],
        values: dict[str, LastValue],
    ) -> None:
        """Adds the newest value of each of `signals` among the rows `where`, unless a newer one is known.

        Each question but the last finds at least one signal more; the last rows of a device mostly hold them all.
        """
        missing = list(signals)
        while missing:
            names = ", ".join(f'"{name}"' for name in missing)
            rows = self._ask(
                f"SELECT ts_ms, {names} FROM {layout.table} WHERE device = ? AND {where} AND ({_any_of(missing)})"  # noqa: S608 - names are ours
                f" ORDER BY ts_ms DESC, batch DESC, pos DESC LIMIT {LOOK_ROWS}",
                [device, *given],
            )
            found: set[str] = set()
            for ts_ms, *row in rows:
                for name, value in zip(missing, row, strict=True):
                    if value is not None and name not in found:
                        found.add(name)
                        _keep_newer(values, name, value, ts_ms)
            if len(rows) < LOOK_ROWS:
                return
            missing = [name for name in missing if name not in found]

    def _next_batch(self, after: int, end: int) -> int:
        """The first stored batch after `after`; beyond `end` if there is none."""
        asked = " UNION ALL ".join(
            f"SELECT min(batch) AS first FROM {layout.table} WHERE batch > ? AND batch <= ?"  # noqa: S608 - ours
            for layout in LAYOUTS.values()
        )
        row = self._ask(f"SELECT min(first) FROM ({asked})", [after, end] * len(LAYOUTS))[0]  # noqa: S608 - ours
        return end + 1 if row[0] is None else int(row[0])

    def _batches(self, begin: int, until: int) -> Iterator[tuple[int, list[Reading]]]:
        placed: list[tuple[int, int, Reading]] = []
        for layout in LAYOUTS.values():
            listed = ", ".join(f'"{name}"' for name in layout.types)
            with self._database.cursor() as cursor:
                cursor.execute(
                    f"SELECT {listed} FROM {layout.table} WHERE batch BETWEEN ? AND ?",  # noqa: S608 - names are ours
                    [begin, until],
                )
                while rows := cursor.fetchmany(FETCH_ROWS):
                    columns: Columns = dict(zip(layout.types, zip(*rows, strict=True), strict=True))
                    placed += zip(columns["batch"], columns["pos"], layout.restore(columns), strict=True)
        placed.sort(key=_place)
        batch: list[Reading] = []
        number = placed[0][0] if placed else begin
        for own, _, reading in placed:
            if own != number:
                yield number, batch
                number, batch = own, []
            batch.append(reading)
        if batch:
            yield number, batch


def _layout(kind: str) -> Layout:
    layout = LAYOUTS.get(kind)
    if layout is None:
        raise Invalid("telemetry.kind", f"device kind {kind!r} is not one of {', '.join(LAYOUTS)}", kind=kind)
    return layout


def _first(row: Sequence[Any]) -> Any:
    return row[0]


def _place(entry: tuple[int, int, Reading]) -> tuple[int, int]:
    return entry[0], entry[1]


def _any_of(signals: Sequence[str]) -> str:
    return " OR ".join(f'"{name}" IS NOT NULL' for name in signals)


def _keep_newer(values: dict[str, LastValue], name: str, value: Any, at_ms: int) -> None:
    known = values.get(name)
    if known is None or at_ms >= known.at_ms:
        values[name] = LastValue(value, at_ms)


def _buckets(layout: Layout, signals: Sequence[str], where: str) -> str:
    extremes = ", ".join(
        f'min("{name}"), max("{name}"), arg_min(ts_ms, "{name}"), arg_max(ts_ms, "{name}")' for name in signals
    )
    return (
        f"SELECT (ts_ms - ?) // ? AS bucket, min(ts_ms), max(ts_ms), {extremes} FROM {layout.table}"  # noqa: S608 - names are ours
        f" WHERE {where} GROUP BY bucket"
    )


def _waiting_rows(view: View, kind: str, device: str, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """Rows of `device` in batches that wait, in order of arrival."""
    found: list[tuple[Any, ...]] = []
    for entry in view.waiting:
        columns = entry.columns.get(kind)
        if columns is None or device not in columns["device"]:
            continue
        wanted = [columns.get(name) for name in names]
        found += (
            tuple(None if column is None else column[index] for column in wanted)
            for index, owner in enumerate(columns["device"])
            if owner == device
        )
    return found
