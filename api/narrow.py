"""What lies behind the doors, narrowed to one caller's scope (domain.md §1.3, §5.6).

Routes work with these ports and never with those beneath: what is outside the scope does not exist in them, and no
command about it passes. Asked for by id it is answered like a thing that never was, and the attempt is journalled.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from msgspec.structs import replace as changed

from alerts.alert import Alert
from alerts.decision import Answer
from alerts.inputs import Command, DeclareMaintenance, EndMaintenance, Input, Record
from alerts.liveness import OFFLINE, ONLINE, OVERDUE
from alerts.order_ports import OrderQuery, Orders
from alerts.orders.commands import OpenOrder, StepOrder
from alerts.ports import AlertQuery, Delivery, Desk, History, JournalRow, LastValue, Page, Raised, Series
from api.ports import (
    ApiPorts,
    Board,
    BoardView,
    Delta,
    DeviceLiveness,
    JournalReader,
    Position,
    TelemetryReader,
)
from domain.access import EVERYWHERE, Scope
from domain.errors import Forbidden, NotFound
from domain.limits import SCOPES_KEPT_MAX
from domain.orders import WorkOrder
from domain.readings import Reading
from domain.registry import Registry

__all__ = ["Hidden", "Views", "passes"]


class Hidden(NotFound):
    """There is such a thing, but not for this caller; it is told no more than that there is none."""


class Views:
    """The ports as different people have them, kept while the registry stays as it is."""

    def __init__(self, whole: ApiPorts) -> None:
        self.whole = whole
        """As those have them to whom nothing is hidden."""
        self._kept: OrderedDict[Scope, tuple[Registry, ApiPorts]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, scope: Scope) -> ApiPorts:
        """The ports as somebody with `scope` has them. Thread-safe."""
        if scope.everything:
            return self.whole
        registry = self.whole.registry()
        with self._lock:
            known = self._kept.get(scope)
            if known is None or known[0] is not registry:
                known = registry, _narrowed(self.whole, scope, _registry_of(registry, scope))
                self._kept[scope] = known
            self._kept.move_to_end(scope)
            while len(self._kept) > SCOPES_KEPT_MAX:
                self._kept.popitem(last=False)
            return known[1]


def _registry_of(registry: Registry, scope: Scope) -> Registry:
    compounds = scope.compounds
    if compounds is None:
        compounds = frozenset(place.id for place in registry.places.values() if place.kind == "compound")
    return registry.narrowed(compounds, scope.kinds)


def _narrowed(ports: ApiPorts, scope: Scope, seen: Registry) -> ApiPorts:
    """`ports` as somebody with `scope` has them; `seen` is the registry narrowed to it."""

    def registry() -> Registry:
        return seen

    history = _History(ports.history, scope)
    orders = _Orders(ports.orders, scope)
    board = _Board(ports.board, scope, registry, ports.liveness)
    journal = _Journal(ports.journal, scope, registry, history, orders)

    def deliveries(of: str) -> Sequence[Delivery]:
        _known(of, history, orders)
        return ports.deliveries(of)

    return replace(
        ports,
        desk=_Desk(ports.desk, scope, registry, history, orders, journal),
        journal=journal,
        history=history,
        orders=orders,
        telemetry=_Telemetry(ports.telemetry, registry),
        board=board,
        registry=registry,
        liveness=lambda device: ports.liveness(device) if device in registry().devices else DeviceLiveness("unknown"),
        deliveries=deliveries,
        measures=tuple,
        simulation=lambda: None,  # a simulated world is one: what begins in it may begin anywhere
    )


def passes(ports: ApiPorts, entry: Input) -> bool:
    """True if somebody whose ports these are may hand `entry` in."""
    if not isinstance(ports.desk, _Desk):
        return True
    try:
        ports.desk.check(entry)
    except NotFound:
        return False
    return True


def _known(of: str, history: "_History", orders: "_Orders") -> None:
    """Raises `NotFound` unless `of` is an alert or an order within the scope."""
    try:
        history.alert(of)
    except NotFound as unknown:
        if isinstance(unknown, Hidden):
            raise
        orders.order(of)


class _Desk:
    """`alerts.ports.Desk` that takes nothing about what is out of scope."""

    def __init__(
        self,
        desk: Desk,
        scope: Scope,
        registry: Callable[[], Registry],
        history: "_History",
        orders: "_Orders",
        journal: "_Journal",
    ) -> None:
        self._desk, self._scope, self._registry = desk, scope, registry
        self._history, self._orders, self._journal = history, orders, journal

    def submit(self, entry: Input) -> "Future[Answer]":
        """See `alerts.ports.Desk`. Reads the database: call it off the event loop."""
        self.check(entry)
        return self._desk.submit(entry)

    def check(self, entry: Input) -> None:
        """Raises `NotFound` when `entry` is about what is out of scope, `Forbidden` for what only all may do."""
        match entry:
            case Record():
                pass
            case Command():
                self._history.alert(entry.alert_id)
            case StepOrder():
                self._orders.order(entry.order_id)
            case OpenOrder():
                self._check_new(entry)
            case DeclareMaintenance():
                self._check_target(entry.target)
            case EndMaintenance():
                if all(window.window != entry.window for window in self._journal.maintenance()):
                    raise Hidden("maintenance.unknown", f"no open window {entry.window!r}", window=entry.window)
            case _:
                raise Forbidden("scope.too_narrow", "this takes an account that is bound to no place")

    def _check_new(self, entry: OpenOrder) -> None:
        if entry.alert_id is not None:
            self._history.alert(entry.alert_id)
        if not self._scope.holds(entry.compound) or (entry.kind and not self._scope.holds(entry.compound, entry.kind)):
            raise Hidden("place.unknown", f"there is no place {entry.place!r}", id=entry.place)
        if entry.device is not None and entry.device not in self._registry().devices:
            raise Hidden("device.unknown", f"there is no device {entry.device!r}", device=entry.device)

    def _check_target(self, target: str) -> None:
        registry = self._registry()
        if target in registry.devices:
            return
        # A window over a place mutes all kinds of devices in it: whoever has to do with lifts declares one for a lift.
        compound = registry.nearest(target, "compound")
        if compound is None or not self._scope.holds(compound.id) or self._scope.kinds is not None:
            raise Hidden("maintenance.target", f"there is no device or place {target!r}", target=target)


class _History:
    """`alerts.ports.History` of what is within the scope."""

    def __init__(self, history: History, scope: Scope) -> None:
        self._history, self._scope = history, scope

    def alert(self, alert_id: str) -> Alert:
        """See `alerts.ports.History`. Raises `Hidden`."""
        found = self._history.alert(alert_id)
        if not self._scope.holds(found.compound, found.kind):
            raise Hidden("alert.unknown", f"there is no alert {alert_id!r}", id=alert_id)
        return found

    def alerts(self, query: AlertQuery) -> Page:
        """See `alerts.ports.History`."""
        return self._history.alerts(changed(query, scope=self._scope))

    def dead_letters(self, *, reason: str | None, cursor: str | None, limit: int) -> Page:
        """Raises `Forbidden`: a refused packet may be from anywhere."""
        del reason, cursor, limit
        raise _too_narrow()

    def dead_letter_counts(self) -> dict[str, int]:
        """Raises `Forbidden`."""
        raise _too_narrow()

    def raised(self, since_ms: int, until_ms: int) -> list[Raised]:
        """See `alerts.ports.History`."""
        return [one for one in self._history.raised(since_ms, until_ms) if self._scope.holds(one.compound, one.kind)]


class _Orders:
    """`alerts.order_ports.Orders` of what is within the scope."""

    def __init__(self, orders: Orders, scope: Scope) -> None:
        self._orders, self._scope = orders, scope

    def recent(self) -> list[WorkOrder]:
        """See `alerts.order_ports.Orders`."""
        return [order for order in self._orders.recent() if self._scope.holds_order(order)]

    def ordered(self) -> set[str]:
        """Raises `Forbidden`: it is about all alerts."""
        raise _too_narrow()

    def last_number(self, day: str) -> int:
        """Raises `Forbidden`."""
        del day
        raise _too_narrow()

    def order(self, order_id: str) -> WorkOrder:
        """See `alerts.order_ports.Orders`. Raises `Hidden`."""
        found = self._orders.order(order_id)
        if not self._scope.holds_order(found):
            raise Hidden("order.unknown", f"there is no order {order_id!r}", id=order_id)
        return found

    def orders(self, query: OrderQuery) -> Page:
        """See `alerts.order_ports.Orders`."""
        return self._orders.orders(changed(query, scope=self._scope))


class _Journal:
    """`api.ports.JournalReader` of lines about what is within the scope."""

    def __init__(
        self,
        journal: JournalReader,
        scope: Scope,
        registry: Callable[[], Registry],
        history: _History,
        orders: _Orders,
    ) -> None:
        self._journal, self._scope, self._registry = journal, scope, registry
        self._history, self._orders = history, orders

    @property
    def store(self) -> str:
        """See `api.ports.JournalReader`."""
        return self._journal.store

    @property
    def seq(self) -> int:
        """See `api.ports.JournalReader`."""
        return self._journal.seq

    def changes_after(self, seq: int, limit: int) -> list[JournalRow]:
        """See `api.ports.JournalReader`. Lines about other things are there, without the thing."""
        return [self._blank(row) for row in self._journal.changes_after(seq, limit)]

    def _blank(self, row: JournalRow) -> JournalRow:
        alert, order = row.alert, row.order
        if alert is not None and self._scope.holds(alert.compound, alert.kind):
            return row
        if order is not None and self._scope.holds_order(order):
            return row
        return changed(row, alert=None, order=None, event=None, alert_id=None, cmd=None, actor="")

    def rows(
        self, *, after: int = 0, limit: int = 100, alert_id: str | None = None, scope: Scope = EVERYWHERE
    ) -> list[JournalRow]:
        """See `api.ports.JournalReader`."""
        del scope
        if alert_id is not None:
            _known(alert_id, self._history, self._orders)
        return self._journal.rows(after=after, limit=limit, alert_id=alert_id, scope=self._scope)

    def maintenance(self) -> list[Any]:
        """See `api.ports.JournalReader`."""
        registry = self._registry()
        return [one for one in self._journal.maintenance() if self._within(one.target, registry)]

    def _within(self, target: str, registry: Registry) -> bool:
        if target in registry.devices:
            return True
        compound = registry.nearest(target, "compound")
        return compound is not None and self._scope.holds(compound.id)


class _Telemetry:
    """`api.ports.TelemetryReader` of devices within the scope; of others there are no values."""

    def __init__(self, telemetry: TelemetryReader, registry: Callable[[], Registry]) -> None:
        self._telemetry, self._registry = telemetry, registry

    def series(
        self, device: str, kind: str, signals: Sequence[str], from_ms: int, until_ms: int, points: int
    ) -> Series:
        """See `api.ports.TelemetryReader`."""
        if device not in self._registry().devices:
            return Series([], {})
        return self._telemetry.series(device, kind, signals, from_ms, until_ms, points)

    def events(self, device: str, kind: str, from_ms: int, until_ms: int, limit: int) -> list[Reading]:
        """See `api.ports.TelemetryReader`."""
        if device not in self._registry().devices:
            return []
        return self._telemetry.events(device, kind, from_ms, until_ms, limit)

    def last_values(self, device: str, kind: str) -> dict[str, LastValue]:
        """See `api.ports.TelemetryReader`."""
        return self._telemetry.last_values(device, kind) if device in self._registry().devices else {}


class _Board:
    """`api.ports.BoardView` of alerts within the scope."""

    def __init__(
        self,
        board: BoardView,
        scope: Scope,
        registry: Callable[[], Registry],
        liveness: Callable[[str], DeviceLiveness],
    ) -> None:
        self._board, self._scope, self._registry, self._liveness = board, scope, registry, liveness

    def _holds(self, wire: Mapping[str, Any]) -> bool:
        return self._scope.holds(wire["compound"]["id"], wire["domain"])

    def board(self) -> Board:
        """See `api.ports.BoardView`."""
        whole = self._board.board()
        return Board(whole.seq, whole.version, [wire for wire in whole.alerts if self._holds(wire)])

    def row(self, alert_id: str) -> Mapping[str, Any] | None:
        """See `api.ports.BoardView`."""
        wire = self._board.row(alert_id)
        return wire if wire is not None and self._holds(wire) else None

    def position(self, values_since_ms: int | None = None) -> Position:
        """See `api.ports.BoardView`."""
        return self._board.position(values_since_ms)

    def since(self, position: Position) -> Delta | None:
        """See `api.ports.BoardView`."""
        delta = self._board.since(position)
        if delta is None:
            return None
        return Delta([change for change in delta.changes if change.within(self._scope)], delta.position)

    def health(self, now_ms: int, scope: Scope = EVERYWHERE) -> dict[str, Any]:
        """See `api.ports.BoardView`."""
        del scope
        figures = self._board.health(now_ms, self._scope)
        states = [self._liveness(device).state for device in self._registry().devices]
        speaking = sum(state in {ONLINE, OVERDUE} for state in states)
        return figures | {"online": speaking, "offline": states.count(OFFLINE), "devices": len(states)}

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """See `api.ports.BoardView`."""
        return self._board.listen(wake)


def _too_narrow() -> Forbidden:
    return Forbidden("scope.too_narrow", "this takes an account that is bound to no place")
