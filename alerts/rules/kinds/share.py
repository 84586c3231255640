"""Share offline: how many of the devices of a gateway or compound have fallen silent together."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from alerts.rules.kinds.base import Binding, Bound, Condition, ConditionKind, Context, Field, Frame, Operand, Truth
from alerts.rules.nodes import Node

__all__ = ["KIND", "OfflineShare"]


class OfflineShare(Condition, frozen=True, kw_only=True):
    """Per cent of the devices at the target that are offline, compared with a limit. Unknown below `min_devices`."""

    above: bool
    percent: Operand
    min_devices: int = 1

    basis: ClassVar[str] = "time"
    gathers: ClassVar[bool] = True

    def words(self, params: Mapping[str, Any]) -> str:
        """``offline > 30% of devices``."""
        return f"offline {'>' if self.above else '<'} {self.percent.words(params)}% of devices"

    def bind(self, binding: Binding) -> Bound:
        """A closure over the limit."""
        limit, least, above = binding.number(self.percent) or 0.0, self.min_devices, self.above

        def evaluate(frame: Frame) -> tuple[Truth, Truth]:
            if frame.total < max(1, least):
                return None, None
            share = 100 * frame.offline / frame.total
            frame.inputs["offline"], frame.inputs["devices"] = frame.offline, frame.total
            truth = share > limit if above else share < limit
            return truth, truth

        return Bound(evaluate, lambda _has: "False", lambda _has: "False", lambda _has: "False")


def _read(context: Context, entries: dict[str, Node], line: int) -> OfflineShare | None:
    reader = context.reader
    found = reader.mapping(entries["offline_share"], "`offline_share`", ("gt", "lt", "min_devices"))
    if found is None:
        return None
    if ("gt" in found) == ("lt" in found):
        reader.error(line, "`offline_share` needs one of 'gt' and 'lt'", "write `gt: 30` (per cent)")
        return None
    node = found.get("gt") or found["lt"]
    percent = context.operand(node, "the share")
    if percent is not None and percent.constant is not None and not 0 <= percent.constant <= 100:
        reader.error(node, f"the share is {percent.constant:g}", "write per cent from 0 to 100")
        return None
    least = reader.integer(found["min_devices"], "min_devices", 1, 100_000) if "min_devices" in found else 1
    if percent is None or least is None:
        return None
    return OfflineShare(line=line, above="gt" in found, percent=percent, min_devices=least)


KIND: Final = ConditionKind(
    name="offline_share",
    zh="离线比例",
    en="Share offline",
    marks=("offline_share",),
    fields=(
        Field("gt", "number", "大于(%)", "more than (%)"),
        Field("lt", "number", "小于(%)", "less than (%)"),
        Field("min_devices", "integer", "最少设备数", "least devices"),
    ),
    read=_read,
)
