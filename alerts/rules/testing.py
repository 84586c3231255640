"""Runs rule tests on a virtual clock, by the same compiled rules that the engine uses."""

import math
from collections.abc import Callable, Iterable
from typing import Any, Final, cast

import msgspec
from msgspec import Struct

from alerts.liveness import deadlines_ms
from alerts.rules.base import CompiledRule, Verdict
from alerts.rules.book import Book
from alerts.rules.timeline import Case, Expectation, Step
from domain.devices import Device
from domain.kinds import KINDS, Values
from domain.places import Name
from domain.readings import Quality, Reading

__all__ = ["Outcome", "run_case", "same"]

_COMPOUND: Final = "compound"
_TICKS: Final = 5_000
"""Ticks over the whole length of a test, at most one a second."""


def same(memory: Any) -> Any:
    """Memory as it is; the other choice is a round trip through JSON, as after a restart."""
    return memory


class Outcome(Struct, frozen=True):
    """What came of one test."""

    name: str
    rule: str
    line: int
    failures: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """True if everything expected was so."""
        return not self.failures


class _Slot:
    """One (rule, target)."""

    def __init__(self) -> None:
        self.memory: Any = None
        self.severity: int | None = None
        self.raised = False
        self.raised_ms = 0
        self.acked = False


class _View:
    """See `alerts.rules.base.View`."""

    def __init__(
        self, reading: Reading, device: Device, last: dict[str, tuple[Any, int]], grace_ms: float, clock_ms: int
    ) -> None:
        self.reading = reading
        self.device = device
        self.clock_ms = clock_ms
        self._last = last
        self._grace_ms = grace_ms

    def value(self, signal: str) -> Any:
        """From this reading, or the last one within two reporting periods."""
        values = self.reading.values
        value = None if values is None else getattr(values, signal)
        if value is not None:
            return value
        known = self.newest(signal)
        return known[0] if known is not None and 0 <= self.reading.ts_ms - known[1] <= self._grace_ms else None

    def newest(self, signal: str) -> tuple[Any, int] | None:
        """What the readings played so far have said last."""
        return self._last.get(signal)


def run_case(book: Book, case: Case, thaw: Callable[[Any], Any] = same) -> Outcome:
    """Runs one test against `book`. `thaw` is applied to every memory between judgements."""
    rules = {case.rule, *(item.rule for item in case.expect if item.rule is not None)}
    unknown = sorted(rules - set(book.rules))
    if unknown:
        return Outcome(case.name, case.rule, case.line, (f"there is no rule {', '.join(unknown)}",))
    problems = _beyond(case)
    try:
        run = _Run(book, case, rules, thaw)
    except (msgspec.ValidationError, KeyError) as error:
        return Outcome(case.name, case.rule, case.line, (f"a step does not fit its device: {error}",))
    return Outcome(case.name, case.rule, case.line, tuple(problems or run.play()))


def _beyond(case: Case) -> list[str]:
    """A test may look only at what its data tells: silence must be said, not implied by the end of the list."""
    silence = min((step.at_s for step in case.steps if step.silence), default=None)
    said = [step.at_s for step in case.steps if not step.silence and not step.ack]
    last = max(said, default=0.0)
    problems = []
    if silence is not None and last > silence:
        problems.append(f"there is data at {last:g} s, after the silence from {silence:g} s")
    problems += [
        f"line {item.line}: {item.at_s:g} s is beyond the data, which ends at {last:g} s: "
        f"add readings, or `{{at: {last:g}, silence: true}}`"
        for item in case.expect
        if item.at_s > last and silence is None
    ]
    return problems


