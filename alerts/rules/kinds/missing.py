"""Missing data: a device that has fallen silent, by seconds, by reporting periods or by its liveness state."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from alerts.rules.kinds.base import Binding, Bound, Condition, ConditionKind, Context, Field, Frame, Operand, Truth
from alerts.rules.nodes import Mapping as Tree
from alerts.rules.nodes import Node
from alerts.rules.reader import duration_text

__all__ = ["KIND", "Missing"]


class Missing(Condition, frozen=True, kw_only=True):
    """Silent for at least so long. False only while the device is heard from; in between it is unknown.

    A device that has never spoken is unknown: it may not be installed yet.
    """

    silent: Operand | None = None
    periods: Operand | None = None
    states: tuple[str, ...] = ()
    """Liveness states that count at once, such as ``offline`` by Last Will."""

    basis: ClassVar[str] = "time"
    gathers: ClassVar[bool] = True

    def words(self, params: Mapping[str, Any]) -> str:
        """``silent >= 10min``."""
        parts = []
        if self.silent is not None:
            parts.append(f"silent >= {duration_text(self.silent.resolve(params, {}) or 0)}")
        if self.periods is not None:
            parts.append(f"silent >= {self.periods.words(params)} periods")
        return " or ".join([*parts, *(f"state {state}" for state in self.states)])

    def bind(self, binding: Binding) -> Bound:
        """A closure over the shortest silence that counts."""
        limits = []
        if self.silent is not None:
            limits.append(binding.number(self.silent) or 0.0)
        if self.periods is not None:
            limits.append((binding.number(self.periods) or 0.0) * binding.period_s)
        limit = min(limits, default=float("inf"))
        heard = min(limit, 2 * binding.period_s)
        states = frozenset(self.states)

        def evaluate(frame: Frame) -> tuple[Truth, Truth]:
            silent_s = frame.silent_s
            truth: Truth = None
            if silent_s is not None:
                frame.inputs["silent_s"] = round(silent_s, 1)
                truth = True if silent_s >= limit else False if silent_s < heard else None
            if frame.state in states:
                frame.inputs["state"] = frame.state
                truth = True
            return truth, truth

        return Bound(
            evaluate,
            lambda _has: "False",
            lambda _has: "False",
            lambda _has: "False",
            lambda _now, silent_s, state: (silent_s is not None and silent_s >= limit) or state in states,
        )


def _read(context: Context, entries: dict[str, Node], line: int) -> Missing | None:
    reader = context.reader
    node = entries["missing"]
    if not isinstance(node, Tree):
        silent = context.seconds(node, "missing", 1)
        return None if silent is None else Missing(line=line, silent=silent)
    found = reader.mapping(node, "`missing`", ("silent", "periods", "states"))
    if not found:
        reader.error(node, "`missing` does not say how long", "write `missing: 600`, or `{silent:, periods:, states:}`")
        return None
    silent = context.seconds(found["silent"], "silent", 1) if "silent" in found else None
    periods = context.operand(found["periods"], "periods") if "periods" in found else None
    if periods is not None and periods.constant is not None and periods.constant < 2:
        reader.error(found["periods"], "fewer than 2 periods", "write 2 or more: one late message is not silence")
    states = reader.texts(found["states"], "states") if "states" in found else ()
    return Missing(line=line, silent=silent, periods=periods, states=states)


KIND: Final = ConditionKind(
    name="missing",
    zh="数据缺失",
    en="Missing data",
    marks=("missing",),
    fields=(
        Field("silent", "seconds", "静默时长", "silent for"),
        Field("periods", "number", "静默周期数", "silent for periods"),
        Field("states", "text", "在线状态", "liveness states"),
    ),
    read=_read,
)
