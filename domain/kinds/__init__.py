"""The one table of device kinds. A new kind is one file here and one line in `KINDS` and `Values`."""

from typing import Final

from domain.kinds.base import DeviceKind, Signal
from domain.kinds.ebike import EBIKE, EbikeValues
from domain.kinds.elevator import ELEVATOR, ElevatorValues
from domain.kinds.fire import FIRE, FireValues
from domain.kinds.gateway import GATEWAY, GatewayValues

__all__ = ["KINDS", "DeviceKind", "EbikeValues", "ElevatorValues", "FireValues", "GatewayValues", "Signal", "Values"]

KINDS: Final[dict[str, DeviceKind]] = {kind.name: kind for kind in (ELEVATOR, FIRE, EBIKE, GATEWAY)}

Values = ElevatorValues | FireValues | EbikeValues | GatewayValues
