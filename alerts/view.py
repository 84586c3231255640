"""What a rule sees while it judges: the reading, and what the device last said where this reading is silent."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple

from alerts.state import Known, Watch
from domain.devices import Device
from domain.kinds import KINDS
from domain.readings import Quality, Reading

__all__ = ["BatchView", "fold", "remember"]

_LATE = int(Quality.LATE)
_STALE = int(Quality.STALE)
_CLOCK_SET = int(Quality.CLOCK_SET)
_RETAINED = int(Quality.RETAINED)
_UNUSUAL = _LATE | _STALE | _CLOCK_SET


def _covering(values: type[Struct]) -> Callable[[Any, Any], bool]:
    """Compiles "every signal in the older reading is also in the newer one" for one kind: it runs for each reading.

    Generated like this it takes 0.3 µs, as a loop over the fields 0.9 µs.
    """
    tests = " and ".join(f"(n.{name} is not None or o.{name} is None)" for name in values.__struct_fields__)
    compiled: Callable[[Any, Any], bool] = eval(f"lambda n, o: {tests}", {})  # noqa: S307 - field names of our own
    return compiled


_COVERS: dict[str, Callable[[Any, Any], bool]] = {name: _covering(kind.values) for name, kind in KINDS.items()}


def fold(known: Known, reading: Reading) -> None:
    """Notes the values of `reading` in `known` unless newer ones (in event time) are there."""
    values = reading.values
    if values is None:
        return
    ts_ms = reading.ts_ms
    for name, value in zip(values.__struct_fields__, astuple(values), strict=True):
        if value is not None:
            before = known.get(name)
            if before is None or before[1] <= ts_ms:
                known[name] = (value, ts_ms)


def remember(watches: Mapping[str, Watch], readings: Sequence[Reading]) -> None:
    """Makes each reading in turn the last word of its device, if that is watched. Only `evolve` calls this."""
    covers, unusual = _COVERS, _UNUSUAL
    for reading in readings:
        watch = watches.get(reading.device)
        if watch is None:
            continue
        if not reading.quality & _RETAINED:
            watch.heard_ms = reading.received_ms
        values = reading.values
        if reading.quality & unusual:
            if reading.quality & _CLOCK_SET:
                watch.last, watch.known = None, {}
            if reading.quality & _STALE:
                continue
            if reading.quality & _LATE:
                fold(watch.known, reading)
                continue
        watch.said_ms, watch.said_at_ms = reading.ts_ms, reading.received_ms
        if values is not None:
            last = watch.last
            if last is not None and not covers[reading.kind](values, last.values):
                fold(watch.known, last)
            watch.last = reading


class BatchView:
    """The one `View` of a batch, moved from reading to reading.

    Looking back is lazy: a batch whose readings carry all that the rules ask for never pays for it. What earlier
    readings of the same batch said is found here, because the engine's memory does not change before `evolve`.
    """

    __slots__ = ("_at", "_folded", "_lookback_ms", "_positions", "_readings", "_watch", "device", "reading")

    reading: Reading
    device: Device

    def __init__(self, readings: Sequence[Reading]) -> None:
        self._readings = readings
        self._positions: dict[str, list[int]] | None = None
        self._folded: dict[str, tuple[int, Known]] = {}

    def move(self, at: int, reading: Reading, watch: Watch) -> None:
        """Looks at the reading with index `at` of the batch."""
        self._at = at
        self.reading = reading
        self.device = watch.device
        self._watch = watch
        self._lookback_ms = 2 * watch.period_ms

    def value(self, signal: str) -> Any:
        """The signal in this reading, or its last value if not older than two reporting periods, else None."""
        values = self.reading.values
        if values is not None:
            value = getattr(values, signal, None)
            if value is not None:
                return value
        found = self.newest(signal)
        if found is None or not 0 <= self.reading.ts_ms - found[1] <= self._lookback_ms:
            return None
        return found[0]

    @property
    def clock_ms(self) -> int:
        """See `alerts.rules.base.View`."""
        reading, watch = self.reading, self._watch
        if not reading.quality & _LATE:
            return reading.ts_ms
        said_ms, said_at_ms = watch.said_ms, watch.said_at_ms
        for at in reversed(self._of(watch)):
            before = self._readings[at]
            if at < self._at and not before.quality & (_LATE | _STALE):
                said_ms, said_at_ms = before.ts_ms, before.received_ms
                break
        return max(reading.ts_ms, said_ms + max(0, reading.received_ms - said_at_ms)) if said_ms else reading.ts_ms

    def _of(self, watch: Watch) -> list[int]:
        """Where in the batch the device speaks."""
        if self._positions is None:
            self._positions = {}
            for index, reading in enumerate(self._readings):
                self._positions.setdefault(reading.device, []).append(index)
        return self._positions[watch.device.id]

    def newest(self, signal: str) -> tuple[Any, int] | None:
        """See `alerts.rules.base.View`."""
        if self.reading.quality & _CLOCK_SET:
            return None
        watch = self._watch
        positions = self._of(watch)
        if positions[0] < self._at:
            return self._merged(watch, positions).get(signal)
        last = watch.last
        if last is not None:
            value = getattr(last.values, signal, None)
            if value is not None:
                before = watch.known.get(signal)
                return before if before is not None and before[1] > last.ts_ms else (value, last.ts_ms)
        return watch.known.get(signal)

    def _merged(self, watch: Watch, positions: list[int]) -> Known:
        """What the device had said before the present reading; each reading of the batch is folded in once."""
        done, known = self._folded.get(watch.device.id, (0, None))
        if known is None:
            known = dict(watch.known)
            if watch.last is not None:
                fold(known, watch.last)
        while done < len(positions) and positions[done] < self._at:
            reading = self._readings[positions[done]]
            if reading.quality & _CLOCK_SET:
                known.clear()
            if not reading.quality & _STALE:
                fold(known, reading)
            done += 1
        self._folded[watch.device.id] = (done, known)
        return known
