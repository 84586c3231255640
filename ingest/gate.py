"""Have we had this reading already? Is it late? What the door remembers of each device, and how it judges.

Exact within its bounds: a reading that was accepted is never accepted again, and one that was not accepted is never
taken for a duplicate, however late it comes. Bounds: `SEQ_GAP_TRACKED_MAX` separate gaps for each boot,
`GATE_BOOTS_MAX` boots, `RECENT_DIGESTS_MAX` packets without ``seq``. Beyond them a reading is rather
accepted than lost.
"""

from bisect import bisect_right
from typing import Final

import msgspec
from msgspec import Struct, field

from domain.limits import (
    FUTURE_MS_MAX,
    GATE_BOOTS_MAX,
    LATE_MS_MAX,
    RECENT_DIGESTS_MAX,
    SEQ_GAP_TRACKED_MAX,
    SKEW_WARN_MS,
)
from domain.readings import Quality, Reading

__all__ = ["DUPLICATE", "FUTURE", "Counting", "DeviceMemory", "Gate"]

DUPLICATE: Final = -1
"""Verdict: accepted before."""
FUTURE: Final = -2
"""Verdict: further in the future than `FUTURE_MS_MAX`."""

REPEAT_MS: Final = 30_000
"""The same bytes without time and ``seq`` are one packet sent twice within this, a new report after it."""

JITTER_MS: Final = 2_000
"""A device may stamp reports in another order than it numbers them. By more than this, its clock was set back."""

_LATE: Final = int(Quality.LATE)
_STALE: Final = int(Quality.STALE)
_SKEWED: Final = int(Quality.SKEWED)
_RESTAMPED: Final = int(Quality.RESTAMPED)
_BACKFILL: Final = int(Quality.BACKFILL)
_GAP: Final = int(Quality.GAP)
_CLOCK_SET: Final = int(Quality.CLOCK_SET)
_RETAINED: Final = int(Quality.RETAINED)
_CLOCKLESS: Final = _RESTAMPED | _SKEWED


class Counting(Struct, array_like=True):
    """One run of sequence numbers: a boot, or the time between two restarts of a counter.

    Seen is everything in ``low…high`` outside `missing`; below `low` nothing was seen.
    """

    boot: str | None
    low: int
    high: int
    newest_ms: int
    missing: list[tuple[int, int]] = field(default_factory=list)
    """Disjoint inclusive ranges, ascending."""

    def seen(self, seq: int) -> bool:
        """True if `seq` was accepted in this run."""
        if not self.low <= seq <= self.high:
            return False
        at = bisect_right(self.missing, (seq, 2**63)) - 1
        return at < 0 or self.missing[at][1] < seq

    def note(self, seq: int) -> None:
        """Remembers an unseen `seq` as accepted."""
        if seq > self.high:
            if seq > self.high + 1:
                self.missing.append((self.high + 1, seq - 1))
            self.high = seq
        elif seq < self.low:
            if seq < self.low - 1:
                self.missing.insert(0, (seq + 1, self.low - 1))
            self.low = seq
        else:
            at = bisect_right(self.missing, (seq, 2**63)) - 1
            first, last = self.missing[at]
            self.missing[at : at + 1] = [part for part in ((first, seq - 1), (seq + 1, last)) if part[0] <= part[1]]
        if len(self.missing) > SEQ_GAP_TRACKED_MAX:
            # What lay between the two oldest gaps counts as unseen: better a double than a loss.
            self.missing[:2] = [(self.missing[0][0], self.missing[1][1])]


class DeviceMemory(Struct, array_like=True):
    """What is remembered of one device."""

    newest_ms: int = 0
    """Newest event time accepted."""
    runs: list[Counting] = field(default_factory=list)
    """Oldest first; the last one is current."""
    digests: dict[int, int] = field(default_factory=dict)
    """Digest → receive time of packets without usable ``seq``, oldest first."""

    def current(self) -> Counting | None:
        """The run the device counts in now."""
        return self.runs[-1] if self.runs else None


_Snapshot = dict[str, DeviceMemory]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Snapshot).decode


