"""The product on virtual time: the real `decide` and `evolve`, fed by a simulated world, without broker or stores.

What differs from the running product, and no more: messages arrive at once and whole (no wire, no gate), the clock
ticks every `TICK_S` instead of every second, and nothing is stored. A tick is left out where nothing could follow
from it (`VirtualHouse.idle`); that is where most of the speed comes from.
"""

import contextlib
import gc
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from msgspec import Struct, field

from alerts.alert import Alert
from alerts.decision import Decision
from alerts.engine import decide, evolve
from alerts.events import AlertRaised, AlertReturned, ConditionReoccurred, Event
from alerts.inputs import DeclareMaintenance, EndMaintenance, Input, Tick
from alerts.rules.base import Rulebook
from alerts.state import EngineState, Slot
from domain.kinds import KINDS
from domain.readings import Batch, DeviceEvent, Reading, StateReport
from domain.registry import Registry
from scoring.desk import Desk
from simulators.kernel import Item, Link, Message
from simulators.scenarios import Staged
from simulators.truth import Truth
from simulators.world import World

__all__ = ["STEP_MS", "TICK_S", "Costs", "Record", "Told", "VirtualHouse", "calm", "declarations", "play", "reading"]

STEP_MS: Final = 1_000
"""Messages of so long a time are judged as one batch, as intake does under load."""
TICK_S: Final = 5
FULL_TICK_MS: Final = 300_000
"""At least so often a tick is judged whatever `idle` says: rules by the calendar."""
_VALUES: Final[dict[str, Callable[..., Any]]] = {name: kind.values for name, kind in KINDS.items()}


def reading(message: Message) -> Reading:
    """What intake would make of a message that came at once. The values are in canonical form already."""
    values, event = message.values, message.event
    return Reading(
        message.device,
        message.kind,
        message.ts_ms,
        message.ts_ms,
        None if values is None else _VALUES[message.kind](**values),
        None if event is None else DeviceEvent(**event),
        message.seq,
        "boot",
    )


class Told(Struct, frozen=True, gc=False):
    """One time that an alert spoke of its condition."""

    at_ms: int
    """Receive time: when it was on the operator's screen, were screens infinitely fast."""
    how: str
    """``raised``; ``again`` where it had returned and rings anew; ``counted`` where it was open and held anyway."""
    severity: int
    muted: bool
    """It rang nobody: maintenance, inhibited, superseded or flapping."""
    device: str
    """Whose reading led to it."""


class Record(Struct):
    """The life of one alert."""

    id: str
    rule: str
    target: str
    compound: str
    raised_ms: int
    onset_ms: int
    told: list[Told] = field(default_factory=list)
    severities: list[tuple[int, int]] = field(default_factory=list)
    """(when, severity) of each step, the first one included."""
    states: list[tuple[int, str]] = field(default_factory=list)
    """(when, ISA-18.2 state) of each change."""
    returned: list[int] = field(default_factory=list)
    """When its condition was seen to be gone (receive time)."""
    rings: list[tuple[int, int]] = field(default_factory=list)
    """(when, severity) of each time that it called people."""

    @property
    def gravest(self) -> int:
        """The gravest severity it reached."""
        return min(severity for _, severity in self.severities)

    @property
    def cleared_ms(self) -> int | None:
        """When its condition was last seen to be gone."""
        return self.returned[-1] if self.returned else None