class _Run:
    def __init__(self, book: Book, case: Case, rules: Iterable[str], thaw: Callable[[Any], Any]) -> None:
        self._case = case
        self._thaw = thaw
        kind = book.rules[case.rule].kind
        self._devices = {item.id: _registered(item, item.kind or kind) for item in case.devices}
        self._rules = {
            device.id: [rule for rule in book.for_device(device, case.compound_overrides) if rule.info.id in rules]
            for device in self._devices.values()
        }
        self._ticking = any(rule.ticks or rule.info.surveys for found in self._rules.values() for rule in found)
        self._slots: dict[tuple[str, str], _Slot] = {}
        self._last: dict[str, dict[str, tuple[Any, int]]] = {}
        self._heard: dict[str, int] = {}
        self._newest: dict[str, int] = {}
        self._offline: set[str] = set()
        self._arrivals = sorted(
            ((s.arrives_s if s.arrives_s is not None else s.at_s, n, s) for n, s in enumerate(case.steps)),
            key=lambda item: item[:2],
        )
        for step in case.steps:  # every value must fit its device before anything runs
            _ = [self._reading(step, device) for device in self._addressed(step)]

    def play(self) -> list[str]:
        """Runs the clock; answers with what was not as expected."""
        failures: list[str] = []
        waiting = sorted(self._case.expect, key=lambda item: item.at_s)
        arrivals = list(self._arrivals)
        for at_s in self._instants():
            while arrivals and arrivals[0][0] <= at_s:
                self._take(arrivals.pop(0)[2])
            self._tick(self._ms(at_s))
            while waiting and waiting[0].at_s <= at_s:
                failures += self._checked(waiting.pop(0))
        return failures

    def _instants(self) -> list[float]:
        instants = {item.at_s for item in self._case.expect} | {at for at, _, _ in self._arrivals}
        if self._ticking:
            end = max(instants, default=0.0)
            step = max(1, math.ceil(end / _TICKS))
            instants |= set(map(float, range(0, math.floor(end) + 1, step)))
        return sorted(instants)

    def _ms(self, at_s: float) -> int:
        return self._case.start_ms + round(1_000 * at_s)

    def _addressed(self, step: Step) -> list[Device]:
        if step.device is None:
            return list(self._devices.values())
        exact = self._devices.get(step.device)
        return (
            [exact] if exact is not None else [d for d in self._devices.values() if d.id.startswith(f"{step.device}-")]
        )

    def _reading(self, step: Step, device: Device) -> Reading | None:
        if step.values is None and step.event is None:
            return None
        kind = KINDS[device.kind]
        values = None if step.values is None else msgspec.convert(step.values, kind.values)
        if step.event is not None and step.event.kind not in kind.events:
            raise KeyError(step.event.kind)
        arrives = step.arrives_s if step.arrives_s is not None else step.at_s
        return Reading(
            device=device.id, kind=device.kind, ts_ms=self._ms(step.at_s), received_ms=self._ms(arrives),
            values=cast("Values | None", values), event=step.event,
        )  # fmt: skip

    def _take(self, step: Step) -> None:
        if step.ack:
            for slot in self._slots.values():
                slot.acked = True
        for device in self._addressed(step):
            if step.state is not None:
                (self._offline.add if step.state == "offline" else self._offline.discard)(device.id)
            reading = self._reading(step, device)
            if reading is not None:
                self._judge(device, reading)

    def _judge(self, device: Device, reading: Reading) -> None:
        newest = self._newest.get(device.id)
        clock_ms = reading.ts_ms
        if newest is not None and reading.ts_ms < newest:
            reading = msgspec.structs.replace(reading, quality=int(Quality.LATE))
            clock_ms = newest + max(0, reading.received_ms - self._heard[device.id])
        self._newest[device.id] = max(newest or 0, reading.ts_ms)
        self._heard[device.id] = max(self._heard.get(device.id, 0), reading.received_ms)
        self._offline.discard(device.id)
        last = self._last.setdefault(device.id, {})
        view = _View(reading, device, last, 2_000 * _period_s(device), clock_ms)
        for rule in self._rules[device.id]:
            slot = self._slot(rule, device)
            if slot.memory is None and not rule.screen(reading):
                continue
            self._apply(slot, rule.judge(self._thaw(slot.memory), view))
        if not reading.quality & Quality.LATE and reading.values is not None:
            for name in reading.values.__struct_fields__:
                value = getattr(reading.values, name)
                if value is not None:
                    last[name] = (value, reading.ts_ms)

    def _slot(self, rule: CompiledRule, device: Device) -> _Slot:
        return self._slots.setdefault((rule.info.id, _target(rule.info.scope, device)), _Slot())

    def _apply(self, slot: _Slot, verdict: Verdict | None) -> None:
        if verdict is None:
            return
        slot.memory = verdict.memory
        for finding in verdict.findings:
            if finding.what == "return":
                slot.severity = None
            elif slot.severity is None:
                slot.severity, slot.raised, slot.raised_ms, slot.acked = finding.severity, True, finding.at_ms, False
            else:
                slot.severity = finding.severity

    def _tick(self, now_ms: int) -> None:
        for device in self._devices.values():
            for rule in self._rules[device.id]:
                slot = self._slot(rule, device)
                info = rule.info
                if info.surveys:
                    target = _target(info.scope, device)
                    members = [d for d in self._devices.values() if _belongs(d, info.scope, target)]
                    states = [self._state(d, now_ms) for d in members if d.id in self._heard]
                    gone = states.count("offline")
                    self._apply(slot, rule.survey(self._thaw(slot.memory), target, now_ms, gone, len(states)))
                elif rule.ticks:
                    silent_s = self._silent_s(device, now_ms)
                    state = self._state(device, now_ms)
                    self._apply(slot, rule.tick(self._thaw(slot.memory), device.id, now_ms, silent_s, state))
                elif rule.elapses and device.id in self._heard:
                    there_ms = self._newest[device.id] + now_ms - self._heard[device.id]
                    self._apply(slot, rule.elapse(self._thaw(slot.memory), device.id, there_ms))
                if (
                    info.verify_s is not None
                    and info.verify_severity is not None
                    and slot.severity is not None
                    and not slot.acked
                    and now_ms - slot.raised_ms >= 1_000 * info.verify_s
                ):
                    slot.severity = min(slot.severity, info.verify_severity)

    def _silent_s(self, device: Device, now_ms: int) -> float | None:
        heard = self._heard.get(device.id)
        return None if heard is None else (now_ms - heard) / 1_000

    def _state(self, device: Device, now_ms: int) -> str:
        silent_s = self._silent_s(device, now_ms)
        quiet = silent_s is not None and 1_000 * silent_s > deadlines_ms(_period_s(device))[1]
        return "offline" if device.id in self._offline or quiet else "online"

    def _checked(self, item: Expectation) -> list[str]:
        rule = item.rule or self._case.rule
        slots = [
            slot for (name, target), slot in self._slots.items() if name == rule and item.target in {None, target}
        ]  # fmt: skip
        severities = [slot.severity for slot in slots if slot.severity is not None]
        where = f"line {item.line}: at {item.at_s:g} s {rule}"
        standing = f"is open with severity {min(severities)}" if severities else (
            "has cleared" if any(slot.raised for slot in slots) else "is not raised"
        )  # fmt: skip
        if item.what == "raised":
            fits = bool(severities) and min(severities) == item.severity
            return [] if fits else [f"{where} {standing}, expected severity {item.severity}"]
        if item.what == "cleared":
            fits = not severities and any(slot.raised for slot in slots)
            return [] if fits else [f"{where} {standing}, expected to have cleared"]
        fits = not any(slot.raised for slot in slots)
        return [] if fits else [f"{where} {standing}, expected never to have been raised"]


def _target(scope: str, device: Device) -> str:
    """As the engine has it, but for places, which a test does not have: a device without a zone stands alone."""
    if scope == "zone":
        return device.zone or device.id
    return device.compound if scope == "compound" else device.gateway or device.id if scope == "gateway" else device.id


def _belongs(device: Device, scope: str, target: str) -> bool:
    return _target(scope, device) == target


def _period_s(device: Device) -> float:
    return device.period_s or KINDS[device.kind].period_s


def _registered(item: Any, kind: str) -> Device:
    return Device(
        id=item.id, kind=kind, compound=_COMPOUND, place=_COMPOUND, name=Name(item.id), type=item.type, zone=item.zone,
        gateway=item.gateway, period_s=item.period_s, overrides=item.overrides, attrs=item.attrs,
    )  # fmt: skip
