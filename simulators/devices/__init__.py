"""The one table of simulated devices: device type of the registry → how it behaves."""

from typing import Final

from simulators.devices.base import Model
from simulators.devices.ebike import Port, Shed, Station, ZoneCamera
from simulators.devices.ebike_cabinet import Cabinet
from simulators.devices.elevator import Lift
from simulators.devices.fire import FIRE_MODELS
from simulators.devices.gateway import Gateway

__all__ = ["MODELS", "Model"]

MODELS: Final[dict[str, type[Model]]] = {
    "lift": Lift,
    **FIRE_MODELS,
    "port": Port,
    "shed": Shed,
    "station": Station,
    "cabinet": Cabinet,
    "zone_camera": ZoneCamera,
    "gateway": Gateway,
}
