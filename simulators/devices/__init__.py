"""The one table of simulated devices: device type of the registry → how it behaves."""

from typing import Final

from simulators.devices.base import Model
from simulators.devices.ebike import Port, Shed, Station, ZoneCamera
from simulators.devices.elevator import Lift
from simulators.devices.fire import (
    CableTemperature,
    Detector,
    FireDoor,
    LaneCamera,
    Panel,
    Pressure,
    PumpRoom,
    ResidualCurrent,
    Tank,
)
from simulators.devices.gateway import Gateway

__all__ = ["MODELS", "Model"]

MODELS: Final[dict[str, type[Model]]] = {
    "lift": Lift,
    "smoke": Detector,
    "heat": Detector,
    "manual_call_point": Detector,
    "hydrant_button": Detector,
    "panel": Panel,
    "hydrant_pressure": Pressure,
    "sprinkler_pressure": Pressure,
    "tank": Tank,
    "pump_room": PumpRoom,
    "residual_current": ResidualCurrent,
    "cable_temp": CableTemperature,
    "lane_camera": LaneCamera,
    "fire_door": FireDoor,
    "port": Port,
    "shed": Shed,
    "station": Station,
    "zone_camera": ZoneCamera,
    "gateway": Gateway,
}
