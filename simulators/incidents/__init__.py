"""The one table of incidents: what can be let happen, by name. Each file adds its own."""

from typing import Final

from simulators.incidents import ebike, elevator, fire, gateway
from simulators.incidents.base import Chronicle, Incident, Site

__all__ = ["INCIDENTS", "Chronicle", "Incident", "Site"]

INCIDENTS: Final[dict[str, Incident]] = {
    incident.name: incident for room in (elevator, fire, ebike, gateway) for incident in room.INCIDENTS
}
