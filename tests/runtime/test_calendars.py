"""The working calendar as a file: the shipped one, and what is wrong with others."""

from datetime import date, datetime

import pytest

from alerts.orders.calendar import WorkCalendar
from domain.errors import Invalid
from domain.limits import CALENDAR_BYTES_MAX
from runtime.calendars import load_calendar, years_missing


def ms(text):
    return round(datetime.fromisoformat(f"{text}:00+08:00").timestamp() * 1000)


@pytest.mark.parametrize(
    ("begins", "hours", "ends"),
    [
        ("2026-09-30T17:00", 1, "2026-10-08T09:00"),  # over National Day
        ("2026-10-09T10:00", 24, "2026-10-10T10:00"),  # a Saturday that is worked
        ("2026-02-14T16:30", 2, "2026-02-24T09:30"),  # from a worked Saturday over Spring Festival
        ("2026-04-03T17:00", 1, "2026-04-07T09:00"),
    ],
)
def test_the_shipped_calendar_knows_the_holidays_of_china(begins, hours, ends):
    assert load_calendar().after(ms(begins), hours * 3_600_000) == ms(ends)


def test_years_without_holidays_are_named_in_time():
    calendar = load_calendar()
    assert years_missing(calendar, date(2026, 11, 30)) == []
    assert years_missing(calendar, date(2026, 12, 1)) == [2027]
    assert years_missing(calendar, date(2027, 1, 1)) == [2027]
    assert years_missing(WorkCalendar(), date(2026, 12, 31)) == [2026, 2027]


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("years: {2026: {holidays: [2026-13-01]}}", "calendar.wrong", "month"),
        ("years: {2026: {of: []}}", "calendar.wrong", "of"),
        ("years: [", "calendar.wrong", "expected"),
        ("source: x", "calendar.wrong", "years"),
        ("years: {2026: {holidays: [2027-01-01]}}", "calendar.day", "2027-01-01"),
        ("years: {2026: {worked: [2026-11-23]}}", "calendar.day", "2026-11-23"),
        ("years: {2026: {worked: [2026-10-10], holidays: [2026-10-10]}}", "calendar.day", "2026-10-10"),
        ("years: {2026: {holidays: [{from: 2026-10-07, to: 2026-10-01}]}}", "calendar.day", "no holiday"),
        ("{years: {2026: {}}, hours: [['9:00', '17:00']]}", "calendar.wrong", "hours"),
        ("{years: {2026: {}}, hours: [['14:00', '12:00']]}", "calendar.hours", "follow"),
        ("{years: {2026: {}}, hours: []}", "calendar.hours", "follow"),
        ("#" * (CALENDAR_BYTES_MAX + 1), "calendar.too_large", "bytes"),
    ],
)
def test_a_calendar_that_makes_no_sense_is_refused_by_name(tmp_path, text, code, words):
    path = tmp_path / "days.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Invalid, match=words) as told:
        load_calendar(path)
    assert told.value.code == code


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(Invalid, match=r"none\.yml"):
        load_calendar(tmp_path / "none.yml")


def test_hours_are_those_of_the_file(tmp_path):
    path = tmp_path / "days.yml"
    path.write_text("{years: {2026: {}}, hours: [['09:00', '18:00']]}", encoding="utf-8")
    assert load_calendar(path).after(ms("2026-11-23T12:30"), 3_600_000) == ms("2026-11-23T13:30")
