"""Due date: a day written in the registry (last visit, inspection due) that draws near or has passed."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any, ClassVar, Final

from alerts.rules.kinds.base import Binding, Bound, Condition, ConditionKind, Context, Field, Frame, Operand, Truth
from alerts.rules.nodes import Node

__all__ = ["KIND", "Due"]

_CHINA: Final = timezone(timedelta(hours=8))
"""Dates in the registry are days in China; the country has one zone and no summer time."""
_MORNING_H: Final = 8
"""Calendar alerts come at eight in the morning (domain.md §7, EL-16)."""


class Due(Condition, frozen=True, kw_only=True):
    """More than `overdue_days` have passed since the day, or at most `within_days` are left. Unknown without a day."""

    attr: str
    overdue_days: Operand | None = None
    within_days: Operand | None = None

    basis: ClassVar[str] = "time"

    def attrs(self) -> tuple[str, ...]:
        """The fact that holds the day."""
        return (self.attr,)

    def words(self, params: Mapping[str, Any]) -> str:
        """``last_visit > 15 days ago``."""
        if self.overdue_days is not None:
            return f"{self.attr} > {self.overdue_days.words(params)} days ago"
        left = Operand(constant=0.0) if self.within_days is None else self.within_days
        return f"{self.attr} in <= {left.words(params)} days"

    def bind(self, binding: Binding) -> Bound:
        """The instant from which it is true is known beforehand."""
        day = _day(binding.attrs.get(self.attr))
        if self.overdue_days is not None:
            shift = 1 + round(binding.number(self.overdue_days) or 0)
        else:
            shift = -round(0 if self.within_days is None else binding.number(self.within_days) or 0)
        since_ms = None if day is None else _morning_ms(day, shift)
        said, attr = str(binding.attrs.get(self.attr)), self.attr

        def evaluate(frame: Frame) -> tuple[Truth, Truth]:
            if since_ms is None:
                return None, None
            frame.inputs[attr] = said
            truth = frame.ts >= since_ms
            return truth, truth

        return Bound(
            evaluate,
            lambda _has: "False",
            lambda _has: "False",
            lambda _has: "False",
            lambda now, _silent_s, _state: since_ms is not None and now >= since_ms,
        )


def _day(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        return None
    try:
        return date.fromisoformat(value.strip()[:10])
    except ValueError:
        return None


def _morning_ms(day: date, shift_days: int) -> int | None:
    try:
        at = datetime(day.year, day.month, day.day, _MORNING_H, tzinfo=_CHINA) + timedelta(days=shift_days)
    except OverflowError:
        return None
    return round(at.timestamp() * 1_000)


def _read(context: Context, entries: dict[str, Node], line: int) -> Due | None:
    reader = context.reader
    keys = ("attr", "overdue_days", "within_days")
    found = reader.mapping(entries["due"], "`due`", keys, ("attr",))
    if found is None or "attr" not in found:
        return None
    chosen = [key for key in keys[1:] if key in found]
    if len(chosen) != 1:
        reader.error(line, "`due` needs one of 'overdue_days' and 'within_days'", "write how many days")
        return None
    attr = reader.text(found["attr"], "attr")
    days = context.operand(found[chosen[0]], chosen[0])
    if attr is None or days is None:
        return None
    if days.constant is not None and not 0 <= days.constant <= 3_650:
        reader.error(found[chosen[0]], f"{chosen[0]} is {days.constant:g}", "write days from 0 to 3650")
        return None
    return Due(line=line, attr=attr, **{chosen[0]: days})


KIND: Final = ConditionKind(
    name="due",
    zh="到期",
    en="Due date",
    marks=("due",),
    fields=(
        Field("attr", "text", "日期字段", "date field", required=True),
        Field("overdue_days", "integer", "逾期天数", "days overdue"),
        Field("within_days", "integer", "剩余天数", "days left"),
    ),
    read=_read,
)
