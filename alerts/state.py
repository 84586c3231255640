"""The engine's working memory. One writer owns it; `alerts.engine.evolve` is the only thing that changes it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from alerts import liveness
from alerts.alert import Alert
from alerts.clocks import device_of
from alerts.events import MaintenanceDeclared
from alerts.inputs import Answered
from alerts.orders.book import OrderBook
from alerts.ports import SlotMark
from alerts.rules.base import CompiledRule, Rulebook, RuleInfo
from alerts.rules.screen import screen_together
from alerts.suppression import Flap
from alerts.targets import Targets
from domain.devices import Device
from domain.limits import ALERT_MARKS_MAX, CLOSED_ALERTS_KEPT_MAX, COMMANDS_KEPT_MAX
from domain.readings import Reading
from domain.registry import Registry

__all__ = ["CLOCK", "EngineState", "Known", "Slot", "Watch", "newest_mark"]

CLOCK: Final = "clock"
"""Source of findings that time alone led to. Their instants are receive time, those of devices are device time."""

Known = dict[str, tuple[Any, int]]
"""Signal → (last value, its event time ms)."""


class Slot:
    """One (rule, target): what the rule remembers about it, and the last alert it opened."""

    __slots__ = (
        "alert_id",
        "flap",
        "last_alert",
        "mark_ms",
        "marks",
        "memory",
        "rule",
        "seen",
        "settled",
        "target",
        "wakes",
        "watched",
    )

    def __init__(self, rule: str, target: str) -> None:
        self.rule = rule
        self.target = target
        self.memory: Any = None
        self.alert_id: str | None = None
        """The open alert, if any."""
        self.last_alert: str | None = None
        """The latest alert, open or closed."""
        self.mark_ms = 0
        """Event time of the newest journalled finding of any source."""
        self.marks: dict[str, tuple[int, int]] = {}
        """`Alert.marks` of the latest alert."""
        self.seen: dict[str, tuple[int, int]] = {}
        """Source → (event time, number of findings at that instant) as judged, whether or not they had an effect."""
        self.flap = Flap()
        self.settled: str | None = None
        """The latest closed alert whose closing `memory` knows of: see `RuleInfo.clear`, ``manual``."""
        self.watched = False
        """False when no registered device is judged by this rule any more."""
        self.wakes: list[Watch] = []
        """The devices that are awake while this slot remembers something: see `Watch.awake`."""

    def remember(self, memory: Any) -> None:
        """Takes over what the rule remembers from now on."""
        if (memory is None) is not (self.memory is None):
            step = -1 if memory is None else 1
            for watch in self.wakes:
                watch.awake += step
        self.memory = memory

    def note(self, source: str, mark: tuple[int, int]) -> None:
        """Notes a finding as judged; the sources silent for longest go beyond `ALERT_MARKS_MAX`."""
        self.seen[source] = mark
        if len(self.seen) > ALERT_MARKS_MAX:
            del self.seen[min(self.seen, key=lambda name: (self.seen[name], name))]


class Watching(NamedTuple):
    """One rule that watches a device, its bound methods at hand: looking them up costs as much as a look."""

    slot: Slot
    rule: CompiledRule
    screen: Callable[[Reading], bool]
    glance: Callable[[Any, Reading], Any] | None


class Watch:
    """One registered device: the rules that watch it, and what it said last."""

    __slots__ = (
        "awake",
        "back_ms",
        "clock",
        "device",
        "heard_ms",
        "known",
        "last",
        "live",
        "offline_ms",
        "open",
        "overdue_ms",
        "period_ms",
        "rates",
        "rules",
        "said_at_ms",
        "said_ms",
        "since_ms",
        "stirs",
        "ticking",
    )

    def __init__(self, device: Device, period_s: float) -> None:
        self.device = device
        self.period_ms = round(period_s * 1000)
        self.overdue_ms, self.offline_ms = liveness.deadlines_ms(period_s)
        self.rules: tuple[Watching, ...] = ()
        self.rates: tuple[Watching, ...] = ()
        """Those of `rules` that have a `glance`: they want to see every reading."""
        self.stirs: Callable[[Reading], bool] = _stirs_nothing
        """False only if none of the other `rules` would do anything about a reading while all of them are idle."""
        self.awake = 0
        """How many of the other `rules` remember something, and so must see every reading too."""
        self.ticking: tuple[tuple[Slot, CompiledRule], ...] = ()
        self.open: dict[str, str] = {}
        """Open alerts of this device → their main signal."""
        self.heard_ms: int | None = None
        """Receive time of its last word."""
        self.said_ms = 0
        """Event time of its last reading that was not late."""
        self.said_at_ms = 0
        """When (receive time) that came; 0: never. Both together tell what the device's clock shows now."""
        self.live = liveness.UNKNOWN
        self.since_ms = 0
        """Since when (receive time) it is in this liveness state."""
        self.back_ms = 0
        """When it last ceased to be offline."""
        self.clock = device.id
        """Source of its findings: its id, or after its clock was set back another name (`alerts.clocks`)."""
        self.last: Reading | None = None
        """The newest reading with values."""
        self.known: Known = {}
        """Older values that `last` did not repeat."""


