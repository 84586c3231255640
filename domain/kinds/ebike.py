"""E-bike charging (电动自行车充电): signals of domain.md §4.2 and events of §2.6, §4.2 and §4.4."""

from typing import Annotated

from msgspec import Meta, Struct

from domain.kinds.base import DeviceKind, number, signals_of

__all__ = ["EBIKE", "EbikeValues"]


def _flag(zh: str, en: str) -> Meta:
    return Meta(title=en, description=zh)


class EbikeValues(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """State of one charging port, cabinet slot, shed sensor or station."""

    port_state: Annotated[int, number(0, 6, "", "端口状态", "port state")] | None = None
    """0 idle · 1 plugged · 2 charging · 3 full · 4 fault · 5 locked out · 6 offline."""
    session: Annotated[bool, _flag("充电会话", "charging session")] | None = None
    session_s: Annotated[float, number(0, 1e6, "s", "充电时长", "session duration")] | None = None
    power: Annotated[float, number(0, 10_000, "W", "功率", "power")] | None = None
    current: Annotated[float, number(0, 100, "A", "电流", "current")] | None = None
    voltage: Annotated[float, number(0, 500, "V", "电压", "voltage")] | None = None
    energy: Annotated[float, number(0, 1_000, "kWh", "电量", "energy")] | None = None
    temp_socket: Annotated[float, number(-60, 400, "℃", "插座温度", "socket temperature")] | None = None
    temp_battery: Annotated[float, number(-60, 400, "℃", "电池温度", "battery temperature")] | None = None
    temp_ambient: Annotated[float, number(-60, 200, "℃", "环境温度", "ambient temperature")] | None = None
    smoke: Annotated[bool, _flag("烟雾", "smoke")] | None = None
    leakage: Annotated[float, number(0, 30_000, "mA", "漏电流", "leakage current")] | None = None
    relay_closed: Annotated[bool, _flag("继电器闭合", "relay closed")] | None = None
    total_power: Annotated[float, number(0, 1e6, "W", "总功率", "total power")] | None = None
    total_power_pct: Annotated[float, number(0, 1_000, "%", "总功率占比", "total power of contract")] | None = None
    rssi: Annotated[float, number(-150, 0, "dBm", "信号强度", "signal strength")] | None = None


EBIKE = DeviceKind(
    name="ebike",
    zh="充电",
    en="E-bike charging",
    values=EbikeValues,
    signals=signals_of(EbikeValues),
    events={
        "session_start": ("开始充电", "session started"),
        "session_stop": ("结束充电", "session stopped"),
        "smoke": ("烟雾报警", "smoke alarm"),
        "over_power": ("超功率", "over-power"),
        "over_temp": ("过温", "over-temperature"),
        "ebike_parked": ("电动车违规停放", "e-bike parked in a forbidden zone"),
        "ebike_charging": ("电动车违规充电", "e-bike charging in a forbidden zone"),
        "flying_wire": ("飞线充电", "charging by a flying lead"),
        "zone_clear": ("区域恢复", "zone clear"),
        "cut_off_failed": ("断电失败", "cut-off failed"),
        "cut_off_verified": ("断电已核实", "cut-off verified"),
        "facility_damaged": ("设施损坏", "facility damaged"),
        "other": ("其他", "other"),
    },
    period_s=60,
)
