"""Working time with holidays and 调休."""

from datetime import datetime

import pytest

from alerts.orders.calendar import WorkCalendar
from domain.errors import Invalid

HOUR = 3_600_000
DAY = 24 * HOUR
NATIONAL_DAY = WorkCalendar(
    off=frozenset(f"2026-10-0{day}" for day in (1, 2, 5, 6, 7)), worked=frozenset({"2026-09-20", "2026-10-10"})
)


def ms(text):
    return round(datetime.fromisoformat(f"{text}:00+08:00").timestamp() * 1000)


@pytest.mark.parametrize(
    ("begins", "length", "ends"),
    [
        ("2026-11-23T09:00", HOUR, "2026-11-23T10:00"),
        ("2026-11-23T11:30", HOUR, "2026-11-23T15:00"),  # over noon
        ("2026-11-23T17:00", HOUR, "2026-11-24T09:00"),  # over night
        ("2026-11-23T03:00", HOUR, "2026-11-23T09:30"),  # begun before anybody works
        ("2026-11-27T17:00", HOUR, "2026-11-30T09:00"),  # over the weekend
        ("2026-11-28T10:00", HOUR, "2026-11-30T09:30"),  # begun on a Saturday
        ("2026-11-23T10:00", DAY, "2026-11-24T10:00"),
        ("2026-11-27T10:00", 2 * DAY, "2026-12-01T10:00"),
        ("2026-09-30T10:00", DAY, "2026-10-08T10:00"),  # over the holidays
        ("2026-10-09T10:00", DAY, "2026-10-10T10:00"),  # a Saturday that is worked
        ("2026-09-18T16:30", 2 * HOUR, "2026-09-20T09:30"),  # a Sunday that is worked
        ("2026-11-23T17:30", 0, "2026-11-24T08:30"),
    ],
)
def test_working_time_ends_when_people_would_say_it_does(begins, length, ends):
    assert NATIONAL_DAY.after(ms(begins), length) == ms(ends)


def test_a_calendar_in_which_nobody_works_is_refused():
    idle = WorkCalendar(hours=())
    with pytest.raises(Invalid, match="no working day"):
        idle.after(ms("2026-11-23T10:00"), HOUR)
