"""The orders at hand: those that are open, those closed not long ago, and which alerts have none."""

from collections.abc import Iterable
from typing import NamedTuple

from alerts.alert import Alert
from alerts.orders.calendar import WorkCalendar
from domain.limits import CLOSED_ORDERS_KEPT_MAX
from domain.orders import WorkOrder

__all__ = ["OrderBook"]


class Settled(NamedTuple):
    """The end of an order, as far as its alerts may still have to do with it."""

    order: str
    at_ms: int
    severity: int


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
        self.settled: dict[str, Settled] = {}
        """Open alerts whose orders are all closed, with the one that was closed last."""
        self._orders_of: dict[str, set[str]] = {}
        """Open alert → its orders."""
        self._look_ms: dict[str, int] = {}
        """Open order → when time alone, or one of its alerts, may next lead to something for it."""
        self.day = ""
        self.last_number = 0

    def begin(
        self,
        orders: Iterable[WorkOrder],
        ordered: Iterable[str],
        day: str,
        last_number: int,
        calendar: WorkCalendar | None = None,
    ) -> None:
        """Makes work orders of alerts from now on.

        `orders` and `ordered` are those of `alerts.order_ports.Orders`; `last_number` is the highest of `day`
        (``20261123``).
        """
        self.wanted = True
        self.calendar = calendar or self.calendar
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
            if alert in self.ordered:
                self._orders_of.setdefault(alert, set()).add(order.id)
        self.closed.pop(order.id, None)
        if order.open:
            self.open[order.id] = order
            self._look_ms[order.id] = 0
            for alert in order.alerts:
                self.settled.pop(alert, None)
            return
        self.open.pop(order.id, None)
        for alert in order.alerts:
            if alert in self.ordered and self._orders_of[alert].isdisjoint(self.open):
                ended = Settled(order.id, order.closed_ms or 0, order.severity)
                # A note on an older one of them does not make it the last.
                self.settled[alert] = max(ended, self.settled.get(alert, ended), key=lambda one: one.at_ms)
        self._look_ms.pop(order.id, None)
        self.closed[order.id] = order
        while len(self.closed) > CLOSED_ORDERS_KEPT_MAX:
            del self.closed[next(iter(self.closed))]

    def follow(self, alert: Alert) -> None:
        """Takes note of an alert as journalled."""
        for order in self._orders_of.get(alert.id, ()):
            if order in self._look_ms:
                self._look_ms[order] = 0
        if not alert.open:
            self.unordered.pop(alert.id, None)
            self.ordered.discard(alert.id)
            self.settled.pop(alert.id, None)
            self._orders_of.pop(alert.id, None)
        elif alert.id not in self.ordered:
            self.unordered[alert.id] = None

    def turn_back(self) -> None:
        """Our own clock was set back: whatever was to be looked at later is looked at now."""
        self._look_ms = dict.fromkeys(self._look_ms, 0)

    def due(self, now_ms: int) -> list[str]:
        """Open orders that must be looked at by `now_ms`, oldest first."""
        return [order for order, at_ms in self._look_ms.items() if at_ms <= now_ms]

    def looked(self, order: str, next_ms: int) -> None:
        """An order was looked at, and nothing can happen to it by itself before `next_ms`."""
        if order in self._look_ms:
            self._look_ms[order] = next_ms
