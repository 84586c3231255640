"""Instants at the door: epoch milliseconds inside, RFC 3339 with +08:00 outside."""

from datetime import datetime
from typing import Final, overload

from alerts import times
from domain.errors import Invalid

__all__ = ["milliseconds", "rfc3339", "span_ms"]

_SPANS: Final = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_YEARS: Final = range(1970, 3000)
"""Instants outside are a mistake, and the ends of the calendar cannot be shown in another zone."""


@overload
def rfc3339(ms: int) -> str: ...
@overload
def rfc3339(ms: None) -> None: ...
def rfc3339(ms: int | None) -> str | None:
    """``2026-11-22T14:36:08.112+08:00`` for epoch milliseconds; None stays None."""
    return None if ms is None else times.rfc3339(ms)


def milliseconds(moment: datetime, name: str) -> int:
    """Epoch milliseconds of `moment`. Raises `Invalid` naming the field outside the years 1971–2998."""
    if moment.year - 1 not in _YEARS or moment.year + 1 not in _YEARS:
        raise Invalid("time.out_of_range", f"{name} must lie in the years 1971–2998", field=name)
    return round(moment.timestamp() * 1_000)


def span_ms(text: str) -> int:
    """Length of ``30m``, ``6h`` or ``7d`` in milliseconds. `text` has been checked against that form."""
    return int(text[:-1]) * _SPANS[text[-1]]
