"""The board in memory and what has just changed on it: between the station, which tells, and the API, which serves.

The station's thread calls `publish`; nothing in here waits for a client. A client that reads slowly finds its place no
longer in the ring and is told to fetch the board anew.
"""

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from alerts.alert import Alert, AlertState
from alerts.decision import Entry, ValueUpdate
from alerts.events import AlertRaised, RegistryImported, RulesLoaded
from alerts.liveness import OFFLINE, ONLINE, OVERDUE
from alerts.orders.wire import to_wire as order_to_wire
from alerts.ports import Raised
from alerts.rules.base import Rulebook
from alerts.times import local_day
from alerts.wire import STALE_MS, aging, patch, to_wire
from api.changes import changed, live, order_changed
from api.ports import Board, Change, Delta, Position
from api.times import rfc3339
from domain.access import EVERYWHERE, Scope
from domain.limits import STREAM_BACKLOG_MAX, TREND_POINTS_MAX
from domain.orders import WorkOrder
from domain.registry import Registry

__all__ = ["LiveFeed"]

RATE_WINDOW_S: Final = 600
STRIP_BARS: Final = 12
FLOOD_ENTERS_ABOVE: Final = 10
"""Alerts in ten minutes (ISA-18.2)."""
FLOOD_LEAVES_BELOW: Final = 5
AGED_AT_ONCE: Final = 200
"""Alerts looked at in one call for what time alone has changed, so that no other thread waits long for the lock."""

_RINGING: Final = (AlertState.UNACKNOWLEDGED, AlertState.RETURNED_UNACKNOWLEDGED)


class _Fresh(NamedTuple):
    number: int
    """Rises with every such change of the whole board."""
    at_ms: int
    names: frozenset[str]
    """Members of the wire form that have changed this way since the alert was opened."""


