"""The one table of incidents: what can be let happen, by name. Each file adds its own."""

from typing import Final

from simulators.incidents import (
    ebike,
    ebike_faults,
    ebike_power,
    elevator,
    elevator_faults,
    elevator_modes,
    fire,
    gateway,
    shared,
)
from simulators.incidents.base import Chronicle, Incident, Site

__all__ = ["INCIDENTS", "Chronicle", "Incident", "Site"]

INCIDENTS: Final[dict[str, Incident]] = {
    incident.name: incident
    for room in (elevator, elevator_faults, elevator_modes, fire, ebike, ebike_faults, ebike_power, gateway, shared)
    for incident in room.INCIDENTS
}
