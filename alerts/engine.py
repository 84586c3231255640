"""The pure core: `decide` says what follows from an input, `evolve` is the only thing that changes the state.

The station calls them in turn: decide, commit what was decided, evolve, answer. A decision that could not be committed
is thrown away, and the state is as if the input had never come.
"""

from typing import Any, Final

from alerts.clocks import clock_from
from alerts.commands import decide_command, decide_maintenance
from alerts.decision import Decision, ValueUpdate
from alerts.draft import Changes, Draft
from alerts.inputs import AdoptRegistry, Command, DeclareMaintenance, EndMaintenance, Input, Record, Tick
from alerts.judging import take_verdict
from alerts.liveness import OFFLINE, ONLINE, UNKNOWN
from alerts.ordering import decide_order, review_orders
from alerts.orders.commands import OpenOrder, StepOrder
from alerts.rules.base import SLOW
from alerts.state import EngineState, Watch
from alerts.ticking import decide_tick, set_live
from alerts.view import BatchView, remember
from domain.readings import Batch, Quality, Reading, StateReport

__all__ = ["decide", "evolve"]

_STALE: Final = int(Quality.STALE)
_LATE: Final = int(Quality.LATE)
_CLOCK_SET: Final = int(Quality.CLOCK_SET)
_RETAINED: Final = int(Quality.RETAINED)
_UNUSUAL: Final = _STALE | _CLOCK_SET


def decide(state: EngineState, entry: Input, now_ms: int) -> Decision:
    """What follows from `entry` at `now_ms` (receive time, epoch ms). Pure: `state` stays as it is.

    A command that has no effect is answered by `Decision.refusal`, never by an exception.
    """
    draft = Draft(state, now_ms)
    match entry:
        case Batch():
            _decide_batch(draft, entry)
        case Tick():
            decide_tick(draft)
            review_orders(draft)
        case Command():
            return decide_command(draft, entry)
        case DeclareMaintenance() | EndMaintenance():
            return decide_maintenance(draft, entry)
        case AdoptRegistry():
            draft.record(entry.record, entry.actor)
            draft.changes.registry = entry.registry
        case Record():
            draft.record(entry.event, entry.actor)
        case OpenOrder() | StepOrder():
            return decide_order(draft, entry)
    return draft.decision()


def _decide_batch(draft: Draft, batch: Batch) -> None:  # noqa: C901, PLR0912 - calls would cost more than the work
    readings = batch.readings
    draft.changes.readings = readings
    watches, memories = draft.state.watches, draft.changes.memories
    view = BatchView(readings)
    newest: dict[str, ValueUpdate] = {}
    live = draft.changes.live
    woken: set[Watch] = set()
    # The hot path: for a device whose rules are all idle nothing is made, nothing is written, one screen is asked.
    for at, reading in enumerate(readings):
        watch = watches.get(reading.device)
        if watch is None:
            continue
        if watch.live != ONLINE and watch not in live and not reading.quality & _RETAINED:
            set_live(draft, watch, ONLINE, "data")
        if reading.quality & _UNUSUAL:
            if reading.quality & _STALE:
                continue
            _set_clock_back(draft, watch, reading)
        idle = not (watch.awake or watch in woken or watch.stirs(reading))
        for slot, rule, screen, glance in watch.rates if idle else watch.rules:
            memory = memories[slot] if slot in memories else slot.memory  # noqa: SIM401 - half the cost of get
            if memory is None:
                if not screen(reading):
                    continue
            elif glance is not None:
                known = glance(memory, reading)
                if known is not SLOW:
                    if known is not memory:
                        memories[slot] = known
                    continue
            view.move(at, reading, watch)
            verdict = rule.judge(memory, view)
            if verdict is not None:
                take_verdict(draft, watch, slot, rule, verdict, reading.ts_ms)
                woken.update(slot.wakes)
        if watch.open:
            _note_values(draft, watch, reading, newest)
    draft.changes.values = list(newest.values())
    if batch.states:
        _take_states(draft, batch)


def _set_clock_back(draft: Draft, watch: Watch, reading: Reading) -> None:
    """Instants remembered of a device's old clock would lie in the future of the new one, and block its rules."""
    draft.changes.clocks[watch] = clock_from(reading)
    for slot, rule in ((one.slot, one.rule) for one in watch.rules):
        memory = draft.memory(slot)
        if memory is not None and slot.target == watch.device.id:
            draft.changes.memories[slot] = rule.without_instants(memory, reading.ts_ms)


