"""Loads columns into DuckDB through Arrow, many batches in one transaction."""

import logging
import sys
from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import Any, Final

import duckdb

from storage.telemetry.columns import LAYOUTS, SCHEMA, ZERO, Columns, Layout, rows_in

__all__ = ["attach", "checkpoint", "create_tables", "insert", "loaded_batch", "set_loaded_batch"]

log = logging.getLogger("anju.telemetry")

CHUNK_ROWS: Final = 2_048
"""Small batches are joined to at least so many rows: each Arrow chunk costs DuckDB about as much as 100 rows."""
_LOADED: Final = f"{SCHEMA}.loaded"


class _WithoutPandas:
    """Hides pandas while pyarrow looks for it.

    The first ``pyarrow.array`` imports pandas if it is installed, only to recognise its series: 54 MB of memory and a
    third of a second for nothing. ``to_pandas`` looks again and still works.
    """

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Refuses pandas, knows nothing of any other module."""
        del path, target
        if name == "pandas":
            raise ImportError("pandas is not needed here")


def _pyarrow() -> Any:
    import pyarrow as pa  # noqa: PLC0415 - imported under the hood that the function exists for

    if "pandas" not in sys.modules:
        hood = _WithoutPandas()
        sys.meta_path.insert(0, hood)
        try:
            pa.array([0])
        finally:
            sys.meta_path.remove(hood)
    return pa


pa: Final = _pyarrow()
ARROW_TYPES: Final = {
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "VARCHAR": pa.string(),
    "BOOLEAN": pa.bool_(),
    "DOUBLE": pa.float64(),
}


def attach(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Opens the store's file, and makes it if it is missing.

    DuckDB keeps no log of its own: ours (`storage.telemetry.segments`) has every batch until `checkpoint` has brought
    the file up to date. What a crash takes away is loaded from there again.
    """
    name = str(path).replace("'", "''")
    connection.execute(f"ATTACH '{name}' AS {SCHEMA} (RECOVERY_MODE no_wal_writes)")


def checkpoint(connection: duckdb.DuckDBPyConnection) -> None:
    """Brings the file up to date: what was loaded before is durable once this returns."""
    connection.execute(f"CHECKPOINT {SCHEMA}")


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes missing tables, and adds columns for signals that are new since the store was made."""
    connection.execute(f"CREATE TABLE IF NOT EXISTS {_LOADED} (batch BIGINT NOT NULL)")
    connection.execute(f"INSERT INTO {_LOADED} SELECT 0 WHERE NOT EXISTS (FROM {_LOADED})")
    for layout in LAYOUTS.values():
        columns = ", ".join(_definition(name, kind) for name, kind in layout.types.items())
        connection.execute(f"CREATE TABLE IF NOT EXISTS {layout.table} ({columns})")
        present = {row[0]: row[1] for row in connection.execute(f"DESCRIBE {layout.table}").fetchall()}
        for name, kind in layout.types.items():
            if name not in present:
                connection.execute(f"ALTER TABLE {layout.table} ADD COLUMN {_definition(name, kind)}")
            elif present[name] != kind:
                connection.execute(f'ALTER TABLE {layout.table} ALTER COLUMN "{name}" TYPE {kind}')


def _definition(name: str, kind: str) -> str:
    return f'"{name}" {kind} DEFAULT 0' if name in ZERO else f'"{name}" {kind}'


def loaded_batch(connection: duckdb.DuckDBPyConnection) -> int:
    """Number of the newest batch in the tables, 0 when empty."""
    row = connection.execute(f"SELECT batch FROM {_LOADED}").fetchone()  # noqa: S608 - ours
    return int(row[0]) if row else 0


def set_loaded_batch(connection: duckdb.DuckDBPyConnection, number: int) -> None:
    """Remembers, in the transaction that carries the rows, which batch was the last."""
    connection.execute(f"UPDATE {_LOADED} SET batch = ?", [number])  # noqa: S608 - ours


def insert(connection: duckdb.DuckDBPyConnection, kind: str, batches: Sequence[tuple[int, Columns]]) -> None:
    """Appends the rows of `batches`, which are (number, columns) in order, to the table of `kind`."""
    layout = LAYOUTS[kind]
    chunks = list(_chunks(layout, batches))
    names = [name for name in layout.types if any(name in chunk for _, chunk in chunks)]
    arrays = [
        pa.chunked_array(
            [chunk[name] if name in chunk else _missing(layout, name, rows) for rows, chunk in chunks],
            ARROW_TYPES[layout.types[name]],
        )
        for name in names
    ]
    connection.register("incoming", pa.Table.from_arrays(arrays, names))
    try:
        connection.execute(f"INSERT INTO {layout.table} BY NAME SELECT * FROM incoming")  # noqa: S608 - ours
    finally:
        connection.unregister("incoming")


def _missing(layout: Layout, name: str, rows: int) -> Any:
    kind = ARROW_TYPES[layout.types[name]]
    return pa.repeat(pa.scalar(0, kind), rows) if name in ZERO else pa.nulls(rows, kind)


def _chunks(layout: Layout, batches: Sequence[tuple[int, Columns]]) -> Iterator[tuple[int, dict[str, Any]]]:
    group: list[tuple[int, Columns]] = []
    rows = 0
    for number, columns in batches:
        group.append((number, columns))
        rows += rows_in(columns)
        if rows >= CHUNK_ROWS:
            yield rows, _arrays(layout, group)
            group, rows = [], 0
    if group:
        yield rows, _arrays(layout, group)


def _arrays(layout: Layout, group: Sequence[tuple[int, Columns]]) -> dict[str, Any]:
    numbers = list(chain.from_iterable(repeat(number, rows_in(columns)) for number, columns in group))
    made = {"batch": _array(layout, "batch", numbers)}
    if len(group) == 1:
        columns = group[0][1]
    else:
        present = {name for _, columns in group for name in columns}
        columns = {
            name: list(
                chain.from_iterable(
                    part.get(name) or repeat(0 if name in ZERO else None, rows_in(part)) for _, part in group
                )
            )
            for name in present
        }
    made.update((name, _array(layout, name, column)) for name, column in columns.items() if name in layout.types)
    return made


def _array(layout: Layout, name: str, column: Sequence[Any]) -> Any:
    kind = ARROW_TYPES[layout.types[name]]
    try:
        return pa.array(column, kind)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        # The batch is acknowledged: one value that no column can hold must not keep all the others out for ever.
        log.error("%s.%s: a value cannot be stored and is left out: %s", layout.table, name, error)  # noqa: TRY400 - the trace says nothing more
        return pa.array([_fitting(value, kind) for value in column], kind)


def _fitting(value: Any, kind: Any) -> Any:
    try:
        pa.array([value], kind)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return None
    return value