class LiveFeed:
    """The `Feed` port towards the station and the `BoardView` port towards the API."""

    def __init__(
        self,
        *,
        seq: int,
        alerts: Iterable[Alert],
        registry: Callable[[], Registry],
        rulebook: Callable[[], Rulebook],
        now_ms: int,
        liveness: Callable[[], Mapping[str, int]] = dict,
        raised: Iterable[Raised] = (),
        orders: Iterable[WorkOrder] = (),
    ) -> None:
        """Begins with the open `alerts` as they stand at journal line `seq`.

        `liveness` counts devices by liveness state. `raised`: the alerts raised in the last two hours, oldest first,
        so that the flood strip survives a restart. `orders`: the open work orders.
        """
        self._lock = threading.Lock()
        self._registry = registry
        self._rulebook = rulebook
        self._liveness = liveness
        self._seq = seq
        self._floor = seq
        """Every change after this line is in the ring."""
        self._ring: deque[tuple[int, Change]] = deque()
        self._orders = {order.id: order for order in orders}
        self._alerts: dict[str, Alert] = {}
        self._wires: dict[str, dict[str, Any]] = {}
        self._fresh: dict[str, _Fresh] = {}
        """Alert → what of it has changed without a journal line; the most recently changed stand last."""
        self._values = 0
        self._kin: dict[str, set[str]] = {}
        self._rates = _Rates(raised)
        self._wakes: tuple[Callable[[], None], ...] = ()
        self._young: OrderedDict[str, None] = OrderedDict()
        """Alerts that have yet to come of age, in the order in which they were raised."""
        self._revisit: dict[str, None] = {}
        """Alerts that have not been looked at on this calendar day."""
        self._day = local_day(now_ms)
        self._drawn = self._names()
        for alert in sorted(alerts, key=lambda one: one.raised_ms):
            self._alerts[alert.id] = alert
            self._young[alert.id] = None
            self._wires[alert.id] = self._wire(alert, now_ms)
            self._adopt_cause(alert, now_ms)

    # --- Feed: the station's side -------------------------------------------------------------------------------

    def publish(self, seq: int, entries: Sequence[Entry], values: Sequence[ValueUpdate], now_ms: int) -> None:
        """See `alerts.ports.Feed`."""
        with self._lock:
            line = seq - len(entries)
            for entry in entries:
                line += 1
                self._enter(line, entry, now_ms)
            self._seq = max(self._seq, seq)
            for update in values:
                self._update(update, now_ms)
        for wake in self._wakes:
            wake()

    def _enter(self, seq: int, entry: Entry, now_ms: int) -> None:
        if isinstance(entry.event, RegistryImported | RulesLoaded):
            self._redraw(seq, now_ms)
        if entry.order is not None:
            self._enter_order(seq, entry.order, entry.cmd)
        alert = entry.alert
        if alert is None:
            return
        before = self._wires.get(alert.id)
        wire = self._wire(alert, now_ms)
        if isinstance(entry.event, AlertRaised) and "drill" not in alert.flags:
            self._rates.count(Raised(entry.at_ms, alert.compound, alert.kind))
        known = self._alerts.get(alert.id)
        if known is not None and known.cause != alert.cause:
            self._leave_cause(known, now_ms)
        if alert.open:
            if known is None:
                self._young[alert.id] = None
            self._alerts[alert.id] = alert
            self._wires[alert.id] = wire
            self._adopt_cause(alert, now_ms)
        else:
            self._forget(alert, now_ms)
        difference = wire if before is None else patch(before, wire)
        self._tell(seq, Change(changed(seq, entry.event, wire, difference, entry.cmd), "alert", alert))

    def _enter_order(self, seq: int, order: WorkOrder, cmd: str | None) -> None:
        if order.open:
            self._orders[order.id] = order
        else:
            self._orders.pop(order.id, None)
        wire = order_to_wire(order, self._registry())
        self._tell(seq, Change(order_changed(seq, wire, cmd), "order", order))

    def _tell(self, seq: int, change: Change) -> None:
        self._ring.append((seq, change))
        if len(self._ring) > STREAM_BACKLOG_MAX:
            self._floor = self._ring.popleft()[0]

    def _update(self, update: ValueUpdate, now_ms: int) -> None:
        wire = self._wires.get(update.alert_id)
        if wire is None:
            return
        trend = [*wire["trend"], update.value][-TREND_POINTS_MAX:]
        self._change(update.alert_id, now_ms, value=update.value, trend=trend)

    def _touch(self, alert_id: str, now_ms: int, *names: str) -> None:
        self._values += 1
        before = self._fresh.pop(alert_id, None)
        known = before.names if before is not None else frozenset[str]()
        self._fresh[alert_id] = _Fresh(self._values, now_ms, known.union(names))

    def _wire(self, alert: Alert, now_ms: int) -> dict[str, Any]:
        wire = to_wire(alert, self._registry(), now_ms, self._rulebook().rules.get(alert.rule))
        known = self._wires.get(alert.id)
        if known is not None:
            trend = known["trend"]
        else:
            samples = alert.evidence.samples if alert.evidence is not None else ()
            trend = [value for _, value in samples[-TREND_POINTS_MAX:]]
        return {**wire, "trend": trend, "children": len(self._kin.get(alert.id, ()))}

    def _adopt_cause(self, alert: Alert, now_ms: int) -> None:
        if alert.cause is None:
            return
        kin = self._kin.setdefault(alert.cause, set())
        if alert.id not in kin:
            kin.add(alert.id)
            self._change(alert.cause, now_ms, children=len(kin))

    def _forget(self, alert: Alert, now_ms: int) -> None:
        self._alerts.pop(alert.id, None)
        self._wires.pop(alert.id, None)
        self._fresh.pop(alert.id, None)
        self._young.pop(alert.id, None)
        self._revisit.pop(alert.id, None)
        self._leave_cause(alert, now_ms)

    def _leave_cause(self, alert: Alert, now_ms: int) -> None:
        kin = self._kin.get(alert.cause) if alert.cause is not None else None
        if kin is None or alert.cause is None:
            return
        kin.discard(alert.id)
        self._change(alert.cause, now_ms, children=len(kin))
        if not kin:
            del self._kin[alert.cause]

    def _change(self, alert_id: str, now_ms: int, **members: Any) -> None:
        """Changes members of a row without a journal line. Rows are replaced, never changed: readers hold them."""
        wire = self._wires.get(alert_id)
        if wire is not None:
            self._wires[alert_id] = {**wire, **members}
            self._touch(alert_id, now_ms, *members)

    def _grow_old(self, now_ms: int) -> None:
        """Some alerts become stale, or another firm's, by nothing but time: a bounded number of them at a time."""
        day = local_day(now_ms)
        if day != self._day:
            self._day = day
            self._revisit = dict.fromkeys(self._alerts)
        registry = self._registry()
        for _ in range(AGED_AT_ONCE):
            alert = self._next_of_age(now_ms)
            if alert is None:
                return
            wire = self._wires[alert.id]
            news = {name: now for name, now in aging(alert, registry, now_ms).items() if now != wire[name]}
            if news:
                self._change(alert.id, now_ms, **news)

    def _next_of_age(self, now_ms: int) -> Alert | None:
        if self._revisit:
            return self._alerts[self._revisit.popitem()[0]]
        oldest = next(iter(self._young), None)
        if oldest is None or now_ms - self._alerts[oldest].raised_ms <= STALE_MS:
            return None
        del self._young[oldest]
        return self._alerts[oldest]

    def _redraw(self, seq: int, now_ms: int) -> None:
        """Names or rule texts have changed under all alerts: clients fetch the board anew."""
        if self._drawn == self._names():
            return
        self._drawn = self._names()
        self._wires = {alert.id: self._wire(alert, now_ms) for alert in self._alerts.values()}
        self._ring.clear()
        self._floor = seq

    def _names(self) -> tuple[int, str]:
        return self._registry().version, self._rulebook().digest

    # --- BoardView: the API's side ------------------------------------------------------------------------------

    def board(self) -> Board:
        """See `api.ports.BoardView`."""
        with self._lock:
            return Board(self._seq, (self._seq, self._values), list(self._wires.values()))

    def row(self, alert_id: str) -> Mapping[str, Any] | None:
        """See `api.ports.BoardView`."""
        return self._wires.get(alert_id)

    def position(self, values_since_ms: int | None = None) -> Position:
        """See `api.ports.BoardView`."""
        with self._lock:
            values = self._values
            if values_since_ms is not None:
                for fresh in reversed(self._fresh.values()):
                    if fresh.at_ms < values_since_ms:
                        break
                    values = fresh.number - 1
            return Position(self._seq, values)

    def since(self, position: Position) -> Delta | None:
        """See `api.ports.BoardView`."""
        with self._lock:
            if position.seq < self._floor:
                return None
            found: list[Change] = []
            for seq, change in reversed(self._ring):
                if seq <= position.seq:
                    break
                found.append(change)
            found.reverse()
            newest: list[tuple[Alert, dict[str, Any], frozenset[str]]] = []
            for alert_id, fresh in reversed(self._fresh.items()):
                if fresh.number <= position.values:
                    break
                newest.append((self._alerts[alert_id], self._wires[alert_id], fresh.names))
            now = Position(self._seq, self._values)
        # Rows are replaced on change, never changed: encoding them needs no lock.
        found.extend(Change(live(now.seq, wire, names), "alert", alert) for alert, wire, names in reversed(newest))
        return Delta(found, now)

    def health(self, now_ms: int, scope: Scope = EVERYWHERE) -> dict[str, Any]:
        """See `api.ports.BoardView`. Counts of devices are of all."""
        states = self._liveness()
        with self._lock:
            self._grow_old(now_ms)
            rate10, strip, flood = self._rates.figures(now_ms, scope)
            waiting = [
                one.raised_ms
                for one in self._alerts.values()
                if one.state in _RINGING and not one.suppressed and scope.holds(one.compound, one.kind)
            ]
            late = sum(_overdue(one) and scope.holds_order(one) for one in self._orders.values())
        return {
            "online": states.get(ONLINE, 0) + states.get(OVERDUE, 0),
            "devices": sum(states.values()),
            "offline": states.get(OFFLINE, 0),
            "rate10": rate10,
            "rate_strip": strip,
            "flood": flood,
            "oldest_unacked": rfc3339(min(waiting, default=None)),
            "overdue_orders": late,
        }

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """See `api.ports.BoardView`."""
        with self._lock:
            self._wakes = (*self._wakes, wake)

        def stop() -> None:
            with self._lock:
                self._wakes = tuple(other for other in self._wakes if other is not wake)

        return stop


