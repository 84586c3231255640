"""Down-sampling to the least and greatest value of each bucket: a peak is never averaged away."""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from alerts.ports import Series

__all__ = ["sampled", "series_of"]


class _Extremes(Struct):
    """Least and greatest value of one signal in one bucket, with the event time of each."""

    low: float
    low_ms: int
    high: float
    high_ms: int

    def take(self, value: float, at_ms: int) -> None:
        if value < self.low or (value == self.low and at_ms < self.low_ms):
            self.low, self.low_ms = value, at_ms
        if value > self.high or (value == self.high and at_ms < self.high_ms):
            self.high, self.high_ms = value, at_ms


class _Bucket(Struct):
    first_ms: int
    last_ms: int
    signals: dict[str, _Extremes]


def series_of(signals: Sequence[str], rows: Sequence[Sequence[Any]]) -> Series:
    """The rows (event time, then a value for each signal) as they are."""
    return Series(
        [row[0] for row in rows],
        {name: [_number(row[index]) for row in rows] for index, name in enumerate(signals, 1)},
    )


def sampled(
    signals: Sequence[str],
    buckets: Iterable[Sequence[Any]],
    rows: Iterable[Sequence[Any]],
    low_ms: int,
    width_ms: int,
    points: int,
) -> Series:
    """Merges buckets made by the database with single `rows`; at most `points` instants, two for each bucket.

    A bucket row is: number, first and last event time, then for each signal least, greatest, event time of the least,
    event time of the greatest.
    """
    found: dict[int, _Bucket] = {}
    for number, first, last, *extremes in buckets:
        bucket = found[int(number)] = _Bucket(first, last, {})
        for index, name in enumerate(signals):
            least, greatest, least_ms, greatest_ms = extremes[4 * index : 4 * index + 4]
            if least is not None:
                bucket.signals[name] = _Extremes(float(least), least_ms, float(greatest), greatest_ms)
    for at_ms, *values in rows:
        number = (at_ms - low_ms) // width_ms
        bucket = found.setdefault(number, _Bucket(at_ms, at_ms, {}))
        bucket.first_ms, bucket.last_ms = min(bucket.first_ms, at_ms), max(bucket.last_ms, at_ms)
        for name, value in zip(signals, values, strict=True):
            if value is not None:
                known = bucket.signals.setdefault(name, _Extremes(float(value), at_ms, float(value), at_ms))
                known.take(float(value), at_ms)
    series = Series([], {name: [] for name in signals}, sampled=True)
    for number in sorted(found):
        _emit(series, signals, found[number], one=points == 1)
    return series


def _emit(series: Series, signals: Sequence[str], bucket: _Bucket, *, one: bool) -> None:
    if len(signals) == 1:
        extremes = bucket.signals[signals[0]]
        instants = sorted({extremes.low_ms, extremes.high_ms})
    else:
        instants = [bucket.first_ms, bucket.last_ms]
        if all(each.low == each.high for each in bucket.signals.values()) and bucket.first_ms == bucket.last_ms:
            del instants[1]
    if one:
        del instants[1:]
    series.t.extend(instants)
    for name in signals:
        known = bucket.signals.get(name)
        if known is None:
            series.v[name].extend([None] * len(instants))
            continue
        pair = (known.low, known.high) if known.low_ms <= known.high_ms else (known.high, known.low)
        # With one instant for both (or one point for all) the greater stays: what harms is more often too much.
        series.v[name].extend(pair if len(instants) == 2 else (known.high,))


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
