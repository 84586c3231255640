"""What goes wrong around fire control: the rooms of it, in one table."""

from typing import Final

from simulators.incidents import fire_alarm, fire_electric, fire_panel, fire_site, fire_spread, fire_water
from simulators.incidents.base import Incident

__all__ = ["INCIDENTS"]

INCIDENTS: Final[tuple[Incident, ...]] = tuple(
    incident
    for room in (fire_alarm, fire_spread, fire_water, fire_electric, fire_panel, fire_site)
    for incident in room.INCIDENTS
)
