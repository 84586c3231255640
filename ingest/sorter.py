"""Packets → readings, state reports and dead letters: topic, payload, registry and gate, one packet at a time."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from domain.devices import Device
from domain.ids import payload_digest
from domain.kinds import KINDS
from domain.limits import (
    BATCH_READINGS_MAX,
    DEAD_LETTER_BYTES_MAX,
    FUTURE_MS_MAX,
    PAYLOAD_BYTES_MAX,
    SKEW_WARN_MS,
    TOPICS_CACHED_MAX,
)
from domain.readings import DeadLetter, DeviceEvent, Quality, Reading, StateReport
from ingest.counters import Counters
from ingest.gate import DUPLICATE, DeviceMemory, Gate
from ingest.kinds import CANONICAL, Decoded, EventIn, Sample, Wire, event_time
from ingest.outcomes import Outcome, Refusal
from ingest.packets import RETAIN, Packet
from ingest.reorder import Held, Waiting
from ingest.states import read_state
from ingest.topics import Topic, parse

__all__ = ["Devices", "Draft", "Sorter"]

log = logging.getLogger("anju.ingest")

Route = tuple[Callable[[bytes], Any], DeviceMemory, str, str, Wire]
"""(fast decoder, memory of the device, device id, kind, wire form): all that a packet's topic says."""

_RESTAMPED: Final = int(Quality.RESTAMPED)
_CLOCKLESS: Final = int(Quality.RESTAMPED | Quality.SKEWED)
_MARKS: Final = (
    (int(Quality.LATE), Outcome.LATE),
    (int(Quality.STALE), Outcome.STALE),
    (int(Quality.SKEWED), Outcome.SKEWED),
    (int(Quality.RESTAMPED), Outcome.RESTAMPED),
    (int(Quality.BACKFILL), Outcome.BACKFILL),
    (int(Quality.GAP), Outcome.GAP),
    (int(Quality.CLOCK_SET), Outcome.CLOCK_SET),
)


class Devices(Protocol):
    """The registry as the door sees it. A plain dict of id → Device will do."""

    def get(self, key: str, /) -> Device | None:
        """The device of that id."""