def _stirs_nothing(reading: Reading) -> bool:
    """For a device that no rule watches."""
    del reading
    return False


class EngineState:
    """Everything `decide` may look at. Made by `EngineState.fresh`, brought up to date by `alerts.checkpoint.restore`.

    `catching_up`: set True by the station while it judges stored telemetry again after a start; liveness changes are
    then remembered but not journalled a second time.
    """

    def __init__(self, registry: Registry, rulebook: Rulebook) -> None:
        self.registry = registry
        self.rulebook = rulebook
        self.slots: dict[tuple[str, str], Slot] = {}
        self.watches: dict[str, Watch] = {}
        self.alerts: dict[str, Alert] = {}
        """Open alerts by id."""
        self.closed: dict[str, Alert] = {}
        """The latest closed ones, oldest first."""
        self.clocked: dict[str, None] = {}
        """Open alerts that time alone can change: suppressed ones and those with a verification clock."""
        self.windows: dict[str, MaintenanceDeclared] = {}
        self.begun: set[str] = set()
        """Maintenance windows whose beginning has had its effect."""
        self.answers: dict[str, Answered] = {}
        """Client command id → what the command was."""
        self.number_day = ""
        self.last_number = 0
        self.unopened = 0
        """Breaches counted but not opened because of `OPEN_ALERTS_MAX`."""
        self.started_ms: int | None = None
        """Receive time of the first tick: silence before it is our own absence."""
        self.ticked_ms: int | None = None
        """Receive time of the latest tick."""
        self.turned_ms: int | None = None
        """What our own clock was set back to last, or showed at the start."""
        self.book = OrderBook()
        """Work orders."""
        self.sources: frozenset[str] = frozenset()
        """Rules whose open alerts explain others (`RuleInfo.symptom_of`)."""
        self.catching_up = False
        self.members: dict[Slot, tuple[Watch, ...]] = {}
        """Shared slot of a ticking rule (zone, gateway, compound) → the devices it is made of."""
        self.tick_plan: tuple[tuple[Watch, Slot, CompiledRule], ...] = ()
        self.elapse_plan: tuple[tuple[Watch, Slot, CompiledRule], ...] = ()
        """Rules with holds that time alone may complete."""

    @classmethod
    def fresh(
        cls,
        registry: Registry,
        rulebook: Rulebook,
        *,
        open_alerts: Iterable[Alert] = (),
        marks: Iterable[SlotMark] = (),
        maintenance: Iterable[MaintenanceDeclared] = (),
        answers: Mapping[str, Answered] | None = None,
        last_number: int = 0,
        number_day: str = "",
    ) -> "EngineState":
        """The state as the journal and the registry tell it; rule memory and last values are empty.

        `number_day` is the local day (``20261122``) whose highest alert number is `last_number`.
        """
        state = cls(registry, rulebook)
        state.number_day, state.last_number = number_day, last_number
        for mark in marks:
            slot = state.slot(mark.rule, mark.target)
            slot.last_alert = mark.alert_id
            slot.marks = {source: (at[0], at[1]) for source, at in mark.sources.items()}
            slot.mark_ms = max([mark.at_ms, *(at for at, _ in slot.marks.values())])
        for window in maintenance:
            state.windows[window.window] = window
        for cmd, answered in (answers or {}).items():
            state.remember_answer(cmd, answered)
        state.adopt(registry, rulebook)
        for alert in open_alerts:
            state.put(alert)
        return state

    def slot(self, rule: str, target: str) -> Slot:
        """The slot of (rule, target), made when first asked for."""
        key = (rule, target)
        found = self.slots.get(key)
        if found is None:
            found = self.slots[key] = Slot(rule, target)
        return found

    def rule(self, rule_id: str) -> RuleInfo | None:
        """What is known of a rule; None when it is no longer in force."""
        return self.rulebook.rules.get(rule_id)

    def adopt(self, registry: Registry, rulebook: Rulebook) -> None:
        """Judge by this registry and rulebook from now on. What was remembered by id is kept; open alerts stay."""
        known = self.rulebook.rules
        self.registry, self.rulebook = registry, rulebook
        before, self.watches = self.watches, {}
        for slot in self.slots.values():
            slot.watched = False
            slot.wakes = []
            now, then = rulebook.rules.get(slot.rule), known.get(slot.rule)
            if now is not None and then is not None and now.version != then.version:
                slot.memory = None  # another version may mean something else by it
        self.sources = frozenset(source for info in rulebook.rules.values() for source in info.symptom_of)
        targets = Targets(registry)
        for device in registry.devices.values():
            self.watches[device.id] = self._watch(device, before.get(device.id), targets)
        self._plan_ticks()
        for alert in self.alerts.values():
            self._link(alert)

    def _watch(self, device: Device, before: Watch | None, targets: Targets) -> Watch:
        watch = Watch(device, self.registry.period_s(device))
        if before is not None:
            for kept in ("heard_ms", "said_ms", "said_at_ms", "live", "since_ms", "back_ms", "clock", "last", "known"):
                setattr(watch, kept, getattr(before, kept))
        if not device.in_service:
            return watch
        rules = []
        for rule in self.rulebook.for_device(device, self.registry.overrides.get(device.compound, {})):
            slot = self.slot(rule.info.id, targets.of(rule.info.scope, device))
            slot.watched = True
            rules.append(Watching(slot, rule, rule.screen, rule.glance))
        watch.rules = tuple(rules)
        watch.rates = tuple(one for one in rules if one.glance is not None)
        others = [one for one in rules if one.glance is None]
        watch.stirs = screen_together(tuple(one.rule for one in others))
        for one in others:
            one.slot.wakes.append(watch)
            watch.awake += one.slot.memory is not None
        watch.ticking = tuple((one.slot, one.rule) for one in rules if one.rule.ticks or one.rule.info.surveys)
        return watch

    def _plan_ticks(self) -> None:
        """Each slot ticks once, shared ones by their first device; gateways first, because they explain the others."""
        members: dict[Slot, dict[Watch, None]] = {}
        plan: dict[Slot, tuple[Watch, Slot, CompiledRule]] = {}
        for watch in sorted(self.watches.values(), key=lambda w: (w.device.kind != "gateway", w.device.id)):
            for slot, rule in watch.ticking:
                if rule.info.scope != "device":
                    heard = self._surveyed(slot, rule.info) or [watch]
                    members.setdefault(slot, {}).update(dict.fromkeys(heard))
                plan.setdefault(slot, (watch, slot, rule))
        self.members = {slot: tuple(watches) for slot, watches in members.items()}
        self.tick_plan = tuple(plan.values())
        self.elapse_plan = tuple(
            (watch, one.slot, one.rule) for watch in self.watches.values() for one in watch.rules if one.rule.elapses
        )

    def _surveyed(self, slot: Slot, info: RuleInfo) -> list[Watch]:
        """The devices a surveying rule counts: those of every kind at its target. Empty for other rules."""
        if not info.surveys or info.scope not in ("gateway", "compound"):
            return []
        registry = self.registry
        found = registry.devices_behind if info.scope == "gateway" else registry.devices_in
        return [self.watches[device.id] for device in found(slot.target) if device.in_service]

    def put(self, alert: Alert) -> None:
        """Takes over an alert as journalled."""
        self.book.follow(alert)
        slot = self.slot(alert.rule, alert.target)
        slot.last_alert = alert.id
        slot.marks = alert.marks
        slot.mark_ms = newest_mark(slot.mark_ms, alert)
        if alert.open:
            self.alerts[alert.id] = alert
            slot.alert_id = alert.id
            if alert.suppressed or alert.verify_ms is not None:
                self.clocked[alert.id] = None
            else:
                self.clocked.pop(alert.id, None)
            self._link(alert)
            return
        self.alerts.pop(alert.id, None)
        self.clocked.pop(alert.id, None)
        for device in self._devices_of(alert):
            device.open.pop(alert.id, None)
        slot.settled = alert.id
        if slot.alert_id == alert.id:
            slot.alert_id = None
        self.closed.pop(alert.id, None)
        self.closed[alert.id] = alert
        while len(self.closed) > CLOSED_ALERTS_KEPT_MAX:
            del self.closed[next(iter(self.closed))]

    def turn_back(self, now_ms: int) -> None:
        """Our own clock was set back to `now_ms`: receive times that would lie in the future become the present."""
        self.turned_ms = now_ms
        self.book.turn_back()
        if self.started_ms is not None:
            self.started_ms = min(self.started_ms, now_ms)
        for watch in self.watches.values():
            watch.since_ms, watch.back_ms = min(watch.since_ms, now_ms), min(watch.back_ms, now_ms)
            watch.said_at_ms = min(watch.said_at_ms, now_ms)
            if watch.heard_ms is not None:
                watch.heard_ms = min(watch.heard_ms, now_ms)

    def show_value(self, alert_id: str, value: float) -> None:
        """Takes over a newer value of an open alert's main signal. It is not journalled: `rev` stays."""
        alert = self.alerts.get(alert_id)
        if alert is not None:
            self.alerts[alert_id] = replace(alert, value=value)

    def _link(self, alert: Alert) -> None:
        for watch in self._devices_of(alert):
            if alert.signal is not None and watch.device.id == alert.device:
                watch.open[alert.id] = alert.signal
            else:
                watch.open.pop(alert.id, None)

    def _devices_of(self, alert: Alert) -> list[Watch]:
        """Devices that may be linked to an alert: those whose findings it counts, and the one it shows."""
        ids = {*map(device_of, alert.marks), alert.device}
        return [self.watches[name] for name in sorted(filter(None, ids)) if name in self.watches]

    def remember_answer(self, cmd: str, answered: Answered) -> None:
        """Notes that a command had its effect; beyond `COMMANDS_KEPT_MAX` the oldest are forgotten."""
        self.answers[cmd] = answered
        while len(self.answers) > COMMANDS_KEPT_MAX:
            del self.answers[next(iter(self.answers))]


def newest_mark(mark_ms: int, alert: Alert) -> int:
    """The newest event time known for a slot that stood at `mark_ms`, given its latest alert."""
    return max([mark_ms, alert.onset_ms, *(at for source, (at, _) in alert.marks.items() if source != CLOCK)])
