"""A rule made ready for one set of parameters, and the one state machine that all rules go through.

Memory is one of: None (idle); ``(0, queue, …)``, idle but with the queues of its rate conditions; or
``(1, severity, last instant, samples, clear hold, step-down hold, heard, slot, …)``. Only numbers, strings and tuples:
lists in their place (after JSON) serve as well.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec.structs import replace

from alerts.alert import Clue, Evidence
from alerts.rules.base import SLOW, Finding, Looks, RuleInfo, Verdict, View
from alerts.rules.clues import clues
from alerts.rules.kinds.base import Binding, Frame, Pair
from alerts.rules.kinds.boolean import all_of, any_of, held_on, not_of
from alerts.rules.kinds.event import Event
from alerts.rules.present import known_since, present
from alerts.rules.screen import Glance, Screen, glance_of, looks_of, screen_of
from alerts.rules.spec import RuleSpec, conditions_in, limit_of
from domain.limits import EVIDENCE_SAMPLES_MAX
from domain.readings import Quality, Reading

__all__ = ["Compiled"]

_HEAD: Final = 7
"""Entries of a full memory before the slots."""


class Compiled:
    """See `alerts.rules.base.CompiledRule`. Immutable after construction; shared by every device it fits."""

    def __init__(
        self,
        spec: RuleSpec,
        params: Mapping[str, Any],
        provenance: Mapping[str, str],
        attrs: Mapping[str, Any],
        device_type: str,
        period_s: float,
    ) -> None:
        self.spec = spec
        self._params = dict(params)
        self._provenance = dict(provenance)
        binding = Binding(params, attrs, device_type, period_s)
        self._bound_to = (params, attrs, device_type, period_s)
        self._grace_ms = binding.grace_ms
        self._severities = tuple(level.severity for level in spec.levels)
        self._levels = [level.when.bound(binding) for level in spec.levels]
        self._ticks = spec.timed and not spec.info.surveys
        self._stirs = tuple(bound.stirs for bound in self._levels)
        self._judges = [bound.evaluate for bound in self._levels]
        self._rates = tuple(binding.rates)
        self._downs = [level.clear.bound(binding) if level.clear is not None else None for level in spec.levels]
        self._down_ms = [
            binding.ms(level.clear.hold if level.clear is not None else spec.clear.hold) for level in spec.levels
        ]
        self._clear = spec.clear.bound(binding)
        self._clear_ms = binding.ms(spec.clear.hold)
        self._slots = binding.slots
        self._holds = () if spec.timed else tuple(binding.holds)
        self._latches = frozenset(binding.latches)
        ends = [spec.clear.when, *(level.clear.when for level in spec.levels if level.clear is not None)]
        self._end_signals = tuple(
            dict.fromkeys(n for end in ends if end is not None for part in conditions_in(end) for n in part.signals())
        )
        self._limits = [limit_of(level, spec.info.signal, binding) for level in spec.levels]
        parts = [part for level in spec.levels for part in conditions_in(level.when)]
        signals = tuple(dict.fromkeys(name for part in parts for name in part.signals()))
        kinds = tuple(dict.fromkeys(kind for part in parts for kind in part.events()))
        any_event = any(isinstance(part, Event) and not part.kinds for part in parts)
        self.looks = Looks("False", "False")
        """See `CompiledRule.looks`. No reading concerns a rule about time."""
        if not spec.timed:
            self.looks = looks_of(self._levels, self._rates, signals, kinds, any_event)
        self.screen: Screen = screen_of([self.looks])
        """See `CompiledRule.screen`; generated."""
        self.glance: Glance | None = glance_of(self._levels, self._rates) if self._rates and not spec.timed else None
        """See `CompiledRule.glance`; generated."""
        self._signals, self._kinds, self._any_event = signals, frozenset(kinds), any_event

    @property
    def info(self) -> RuleInfo:
        """What the rule is."""
        return self.spec.info

    @property
    def params(self) -> dict[str, Any]:
        """Parameters in force after overrides."""
        return self._params

    @property
    def ticks(self) -> bool:
        """True for rules about missing data and dates."""
        return self._ticks

    def judge(self, memory: Any, view: View) -> Verdict | None:
        """See `CompiledRule.judge`. Late readings count for their events only, at their own event time."""
        reading = view.reading
        if memory is not None and self.glance is not None:
            known = self.glance(memory, reading)
            if known is not SLOW:
                return None if known is memory else Verdict(known)
        late = bool(reading.quality & Quality.LATE)
        if self._holds and memory is not None and not late:
            before = self.elapse(memory, reading.device, reading.ts_ms)
            if before is not None:
                after = self._judge(before.memory, view, late=late)
                return before if after is None else Verdict(after.memory, (*before.findings, *after.findings))
        return self._ordered(memory, reading, self._judge(memory, view, late=late))

    def _ordered(self, memory: Any, reading: Reading, verdict: Verdict | None) -> Verdict | None:
        """Time may have gone further than a reading that was long on its way: what it says comes after that.

        Otherwise the end of an alert would look like an older finding that is judged again.
        """
        if verdict is None or not verdict.findings or not self.elapses or memory is None or memory[0] == 0:
            return verdict
        if reading.quality & Quality.LATE or memory[2] <= reading.ts_ms:
            return verdict
        return Verdict(verdict.memory, tuple(replace(one, at_ms=max(one.at_ms, memory[2])) for one in verdict.findings))

    def _judge(self, memory: Any, view: View, *, late: bool) -> Verdict | None:
        reading = view.reading
        if self.spec.timed or (late and reading.event is None) or (memory is None and not self._heeds(reading)):
            return None
        frame = Frame(view, reading.ts_ms, self._thawed(memory), reading.device, late)
        return self._step(memory, frame)

    def tick(self, memory: Any, target: str, now_ms: int, silent_s: float | None, state: str) -> Verdict | None:
        """See `CompiledRule.tick`."""
        if not self._ticks:
            return None
        if memory is None:  # the common case, once a second for every device
            for stirs in self._stirs:
                if stirs(now_ms, silent_s, state):
                    break
            else:
                return None
        frame = Frame(None, now_ms, self._thawed(memory), target)
        frame.silent_s, frame.state = silent_s, state
        return self._step(memory, frame)

    def elapse(self, memory: Any, device: str, until_ms: int) -> Verdict | None:
        """See `CompiledRule.elapse`."""
        known = memory
        findings: tuple[Finding, ...] = ()
        for at_ms in sorted(self._due(memory)):
            if at_ms <= until_ms:
                frame = Frame(None, at_ms, self._thawed(known), device)
                frame.elapsing = True
                verdict = self._step(known, frame)
                if verdict is not None:
                    known, findings = verdict.memory, (*findings, *verdict.findings)
        return None if known is memory else Verdict(known, findings)

    def _due(self, memory: Any) -> Iterator[int]:
        """When holds over latched events will be complete, in event time."""
        if memory is None or memory[0] != 1:
            return
        slots = self._thawed(memory)
        for place, hold_ms in self._holds:
            hold = slots[place]
            if hold is not None and hold[1] < hold_ms and not hold[3]:
                yield hold[2] + hold_ms - hold[1]

    @property
    def elapses(self) -> bool:
        """True for rules with a hold over a latched event, about one device: zones have no clock of their own."""
        return bool(self._holds) and self.spec.info.scope == "device"

    def settled(self, memory: Any, severity: int | None, at_ms: int) -> Any:
        """See `CompiledRule.settled`. An alert made graver because nobody looked stands at a level of ours below."""
        full = memory is not None and memory[0] == 1
        up = full and memory[1] != 0
        if full and self.spec.timed and memory[2] > at_ms:
            memory = self.without_instants(memory, at_ms)
        if severity is None:
            # Readings are judged again, so that only what time leads to can have ended unnoticed.
            return None if up and self.spec.timed else memory
        if up:
            return memory
        level = next((own for own in self._severities if own >= severity), self._severities[-1])
        last = max(at_ms, memory[2]) if full and memory is not None else at_ms
        return self._frozen(level, last, (), (None, None, 0), self._thawed(memory))

    def without_instants(self, memory: Any, at_ms: int) -> Any:
        """See `CompiledRule.without_instants`."""
        if memory is None or memory[0] == 0 or memory[1] == 0:
            return None
        return self._frozen(memory[1], at_ms, (), (None, None, memory[6]), [None] * self._slots)

    def survey(self, memory: Any, target: str, now_ms: int, offline: int, total: int) -> Verdict | None:
        """See `CompiledRule.survey`."""
        if not self.spec.info.surveys:
            return None
        frame = Frame(None, now_ms, self._thawed(memory), target)
        frame.offline, frame.total = offline, total
        return self._step(memory, frame)

    # --- memory ---------------------------------------------------------------------------------------------------

    def _heeds(self, reading: Reading) -> bool:
        event, values = reading.event, reading.values
        if event is not None and (self._any_event or event.kind in self._kinds):
            return True
        return values is not None and any(getattr(values, name, None) is not None for name in self._signals)

    def _thawed(self, memory: Any) -> list[Any]:
        """The slots. Memory of another layout (the rule has changed) starts afresh."""
        slots: list[Any] = [None] * self._slots
        if memory is None:
            return slots
        if memory[0] == 0:
            if len(memory) == len(self._rates) + 1:
                for number, rate in enumerate(self._rates, 1):
                    slots[rate.slot] = memory[number]
        elif len(memory) == _HEAD + self._slots:
            slots = list(memory[_HEAD:])
        return slots

    def _frozen(self, severity: int, ts: int, samples: Any, ends: tuple[Any, Any, int], slots: list[Any]) -> Any:
        if severity == 0:
            rates = {rate.slot: slots[rate.slot] or () for rate in self._rates}
            if all(slot is None or number in rates for number, slot in enumerate(slots)):
                return (0, *rates.values()) if any(rates.values()) else None
        return (1, severity, ts, tuple(samples), *ends, *slots)

    # --- the state machine ------------------------------------------------------------------------------------------

    def _step(self, memory: Any, frame: Frame) -> Verdict | None:
        full = memory is not None and memory[0] == 1
        severity = memory[1] if full else 0
        clear_hold, down_hold, heard = (memory[4], memory[5], memory[6]) if full else (None, None, 0)
        samples = self._sampled(memory[3] if full else (), frame)
        active = self._severities.index(severity) if severity in self._severities else None
        pairs = self._judged(frame)
        holding = next((number for number, pair in enumerate(pairs) if pair[0] is True), None)
        findings: tuple[Finding, ...] = ()
        cleared = False
        if holding is not None and (active is None or holding < active):
            findings = (self._finding("breach", holding, frame, samples, memory),)
            severity, clear_hold, down_hold, heard = self._severities[holding], None, None, 0
            if frame.late:
                clear_hold, heard, cleared = self._ended_since(frame)
        elif active is not None:
            if holding is not None and frame.instant:
                findings = (self._finding("again", active, frame, samples, memory),)
            clear_hold, heard, cleared = self._ended(frame, pairs, clear_hold, heard)
            if not cleared:
                down_hold, milder = self._stepped_down(down_hold, active, pairs, frame)
                if milder is not None:
                    findings = (*findings, self._finding("breach", milder, frame, samples, memory))
                    severity = self._severities[milder]
        last = memory[2] if full and frame.ts < memory[2] else frame.ts
        if cleared:
            over = self._finding("return", self._severities.index(severity), frame, samples, memory)
            # What was up before is not over before the last that was found of it, also if its end was told late.
            over = replace(over, at_ms=last) if frame.late and active is not None else over
            findings = (*(one for one in findings if one.what != "again"), over)
            severity, clear_hold, down_hold, samples, heard = 0, None, None, (), 0
            self._forget(frame)
        after = self._frozen(severity, last, samples, (clear_hold, down_hold, heard), frame.slots)
        if not findings and after == memory:
            return None
        return Verdict(after, findings)

    def _hears(self, heard: int, frame: Frame) -> int:
        """Notes which signals of the clear clauses have been said since the breach: nothing older may end an alert."""
        values = None if frame.view is None else frame.view.reading.values
        known = set()
        for number, name in enumerate(self._end_signals):
            if values is not None and getattr(values, name) is not None:
                heard |= 1 << number
            if heard >> number & 1:
                known.add(name)
        frame.heard = known
        return heard

    def _ended(self, frame: Frame, pairs: list[Pair], hold: Any, heard: int) -> tuple[Any, int, bool]:
        """(hold of the clear, signals heard, whether the clear is served) after a look while the rule is up."""
        if self.spec.clear.manual or frame.elapsing:
            return hold, heard, False
        if frame.late:
            now = present(frame, self._grace_ms)
            return (hold, heard, False) if now is None else self._ended(now, self._judged(now), hold, heard)
        heard = self._hears(heard, frame)
        hold, cleared = self._cleared(hold, pairs, frame)
        return hold, heard, cleared

    def _ended_since(self, late: Frame) -> tuple[Any, int, bool]:
        """The same after a late breach: what was said since it happened is known, and since when."""
        said = known_since(late, self._end_signals if self._clear is not None else self._signals)
        heard = sum(1 << number for number, name in enumerate(self._end_signals) if name in said)
        now, hold = present(late, self._grace_ms), None
        if said and now is not None and not self.spec.clear.manual:
            now.ts = min(said.values())
            hold = self._ended(now, self._judged(now), None, heard)[0]
        return self._ended(late, [], hold, heard)

    def _judged(self, frame: Frame) -> list[Pair]:
        return [judge(frame) for judge in self._judges]

    def _cleared(self, hold: Any, pairs: list[Pair], frame: Frame) -> tuple[Any, bool]:
        truth = not_of(any_of(raw for _, raw in pairs)) if self._clear is None else self._clear.evaluate(frame)[0]
        hold, held = held_on(hold, truth, frame.ts, self._clear_ms, self._grace_ms)
        return hold, held is True

    def _stepped_down(self, hold: Any, active: int, pairs: list[Pair], frame: Frame) -> tuple[Any, int | None]:
        if self.spec.clear.manual or frame.late or frame.elapsing:
            return hold, None
        down = self._downs[active]
        truth = not_of(pairs[active][1])
        if down is not None:
            truth = all_of((truth, down.evaluate(frame)[0]))
        hold, held = held_on(hold, truth, frame.ts, self._down_ms[active], self._grace_ms)
        if held is not True:
            return hold, None
        milder = next((n for n in range(active + 1, len(pairs)) if pairs[n][0] is True), None)
        return (hold, None) if milder is None else (None, milder)

    def _forget(self, frame: Frame) -> None:
        """After a return the rule is as if new, but for facts: the queues of its rates, and when a latch was ended."""
        kept = {rate.slot for rate in self._rates}
        kept |= {place for place in self._latches if not isinstance(frame.slots[place], int)}
        frame.slots[:] = [slot if number in kept else None for number, slot in enumerate(frame.slots)]

    # --- evidence ---------------------------------------------------------------------------------------------------

    def _sampled(self, samples: Any, frame: Frame) -> Any:
        signal = self.spec.info.signal
        if signal is None or frame.view is None or frame.late:
            return samples
        values = frame.view.reading.values
        value = None if values is None else getattr(values, signal, None)
        if value is None:
            return samples
        kept = samples[-2 * (EVIDENCE_SAMPLES_MAX - 1) :]
        return (*kept, frame.ts, float(value))

    def _finding(self, what: str, level: int, frame: Frame, samples: Any, memory: Any) -> Finding:
        signal, view = self.spec.info.signal, frame.view
        value = view.value(signal) if view is not None and signal is not None else frame.silent_s
        limit, direction = self._limits[level]
        pairs = list(zip(samples[::2], samples[1::2], strict=True))
        for rate in self._rates:
            queue = frame.slots[rate.slot]
            if rate.signal == signal and queue and queue[0] < (pairs[0][0] if pairs else frame.ts):
                pairs = sorted({*pairs, *zip(queue[::2], queue[1::2], strict=True)})[-EVIDENCE_SAMPLES_MAX:]
        source = frame.device if view is not None or frame.elapsing else None
        evidence = Evidence(
            rule=self.info.id,
            rule_version=self.info.version,
            condition=self.spec.levels[level].when.words(self._params),
            clues=self._clues(level, frame, memory),
            inputs=dict(frame.inputs),
            params=self._params,
            overrides=self._provenance,
            window_from_ms=self._window_from(frame, pairs),
            window_until_ms=frame.ts,
            samples=[(int(at), float(number)) for at, number in pairs],
            sources=list(dict.fromkeys([*frame.sources, *([source] if source is not None else [])])),
        )
        return Finding(
            what=what,
            severity=self._severities[level],
            at_ms=frame.ts,
            evidence=evidence,
            value=None if value is None else float(value),
            limit=limit,
            direction=direction,
            source=source,
        )

    def _clues(self, level: int, frame: Frame, memory: Any) -> list[Clue]:
        """What each part of the level's condition came to, by judging once more from the same `memory`.

        Findings are rare: so judging itself need not note anything.
        """
        when = self.spec.levels[level].when
        if not when.children():
            return []
        binding = Binding(*self._bound_to)
        binding.seen = {}
        judges = [one.when.bound(binding).evaluate for one in self.spec.levels]  # all: places in memory go in order
        again = Frame(frame.view, frame.ts, self._thawed(memory), frame.device, frame.late)
        for name in ("elapsing", "silent_s", "state", "offline", "total"):
            setattr(again, name, getattr(frame, name))
        for judge in judges:
            judge(again)
        return list(clues(when, self._params, binding.seen))

    def _window_from(self, frame: Frame, pairs: list[tuple[Any, Any]]) -> int:
        first = frame.inputs.get("first_ms")
        starts = [int(first)] if isinstance(first, int) else []
        if frame.silent_s is not None:
            starts.append(frame.ts - round(1_000 * frame.silent_s))
        starts.extend(int(at) for at, _ in pairs[:1])
        return min([*starts, frame.ts])
