"""Reads typed values out of a file's tree, and collects every fault instead of stopping at the first."""

import difflib
import re
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from domain.limits import SCENARIO_ERRORS_MAX, SCENARIO_LASTS_S_MAX
from domain.places import Name
from simulators.scenarios.nodes import Fault, Mapping, Node, Scalar, Sequence, kind_of

__all__ = ["Reader", "nearest"]

_DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*(ms|s|m|min|h|d)\Z")
_UNIT_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0}


def nearest(wrong: str, known: Collection[str], otherwise: str = "") -> str:
    """Advice for a word that is not among `known`: the nearest one, or else all of them."""
    near = difflib.get_close_matches(wrong, known, 1, 0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return otherwise or (f"write one of: {', '.join(sorted(known))}" if known else "remove it")


class Reader:
    """Access to one file. Every getter reports what is wrong with a node, and then returns None."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.faults: list[Fault] = []

    def fault(self, node: Node | int, what: str, write: str) -> None:
        """Reports a fault at a node or line."""
        if len(self.faults) < SCENARIO_ERRORS_MAX:
            self.faults.append(Fault(self.file, node if isinstance(node, int) else node.line, what, write))

    def mapping(
        self, node: Node, what: str, allowed: Iterable[str] | None, required: Iterable[str] = ()
    ) -> dict[str, Node]:
        """The entries of a map that may be there; `allowed` None: any word."""
        if not isinstance(node, Mapping):
            self.fault(node, f"{what} is {kind_of(node)}", "write a map of keys and values")
            return {}
        known = None if allowed is None else tuple(allowed)
        found: dict[str, Node] = {}
        for key, value in node.entries:
            name = key.value
            if not isinstance(name, str):
                self.fault(key, f"{what} has {kind_of(key)} as a key", "write a word")
            elif name in found:
                self.fault(key, f"{what} has the key {name!r} twice", "keep one of the two")
            elif known is not None and name not in known:
                self.fault(key, f"{what} has an unknown key {name!r}", nearest(name, known))
            else:
                found[name] = value
        for name in required:
            if name not in found:
                self.fault(node, f"{what} has no {name!r}", f"add `{name}:`")
        return found

    def items(self, node: Node | None, what: str) -> tuple[Node, ...]:
        """The items of a list; none where there is no node."""
        if node is None:
            return ()
        if isinstance(node, Sequence):
            return node.items
        self.fault(node, f"{what} is {kind_of(node)}", "write a list, each line beginning with `- `")
        return ()

    def text(self, node: Node, what: str) -> str | None:
        """A text that is not empty."""
        if isinstance(node, Scalar) and isinstance(node.value, str) and node.value.strip():
            return node.value.strip()
        empty = isinstance(node, Scalar) and isinstance(node.value, str)
        self.fault(node, f"{what} is {'empty' if empty else kind_of(node)}", "write a text, in quotes if in doubt")
        return None

    def word(self, node: Node, what: str, form: "re.Pattern[str]", example: str) -> str | None:
        """A text of a certain form."""
        value = self.text(node, what)
        if value is not None and not form.fullmatch(value):
            self.fault(node, f"{what} is {value[:60]!r}", f"write it like {example}")
            return None
        return value

    def choice(self, node: Node, what: str, choices: Collection[str]) -> str | None:
        """One of a few words."""
        value = self.text(node, what)
        if value is not None and value not in choices:
            self.fault(node, f"{what} {value[:60]!r} is unknown", nearest(value, choices))
            return None
        return value

    def number(self, node: Node, what: str, low: float, high: float) -> float | None:
        """A number within bounds (inclusive)."""
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fault(node, f"{what} is {kind_of(node)}", "write a number")
            return None
        if not low <= value <= high:
            edge = f"at least {low:g}" if value < low else f"at most {high:g}"
            self.fault(node, f"{what} is {value:g}", f"write a number of {edge}")
            return None
        return float(value)

    def whole(self, node: Node, what: str, low: int, high: int) -> int | None:
        """A whole number within bounds (inclusive)."""
        value = self.number(node, what, low, high)
        if value is not None and not value.is_integer():
            self.fault(node, f"{what} is {value:g}", "write a whole number")
            return None
        return None if value is None else int(value)

    def truth(self, node: Node, what: str) -> bool | None:
        """``true`` or ``false``."""
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        self.fault(node, f"{what} is {kind_of(node)}", "write true or false")
        return None

    def seconds(self, node: Node, what: str, low: float = 0.0) -> float | None:
        """A duration: seconds as a number, or with a unit."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            found = _DURATION.match(node.value.strip())
            if found is None:
                self.fault(node, f"{what} is {kind_of(node)}", "write a duration such as 90s, 10m, 8h or 2d")
                return None
            node = Scalar(float(found[1]) * _UNIT_S[found[2]], node.line)
        return self.number(node, what, low, SCENARIO_LASTS_S_MAX)

    def moment(self, node: Node, what: str) -> int | None:
        """A time with offset, as epoch milliseconds."""
        value = self.text(node, what)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
            stamp = moment.timestamp() if moment.tzinfo is not None else None
        except (ValueError, OverflowError, OSError):
            stamp = None
        if stamp is None or not 946_684_800 <= stamp < 4_102_444_800:
            self.fault(node, f"{what} is {value[:60]!r}", "write a time of this century: 2026-01-15T02:10:00+08:00")
            return None
        return round(stamp * 1000)

    def name(self, node: Node, what: str) -> Name | None:
        """Chinese and English."""
        found = self.mapping(node, what, ("zh", "en"), ("zh", "en"))
        zh = self.text(found["zh"], f"{what} zh") if "zh" in found else None
        en = self.text(found["en"], f"{what} en") if "en" in found else None
        return Name(zh, en) if zh is not None and en is not None else None
