"""Working time: which days are worked in China, holidays and 调休 included. The calendar itself is data."""

from datetime import date, datetime, timedelta
from typing import Final

from msgspec import Struct

from alerts.times import SHANGHAI
from domain.errors import Invalid

__all__ = ["OFFICE", "WorkCalendar"]

_DAY_MS: Final = 86_400_000
_MINUTE_MS: Final = 60_000
_SATURDAY: Final = 5
_DAYS_MAX: Final = 400
"""A calendar in which nobody works for longer is wrong."""
OFFICE: Final = ((8 * 60 + 30, 12 * 60), (14 * 60 + 30, 17 * 60 + 30))
"""Minutes of the day, from and until: 8:30–12:00 and 14:30–17:30."""


class WorkCalendar(Struct, frozen=True):
    """Days off and days worked that differ from the week, and the hours of a working day."""

    off: frozenset[str] = frozenset()
    """ISO days from Monday to Friday that are not worked."""
    worked: frozenset[str] = frozenset()
    """Saturdays and Sundays that are worked instead (调休)."""
    hours: tuple[tuple[int, int], ...] = OFFICE
    """Minutes of the day, from and until, in order."""
    years: frozenset[int] = frozenset()
    """Years whose holidays are known; in others only the week counts."""

    def works_on(self, day: date) -> bool:
        """True for a working day."""
        name = day.isoformat()
        return name in self.worked or (day.weekday() < _SATURDAY and name not in self.off)

    def after(self, from_ms: int, length_ms: int) -> int:
        """The instant `length_ms` of working time after `from_ms`.

        Whole days are working days, to the same time of day; what is left over is counted in working hours. Begun
        outside working hours, it counts from the next working minute. Raises `Invalid` if nobody ever works.
        """
        days, rest_ms = divmod(length_ms, _DAY_MS)
        moment = self._next_working(_local(from_ms))
        for _ in range(days):
            moment = self._next_day(moment)
        while rest_ms > 0:
            end = self._end_of_stretch(moment)
            left_ms = round((end - moment).total_seconds() * 1000)
            if rest_ms <= left_ms:
                return _epoch(moment + timedelta(milliseconds=rest_ms))
            rest_ms -= left_ms
            moment = self._next_working(end)
        return _epoch(moment)

    def _next_day(self, moment: datetime) -> datetime:
        for _ in range(_DAYS_MAX):
            moment += timedelta(days=1)
            if self.works_on(moment.date()):
                return moment
        raise Invalid("calendar.no_work", "the working calendar has no working day in more than a year")

    def _next_working(self, moment: datetime) -> datetime:
        for _ in range(_DAYS_MAX):
            if self.works_on(moment.date()):
                for begin, end in self.hours:
                    if moment < _at(moment, end):
                        return max(moment, _at(moment, begin))
            moment = _at(moment + timedelta(days=1), 0)
        raise Invalid("calendar.no_work", "the working calendar has no working day in more than a year")

    def _end_of_stretch(self, moment: datetime) -> datetime:
        return next(_at(moment, end) for begin, end in self.hours if _at(moment, begin) <= moment < _at(moment, end))


def _at(moment: datetime, minutes: int) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(minutes=minutes)


def _local(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms // 1000, SHANGHAI) + timedelta(milliseconds=at_ms % 1000)


def _epoch(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
