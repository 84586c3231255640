"""INSERT … ON CONFLICT, which SQLite and PostgreSQL both have but SQLAlchemy names twice; and its fast form."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Insert, Table, exc
from sqlalchemy.dialects import postgresql, sqlite

__all__ = ["Append", "insert_or_ignore", "upsert"]

Update = Callable[[Any], Mapping[str, Any]]
"""From the proposed row (``excluded``) to column → new value."""


def insert_or_ignore(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts `rows`; one whose primary or unique key is there already is left out."""
    connection.execute(_build(connection, table).on_conflict_do_nothing(), rows)


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
    update: Update | None = None,
) -> None:
    """Inserts `rows`, or updates the row with the same `key` columns; by default every other column is replaced."""
    connection.execute(_updating(connection, table, key, update), rows)


class Append:
    """An INSERT of whole rows, written out once for each dialect and run through the driver's own cursor.

    SQLAlchemy takes 50 µs to run a statement and 20 µs for each row, which is most of what a commit of the journal
    would cost. A row is a tuple in the order of `columns`: those of the table, less an id it gives out itself. With
    `key` the row that has the same key is updated, or left as it is where `ignore` says so.
    """

    def __init__(
        self, table: Table, *, key: Sequence[str] = (), update: Update | None = None, ignore: bool = False
    ) -> None:
        generated = table.autoincrement_column
        self.columns = tuple(column.name for column in table.c if column is not generated)
        self._table = table
        self._key = key
        self._update = update
        self._ignore = ignore
        self._sql: dict[str, str] = {}

    def run(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Inserts `rows` within the transaction of `connection`. Raises SQLAlchemy's errors."""
        if not rows:
            return
        dialect = connection.dialect
        sql = self._sql.get(dialect.name) or self._written(connection)
        cursor = connection.connection.cursor()
        driver: Any = dialect.dbapi
        try:
            cursor.executemany(sql, rows)
        except driver.Error as error:
            raise exc.DBAPIError.instance(sql, None, error, driver.Error, dialect=dialect) from error
        finally:
            cursor.close()

    def _written(self, connection: Connection) -> str:
        statement: Insert = _build(connection, self._table)
        if self._ignore:
            statement = statement.on_conflict_do_nothing()  # type: ignore[attr-defined]
        elif self._key:
            statement = _updating(connection, self._table, self._key, self._update)
        dialect: Any = sqlite.dialect if connection.dialect.name == "sqlite" else postgresql.dialect
        positional = dialect(paramstyle="qmark" if connection.dialect.name == "sqlite" else "format")
        compiled: Any = statement.compile(dialect=positional, column_keys=list(self.columns))
        if tuple(compiled.positiontup) != self.columns:
            raise AssertionError(f"{compiled} does not take the columns of {self._table.name} in their order")
        self._sql[connection.dialect.name] = str(compiled)
        return str(compiled)


def _build(connection: Connection, table: Table) -> Any:
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def _updating(connection: Connection, table: Table, key: Sequence[str], update: Update | None) -> Any:
    new = _build(connection, table)
    if update is None:
        changes = {column.name: new.excluded[column.name] for column in table.c if column.name not in key}
    else:
        changes = dict(update(new.excluded))
    return new.on_conflict_do_update(index_elements=list(key), set_=changes)
