"""Threshold: a signal compared with a limit."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from alerts.rules.kinds.base import Binding, Bound, Condition, ConditionKind, Context, Field, Frame, Operand, constant
from alerts.rules.nodes import Node, Sequence

__all__ = ["KIND", "Threshold"]

_COMPARE: Final[dict[str, tuple[str, Callable[[Any, Any], bool]]]] = {
    "ge": (">=", operator.ge),
    "gt": (">", operator.gt),
    "le": ("<=", operator.le),
    "lt": ("<", operator.lt),
    "eq": ("==", operator.eq),
    "ne": ("!=", operator.ne),
}
_HIGH: Final = ("ge", "gt")
_LOW: Final = ("le", "lt")


class Threshold(Condition, frozen=True, kw_only=True):
    """A signal compared with a number, a truth value or a set of states. Unknown while the signal is."""

    signal: str
    compare: str
    """A key of the comparisons, ``is`` or ``in``."""
    limit: Operand = Operand(constant=0.0)
    """For the comparisons with a number."""
    wanted: bool = True
    among: tuple[int, ...] = ()
    if_unknown: bool | None = None
    """What to take an unknown signal for; None keeps it unknown."""

    def signals(self) -> tuple[str, ...]:
        """The signal compared."""
        return (self.signal,)

    def attrs(self) -> tuple[str, ...]:
        """The fact the limit rests on, if any."""
        return () if self.limit.attr is None else (self.limit.attr,)

    @property
    def direction(self) -> str | None:
        """``high`` or ``low``: on which side of the limit trouble lies; None for states."""
        return "high" if self.compare in _HIGH else "low" if self.compare in _LOW else None

    def words(self, params: Mapping[str, Any]) -> str:
        """``temp_socket >= 70``."""
        if self.compare == "is":
            return self.signal if self.wanted else f"not {self.signal}"
        if self.compare == "in":
            return f"{self.signal} in {{{', '.join(map(str, self.among))}}}"
        return f"{self.signal} {_COMPARE[self.compare][0]} {self.limit.words(params)}"

    def bind(self, binding: Binding) -> Bound:
        """A closure over the limit in force."""
        if self.compare == "is":
            return self._bound(lambda x: bool(x) is self.wanted, "{x}" if self.wanted else "not {x}")
        if self.compare == "in":
            among = frozenset(self.among)
            return self._bound(lambda x: x in among, f"{{x}} in {tuple(sorted(among))!r}")
        limit = binding.number(self.limit)
        if limit is None:
            return constant(self.if_unknown)
        symbol, compare = _COMPARE[self.compare]
        return self._bound(lambda x: compare(x, limit), f"{{x}} {symbol} {limit!r}")

    def _bound(self, test: Callable[[Any], bool], code: str) -> Bound:
        signal, if_unknown = self.signal, self.if_unknown

        def evaluate(frame: Frame) -> tuple[bool | None, bool | None]:
            value = frame.value(signal)
            if value is None:
                return (None, None) if frame.elapsing else (if_unknown, if_unknown)
            frame.inputs[signal] = value
            truth = test(value)
            return truth, truth

        name = f"v.{signal}"
        said = code.format(x=name)
        return Bound(
            evaluate,
            lambda has: f"({name} is None or {said})" if has else "True",
            lambda has: f"({name} is not None and {said})" if has else "False",
            lambda _has: "False",
        )


def _read(context: Context, entries: dict[str, Node], line: int) -> Threshold | None:
    reader = context.reader
    signal = context.signal(entries["signal"])
    chosen = [key for key in (*_COMPARE, "is", "in") if key in entries]
    if len(chosen) != 1:
        reader.error(
            line,
            f"the condition on a signal has {len(chosen) or 'no'} comparisons",
            "write one of: ge gt le lt eq ne is in",
        )
        return None
    if signal is None:
        return None
    compare, node = chosen[0], entries[chosen[0]]
    if (compare == "is") != (signal.type == "boolean"):
        advice = "`is: true` or `is: false`" if signal.type == "boolean" else "one of: ge gt le lt eq ne in"
        reader.error(
            node, f"{signal.name} is a {signal.type} signal and cannot be compared by {compare!r}", f"write {advice}"
        )
        return None
    _check_unit(context, entries, signal.name, signal.unit)
    unknown = reader.boolean(entries["if_unknown"], "if_unknown") if "if_unknown" in entries else None
    common = {"line": line, "signal": signal.name, "compare": compare, "if_unknown": unknown}
    if compare == "is":
        wanted = reader.boolean(node, f"what {signal.name} should be")
        return None if wanted is None else Threshold(**common, wanted=wanted)  # type: ignore[arg-type]
    if compare == "in":
        nodes = node.items if isinstance(node, Sequence) else (node,)
        among = [context.operand(item, f"a state of {signal.name}", signal) for item in nodes]
        states = tuple(int(item.constant) for item in among if item is not None and item.constant is not None)
        return Threshold(**common, among=states) if states else None  # type: ignore[arg-type]
    limit = context.operand(node, f"the limit of {signal.name}", signal)
    return None if limit is None else Threshold(**common, limit=limit)  # type: ignore[arg-type]


def _check_unit(context: Context, entries: dict[str, Node], signal: str, unit: str) -> None:
    if "unit" in entries:
        said = context.reader.text(entries["unit"], "unit")
        if said is not None and said != unit:
            advice = f"write the limit in {unit}" if unit else "remove the unit"
            context.reader.error(entries["unit"], f"{signal} is measured in {unit or 'no unit'}, not {said}", advice)


KIND: Final = ConditionKind(
    name="threshold",
    zh="阈值",
    en="Threshold",
    marks=("signal",),
    fields=(
        Field("signal", "signal", "信号", "signal", required=True),
        Field("ge", "number", "大于等于", "at least"),
        Field("gt", "number", "大于", "greater than"),
        Field("le", "number", "小于等于", "at most"),
        Field("lt", "number", "小于", "less than"),
        Field("eq", "number", "等于", "equal to"),
        Field("ne", "number", "不等于", "different from"),
        Field("is", "boolean", "为", "is"),
        Field("in", "number", "属于", "one of"),
        Field("unit", "text", "单位", "unit (checked)"),
        Field("if_unknown", "boolean", "未知时视为", "when unknown, take for"),
    ),
    read=_read,
)
