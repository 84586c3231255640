"""Checks the journal against itself: nothing changed, nothing left out, nothing slipped in."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Table, and_, exists, func, select

from domain.errors import Unavailable
from storage.access import Access
from storage.lines import ORDER_KINDS, alert_row, genesis, line_hash
from storage.orders import order_row
from storage.schema import alerts, journal, meta, orders

__all__ = ["verify"]

PAGE: Final = 500
"""Lines read at once: bounds memory, and lets the log be folded into the file between pages."""


class _BrokenError(Exception):
    def __init__(self, seq: int, what: str) -> None:
        super().__init__(what)
        self.seq = seq
        self.what = what


def verify(access: Access, store: str) -> tuple[int, str | None]:
    """Recomputes every hash and compares the alerts with their last lines.

    Returns (lines checked, None) or (first bad seq, what is wrong, in English). Lines appended while it runs are left
    for the next time. Raises `Unavailable` when the database cannot be opened at all.
    """
    try:
        with access.read() as connection:
            last, digest = _ends(connection)
        _chain(access, store, last, digest)
        try:
            _compare(access)
        except Unavailable as error:
            return last, f"the lines are whole, but the alerts cannot be read: {error.text}"
    except _BrokenError as found:
        return found.seq, found.what
    return last, None


def _ends(connection: Connection) -> tuple[int, str]:
    """Number and hash of the last line, as noted apart from the journal. Both are read in one snapshot."""
    noted = connection.scalar(select(meta.c.value).where(meta.c.key == "head")) or "0:"
    number, _, digest = noted.partition(":")
    last = int(number) if number.isdecimal() else 0
    first, newest = connection.execute(select(func.min(journal.c.seq), func.max(journal.c.seq))).one()
    if first is not None and first < 1:
        raise _BrokenError(first, f"line {first} does not belong: the first is line 1")
    if (newest or 0) < last:
        raise _BrokenError((newest or 0) + 1, f"lines {(newest or 0) + 1} to {last} are missing at the end")
    if (newest or 0) > last:
        raise _BrokenError(last + 1, f"lines {last + 1} to {newest} were not written by the journal")
    return last, digest


def _chain(access: Access, store: str, last: int, end: str) -> None:
    """Walks lines 1 to `last`, whose hash must be `end` (hexadecimal)."""
    seq, digest, size = 0, genesis(store), PAGE
    while seq < last:
        query = select(journal).where(journal.c.seq > seq, journal.c.seq <= last).order_by(journal.c.seq).limit(size)
        try:
            with access.read() as connection:
                rows = connection.execute(query).all()
        except Unavailable as error:
            if size == 1:
                raise _BrokenError(seq + 1, f"line {seq + 1} cannot be read: {error.text}") from error
            size = 1  # bytes that are no text, or a torn page: walk up to the first line that cannot be read
            continue
        for row in rows:
            digest = _checked(row, seq, digest)
            seq += 1
        if not rows:
            raise _BrokenError(seq + 1, f"line {seq + 1} is missing")
    if last and digest.hex() != end:
        raise _BrokenError(last, f"line {last} is not the one that was written last")


def _checked(row: Row[Any], seq: int, digest: bytes) -> bytes:
    if row.seq != seq + 1:
        raise _BrokenError(seq + 1, f"line {seq + 1} is missing: line {row.seq} follows line {seq}")
    if row.prev_hash != digest:
        raise _BrokenError(row.seq, f"line {row.seq} does not point back to line {seq}")
    try:
        found = line_hash(
            digest, row.seq, row.at_ms, row.actor, row.kind, row.alert_id, row.cmd, row.body, row.alert_after
        )
    except (TypeError, ValueError, msgspec.MsgspecError):
        found = b""  # a value of a type that was never written: SQLite takes any
    if row.hash != found:
        raise _BrokenError(row.seq, f"line {row.seq} is not what was written: its hash differs")
    return found


def _compare(access: Access) -> None:
    """Alerts and work orders stand as their last lines left them, and none of them is gone."""
    about_order = journal.c.kind.startswith(ORDER_KINDS)
    _compare_rows(access, alerts, alert_row, "alert", ~about_order)
    _compare_rows(access, orders, order_row, "order", about_order)


def _compare_rows(
    access: Access,
    table: Table,
    row_of: Callable[[int, bytes], tuple[Any, ...]],
    what: str,
    mine: ColumnElement[bool],
) -> None:
    newer = journal.alias()
    stale = exists().where(newer.c.alert_id == table.c.id, newer.c.seq > table.c.seq, newer.c.alert_after.is_not(None))
    joined = table.outerjoin(journal, and_(journal.c.seq == table.c.seq, journal.c.alert_id == table.c.id))
    query = select(table, journal.c.alert_after, stale.label("stale")).select_from(joined).order_by(table.c.id)
    after = ""
    while True:
        with access.read() as connection:
            rows = connection.execute(query.where(table.c.id > after).limit(PAGE)).all()
        for row in rows:
            if row.alert_after is None or row.stale or tuple(row[:-2]) != row_of(row.seq, row.alert_after):
                raise _BrokenError(row.seq, f"{what} {row.id} does not stand as line {row.seq} left it")
        if len(rows) < PAGE:
            break
        after = rows[-1].id
    known = exists().where(table.c.id == journal.c.alert_id)
    lost = select(journal.c.seq, journal.c.alert_id).where(journal.c.alert_after.is_not(None), mine, ~known)
    with access.read() as connection:
        found = connection.execute(lost.order_by(journal.c.seq).limit(1)).first()
    if found is not None:
        raise _BrokenError(found.seq, f"{what} {found.alert_id} of line {found.seq} is gone")