class Draft:
    """A batch in the making."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.readings: list[Reading] = []
        self.states: list[StateReport] = []
        self.dead: list[DeadLetter] = []
        self.received_ms = 0
        self.began_s = 0.0
        """Monotonic time of the first packet."""


class Sorter:
    """Turns packets into the parts of a `Draft`. Belongs to the session's thread."""

    def __init__(self, wires: Mapping[str, Wire], devices: Devices, gate: Gate, counters: Counters) -> None:
        """`wires`: forms by name; a device speaks that of its attribute ``form``, or else `CANONICAL`."""
        self.waiting = Waiting()
        self.backlog = False
        """The broker is sending what came while this service was away: age is not a wrong clock."""
        self._wires = wires
        self._devices = devices
        self._gate = gate
        self._counters = counters
        self._routes: dict[bytes, Route] = {}

    def adopt(self, devices: Devices) -> None:
        """Judges by `devices` from the next packet on."""
        self._devices = devices
        self._routes = {}

    def sort(self, packets: Sequence[Packet], at: int, received_ms: int, draft: Draft, room: int) -> int:
        """Works through `packets` from index `at`, at most `room` of them. Returns the index of the first not taken."""
        routes, holding = self._routes, self.waiting.count
        readings = draft.readings
        append, keep = readings.append, draft.packets.append
        oldest, newest = received_ms - SKEW_WARN_MS, received_ms + min(SKEW_WARN_MS, FUTURE_MS_MAX)
        before = len(readings)
        end = min(len(packets), at + room)
        draft.received_ms = received_ms
        while at < end and len(readings) < BATCH_READINGS_MAX:
            packet = packets[at]
            at += 1
            route = routes.get(packet[1])
            payload = packet[2]
            if route is None or len(payload) > PAYLOAD_BYTES_MAX or packet[3] & RETAIN:
                self._guarded(self._unusual, packet, received_ms, draft)
                holding = self.waiting.count
                continue
            try:
                sample = route[0](payload)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                self._guarded(self._spoilt, packet, route, received_ms, draft)
                continue
            if sample.__class__ is not list and sample.event is None and sample.src is None and not holding:
                # The usual case by far, inline: a known boot, the next number, a time that is neither old nor early.
                ts, seq, memory = sample.ts, sample.seq, route[1]
                runs = memory.runs
                if runs and seq is not None and ts.__class__ is int and oldest <= ts <= newest:
                    run, values = runs[-1], sample.values
                    if (
                        seq == run.high + 1
                        and sample.boot == run.boot
                        and ts >= memory.newest_ms
                        and values is not None
                    ):
                        run.high = seq
                        memory.newest_ms = ts
                        if ts > run.newest_ms:  # noqa: PLR1730 - a call costs more; not so after a clock was set back
                            run.newest_ms = ts
                        append(Reading(route[2], route[3], ts, received_ms, values, None, seq, run.boot))
                        keep(packet)
                        continue
            self._guarded(self._whole, packet, route, sample, received_ms, draft)
            holding = self.waiting.count
        self._counters.outcomes[Outcome.ACCEPTED] += len(readings) - before
        return at

    def judge_held(self, held: Held, draft: Draft) -> None:
        """Judges a packet whose wait is over."""
        before = len(draft.readings)
        draft.received_ms = max(draft.received_ms, held.received_ms)
        self._guarded(self._judge, held.packet, held.route, held.decoded, held.received_ms, draft)
        self._counters.outcomes[Outcome.ACCEPTED] += len(draft.readings) - before

    # --- less usual packets -----------------------------------------------------------------------------------------

    def _guarded(self, work: Callable[..., None], packet: Packet, *rest: Any) -> None:
        """One packet must never take others with it: whatever goes wrong with it is kept aside and named."""
        draft: Draft = rest[-1]
        try:
            work(packet, *rest)
        except Exception as error:  # a fault of ours; the packet is evidence
            log.exception("a packet could not be worked on: %r", packet[1][:200])
            refusal = Refusal(Outcome.INTERNAL_ERROR, f"{type(error).__name__}: {error}"[:300])
            self._refuse(packet, refusal, rest[-2], draft)

    def _unusual(self, packet: Packet, received_ms: int, draft: Draft) -> None:
        """A topic not met yet, an oversize or a retained packet, or one that is not a reading at all."""
        if len(packet[2]) > PAYLOAD_BYTES_MAX:
            detail = f"more than the {PAYLOAD_BYTES_MAX} bytes that a message may have"
            self._refuse(packet, Refusal(Outcome.OVERSIZE, detail), received_ms, draft)
            return
        topic = parse(packet[1])
        known = topic if isinstance(topic, Refusal) else self._known(topic)
        if isinstance(known, Refusal) or isinstance(topic, Refusal):
            self._refuse(packet, known, received_ms, draft)  # type: ignore[arg-type]  # a refused topic is its own
            return
        if topic.channel == "state":
            report = read_state(packet[2], topic.device, received_ms, retained=packet[3] & RETAIN != 0)
            if isinstance(report, Refusal):
                self._refuse(packet, report, received_ms, draft, topic.device)
            else:
                draft.states.append(report)
                self._counters.add(Outcome.STATE)
                draft.packets.append(packet)
        elif topic.channel in ("telemetry", "event"):
            self._first_of_topic(packet, topic, received_ms, draft)
        else:
            self._counters.add(Outcome.RESERVED)
            draft.packets.append(packet)

    def _known(self, topic: Topic) -> Device | Refusal:
        device = self._devices.get(topic.device)
        if device is None:
            return Refusal(Outcome.UNKNOWN_DEVICE, f"device {topic.device} is not in the registry")
        if device.kind != topic.kind:
            return Refusal(Outcome.WRONG_KIND, f"{topic.device} is registered as {device.kind}, not {topic.kind}")
        if device.compound != topic.compound:
            detail = f"{topic.device} is registered in compound {device.compound}, not {topic.compound}"
            return Refusal(Outcome.WRONG_KIND, detail)
        return device

    def _first_of_topic(self, packet: Packet, topic: Topic, received_ms: int, draft: Draft) -> None:
        device = self._devices.get(topic.device)
        form = CANONICAL if device is None else str(device.attrs.get("form", CANONICAL))
        wire = self._wires.get(form)
        if wire is None:
            refusal = Refusal(Outcome.UNKNOWN_FORM, f"device {topic.device} speaks the form {form!r}: no mapping file")
            self._refuse(packet, refusal, received_ms, draft, topic.device)
            return
        route = (wire.fast(topic.kind), self._gate.memory(topic.device), topic.device, topic.kind, wire)
        if len(self._routes) >= TOPICS_CACHED_MAX:
            self._routes.clear()
        self._routes[packet[1]] = route
        try:
            sample = route[0](packet[2])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self._spoilt(packet, route, received_ms, draft)
        else:
            self._whole(packet, route, sample, received_ms, draft)

    def _spoilt(self, packet: Packet, route: Route, received_ms: int, draft: Draft) -> None:
        self._place(packet, route, route[4].careful(route[3], packet[2]), received_ms, draft)

    def _whole(self, packet: Packet, route: Route, sample: Any, received_ms: int, draft: Draft) -> None:
        samples = sample if isinstance(sample, list) else [sample]
        self._place(packet, route, [_complete(one) for one in samples], received_ms, draft)

    def _place(self, packet: Packet, route: Route, decoded: list[Decoded], received_ms: int, draft: Draft) -> None:
        """Holds the packet back, if order asks for it and life safety does not forbid it; otherwise judges it."""
        if self.waiting.until_s is not None:
            samples = [item.sample for item in decoded if item.sample is not None]
            first = next((sample for sample in samples if sample.seq is not None), None)
            seq, boot = (None, None) if first is None else (first.seq, _boot(first.boot))
            if any(sample.event is not None for sample in samples):
                # An event is not held back. What came before it must be judged before it: afterwards it would be
                # late, and little of a late reading is listened to.
                for held in self.waiting.take_before(route[2], boot, seq):
                    self._guarded(self._judge, held.packet, held.route, held.decoded, held.received_ms, draft)
            elif seq is not None and self._gate.beyond_gap(route[1], seq, boot):
                self.waiting.hold(route[2], boot, seq, Held(packet, route, decoded, received_ms))
                self._counters.held += 1
                return
        self._judge(packet, route, decoded, received_ms, draft)
        if self.waiting.count:
            self._release(route, draft)

    def _release(self, route: Route, draft: Draft) -> None:
        """Judges what waited for exactly this packet."""
        while (run := route[1].current()) is not None:
            held = self.waiting.next_after(route[2], run.boot, run.high)
            if held is None:
                return
            self._guarded(self._judge, held.packet, held.route, held.decoded, held.received_ms, draft)

    # --- judging ----------------------------------------------------------------------------------------------------

    def _judge(self, packet: Packet, route: Route, decoded: list[Decoded], received_ms: int, draft: Draft) -> None:
        faults: dict[Outcome, list[str]] = {}
        alone = len(decoded) == 1
        for item in decoded:
            found = list(item.faults)
            for mark in item.marks:
                self._counters.add(mark)
            taken = item.sample is not None and self._admit(packet, route, item, alone, received_ms, draft, found)
            if not taken:
                self._counters.rejected += 1
            for fault in found:
                self._counters.add(fault.outcome)
                faults.setdefault(fault.outcome, []).append(fault.detail)
        draft.packets.append(packet)
        for outcome, details in faults.items():
            detail = details[0] if len(details) == 1 else f"{details[0]} (and {len(details) - 1} more)"
            draft.dead.append(_dead(packet, Refusal(outcome, detail), received_ms, route[2]))

    def _admit(
        self,
        packet: Packet,
        route: Route,
        item: Decoded,
        alone: bool,
        received_ms: int,
        draft: Draft,
        faults: list[Refusal],
    ) -> bool:
        """Judges one reading. False: refused; the reason has been added to `faults`."""
        sample: Sample[Any] = item.sample  # type: ignore[assignment]  # the caller has looked
        retained = packet[3] & RETAIN != 0
        marks = _known_marks(item, retained=retained)
        if isinstance(marks, Refusal):
            faults.append(marks)
            return False
        timed = _time_of(sample, received_ms, faults)
        if timed is None:
            return False
        ts_ms, marks = timed[0], marks | timed[1]
        boot = _boot(sample.boot)
        digest = 0
        if sample.seq is None or (boot is None and marks & _RESTAMPED):
            digest = payload_digest(packet[2] if alone else msgspec.json.encode(sample))
        quality = self._gate.judge(
            route[1], ts_ms, received_ms,
            seq=sample.seq, boot=boot, digest=digest, marks=marks, backlog=self.backlog,
            event=sample.event is not None, retained=retained,
        )  # fmt: skip
        if quality == DUPLICATE:
            self._counters.add(Outcome.DUPLICATE)
            return True
        for bit, outcome in _MARKS:
            if quality & bit:
                self._counters.add(outcome)
        event = None if sample.event is None else self._event(sample.event, route[3])
        if quality & _RESTAMPED & ~marks:
            if event is not None:
                faults.append(_clock_back(ts_ms, received_ms))
            ts_ms = received_ms
        draft.readings.append(
            Reading(route[2], route[3], ts_ms, received_ms, sample.values, event, sample.seq, boot, digest, quality)
        )
        return True

    def _event(self, written: EventIn, kind: str) -> DeviceEvent:
        code = _clean(str(written.code))
        name = written.kind
        if name not in KINDS[kind].events:
            if name:
                self._counters.add(Outcome.UNKNOWN_EVENT)
            code, name = code or _clean(name), "other"
        return DeviceEvent(name, _clean(written.scheme), code, _clean(written.raw), written.confidence)

    def _refuse(
        self, packet: Packet, refusal: Refusal, received_ms: int, draft: Draft, device: str | None = None
    ) -> None:
        self._counters.add(refusal.outcome)
        self._counters.rejected += 1
        draft.dead.append(_dead(packet, refusal, received_ms, device))
        draft.packets.append(packet)


