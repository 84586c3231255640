"""A decision in the making: the state as it is, with what this input has led to so far laid over it.

Nothing here touches the state. The second reading of a batch sees what the first one did, because every question goes
through the draft.
"""

from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from alerts.alert import Alert, AlertState, Suppression
from alerts.decision import Decision, Entry, ValueUpdate
from alerts.events import AlertClosed, AlertEvent, AlertSuppressed, AlertUnsuppressed, Event, MaintenanceDeclared
from alerts.inputs import Answered
from alerts.intents import Notify
from alerts.lifecycle import apply, closing_reason, suppressed_by
from alerts.liveness import OFFLINE, grouped
from alerts.orders.events import OrderEvent, OrderOpened
from alerts.orders.lifecycle import apply as apply_order
from alerts.orders.wire import to_wire as order_to_wire
from alerts.rules.base import RuleInfo
from alerts.state import EngineState, Slot, Watch, newest_mark
from alerts.suppression import Flap, maintenance_for
from alerts.times import local_day
from alerts.wire import to_wire
from domain.limits import FRESH_MS_MAX
from domain.orders import WorkOrder
from domain.readings import Reading
from domain.registry import Registry

__all__ = ["Changes", "Draft"]


class Changes(Struct):
    """What `evolve` has to do beside taking over the alerts of the entries."""

    memories: dict[Slot, Any] = field(default_factory=dict)
    flaps: dict[Slot, Flap] = field(default_factory=dict)
    seen: dict[tuple[Slot, str], tuple[int, int]] = field(default_factory=dict)
    live: dict[Watch, tuple[str, str]] = field(default_factory=dict)
    """Device → (new liveness state, why)."""
    clocks: dict[Watch, str] = field(default_factory=dict)
    """Devices whose clock was set back → name of their new clock (`Watch.clock`)."""
    heard: dict[Watch, int] = field(default_factory=dict)
    """Devices that spoke by a state report."""
    readings: list[Reading] = field(default_factory=list)
    values: list[ValueUpdate] = field(default_factory=list)
    windows: dict[str, MaintenanceDeclared | None] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    answers: dict[str, Answered] = field(default_factory=dict)
    number: tuple[str, int] | None = None
    order_number: tuple[str, int] | None = None
    looked: dict[str, int] = field(default_factory=dict)
    """Order → when it must be looked at again."""
    unopened: int = 0
    started_ms: int | None = None
    ticked_ms: int | None = None
    turned_back: bool = False
    """Our own clock was set back: see `EngineState.turn_back`."""
    registry: Registry | None = None
    at_ms: int = 0


