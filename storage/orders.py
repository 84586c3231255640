"""Work orders as they stand, and the questions asked of them."""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta
from sqlalchemy import literal, select, tuple_

from alerts.order_ports import OrderQuery
from alerts.ports import Page
from domain.errors import NotFound
from domain.limits import CLOSED_ORDERS_KEPT_MAX
from domain.orders import WorkOrder
from storage.access import Access
from storage.cursors import page_size, position, where_from
from storage.lines import numbered
from storage.schema import alerts, order_alerts, orders
from storage.scopes import orders_within

__all__ = ["SqlOrders", "order_of", "order_row"]

_Number = Annotated[int, Meta(ge=0, le=2**62)]
_of_open_alerts: Final = (
    select(order_alerts.c.order_id).join(alerts, alerts.c.id == order_alerts.c.alert_id).where(alerts.c.open)
)
order_of: Final = msgspec.json.Decoder(WorkOrder).decode


def order_row(seq: int, body: bytes, order: WorkOrder | None = None) -> tuple[Any, ...]:
    """The row of the orders table that line `seq` leaves behind; `order` is what `body` encodes, if at hand."""
    o = order or order_of(body)
    day, number = numbered(o.no)
    return (
        o.id, o.no, day, number, o.open, str(o.state), o.severity, o.kind, o.compound, o.place, o.organisation,
        o.lead, o.handler, o.source, o.level, o.created_ms, o.changed_ms, o.closed_ms, o.rev, seq, o.drill, body,
    )  # fmt: skip


class SqlOrders:
    """`alerts.order_ports.Orders` over SQL. Thread-safe; never waits for the writer."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def recent(self) -> list[WorkOrder]:
        """See `alerts.order_ports.Orders`."""
        query = select(orders.c.body).order_by(orders.c.created_ms, orders.c.id)
        closed = select(orders.c.id, orders.c.body).where(~orders.c.open).order_by(orders.c.closed_ms.desc())
        with self._access.read() as connection:
            bodies: dict[str, bytes] = {}
            for wanted in (closed.limit(CLOSED_ORDERS_KEPT_MAX), closed.where(orders.c.id.in_(_of_open_alerts))):
                bodies |= {row.id: row.body for row in connection.execute(wanted)}
            done = sorted(map(order_of, bodies.values()), key=lambda order: (order.closed_ms or 0, order.id))
            return [*done, *map(order_of, connection.scalars(query.where(orders.c.open)))]

    def ordered(self) -> set[str]:
        """See `alerts.order_ports.Orders`."""
        query = select(order_alerts.c.alert_id).join(alerts, alerts.c.id == order_alerts.c.alert_id)
        with self._access.read() as connection:
            return set(connection.scalars(query.where(alerts.c.open)))

    def last_number(self, day: str) -> int:
        """See `alerts.order_ports.Orders`."""
        query = select(orders.c.number).where(orders.c.day == day).order_by(orders.c.number.desc()).limit(1)
        with self._access.read() as connection:
            return connection.scalar(query) or 0

    def order(self, order_id: str) -> WorkOrder:
        """See `alerts.order_ports.Orders`."""
        day, number = numbered(order_id)
        with self._access.read() as connection:
            body = connection.scalar(select(orders.c.body).where(orders.c.id == order_id))
            if body is None and day:
                told = orders.c.day == day, orders.c.number == number, orders.c.no == order_id
                body = connection.scalar(select(orders.c.body).where(*told))
        if body is None:
            raise NotFound("order.unknown", f"there is no order {order_id!r}", id=order_id)
        return order_of(body)

    def orders(self, query: OrderQuery) -> Page:
        """See `alerts.order_ports.Orders`. Pages hold at most `PAGE_ROWS_MAX`."""
        limit, columns = page_size(query.limit), orders.c
        wanted = select(columns.created_ms, columns.id, columns.body)
        if query.open is not None:
            wanted = wanted.where(columns.open if query.open else ~columns.open)
        for name in ("state", "severity", "compound", "organisation", "handler", "source"):
            values = getattr(query, name)
            if values:
                wanted = wanted.where(columns[name].in_(values))
        wanted = wanted.where(*orders_within(columns, query.scope))
        if query.alert is not None:
            mine = select(order_alerts.c.order_id).where(order_alerts.c.alert_id == query.alert)
            wanted = wanted.where(columns.id.in_(mine))
        if query.cursor is not None:
            at_ms, last = where_from(query.cursor, tuple[_Number, str])
            wanted = wanted.where(tuple_(columns.created_ms, columns.id) < tuple_(literal(at_ms), literal(last)))
        wanted = wanted.order_by(columns.created_ms.desc(), columns.id.desc()).limit(limit + 1)
        with self._access.read() as connection:
            rows = connection.execute(wanted).all()
        cursor = position(rows[limit - 1].created_ms, rows[limit - 1].id) if len(rows) > limit else None
        return Page([order_of(row.body) for row in rows[:limit]], cursor)