def _complete(sample: Sample[Any]) -> Decoded:
    if sample.values is None and sample.event is None:
        return Decoded(None, (), (Refusal(Outcome.EMPTY, "the reading has neither values nor an event"),))
    event = sample.event
    if event is not None and not event.kind and event.code == "":
        fault = Refusal(Outcome.WRONG_TYPE, "an event needs a kind, or a scheme and a code")
        sample.event = None
        return Decoded(None if sample.values is None else sample, (), (fault,))
    return Decoded(sample)


def _known_marks(item: Decoded, *, retained: bool) -> int | Refusal:
    """Quality bits that follow from the message itself."""
    sample = item.sample
    marks = 0
    if item.faults:
        marks |= Quality.IMPLAUSIBLE
    if Outcome.UNKNOWN_KEYS in item.marks:
        marks |= Quality.UNKNOWN_KEYS
    if sample is not None:
        if retained and sample.ts is None:
            return Refusal(Outcome.RETAINED, "a retained reading without a time may be of any age: do not retain it")
        if sample.src == "backfill":
            marks |= Quality.BACKFILL
    return int(marks)


def _time_of(sample: Sample[Any], received_ms: int, faults: list[Refusal]) -> tuple[int, int] | None:
    """(event time, quality bits of it). None: refused for its time; the reason has been added to `faults`."""
    if sample.ts is None:
        return received_ms, _RESTAMPED
    ts_ms = event_time(sample.ts)
    if isinstance(ts_ms, int):
        if ts_ms - received_ms <= FUTURE_MS_MAX:
            return ts_ms, 0
        ts_ms = Refusal(Outcome.FUTURE, f"ts is {(ts_ms - received_ms) // 1000} s ahead of the time of receipt")
    faults.append(ts_ms)
    # A fire alarm with a wrong clock is still a fire alarm: it is judged as of now.
    return None if sample.event is None else (received_ms, _CLOCKLESS)


def _clock_back(ts_ms: int, received_ms: int) -> Refusal:
    detail = f"ts {ts_ms} is before what the device said last, {(received_ms - ts_ms) // 1000} s before its receipt"
    return Refusal(Outcome.CLOCK_BACK, detail)


def _boot(written: str | int | None) -> str | None:
    return None if written is None else _clean(str(written))


def _clean(text: str) -> str:
    """Control characters and lone surrogates cannot be stored everywhere, and never mean anything here."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in text)


def _dead(packet: Packet, refusal: Refusal, received_ms: int, device: str | None) -> DeadLetter:
    topic = packet[1][:512].decode("utf-8", "replace")
    return DeadLetter(
        _clean(topic), refusal.outcome.value, _clean(refusal.detail), packet[2][:DEAD_LETTER_BYTES_MAX], received_ms,
        device,
    )  # fmt: skip
