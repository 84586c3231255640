"""The one table of incidents: what can be let happen, by name."""

from typing import Final

from simulators.incidents.base import Chronicle, Incident, Site
from simulators.incidents.ebike import ChargingOverheat
from simulators.incidents.elevator import DoorFault, EbikeInCar, Entrapment
from simulators.incidents.fire import HydrantLeak, ResidualCurrentRise, SmokeThenSecond
from simulators.incidents.gateway import GatewayOffline

__all__ = ["INCIDENTS", "Chronicle", "Incident", "Site"]

INCIDENTS: Final[dict[str, Incident]] = {
    incident.name: incident
    for incident in (
        Entrapment("entrapment", level=False, code=False),
        Entrapment("entrapment_code", level=False, code=True),
        Entrapment("entrapment_level", level=True, code=False),
        DoorFault(),
        EbikeInCar(),
        SmokeThenSecond(),
        HydrantLeak(),
        ResidualCurrentRise(),
        ChargingOverheat(),
        GatewayOffline(),
    )
}
