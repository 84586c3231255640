"""Gateway (网关): the box that connects the devices of a building or compound to the broker."""

from typing import Annotated

from msgspec import Meta, Struct

from domain.kinds.base import DeviceKind, number, signals_of

__all__ = ["GATEWAY", "GatewayValues"]


class GatewayValues(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Health of one gateway."""

    uptime_s: Annotated[float, number(0, 1e10, "s", "运行时间", "uptime")] | None = None
    queue_depth: Annotated[int, number(0, 10**9, "", "待发队列", "messages queued")] | None = None
    clock_offset: Annotated[float, number(-1e9, 1e9, "s", "时钟偏差", "clock offset")] | None = None
    mains: Annotated[bool, Meta(title="mains present", description="市电")] | None = None
    rssi: Annotated[float, number(-150, 0, "dBm", "信号强度", "signal strength")] | None = None


GATEWAY = DeviceKind(
    name="gateway",
    zh="网关",
    en="Gateway",
    values=GatewayValues,
    signals=signals_of(GatewayValues),
    events={"other": ("其他", "other")},
    period_s=30,
)
