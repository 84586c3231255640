"""The read side: alerts by filter, refused packets, and how many alerts came when."""

from typing import Annotated, Any

from msgspec import Meta
from sqlalchemy import ColumnElement, func, literal, select, tuple_

from alerts.alert import Alert
from alerts.ports import AlertQuery, DeadLetterRow, Page, Raised
from domain.errors import NotFound
from storage.access import Access
from storage.cursors import page_size, position, where_from
from storage.lines import alert_of, numbered
from storage.schema import alerts, dead_letter_counts, dead_letters
from storage.scopes import within

__all__ = ["SqlHistory"]

_Number = Annotated[int, Meta(ge=0, le=2**62)]
"""A column of the database can hold it."""


class SqlHistory:
    """`alerts.ports.History` over SQL. Thread-safe; never waits for the writer."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def alert(self, alert_id: str) -> Alert:
        """See `alerts.ports.History`."""
        with self._access.read() as connection:
            body = connection.scalar(select(alerts.c.body).where(alerts.c.id == alert_id))
            day, number = numbered(alert_id)
            if body is None and day:
                told = alerts.c.day == day, alerts.c.number == number, alerts.c.no == alert_id
                body = connection.scalar(select(alerts.c.body).where(*told))
        if body is None:
            raise NotFound("alert.unknown", f"there is no alert {alert_id!r}", id=alert_id)
        return alert_of(body)

    def alerts(self, query: AlertQuery) -> Page:
        """See `alerts.ports.History`. Pages hold at most `PAGE_ROWS_MAX`; `since_ms` ≤ onset < `until_ms`."""
        limit = page_size(query.limit)
        wanted = select(alerts.c.onset_ms, alerts.c.id, alerts.c.body).where(*_restrictions(query))
        if query.cursor is not None:
            wanted = wanted.where(_before(query.cursor, alerts.c.onset_ms, alerts.c.id, str))
        wanted = wanted.order_by(alerts.c.onset_ms.desc(), alerts.c.id.desc()).limit(limit + 1)
        with self._access.read() as connection:
            rows = connection.execute(wanted).all()
        cursor = position(rows[limit - 1].onset_ms, rows[limit - 1].id) if len(rows) > limit else None
        return Page([alert_of(row.body) for row in rows[:limit]], cursor)

    def dead_letters(self, *, reason: str | None, cursor: str | None, limit: int) -> Page:
        """See `alerts.ports.History`. Pages hold at most `PAGE_ROWS_MAX`."""
        limit = page_size(limit)
        columns = [dead_letters.c[name] for name in DeadLetterRow.__struct_fields__]
        wanted = select(*columns)
        if reason is not None:
            wanted = wanted.where(dead_letters.c.reason == reason)
        if cursor is not None:
            wanted = wanted.where(_before(cursor, dead_letters.c.last_ms, dead_letters.c.id, _Number))
        wanted = wanted.order_by(dead_letters.c.last_ms.desc(), dead_letters.c.id.desc()).limit(limit + 1)
        with self._access.read() as connection:
            items = [DeadLetterRow(*row) for row in connection.execute(wanted)]
        following = position(items[limit - 1].last_ms, items[limit - 1].id) if len(items) > limit else None
        return Page(list(items[:limit]), following)

    def dead_letter_counts(self) -> dict[str, int]:
        """See `alerts.ports.History`. Since the store was made, including rows that have gone since."""
        with self._access.read() as connection:
            return {row.reason: row.packets for row in connection.execute(select(dead_letter_counts))}

    def raised(self, since_ms: int, until_ms: int) -> list[Raised]:
        """See `alerts.ports.History`."""
        columns = alerts.c
        between = columns.raised_ms >= since_ms, columns.raised_ms < until_ms, ~columns.drill
        wanted = select(columns.raised_ms, columns.compound, columns.kind).where(*between)
        with self._access.read() as connection:
            return [Raised(*row) for row in connection.execute(wanted.order_by(columns.raised_ms, columns.id))]

    def counts(self) -> dict[str, dict[str, int]]:
        """Open alerts by ``severity``, ``state``, ``kind`` and ``compound``."""
        found: dict[str, dict[str, int]] = {}
        with self._access.read() as connection:
            for name in ("severity", "state", "kind", "compound"):
                column = alerts.c[name]
                rows = connection.execute(select(column, func.count()).where(alerts.c.open).group_by(column))
                found[name] = {str(value): count for value, count in rows}
        return found


def _restrictions(query: AlertQuery) -> list[ColumnElement[bool]]:
    columns = alerts.c
    found: list[ColumnElement[bool]] = []
    if query.open is not None:
        found.append(columns.open if query.open else ~columns.open)
    several: tuple[tuple[str, tuple[Any, ...]], ...] = (
        ("state", query.states),
        ("severity", query.severities),
        ("kind", query.kinds),
        ("compound", query.compounds),
    )
    found += [columns[name].in_(values) for name, values in several if values]
    for name in ("rule", "target", "device"):
        value = getattr(query, name)
        if value is not None:
            found.append(columns[name] == value)
    found += within(columns, query.scope)
    if query.since_ms is not None:
        found.append(columns.onset_ms >= query.since_ms)
    if query.until_ms is not None:
        found.append(columns.onset_ms < query.until_ms)
    return found


def _before(cursor: str, time: ColumnElement[int], unique: ColumnElement[Any], form: Any) -> ColumnElement[bool]:
    """Rows behind `cursor` where both columns fall."""
    at_ms, last = where_from(cursor, tuple[_Number, form])
    return tuple_(time, unique) < tuple_(literal(at_ms), literal(last))