class Gate:
    """The memory of all devices. Not thread-safe: it belongs to the thread that takes packets in."""

    def __init__(self) -> None:
        self._memory: _Snapshot = {}

    def memory(self, device: str) -> DeviceMemory:
        """What is remembered of `device`; made on first call."""
        found = self._memory.get(device)
        if found is None:
            found = self._memory[device] = DeviceMemory()
        return found

    def judge(  # noqa: PLR0913 - what a packet is, each by its name
        self,
        memory: DeviceMemory,
        ts_ms: int,
        received_ms: int,
        *,
        seq: int | None,
        boot: str | None,
        digest: int = 0,
        marks: int = 0,
        backlog: bool = False,
        event: bool = False,
        retained: bool = False,
    ) -> int:
        """Judges one reading and, if it is accepted, remembers it.

        `marks` are `Quality` bits known already. `backlog`: the packet waited at the broker while this service was
        away, so its age says nothing about the device's clock. `event`: it bears an event. `retained`: the broker kept
        it, so it may be of any age. Returns the reading's quality, `DUPLICATE` or `FUTURE`; `Quality.RESTAMPED` that
        was not among `marks` asks for `received_ms` in place of `ts_ms`.
        """
        lag_ms = received_ms - ts_ms
        if -lag_ms > FUTURE_MS_MAX:
            return FUTURE
        by_digest = seq is None or (boot is None and marks & _RESTAMPED != 0)
        timeless = seq is None and marks & _RESTAMPED != 0
        if ts_ms < memory.newest_ms and not retained and not marks & _BACKFILL:
            found = _set_back(memory, ts_ms, received_ms, seq, boot, marks, backlog=backlog, event=event)
            if found & _RESTAMPED:
                ts_ms, lag_ms = received_ms, 0
            marks |= found
        gap = _accept(memory, ts_ms, received_ms, seq, boot, digest if by_digest else None, marks, timeless=timeless)
        if gap is None:
            return DUPLICATE
        if gap:
            marks |= _GAP
        behind_ms = memory.newest_ms - ts_ms
        if behind_ms > 0:
            marks |= _STALE if behind_ms > LATE_MS_MAX else _LATE
        if retained:
            # The broker keeps it for years: at a first start nothing else tells that it is old.
            marks |= _RETAINED | (_STALE if lag_ms > LATE_MS_MAX else 0)
        if not -SKEW_WARN_MS <= lag_ms <= SKEW_WARN_MS and not marks & _BACKFILL:
            marks |= _BACKFILL if backlog and lag_ms > 0 else _SKEWED
        return marks

    def beyond_gap(self, memory: DeviceMemory, seq: int | None, boot: str | None) -> bool:
        """True if at least one number before `seq` has not come yet: the reading should wait for a redelivery."""
        if seq is None:
            return False
        run = memory.current()
        if run is None or run.boot != boot:
            # A boot not met before begins at 0 or 1; anything higher has something before it.
            return seq > 1 and all(known.boot != boot for known in memory.runs)
        return seq > run.high + 1

    def learn(self, reading: Reading) -> None:
        """Remembers a reading that was accepted earlier (replayed from the time series after a checkpoint)."""
        marks, seq = reading.quality, reading.seq
        # The past verdict stands. A digest was made where the number could not be used.
        by_digest = seq is None or reading.digest != 0
        _accept(
            self.memory(reading.device),
            reading.ts_ms,
            reading.received_ms,
            seq,
            reading.boot,
            reading.digest if by_digest else None,
            marks,
            timeless=seq is None and marks & _RESTAMPED != 0,
        )

    def snapshot(self) -> bytes:
        """Everything remembered, for a checkpoint."""
        return _encode(self._memory)

    def restore(self, data: bytes) -> None:
        """Replaces the memory by a snapshot. Raises `msgspec.MsgspecError` if `data` is none."""
        self._memory = _decode(data)


def _accept(
    memory: DeviceMemory,
    ts_ms: int,
    received_ms: int,
    seq: int | None,
    boot: str | None,
    digest: int | None,
    marks: int,
    *,
    timeless: bool,
) -> bool | None:
    """Remembers a reading, by its digest if one is given. None: seen before. True: there is a gap right before it."""
    gap: bool | None = False
    before_ms = memory.newest_ms
    if marks & _CLOCK_SET:
        memory.newest_ms = ts_ms
    if digest is not None or seq is None:
        gap = False if _fresh(memory, digest or 0, received_ms, timeless=timeless) else None
    else:
        gap = _note(memory, ts_ms, seq, boot, stamped=not marks & _RESTAMPED)
    if gap is None:
        memory.newest_ms = before_ms
    else:
        memory.newest_ms = max(memory.newest_ms, ts_ms)
    return gap