def _overdue(order: WorkOrder) -> bool:
    return any(clock.breached_ms is not None and clock.done_ms is None for clock in order.clocks)


class _Rates:
    """Alerts raised, counted by the second and by where for the last two hours."""

    def __init__(self, raised: Iterable[Raised]) -> None:
        self._seconds: deque[tuple[int, Counter[tuple[str, str]]]] = deque(maxlen=RATE_WINDOW_S * STRIP_BARS)
        self._flood = False
        for one in raised:
            self.count(one)

    def count(self, one: Raised) -> None:
        second = one.at_ms // 1_000
        if not self._seconds or self._seconds[-1][0] < second:
            self._seconds.append((second, Counter()))
        self._seconds[-1][1][one.compound, one.kind] += 1

    def figures(self, now_ms: int, scope: Scope) -> tuple[int, list[int], bool]:
        """(alerts in the last ten minutes, the same for each of the last twelve such spans, flood)."""
        now_s = now_ms // 1_000
        strip = [0] * STRIP_BARS
        for second, counts in self._seconds:
            age = max(0, now_s - second) // RATE_WINDOW_S
            if age < STRIP_BARS:
                strip[STRIP_BARS - 1 - age] += sum(n for where, n in counts.items() if scope.holds(*where))
        rate10 = strip[-1]
        if not scope.everything:
            return rate10, strip, rate10 > FLOOD_ENTERS_ABOVE
        # Hysteresis: a flood begins above one figure and ends below another.
        self._flood = rate10 >= FLOOD_LEAVES_BELOW if self._flood else rate10 > FLOOD_ENTERS_ABOVE
        return rate10, strip, self._flood
