"""The orders at hand: those that are open, those closed not long ago, and which alerts have none."""

from collections.abc import Iterable

from alerts.alert import Alert
from alerts.orders.calendar import WorkCalendar
from domain.limits import CLOSED_ORDERS_KEPT_MAX
from domain.orders import WorkOrder

__all__ = ["OrderBook"]


class OrderBook:
    """Part of `alerts.state.EngineState`, changed by `evolve` only."""

    def __init__(self) -> None:
        self.wanted = False
        """True where orders are made of alerts."""
        self.calendar = WorkCalendar()
        self.open: dict[str, WorkOrder] = {}
        """By id, oldest first."""
        self.closed: dict[str, WorkOrder] = {}
        """The latest, oldest first: they may be reopened, or have their caller called back."""
        self.ordered: set[str] = set()
        """Open alerts that belong to an order, or did."""
        self.unordered: dict[str, None] = {}
        """Open alerts that do not."""
        self.day = ""
        self.last_number = 0

    def begin(self, orders: Iterable[WorkOrder], ordered: Iterable[str], day: str, last_number: int) -> None:
        """Makes work orders of alerts from now on.

        `orders` and `ordered` are those of `alerts.ports.Orders`; `last_number` is the highest of `day` (``20261123``).
        """
        self.wanted = True
        self.day, self.last_number = day, last_number
        self.ordered.update(ordered)
        for alert in self.ordered:
            self.unordered.pop(alert, None)
        for order in orders:
            self.put(order)

    def put(self, order: WorkOrder) -> None:
        """Takes over an order as journalled."""
        for alert in order.alerts:
            if self.unordered.pop(alert, self) is None:
                self.ordered.add(alert)
        self.closed.pop(order.id, None)
        if order.open:
            self.open[order.id] = order
            return
        self.open.pop(order.id, None)
        self.closed[order.id] = order
        while len(self.closed) > CLOSED_ORDERS_KEPT_MAX:
            del self.closed[next(iter(self.closed))]

    def follow(self, alert: Alert) -> None:
        """Takes note of an alert as journalled."""
        if not alert.open:
            self.unordered.pop(alert.id, None)
            self.ordered.discard(alert.id)
        elif alert.id not in self.ordered:
            self.unordered[alert.id] = None
