"""The one table of incidents: what can be let happen, by name. Each file adds its own."""

from typing import Final

from simulators.incidents import ebike, ebike_faults, elevator, elevator_faults, fire, gateway, shared
from simulators.incidents.base import Chronicle, Incident, Site

__all__ = ["INCIDENTS", "Chronicle", "Incident", "Site"]

INCIDENTS: Final[dict[str, Incident]] = {
    incident.name: incident
    for room in (elevator, elevator_faults, fire, ebike, ebike_faults, gateway, shared)
    for incident in room.INCIDENTS
}
