"""Elevator (电梯): signals and event kinds of domain.md §2.2–2.3 (GB/T 24476-2017 clauses 9 and 11)."""

from typing import Annotated

from msgspec import Meta, Struct

from domain.kinds.base import DeviceKind, number, signals_of

__all__ = ["ELEVATOR", "ElevatorValues"]


def _flag(zh: str, en: str) -> Meta:
    return Meta(title=en, description=zh)


class ElevatorValues(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """State of one lift car. A missing value is unknown, which is not the same as false or zero."""

    service_mode: Annotated[int, number(0, 7, "", "服务模式", "service mode")] | None = None
    """0 stop, 1 normal, 2 inspection, 3 fire return, 4 firefighter, 5 emergency power, 6 earthquake, 7 unknown."""
    car_status: Annotated[int, number(0, 1, "", "轿厢运行状态", "car running")] | None = None
    direction: Annotated[int, number(0, 2, "", "运行方向", "direction")] | None = None
    door_zone: Annotated[bool, _flag("开锁区域", "in door zone")] | None = None
    floor: Annotated[int, number(-20, 200, "", "楼层", "floor")] | None = None
    door_state: Annotated[int, number(0, 3, "", "门状态", "door state")] | None = None
    """0 closed · 1 open · 2 closing · 3 opening."""
    presence: Annotated[bool, _flag("轿厢有人", "person in car")] | None = None
    presence_second: Annotated[bool, _flag("轿厢有人(第二来源)", "person in car (second source)")] | None = None
    person_count: Annotated[int, number(0, 40, "", "轿厢人数", "persons in car")] | None = None
    maintenance_flag: Annotated[bool, _flag("维保状态", "maintenance on site")] | None = None
    call_pending: Annotated[bool, _flag("有内外呼", "call pending")] | None = None
    speed: Annotated[float, number(0, 20, "m/s", "速度", "speed")] | None = None
    load: Annotated[float, number(0, 200, "%", "载荷", "load")] | None = None
    run_count: Annotated[int, number(0, 2**40, "", "运行次数", "runs")] | None = None
    run_hours: Annotated[float, number(0, 1e6, "h", "运行小时", "hours run")] | None = None
    door_cycles: Annotated[int, number(0, 2**40, "", "开关门次数", "door cycles")] | None = None
    alarm_button: Annotated[bool, _flag("轿厢报警按钮", "alarm button")] | None = None
    main_power: Annotated[bool, _flag("主电源", "main power")] | None = None
    temp_machine_room: Annotated[float, number(-60, 120, "℃", "机房温度", "machine room temperature")] | None = None
    rssi: Annotated[float, number(-150, 0, "dBm", "信号强度", "signal strength")] | None = None


ELEVATOR = DeviceKind(
    name="elevator",
    zh="电梯",
    en="Elevator",
    values=ElevatorValues,
    signals=signals_of(ElevatorValues),
    events={
        "entrapment": ("困人", "entrapment"),
        "entrapment_suspected": ("疑似困人", "suspected entrapment"),
        "entrapment_released": ("困人解救完成", "persons released"),
        "alarm_button": ("轿厢报警按钮动作", "alarm button pressed"),
        "ucm": ("轿厢意外移动", "unintended car movement"),
        "overspeed": ("超速", "overspeed"),
        "overtravel_top": ("冲顶", "overtravel at the top"),
        "overtravel_bottom": ("蹲底", "overtravel at the bottom"),
        "door_open_running": ("运行中开门", "door opened while running"),
        "run_with_door_open": ("开门走车", "running with door open"),
        "stop_out_of_zone": ("开锁区域外停止", "stopped outside the door zone"),
        "safety_circuit": ("安全回路断路", "safety circuit broken"),
        "door_close_fail": ("关门故障", "door failed to close"),
        "door_open_fail": ("开门故障", "door failed to open"),
        "door_cycle_repeat": ("反复开关门", "door cycling"),
        "door_held": ("长时间开门", "door held open"),
        "motor_limiter": ("电动机运转时间限制器动作", "motor run-time limiter"),
        "position_lost": ("楼层位置丢失", "floor position lost"),
        "run_timeout": ("运行超时", "run time-out"),
        "power_loss": ("主电源断电", "main power lost"),
        "mode_change": ("运行模式变化", "mode change"),
        "fire_return": ("进入消防返回模式", "fire return"),
        "firefighter": ("进入消防员运行模式", "firefighter operation"),
        "ebike_in_car": ("电动车进入轿厢", "e-bike in the car"),
        "no_fault": ("电梯无故障", "no fault"),
        "other": ("其他", "other"),
    },
    period_s=60,
)
