"""Fire control (消防): signals of GB/T 26875.3-2011 transmitters and of water, tank and electrical sensors.

Sources: domain.md §3.2 (types 1–3, 21, status words of figures 6, 7 and 13) and §3.6 (limits and units).
"""

from typing import Annotated

from msgspec import Meta, Struct

from domain.kinds.base import DeviceKind, number, signals_of

__all__ = ["FIRE", "FireValues"]


def _flag(zh: str, en: str) -> Meta:
    return Meta(title=en, description=zh)


class FireValues(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """State of one fire-control component, panel, water or electrical sensor; each sends the few that it has."""

    fire: Annotated[bool, _flag("火警", "fire alarm")] | None = None
    fault: Annotated[bool, _flag("故障", "fault")] | None = None
    shielded: Annotated[bool, _flag("屏蔽", "shielded")] | None = None
    started: Annotated[bool, _flag("启动", "started")] | None = None
    feedback: Annotated[bool, _flag("反馈", "feedback")] | None = None
    main_power_fault: Annotated[bool, _flag("主电故障", "main power fault")] | None = None
    backup_power_fault: Annotated[bool, _flag("备电故障", "backup power fault")] | None = None
    bus_fault: Annotated[bool, _flag("总线故障", "bus fault")] | None = None
    line_fault: Annotated[bool, _flag("线路故障", "line fault")] | None = None
    manual_mode: Annotated[bool, _flag("手动状态", "manual mode")] | None = None
    shielded_count: Annotated[int, number(0, 100_000, "", "屏蔽点数", "shielded points")] | None = None
    smoke: Annotated[float, number(0, 100, "%obs/m", "烟雾减光率", "smoke obscuration")] | None = None
    heat: Annotated[float, number(-60, 400, "℃", "探测温度", "detector temperature")] | None = None
    p_static: Annotated[float, number(0, 4, "MPa", "静水压力", "static pressure")] | None = None
    p_sprinkler: Annotated[float, number(0, 4, "MPa", "喷淋末端压力", "sprinkler end pressure")] | None = None
    level: Annotated[float, number(0, 30, "m", "液位", "level")] | None = None
    level_pct: Annotated[float, number(0, 150, "%", "液位比例", "level of required")] | None = None
    temp_room: Annotated[float, number(-60, 120, "℃", "泵房温度", "pump-room temperature")] | None = None
    residual_current: Annotated[float, number(0, 30_000, "mA", "剩余电流", "residual current")] | None = None
    cable_temp: Annotated[float, number(-60, 400, "℃", "线缆温度", "cable temperature")] | None = None
    gas: Annotated[float, number(0, 100, "%LEL", "可燃气体", "combustible gas")] | None = None
    lane_occupied: Annotated[bool, _flag("消防车道占用", "fire lane occupied")] | None = None
    door_open: Annotated[bool, _flag("防火门开启", "fire door open")] | None = None
    battery: Annotated[float, number(0, 100, "%", "电池电量", "battery")] | None = None
    rssi: Annotated[float, number(-150, 0, "dBm", "信号强度", "signal strength")] | None = None


FIRE = DeviceKind(
    name="fire",
    zh="消防",
    en="Fire control",
    values=FireValues,
    signals=signals_of(FireValues),
    events={
        "fire_alarm": ("火警", "fire alarm"),
        "manual_call_point": ("手动火灾报警按钮", "manual call point"),
        "hydrant_button": ("消火栓按钮", "hydrant button"),
        "fire_confirmed": ("人工确认火警", "fire confirmed by a person"),
        "gas_release": ("气体灭火释放", "gas extinguishing release"),
        "pump_start": ("消防水泵启动", "fire pump started"),
        "flow": ("水流指示器动作", "water flow"),
        "reset": ("复位", "reset"),
        "mute": ("消音", "mute"),
        "alarm_cleared": ("警情消除", "alarm cleared"),
        "fault": ("故障", "fault"),
        "fault_cleared": ("故障恢复", "fault cleared"),
        "duty_check_answered": ("查岗应答", "duty check answered"),
        "duty_check_missed": ("查岗无应答", "duty check unanswered"),
        "self_test": ("自检", "self-test"),
        "other": ("其他", "other"),
    },
    period_s=300,
)
