"""The outbox: work owed to the world, claimed with a lease and settled by the courier."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, bindparam, case, delete, exists, func, literal_column, or_, select, update

from alerts.ports import Delivery, Owed
from domain.limits import (
    OUTBOX_DEAD_KEPT_MS,
    OUTBOX_DONE_KEPT_MS,
    OUTBOX_LEASE_MS,
    PAGE_ROWS_MAX,
    SEND_ATTEMPTS_MAX,
)
from storage.access import Access
from storage.lines import intent_of
from storage.schema import outbox

__all__ = ["SqlOutbox"]

DETAIL_CHARS: Final = 500
SWEEP_EVERY: Final = 1_000
"""Settled rows between two looks for those that have been kept long enough."""
SWEEP_ROWS: Final = 2_000
"""Rows removed at once: a sweep never holds the database for long."""
# Written out, not bound: SQLite sees only so that the partial index of owed rows applies.
_OWED: Final = outbox.c.state == literal_column("'owed'")
_DEAD: Final = (outbox.c.state == "dead") & outbox.c.settled_ms.is_not(None)
_DONE: Final = update(outbox).where(_OWED).values(state="done")
_DELIVERY: Final = (*(outbox.c[name] for name in Delivery.__struct_fields__ if name != "ring"), outbox.c.body)


class SqlOutbox:
    """`alerts.ports.Outbox` over SQL. Thread-safe.

    Claims and receipts survive the end of the process but not necessarily a power cut: then a delivery is repeated,
    under the same key, which at-least-once allows and a receiver can tell. Nothing owed is ever lost by it.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._settled_since_sweep = 0

    def claim(self, now_ms: int, limit: int) -> list[Owed]:
        """See `alerts.ports.Outbox`. What is due longest comes first. A lease lasts `OUTBOX_LEASE_MS`."""
        due = _OWED, outbox.c.visible_ms <= now_ms
        with self._access.read() as connection:
            if not connection.scalar(select(exists().where(*due))):
                return []  # the usual answer, without waiting for the writers
        chosen = (
            select(outbox.c.id)
            .where(*due)
            .order_by(outbox.c.visible_ms, outbox.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        lease = (
            update(outbox)
            .where(outbox.c.id.in_(chosen.scalar_subquery()))
            .values(visible_ms=now_ms + OUTBOX_LEASE_MS)
            .returning(outbox.c.id, outbox.c.key, outbox.c.body, outbox.c.attempts, outbox.c.created_ms)
        )
        with self._access.write(durable=False) as connection:
            rows = connection.execute(lease).all()
        rows = sorted(rows, key=lambda row: row.id)
        return [Owed(row.key, intent_of(row.body), row.attempts, row.created_ms) for row in rows]

    def settle(self, key: str, now_ms: int, detail: str = "") -> None:
        """See `alerts.ports.Outbox`. What is settled or dead already stays so."""
        with self._access.write(durable=False) as connection:
            done = _DONE.where(outbox.c.key == key).values(settled_ms=now_ms, detail=detail[:DETAIL_CHARS])
            connection.execute(done)
        self._sweep(1, now_ms)

    def settle_many(self, keys: Sequence[str], now_ms: int) -> None:
        """See `alerts.ports.Outbox`."""
        if not keys:
            return
        with self._access.write(durable=False) as connection:
            done = _DONE.where(outbox.c.key == bindparam("the_key")).values(settled_ms=now_ms)
            connection.execute(done, [{"the_key": key} for key in keys])
        self._sweep(len(keys), now_ms)

    def give_back(self, key: str, visible_ms: int, error: str) -> None:
        """See `alerts.ports.Outbox`. Only failures count as attempts: a lease that ran out says nothing about them."""
        attempts = outbox.c.attempts + 1
        back = (
            update(outbox)
            .where(outbox.c.key == key, _OWED)
            .values(
                attempts=attempts,
                visible_ms=visible_ms,
                detail=error[:DETAIL_CHARS],
                state=case((attempts >= SEND_ATTEMPTS_MAX, "dead"), else_="owed"),
                settled_ms=case((attempts >= SEND_ATTEMPTS_MAX, visible_ms), else_=None),
            )
        )
        with self._access.write(durable=False) as connection:
            connection.execute(back)

    def depth(self) -> int:
        """See `alerts.ports.Outbox`."""
        return self._count(_OWED)

    def dead(self) -> int:
        """Intents given up after `SEND_ATTEMPTS_MAX` failures."""
        return self._count(_DEAD)

    def deliveries(self, alert_id: str) -> list[Delivery]:
        """What became of the newest intents of an alert, oldest first; those done long ago are forgotten."""
        query = select(*_DELIVERY).where(outbox.c.alert_id == alert_id).order_by(outbox.c.id.desc())
        with self._access.read() as connection:
            rows = connection.execute(query.limit(PAGE_ROWS_MAX)).all()
        return [Delivery(*(*kept, intent_of(body).ring)) for *kept, body in reversed(rows)]

    def release(self) -> int:
        """Makes leased rows due at once; returns how many. For the one courier, at its start after a crash.

        Rows that have failed before keep their appointed time.
        """
        leased = _OWED, outbox.c.attempts == 0, outbox.c.visible_ms > outbox.c.created_ms
        with self._access.write(durable=False) as connection:
            return connection.execute(update(outbox).where(*leased).values(visible_ms=outbox.c.created_ms)).rowcount

    def _count(self, condition: ColumnElement[bool]) -> int:
        with self._access.read() as connection:
            return connection.scalar(select(func.count()).select_from(outbox).where(condition)) or 0

    def _sweep(self, settled: int, now_ms: int) -> None:
        self._settled_since_sweep += settled
        if self._settled_since_sweep < SWEEP_EVERY:
            return
        self._settled_since_sweep = 0
        old = or_(
            (outbox.c.state == "done") & (outbox.c.settled_ms < now_ms - OUTBOX_DONE_KEPT_MS),
            (outbox.c.state == "dead") & (outbox.c.settled_ms < now_ms - OUTBOX_DEAD_KEPT_MS),
        )
        oldest = select(outbox.c.id).where(old).limit(SWEEP_ROWS)
        with self._access.write(durable=False) as connection:
            connection.execute(delete(outbox).where(outbox.c.id.in_(oldest.scalar_subquery())))