def _note_values(draft: Draft, watch: Watch, reading: Reading, newest: dict[str, ValueUpdate]) -> None:
    """A newer value of the main signal for the open alerts of a device, the last one of the batch counts."""
    if reading.values is None or reading.quality & _LATE:
        return
    for alert_id, signal in watch.open.items():
        value = getattr(reading.values, signal, None)
        alert = draft.alert(alert_id)
        if value is None or alert is None or not alert.open:
            continue
        if value != alert.value:
            newest[alert_id] = ValueUpdate(alert_id, float(value), reading.ts_ms)
        else:
            newest.pop(alert_id, None)


def _take_states(draft: Draft, batch: Batch) -> None:
    """State reports, in order of arrival among each other; a reading that arrived later outweighs a Last Will."""
    heard: dict[str, int] = {}
    offline = {report.device for report in batch.states if not report.online}
    if offline:
        heard = {
            reading.device: reading.received_ms
            for reading in batch.readings
            if reading.device in offline and not reading.quality & _RETAINED
        }
    reports: list[StateReport] = sorted(batch.states, key=lambda report: report.received_ms)
    for report in reports:
        watch = draft.state.watches.get(report.device)
        if watch is None:
            continue
        if report.online:
            _take_online(draft, watch, report)
        elif report.received_ms >= heard.get(report.device, 0) and not (
            report.retained and _heard(draft, watch, heard)
        ):
            set_live(draft, watch, OFFLINE, "lwt")


def _take_online(draft: Draft, watch: Watch, report: StateReport) -> None:
    # What the broker kept, or what was said long ago, proves nothing of now: it only fills in what is not known.
    if report.retained or report.received_ms - report.ts_ms > watch.offline_ms:
        if draft.live(watch) == UNKNOWN:
            set_live(draft, watch, ONLINE, "state")
        return
    draft.changes.heard[watch] = max(report.ts_ms, draft.changes.heard.get(watch, 0))
    set_live(draft, watch, ONLINE, "state")


def _heard(draft: Draft, watch: Watch, heard: dict[str, int]) -> bool:
    """True if the device spoke not long ago: a Last Will that the broker kept is older than that."""
    last_ms = max(watch.heard_ms or 0, draft.changes.heard.get(watch, 0), heard.get(watch.device.id, 0))
    return draft.now_ms - last_ms <= watch.overdue_ms


def evolve(state: EngineState, decision: Decision) -> None:
    """Makes `state` what `decision` says. Call it once, after the decision is durable; a refusal changes nothing."""
    changes: Any = decision.memory
    if not isinstance(changes, Changes):
        return
    for entry in decision.entries:
        if entry.alert is not None:
            state.put(entry.alert)
        if entry.order is not None:
            state.book.put(entry.order)
    _evolve_memory(state, changes)
    _evolve_devices(state, changes)
    _evolve_clock(state, changes)
    if changes.registry is not None:
        state.adopt(changes.registry, state.rulebook)


def _evolve_devices(state: EngineState, changes: Changes) -> None:
    remember(state.watches, changes.readings)
    for watch, clock in changes.clocks.items():
        watch.clock = clock
    for watch, heard_ms in changes.heard.items():
        watch.heard_ms = max(heard_ms, watch.heard_ms or 0)
    for watch, (live, _) in changes.live.items():
        if watch.live == OFFLINE:
            watch.back_ms = changes.at_ms
        watch.live, watch.since_ms = live, changes.at_ms
    for update in changes.values:
        state.show_value(update.alert_id, update.value)


def _evolve_clock(state: EngineState, changes: Changes) -> None:
    if changes.started_ms is not None:
        state.started_ms = changes.started_ms
    if changes.ticked_ms is not None:
        state.ticked_ms = changes.ticked_ms
    if changes.turned_back:
        state.turn_back(changes.at_ms)


def _evolve_memory(state: EngineState, changes: Changes) -> None:
    for slot, memory in changes.memories.items():
        slot.remember(memory)
    for slot, flap in changes.flaps.items():
        slot.flap = flap
    for (slot, source), mark in changes.seen.items():
        slot.note(source, mark)
    for window_id, window in changes.windows.items():
        if window is None:
            state.windows.pop(window_id, None)
            state.begun.discard(window_id)
        else:
            state.windows[window_id] = window
    state.begun |= changes.begun & state.windows.keys()
    for cmd, answered in changes.answers.items():
        state.remember_answer(cmd, answered)
    for order, next_ms in changes.looked.items():
        state.book.looked(order, next_ms)
    if changes.order_number is not None:
        state.book.day, state.book.last_number = changes.order_number
    if changes.number is not None:
        state.number_day, state.last_number = changes.number
    state.unopened += changes.unopened
