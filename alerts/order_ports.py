"""What is asked of the store of work orders."""

from typing import Protocol

from msgspec import Struct

from alerts.ports import Page
from domain.access import EVERYWHERE, Scope
from domain.orders import WorkOrder

__all__ = ["OrderQuery", "Orders"]


class OrderQuery(Struct, frozen=True):
    """A filter over work orders. Empty or None means no restriction."""

    open: bool | None = None
    state: tuple[str, ...] = ()
    severity: tuple[int, ...] = ()
    compound: tuple[str, ...] = ()
    organisation: tuple[str, ...] = ()
    handler: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    alert: str | None = None
    """Those that this alert belongs to."""
    cursor: str | None = None
    limit: int = 100
    scope: Scope = EVERYWHERE
    """Whose question it is."""


class Orders(Protocol):
    """Work orders as the journal left them."""

    def recent(self) -> list[WorkOrder]:
        """The latest closed ones, and those of open alerts, by time of closing; then all open ones, oldest first."""

    def ordered(self) -> set[str]:
        """Ids of open alerts that belong to an order, open or closed."""

    def last_number(self, day: str) -> int:
        """Highest order number given out on `day` (``20261123``), 0 if none."""

    def order(self, order_id: str) -> WorkOrder:
        """One order by id or by its number for people. Raises `NotFound`."""

    def orders(self, query: OrderQuery) -> Page:
        """Orders by filter, newest first."""
