"""The one table of condition kinds. A new kind is one file here and one line in `KINDS`."""

from typing import Any, Final

from msgspec import to_builtins

from alerts.rules.kinds import boolean, count, due, event, missing, rate, sequence, share, threshold, together
from alerts.rules.kinds.base import Condition, ConditionKind, Field

__all__ = ["COMMON", "KINDS", "Condition", "ConditionKind", "Field", "described"]

KINDS: Final[tuple[ConditionKind, ...]] = (
    rate.KIND,  # before threshold: both speak of a signal
    threshold.KIND,
    event.KIND,
    count.KIND,
    together.KIND,
    sequence.KIND,
    missing.KIND,
    due.KIND,
    share.KIND,
    boolean.ALL,
    boolean.ANY,
    boolean.NOT,
)
"""In the order in which a condition is recognised by its keys."""

COMMON: Final = (
    Field("for", "seconds", "持续时间", "for (event time)"),
    Field("types", "types", "设备类型", "device types"),
)
"""Keys every condition may carry."""


def described() -> list[dict[str, Any]]:
    """Every kind in JSON-ready form: what a console form or an API schema is drawn from."""
    return [
        {"name": kind.name, "zh": kind.zh, "en": kind.en, "marks": list(kind.marks),
         "fields": to_builtins((*kind.fields, *COMMON))}
        for kind in KINDS
    ]  # fmt: skip