def _set_back(
    memory: DeviceMemory,
    ts_ms: int,
    received_ms: int,
    seq: int | None,
    boot: str | None,
    marks: int,
    *,
    backlog: bool,
    event: bool,
) -> int:
    """What a time before the newest one means: marks for a clock that was set back, 0 for a reading that comes late.

    The order of numbers is proof that the reading is newer than what bears later times; so is a boot not met before,
    except among what waited at the broker.
    """
    if marks & _RESTAMPED:
        # No usable time of its own. One whose clock was refused is set to the time of receipt, now as ever.
        return _CLOCK_SET if marks & _SKEWED else 0
    run, behind_ms = memory.current(), memory.newest_ms - ts_ms
    newer = False
    if seq is not None and run is not None and behind_ms > JITTER_MS:
        reborn = boot is not None and not backlog and all(known.boot != boot for known in memory.runs)
        newer = reborn or (run.boot == boot and seq == run.high + 1)
    right = abs(received_ms - ts_ms) <= SKEW_WARN_MS
    if newer and right:
        return _CLOCK_SET
    wrong = newer and not backlog
    if event and not wrong:
        # Without numbers nothing tells an old event from a clock set back: rather an alarm at the wrong time than none.
        wrong = (newer or not backlog) and (
            behind_ms > LATE_MS_MAX or (seq is None and right and behind_ms > JITTER_MS)
        )
    if not wrong:
        return 0
    return (_RESTAMPED if right else _CLOCKLESS) | (_CLOCK_SET if received_ms < memory.newest_ms else 0)


def _fresh(memory: DeviceMemory, digest: int, received_ms: int, *, timeless: bool) -> bool:
    digests = memory.digests
    before_ms = digests.get(digest)
    if before_ms is not None:
        if not timeless or received_ms - before_ms <= REPEAT_MS:
            return False
        del digests[digest]
    elif len(digests) >= RECENT_DIGESTS_MAX:
        del digests[next(iter(digests))]
    digests[digest] = received_ms
    return True


def _note(memory: DeviceMemory, ts_ms: int, seq: int, boot: str | None, *, stamped: bool) -> bool | None:
    """Remembers `seq`. None: seen before. True: there is a gap right before it."""
    runs = memory.runs
    run = _run_of(runs, ts_ms, boot, stamped=stamped)
    if run is None:
        _begin(memory, Counting(boot, seq, seq, ts_ms), ts_ms)
        return False
    if seq <= run.high and run.seen(seq):
        if not stamped or ts_ms <= run.newest_ms:
            return None
        # Seen, yet newer than all that was said: the counter began anew without telling.
        _begin(memory, Counting(boot, seq, seq, ts_ms), ts_ms)
        return False
    if seq < run.low and stamped and ts_ms > run.newest_ms:
        _begin(memory, Counting(boot, seq, seq, ts_ms), ts_ms)
        return False
    gap = seq > run.high + 1
    run.note(seq)
    run.newest_ms = max(run.newest_ms, ts_ms)
    if run is not runs[-1] and ts_ms >= memory.newest_ms:
        runs.remove(run)
        runs.append(run)
    return gap


def _run_of(runs: list[Counting], ts_ms: int, boot: str | None, *, stamped: bool) -> Counting | None:
    """The run of `boot` a reading belongs to. Of several, the newest that began after everything of the one before."""
    found: Counting | None = None
    for run in reversed(runs):
        if run.boot == boot:
            if found is not None and (not stamped or ts_ms > run.newest_ms):
                return found
            found = run
    return found


def _begin(memory: DeviceMemory, run: Counting, ts_ms: int) -> None:
    # A boot that speaks of the past is an older one whose packets come late: the current one stays current.
    if memory.runs and ts_ms < memory.newest_ms:
        memory.runs.insert(len(memory.runs) - 1, run)
    else:
        memory.runs.append(run)
    if len(memory.runs) > GATE_BOOTS_MAX:
        del memory.runs[0]