class VirtualHouse:
    """One rule set at work over one registry. Give it what the world says; `records` holds every alert.

    `desk`: who acknowledges and closes alerts; None: nobody, they stay open.
    """

    def __init__(self, registry: Registry, rulebook: Rulebook, desk: Desk | None = None) -> None:
        self.state = EngineState.fresh(registry, rulebook)
        self.desk = desk
        self.records: dict[str, Record] = {}
        """Alert id → its life, in order of raising."""
        self.batches = self.ticks = self.ticks_left_out = 0
        self._full_ms = 0
        self._beats = [
            (watch, min(2 * watch.period_ms + STEP_MS, watch.overdue_ms))
            for watch in self.state.watches.values()
            if watch.device.in_service
        ]
        self._least_ms = min((beat_ms for _, beat_ms in self._beats), default=STEP_MS)
        plans = (*self.state.tick_plan, *self.state.elapse_plan)
        self._timed: frozenset[Slot] = frozenset(slot for _, slot, _ in plans)
        self._stirred = True
        """A rule that time moves may remember something."""
        self._quiet_ms = 0
        """Until then nobody can have been silent for too long."""

    def batch(self, readings: list[Reading], states: list[StateReport], truths: list[Truth], now_ms: int) -> None:
        """Judges what came together; the desk learns what people on site see."""
        if self.desk is not None:
            for truth in truths:
                self.desk.learn(truth)
        if not readings and not states:
            return
        self.batches += 1
        self.take(Batch(readings, states, [], now_ms, self.batches), now_ms)

    def tick(self, now_ms: int) -> None:
        """Time has passed; nothing is judged where nothing could follow from it."""
        if self.desk is not None:
            for command in self.desk.due(self.state, now_ms):
                self.take(command, now_ms)
        if now_ms - self._full_ms < FULL_TICK_MS and self.idle(now_ms):
            self.ticks_left_out += 1
            return
        self.ticks += 1
        self._full_ms = now_ms
        self.take(Tick(), now_ms)

    def idle(self, now_ms: int) -> bool:
        """True where a tick would lead to nothing.

        All devices have spoken within two periods, no rule that time moves remembers anything, no alert waits for a
        deadline, and no work is declared. A rule that calls less than two periods silence is late by up to
        `FULL_TICK_MS`; none of ours does.
        """
        state = self.state
        if state.clocked or state.windows or state.started_ms is None:
            return False
        if self._stirred:
            self._stirred = any(slot.memory is not None for slot in self._timed)
        return not self._stirred and (now_ms <= self._quiet_ms or self._nobody_silent(now_ms))

    def _nobody_silent(self, now_ms: int) -> bool:
        """Looks at every device, and remembers until when that need not be done again."""
        first_ms = now_ms + self._least_ms
        for watch, beat_ms in self._beats:
            heard_ms = watch.heard_ms
            if heard_ms is not None and heard_ms + beat_ms < first_ms:
                if heard_ms + beat_ms < now_ms:
                    return False
                first_ms = heard_ms + beat_ms
        self._quiet_ms = first_ms
        return True

    def take(self, entry: Input, now_ms: int) -> Decision:
        """Decides, notes what became of alerts, and makes it so."""
        decision = decide(self.state, entry, now_ms)
        changes: Any = decision.memory
        if changes is not None and not self._timed.isdisjoint(changes.memories):
            self._stirred = True
        if decision.entries:
            self._note(decision, now_ms)
        evolve(self.state, decision)
        return decision

    def _note(self, decision: Decision, now_ms: int) -> None:
        for line in decision.entries:
            if line.alert is not None:
                self._note_one(line.alert, line.event, now_ms)
                if self.desk is not None:
                    self.desk.see(line.alert, now_ms)
        for intent in decision.intents:
            if intent.ring:
                self.records[intent.alert_id].rings.append((now_ms, intent.severity))

    def _note_one(self, alert: Alert, event: Event, now_ms: int) -> None:
        record = self.records.get(alert.id)
        if record is None:
            record = self.records[alert.id] = Record(
                alert.id, alert.rule, alert.target, alert.compound, now_ms, alert.onset_ms
            )
        before = record.states[-1][1] if record.states else ""
        if before != alert.state:
            record.states.append((now_ms, str(alert.state)))
        if not record.severities or record.severities[-1][1] != alert.severity:
            record.severities.append((now_ms, alert.severity))
        if isinstance(event, AlertReturned):
            record.returned.append(now_ms)
        elif isinstance(event, AlertRaised | ConditionReoccurred):
            how = "raised" if isinstance(event, AlertRaised) else "again" if "rtn" in before else "counted"
            device = alert.device or alert.target
            record.told.append(Told(now_ms, how, alert.severity, bool(alert.suppressed), device))


