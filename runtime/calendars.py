"""Reads the working calendar: which days are worked, holidays and 调休 included, and from when to when."""

from datetime import date, timedelta
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final

import msgspec
import yaml
from msgspec import Meta, Struct, field

from alerts.orders.calendar import OFFICE, WorkCalendar
from domain.errors import Invalid
from domain.limits import CALENDAR_BYTES_MAX

__all__ = ["load_calendar", "years_missing"]

_Time = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
_SATURDAY: Final = 5
_DECEMBER: Final = 12


class _Span(Struct, forbid_unknown_fields=True, rename={"from_": "from"}):
    from_: date
    to: date


class _Year(Struct, forbid_unknown_fields=True):
    holidays: list[date | _Span] = field(default_factory=list)
    worked: list[date] = field(default_factory=list)


class _File(Struct, forbid_unknown_fields=True):
    years: dict[int, _Year]
    source: str = ""
    hours: list[tuple[_Time, _Time]] | None = None


def load_calendar(path: Path | None = None) -> WorkCalendar:
    """The calendar in the file at `path`, or the shipped one of China. Raises `Invalid` saying what is wrong."""
    name = "workdays_cn.yml" if path is None else str(path)
    try:
        raw = (files("alerts.orders") / name).read_bytes() if path is None else path.read_bytes()
    except OSError as error:
        raise Invalid("calendar.unreadable", f"{name}: {error.strerror or error}") from error
    if len(raw) > CALENDAR_BYTES_MAX:
        raise Invalid("calendar.too_large", f"{name} has {len(raw)} bytes; at most {CALENDAR_BYTES_MAX}")
    try:
        found = msgspec.convert(yaml.safe_load(raw), _File)
    except (yaml.YAMLError, ValueError) as error:  # the latter: no such day, no UTF-8, or not of that shape
        raise Invalid("calendar.wrong", f"{name}: {error}") from error
    off, worked = set[str](), set[str]()
    for year, part in found.years.items():
        free = {day for one in part.holidays for day in _days(one, name)}
        wrong = [day for day in (*free, *part.worked) if day.year != year]
        wrong += [day for day in part.worked if day.weekday() < _SATURDAY or day in free]
        if wrong:
            text = f"{name}: {min(wrong)} cannot stand there: all days are of {year}, and who works instead does so"
            raise Invalid("calendar.day", f"{text} on a Saturday or Sunday that is no holiday")
        off |= {day.isoformat() for day in free if day.weekday() < _SATURDAY}
        worked |= {day.isoformat() for day in part.worked}
    return WorkCalendar(frozenset(off), frozenset(worked), _hours(found, name), frozenset(found.years))


def years_missing(calendar: WorkCalendar, today: date) -> list[int]:
    """Years that deadlines given today may reach into and of which no holidays are known."""
    years = [today.year, today.year + 1] if today.month == _DECEMBER else [today.year]
    return [year for year in years if year not in calendar.years]


def _days(one: date | _Span, name: str) -> list[date]:
    if isinstance(one, date):
        return [one]
    count = (one.to - one.from_).days + 1
    if not 1 <= count <= 31:
        raise Invalid("calendar.day", f"{name}: from {one.from_} to {one.to} is no holiday")
    return [one.from_ + timedelta(days=number) for number in range(count)]


def _hours(found: _File, name: str) -> tuple[tuple[int, int], ...]:
    if found.hours is None:
        return OFFICE
    hours = tuple((_minute(begin), _minute(end)) for begin, end in found.hours)
    flat = [minute for pair in hours for minute in pair]
    if not flat or any(later <= earlier for earlier, later in pairwise(flat)):
        raise Invalid("calendar.hours", f"{name}: working hours follow one another, each ending after it begins")
    return hours


def _minute(time: str) -> int:
    hour, minute = time.split(":")
    return 60 * int(hour) + int(minute)