class Draft:
    """Collects the consequences of one input at `now_ms`."""

    def __init__(self, state: EngineState, now_ms: int) -> None:
        self.state = state
        self.now_ms = now_ms
        self.entries: list[Entry] = []
        self.intents: list[Notify] = []
        self.changes = Changes(at_ms=now_ms)
        self.answer: Alert | None = None
        self.answer_order: WorkOrder | None = None
        self._orders: dict[str, WorkOrder] = {}
        self._alerts: dict[str, Alert] = {}
        self._latest: dict[Slot, Alert] = {}
        self._opened = 0

    # --- questions --------------------------------------------------------------------------------------------------

    def alert(self, alert_id: str) -> Alert | None:
        """An alert as it stands now: open, or closed not long ago."""
        state = self.state
        return self._alerts.get(alert_id) or state.alerts.get(alert_id) or state.closed.get(alert_id)

    def open_at(self, slot: Slot) -> Alert | None:
        """The open alert of `slot`."""
        if slot in self._latest:
            latest = self._latest[slot]
            return latest if latest.open else None
        return None if slot.alert_id is None else self.state.alerts[slot.alert_id]

    def open_alerts(self) -> list[Alert]:
        """All open alerts as they stand now, oldest first."""
        return [alert for alert in {**self.state.alerts, **self._alerts}.values() if alert.open]

    def open_count(self) -> int:
        """How many alerts are open."""
        return len(self.state.alerts) + self._opened

    def last_alert(self, slot: Slot) -> str | None:
        """Id of the latest alert of `slot`, open or closed."""
        return self._latest[slot].id if slot in self._latest else slot.last_alert

    def marks(self, slot: Slot) -> dict[str, tuple[int, int]]:
        """The last journalled finding of each source of `slot`."""
        return self._latest[slot].marks if slot in self._latest else slot.marks

    def mark_ms(self, slot: Slot) -> int:
        """Event time of the newest journalled finding of any source of `slot`."""
        latest = self._latest.get(slot)
        return slot.mark_ms if latest is None else newest_mark(slot.mark_ms, latest)

    def memory(self, slot: Slot) -> Any:
        """What the rule remembers about `slot`."""
        return self.changes.memories.get(slot, slot.memory)

    def clock(self, watch: Watch) -> str:
        """Name of the clock that the device's instants are told by."""
        return self.changes.clocks.get(watch, watch.clock)

    def flap(self, slot: Slot) -> Flap:
        """The latest transitions of `slot`."""
        return self.changes.flaps.get(slot, slot.flap)

    def live(self, watch: Watch) -> str:
        """Liveness state of a device."""
        change = self.changes.live.get(watch)
        return watch.live if change is None else change[0]

    def back_since(self, watch: Watch) -> int:
        """When (receive time) the device last ceased to be offline."""
        return self.now_ms if watch.live == OFFLINE and watch in self.changes.live else watch.back_ms

    def windows(self) -> list[MaintenanceDeclared]:
        """Maintenance windows that have not ended."""
        known = {**self.state.windows, **self.changes.windows}
        return [window for window in known.values() if window is not None]

    def rule(self, alert: Alert) -> RuleInfo | None:
        """The rule behind an alert, if it is still in force."""
        return self.state.rule(alert.rule)

    def order(self, order_id: str) -> WorkOrder | None:
        """An order as it stands now: open, or closed not long ago."""
        book = self.state.book
        return self._orders.get(order_id) or book.open.get(order_id) or book.closed.get(order_id)

    def open_orders(self) -> list[WorkOrder]:
        """All open orders as they stand now, oldest first."""
        return [order for order in {**self.state.book.open, **self._orders}.values() if order.open]

    def orders_due(self) -> list[WorkOrder]:
        """Open orders for which something may be due: by time, by one of their alerts, or by what was decided here."""
        ids = dict.fromkeys((*self.state.book.due(self.now_ms), *self._orders))
        return [order for order in map(self.order, ids) if order is not None and order.open]

    # --- consequences -----------------------------------------------------------------------------------------------

    def record(
        self,
        event: Event,
        actor: str,
        alert: Alert | None = None,
        cmd: str | None = None,
        order: WorkOrder | None = None,
    ) -> None:
        """Adds a line for the journal."""
        self.entries.append(Entry(event, actor, self.now_ms, alert, cmd, order))

    def put_order(
        self, order: WorkOrder, event: OrderOpened | OrderEvent, actor: str, reason: str, cmd: str | None = None
    ) -> WorkOrder:
        """Lays a new version of an order over the state, journals why, and tells the world."""
        self._orders[order.id] = order
        self.record(event, actor, cmd=cmd, order=order)
        body = order_to_wire(order, self.state.registry)
        self.intents.append(
            Notify(f"{order.id}:{order.rev}:mqtt", "mqtt", order.id, order.rev, order.severity, reason, True, body,
                   "order")
        )  # fmt: skip
        return order

    def step_order(self, order: WorkOrder, event: OrderEvent, actor: str, cmd: str | None = None) -> WorkOrder:
        """Lets an order take a step. Raises `Conflict` where it has no meaning. Returns the order after."""
        who = self.state.registry.organisations.get(event.organisation or order.organisation or "")
        far = who is not None and who.kind.startswith("maint_")
        after = apply_order(order, event, actor, self.now_ms, self.state.book.calendar, maintenance=far)
        return self.put_order(after, event, actor, str(event.step), cmd)

    def put(self, alert: Alert) -> None:
        """Lays a new version of an alert over the state."""
        before = self.alert(alert.id)
        self._opened += alert.open - (before is not None and before.open)
        self._alerts[alert.id] = alert
        self._latest[self.state.slots[alert.rule, alert.target]] = alert

    def step(
        self,
        alert: Alert,
        event: AlertEvent,
        actor: str,
        *,
        reason: str,
        ring: bool = False,
        cmd: str | None = None,
        marks: dict[str, tuple[int, int]] | None = None,
    ) -> Alert:
        """Changes an alert, journals it, and tells the world. Closes it when nothing is left to wait for.

        `ring` asks for people to be called; it is granted unless the alert is suppressed. Returns the alert after.
        """
        info = self.rule(alert)
        verify = (info.verify_s, info.verify_severity) if info else (None, None)
        after = apply(alert, event, actor, self.now_ms, verify)
        if marks is not None:
            after = replace(after, marks=marks)
        self.record(event, actor, after, cmd)
        ending = closing_reason(after)
        if ending is not None:
            closing = AlertClosed(after.id, ending)
            after = apply(after, closing, actor, self.now_ms)
            self.record(closing, actor, after, cmd)
            reason = "closed"
        self.put(after)
        if not after.open and info is not None and info.clear == "manual":
            # No reading will tell the rule that it is over: the person who closed the record has.
            self.changes.memories[self.state.slots[after.rule, after.target]] = None
        self.notify(after, reason, ring=ring)
        if after.severity == 1 and after.suppressed:
            after = self._heard_at_last(after)
        return after

    def _heard_at_last(self, alert: Alert) -> Alert:
        """What was put aside at severity 2, by one person or for its restlessness, is another matter at 1."""
        covered = maintenance_for(alert, self.windows(), self.state.registry, self.now_ms) is not None
        for by in ("shelved", "flapping", *(() if covered else ("maintenance",))):
            if alert.open and suppressed_by(alert, by) is not None:
                alert = self.unsuppress(alert, by, "severity_1", "system")
        return alert

    def suppress(
        self, alert: Alert, suppression: Suppression, actor: str = "system", cmd: str | None = None, note: str = ""
    ) -> Alert:
        """Keeps an alert from ringing, unless it is kept so in exactly this way already."""
        if suppressed_by(alert, suppression.by) == suppression:
            return alert
        return self.step(alert, AlertSuppressed(alert.id, suppression, note), actor, reason="suppressed", cmd=cmd)

    def unsuppress(self, alert: Alert, by: str, why: str, actor: str, cmd: str | None = None) -> Alert:
        """Ends one reason not to ring. An alert that nobody has seen yet rings from now on."""
        ring = alert.state is AlertState.UNACKNOWLEDGED
        return self.step(alert, AlertUnsuppressed(alert.id, by, why), actor, reason="unsuppressed", ring=ring, cmd=cmd)

    def notify(self, alert: Alert, reason: str, *, ring: bool) -> None:
        """Owes the world a word about `alert` as it stands."""
        body = to_wire(alert, self.state.registry, self.now_ms, self.rule(alert))
        key = f"{alert.id}:{alert.rev}:mqtt"
        rings = ring and alert.open and not alert.suppressed
        self.intents.append(Notify(key, "mqtt", alert.id, alert.rev, alert.severity, reason, rings, body))

    def fresh_enough(self, alert: Alert, at_ms: int) -> bool:
        """True when people may be called for what happened at event time `at_ms`: nobody is for old history."""
        return alert.life_safety or self.now_ms - at_ms <= FRESH_MS_MAX

    def next_number(self) -> str:
        """The next number for people: ``GJ-20261122-0187``, counted anew each local day."""
        day = local_day(self.now_ms)
        last_day, last = self.changes.number or (self.state.number_day, self.state.last_number)
        # A batch received before midnight may be decided after a tick that came later: days never go back.
        day = max(day, last_day)
        number = last + 1 if day == last_day else 1
        self.changes.number = (day, number)
        return f"GJ-{day}-{number:04d}"

    def next_order_number(self) -> str:
        """The next number of an order for people: ``GD-20261123-0007``, counted anew each local day."""
        day = local_day(self.now_ms)
        last_day, last = self.changes.order_number or (self.state.book.day, self.state.book.last_number)
        day = max(day, last_day)
        number = last + 1 if day == last_day else 1
        self.changes.order_number = (day, number)
        return f"GD-{day}-{number:04d}"

    def decision(self) -> Decision:
        """The finished decision: liveness changes are journalled last, in one event for each kind of change."""
        if not self.state.catching_up:
            moved = ((watch.device.id, live, why) for watch, (live, why) in self.changes.live.items())
            for event in grouped(moved, self.now_ms):
                self.record(event, "system" if event.why in {"data", "state", "lwt"} else "clock")
        return Decision(
            self.entries, self.intents, self.changes.values, self.answer_order or self.answer, memory=self.changes
        )
