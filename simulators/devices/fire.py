"""The table of fire devices: device type → how it behaves."""

from typing import Final

from simulators.devices.base import Model
from simulators.devices.fire_alarm import Button, Detector
from simulators.devices.fire_electric import CableTemperature, ResidualCurrent
from simulators.devices.fire_panel import Panel
from simulators.devices.fire_site import FireDoor, LaneCamera
from simulators.devices.fire_water import FlowSwitch, Pressure, Pump, PumpRoom, Tank

__all__ = ["FIRE_MODELS"]

FIRE_MODELS: Final[dict[str, type[Model]]] = {
    "smoke": Detector,
    "heat": Detector,
    "manual_call_point": Button,
    "hydrant_button": Button,
    "panel": Panel,
    "pump": Pump,
    "flow_switch": FlowSwitch,
    "hydrant_pressure": Pressure,
    "sprinkler_pressure": Pressure,
    "tank": Tank,
    "pump_room": PumpRoom,
    "residual_current": ResidualCurrent,
    "cable_temp": CableTemperature,
    "lane_camera": LaneCamera,
    "fire_door": FireDoor,
}
