"""The four levels of warning, ordered: a smaller number is graver."""

from enum import IntEnum

__all__ = ["Severity"]


class Severity(IntEnum):
    """Four-level warning convention (红橙黄蓝, 突发事件应对法): P1–P4 of domain.md §5.3."""

    CRITICAL = 1
    """一级 危急 red: life at risk now."""
    MAJOR = 2
    """二级 严重 orange: could become critical within hours."""
    MINOR = 3
    """三级 一般 yellow: a defect without immediate danger."""
    NOTICE = 4
    """四级 提示 blue: planned or advisory."""

    def graver_than(self, other: "Severity") -> bool:
        """True when this level calls for more urgency than `other`."""
        return self.value < other.value
