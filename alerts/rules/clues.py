"""What each part of a condition came to, for people: the tree of `all`, `any` and `not` as lines with a depth."""

from collections.abc import Iterator, Mapping
from typing import Any

from alerts.alert import Clue
from alerts.rules.kinds.base import Condition, Truth
from alerts.rules.kinds.boolean import Combination, Hold, Negation, OnlyTypes
from alerts.rules.reader import duration_text

__all__ = ["clues"]


def clues(condition: Condition, params: Mapping[str, Any], seen: Mapping[int, Truth], depth: int = 0) -> Iterator[Clue]:
    """The lines of `condition`, outermost first. `seen`: id() of each condition looked at → its truth."""
    truth = seen.get(id(condition))
    join, text = _join(condition, params)
    yield Clue(depth, join, text, truth)
    if join:
        for part in condition.children():
            yield from clues(part, params, seen, depth + 1)


def _join(condition: Condition, params: Mapping[str, Any]) -> tuple[str, str]:
    """(how its parts are joined, what that needs); no join for what is shown in one line."""
    match condition:
        case Combination():
            return ("all" if condition.conjunction else "any"), ""
        case Negation():
            return "not", ""
        case Hold() if condition.part.children():
            return "hold", duration_text(condition.hold.resolve(params, {}) or 0)
        case OnlyTypes() if condition.part.children():
            return "types", "|".join(condition.only)
    return "", condition.words(params)