def declarations(world: Staged) -> list[tuple[int, Input]]:
    """The work and drills of a scenario as a person would declare them, by time."""
    inputs: list[tuple[int, Input]] = []
    for one in world.declares:
        from_ms, until_ms = (world.start_ms + round(s * 1000) for s in (one.from_s, one.until_s))
        window = f"w-{one.label}"
        begins = DeclareMaintenance(
            window=window, target=one.target, from_ms=from_ms, until_ms=until_ms, reason=one.reason, actor=one.actor,
            second=one.second, rules=list(one.rules), purpose="drill" if one.purpose == "drill" else "maintenance",
        )  # fmt: skip
        inputs += [(from_ms, begins), (until_ms, EndMaintenance(window=window, actor=one.actor))]
    return sorted(inputs, key=lambda line: line[0])


class Costs(Struct):
    """CPU seconds of each stage, where somebody asked for them."""

    world: float = 0.0
    reading: float = 0.0
    batches: float = 0.0
    ticks: float = 0.0

    def add(self, world: float, reading: float, batches: float, ticks: float) -> None:
        """One step more."""
        self.world += world
        self.reading += reading
        self.batches += batches
        self.ticks += ticks


def play(
    world: World,
    houses: Sequence[VirtualHouse],
    until_ms: int,
    inputs: Iterable[tuple[int, Input]] = (),
    costs: Costs | None = None,
) -> Iterator[Truth]:
    """Lets `world` live up to `until_ms` before all `houses`; hands out truths as they begin and end.

    Seconds in which nothing is said cost nothing. `inputs` (by time) go to every house when their time comes.
    """
    kernel, tick_ms = world.kernel, TICK_S * 1000
    clock: Callable[[], float] = _no_clock if costs is None else time.process_time
    now_ms = kernel.now_ms
    next_tick_ms = (now_ms // tick_ms + 1) * tick_ms
    waiting = deque(inputs)
    while now_ms < until_ms:
        at_ms = kernel.next_ms
        due_ms = next_tick_ms if at_ms is None else min(next_tick_ms, (at_ms // STEP_MS + 1) * STEP_MS)
        now_ms = min(until_ms, max(due_ms, now_ms + 1))
        begun = clock()
        items = list(world.advance(now_ms))
        lived = clock()
        while waiting and waiting[0][0] <= now_ms:
            entry = waiting.popleft()[1]
            for house in houses:
                house.take(entry, now_ms)
        readings, states, truths = _sorted(items)
        yield from truths
        made = clock()
        for house in houses:
            house.batch(readings, states, truths, now_ms)
        judged = clock()
        if now_ms >= next_tick_ms:
            next_tick_ms += tick_ms
            for house in houses:
                house.tick(now_ms)
        if costs is not None:
            costs.add(lived - begun, made - lived, judged - made, clock() - judged)


def _no_clock() -> float:
    return 0.0


def _sorted(items: Iterable[Item]) -> tuple[list[Reading], list[StateReport], list[Truth]]:
    """What the world said, by what it is."""
    readings, states, truths = [], [], []
    for item in items:
        kind = type(item)
        if kind is Message:
            readings.append(reading(item))
        elif kind is Link:
            states.append(StateReport(item.gateway, item.up, item.ts_ms, item.ts_ms))
        elif kind is Truth:
            truths.append(item)
    return readings, states, truths


@contextlib.contextmanager
def calm() -> Iterator[Any]:
    """Lets the collector look less often: a world and its rules are many objects that stay, and few cycles."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
