"""Readings as columns and back: the wide table of each device kind, generated from `domain.kinds`.

A `Columns` value maps a column name to one value for each row. Columns without any value are left out; a reader takes
them as all None (or 0 for `quality` and `digest`). The same form is written to the log, kept in memory until it is
loaded, and read back from DuckDB, so there is one way out of it: `Layout.restore`.

Measured per reading (1,000 in a batch, 2 cores): transposing with ``zip(*map(astuple, …))`` 0.3–0.5 µs; one list
comprehension for each attribute the same, but it needs generated code; ``operator.attrgetter`` 0.8 µs.
"""

from collections.abc import Sequence
from itertools import repeat
from typing import Any, Final

from msgspec.structs import astuple, fields

from domain.errors import Invalid
from domain.kinds import KINDS, DeviceKind
from domain.readings import DeviceEvent, Reading

__all__ = ["LAYOUTS", "Columns", "Layout", "columns_of", "rows_in"]

Columns = dict[str, Sequence[Any]]

HEAD: Final = {
    "batch": "BIGINT",
    "pos": "INTEGER",
    "device": "VARCHAR",
    "ts_ms": "BIGINT",
    "received_ms": "BIGINT",
    "seq": "BIGINT",
    "boot": "VARCHAR",
    "digest": "BIGINT",
    "quality": "INTEGER",
    "blank": "BOOLEAN",
}
"""`pos` is the place in the batch across all kinds; `blank` marks values that are present but all unknown."""
EVENT: Final = {
    "event_kind": "VARCHAR",
    "event_scheme": "VARCHAR",
    "event_code": "VARCHAR",
    "event_raw": "VARCHAR",
    "event_confidence": "DOUBLE",
}
SCHEMA: Final = "telemetry"
"""Name under which the store's file is attached."""
ZERO: Final = frozenset({"digest", "quality"})
"""Columns that default to 0, and are left out where every row has 0."""
SQL_TYPES: Final = {"number": "DOUBLE", "integer": "BIGINT", "boolean": "BOOLEAN"}


class Layout:
    """The table of one device kind."""

    def __init__(self, kind: DeviceKind) -> None:
        self.kind = kind.name
        self.table = f"{SCHEMA}.readings_{kind.name}"
        self.signals = tuple(field.name for field in fields(kind.values))
        self.types = HEAD | {name: SQL_TYPES[kind.signals[name].type] for name in self.signals} | EVENT
        """Column → SQL type."""
        self._values = kind.values
        self._empty = astuple(kind.values())
        self._known = {kind.values, type(None)}

    def extract(self, readings: Sequence[Reading], positions: Sequence[int]) -> Columns:
        """Columns of `readings`, which are all of this kind. Raises `Invalid` for values of another kind."""
        device, _, ts_ms, received_ms, values, events, seq, boot, digest, quality = zip(
            *map(astuple, readings), strict=True
        )
        found: Columns = {"pos": positions, "device": device, "ts_ms": ts_ms, "received_ms": received_ms}
        if not self._known.issuperset(map(type, values)):
            raise Invalid("telemetry.values", f"a reading of kind {self.kind} carries the values of another kind")
        try:
            rows = list(map(astuple, values))
        except TypeError:  # readings that carry an event only
            rows = [self._empty if value is None else astuple(value) for value in values]
        signals = tuple(zip(*rows, strict=True))
        if not any(column[0] is not None and None not in column for column in signals):
            self._mark_blank(values, rows, found)
        count = len(readings)
        for name, column in zip(("seq", "boot", *self.signals), (seq, boot, *signals), strict=True):
            if column[0] is not None or column.count(None) != count:
                found[name] = column
        for name, column in (("digest", digest), ("quality", quality)):
            if any(column):
                found[name] = column
        if events.count(None) != count:
            _add_events(found, events)
        return found

    def _mark_blank(self, values: Sequence[Any], rows: Sequence[tuple[Any, ...]], found: Columns) -> None:
        # Values that are present but all unknown would otherwise look like none at all.
        blank = [
            True if value is not None and row == self._empty else None for value, row in zip(values, rows, strict=True)
        ]
        if any(blank):
            found["blank"] = blank

    def restore(self, columns: Columns) -> list[Reading]:
        """The readings whose columns these are, exactly as they were."""
        rows = rows_in(columns)

        def column(name: str) -> Any:
            return columns.get(name) or repeat(0 if name in ZERO else None, rows)

        empty, kind, made = self._empty, self.kind, self._values
        values = [
            made(*row) if row != empty or blank else None
            for row, blank in zip(
                zip(*(column(name) for name in self.signals), strict=True), column("blank"), strict=True
            )
        ]
        return [
            Reading(device, kind, ts_ms, received_ms, value, event, seq, boot, digest or 0, quality or 0)
            for device, ts_ms, received_ms, value, event, seq, boot, digest, quality in zip(
                columns["device"],
                columns["ts_ms"],
                columns["received_ms"],
                values,
                self._events(columns, rows),
                column("seq"),
                column("boot"),
                column("digest"),
                column("quality"),
                strict=True,
            )
        ]

    @staticmethod
    def _events(columns: Columns, rows: int) -> Any:
        if not columns.get("event_kind"):
            return repeat(None, rows)
        each = zip(*(columns.get(name) or repeat(None, rows) for name in EVENT), strict=True)
        return [
            None if kind is None else DeviceEvent(kind, scheme, code, raw, confidence)
            for kind, scheme, code, raw, confidence in each
        ]


def _add_events(found: Columns, events: Sequence[DeviceEvent | None]) -> None:
    nothing = (None,) * len(EVENT)
    rows = [nothing if event is None else astuple(event) for event in events]
    for name, column in zip(EVENT, zip(*rows, strict=True), strict=True):
        if column.count(None) != len(rows):
            found[name] = column


def rows_in(columns: Columns) -> int:
    """Rows these columns have."""
    return len(columns["device"])


LAYOUTS: Final[dict[str, Layout]] = {name: Layout(kind) for name, kind in KINDS.items()}


def columns_of(readings: Sequence[Reading]) -> dict[str, Columns]:
    """Device kind → columns of a batch. Raises `Invalid` for an unknown kind or for values of another kind."""
    rows: dict[str, list[Reading]] = {}
    positions: dict[str, list[int]] = {}
    for position, reading in enumerate(readings):
        kind = reading.kind
        if kind not in rows:
            rows[kind], positions[kind] = [], []
        rows[kind].append(reading)
        positions[kind].append(position)
    unknown = rows.keys() - LAYOUTS.keys()
    if unknown:
        raise Invalid("telemetry.kind", f"device kind {min(unknown)!r} is not one of {', '.join(LAYOUTS)}")
    return {kind: LAYOUTS[kind].extract(found, positions[kind]) for kind, found in rows.items()}
