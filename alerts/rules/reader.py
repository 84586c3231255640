"""Reads typed values out of a plain tree, collecting every error instead of stopping at the first."""

import difflib
import math
import re
from collections.abc import Collection, Iterable
from typing import Final

from alerts.rules.nodes import Mapping, Node, PackError, Scalar, Sequence, kind_of
from domain.limits import PACK_ERRORS_MAX, RULE_WINDOW_S_MAX
from domain.places import Name

__all__ = ["Reader", "duration_text", "number_text", "seconds_of"]

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d)\Z")
_UNIT_S: Final = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400}


def seconds_of(value: object) -> float | None:
    """Seconds in a number or in ``90s``, ``10m``, ``8h``, ``30d``; None when `value` is no duration."""
    if isinstance(value, str):
        found = _DURATION.match(value.strip())
        return float(found[1]) * _UNIT_S[found[2]] if found else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return None


def number_text(value: float) -> str:
    """A number as a person would write it: no trailing zeros."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def duration_text(seconds: float) -> str:
    """``10s``, ``10min``, ``8h`` or ``30d``: the largest unit that needs no fraction, seconds up to two minutes."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds > 120 and seconds % size == 0:
            return f"{number_text(seconds / size)}{unit}"
    return f"{number_text(seconds)}s"


class Reader:
    """Typed access to one file's tree. Every getter returns None after reporting what is wrong with a node."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.errors: list[PackError] = []

    def error(self, node: Node | int, what: str, write: str) -> None:
        """Reports one error at a node or line. Beyond `PACK_ERRORS_MAX` they are dropped: the file is refused."""
        if len(self.errors) < PACK_ERRORS_MAX:
            line = node if isinstance(node, int) else node.line
            self.errors.append(PackError(self.file, line, what, write))

    def mapping(
        self, node: Node, what: str, allowed: Iterable[str] | None, required: Iterable[str] = ()
    ) -> dict[str, Node] | None:
        """The entries of a map; refuses unknown (unless `allowed` is None), repeated and missing keys."""
        if not isinstance(node, Mapping):
            self.error(node, f"{what} is {kind_of(node)}", "write a map of keys and values")
            return None
        known = None if allowed is None else tuple(allowed)
        found: dict[str, Node] = {}
        for key, value in node.entries:
            name = key.value
            if not isinstance(name, str):
                self.error(
                    key, f"{what} has {kind_of(key)} as a key", "write a word, in quotes if it looks like a number"
                )
            elif name in found:
                self.error(key, f"{what} has the key {name!r} twice", "keep one of the two")
            elif known is not None and name not in known:
                self.error(key, f"{what} has an unknown key {name!r}", self.instead(name, known))
            else:
                found[name] = value
        for name in required:
            if name not in found:
                self.error(node, f"{what} has no {name!r}", f"add `{name}:`")
        return found

    def instead(self, wrong: str, known: Collection[str]) -> str:
        """Advice for a word that is not among `known`: the nearest one, or all of them."""
        near = difflib.get_close_matches(wrong, known, 1, 0.6)
        if near:
            return f"did you mean {near[0]!r}?"
        listed = ", ".join(sorted(known))
        return f"write one of: {listed}" if listed else "remove it"

    def items(self, node: Node, what: str) -> tuple[Node, ...] | None:
        """The items of a list."""
        if not isinstance(node, Sequence):
            self.error(node, f"{what} is {kind_of(node)}", "write a list")
            return None
        return node.items

    def text(self, node: Node, what: str) -> str | None:
        """A text that is not empty."""
        if isinstance(node, Scalar) and isinstance(node.value, str) and node.value.strip():
            return node.value.strip()
        empty = isinstance(node, Scalar) and node.value == ""
        self.error(node, f"{what} is {'empty' if empty else kind_of(node)}", "write a text, in quotes if in doubt")
        return None

    def texts(self, node: Node, what: str) -> tuple[str, ...]:
        """One text or a list of texts."""
        if isinstance(node, Sequence):
            found = [self.text(item, f"an item of {what}") for item in node.items]
            return tuple(text for text in found if text is not None)
        one = self.text(node, what)
        return () if one is None else (one,)

    def number(self, node: Node, what: str, low: float | None = None, high: float | None = None) -> float | None:
        """A finite number within bounds (inclusive)."""
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.error(node, f"{what} is {kind_of(node)}", "write a number")
            return None
        if not math.isfinite(value) or abs(value) > 1e15:
            self.error(node, f"{what} is {value}", "write a finite number")
            return None
        if (low is not None and value < low) or (high is not None and value > high):
            edge = (
                f"at least {number_text(low)}"
                if low is not None and value < low
                else f"at most {number_text(high or 0)}"
            )
            self.error(node, f"{what} is {number_text(value)}", f"write a number of {edge}")
            return None
        return float(value)

    def integer(self, node: Node, what: str, low: int, high: int) -> int | None:
        """A whole number within bounds (inclusive)."""
        value = self.number(node, what, low, high)
        if value is None:
            return None
        if not value.is_integer():
            self.error(node, f"{what} is {value}", "write a whole number")
            return None
        return int(value)

    def boolean(self, node: Node, what: str) -> bool | None:
        """``true`` or ``false``."""
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        self.error(node, f"{what} is {kind_of(node)}", "write true or false")
        return None

    def seconds(self, node: Node, what: str, low: float = 0) -> float | None:
        """A duration in seconds, or with a unit: ``90s``, ``10m``, ``8h``, ``30d``."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            value = seconds_of(node.value)
            if value is None:
                self.error(
                    node, f"{what} is {kind_of(node)}", "write seconds, or a duration such as 90s, 10m, 8h or 30d"
                )
                return None
            node = Scalar(value, node.line)
        return self.number(node, what, low, RULE_WINDOW_S_MAX)

    def choice(self, node: Node, what: str, choices: Collection[str]) -> str | None:
        """One of a few words."""
        value = self.text(node, what)
        if value is not None and value not in choices:
            self.error(node, f"{what} {value!r} is unknown", self.instead(value, choices))
            return None
        return value

    def choices(self, node: Node, what: str, choices: Collection[str]) -> tuple[str, ...]:
        """One or several of a few words."""
        nodes = node.items if isinstance(node, Sequence) else (node,)
        found = [self.choice(item, what, choices) for item in nodes]
        return tuple(word for word in found if word is not None)

    def name(self, node: Node, what: str) -> Name | None:
        """A bilingual name: ``{zh: …, en: …}``, both required."""
        found = self.mapping(node, what, ("zh", "en"), ("zh", "en"))
        if found is None or len(found) < 2:
            return None
        zh, en = self.text(found["zh"], f"{what} zh"), self.text(found["en"], f"{what} en")
        return Name(zh, en) if zh is not None and en is not None else None
