"""A registered device: what it is, where it is, and how often it should speak."""

from typing import Any

from msgspec import Struct, field

from domain.places import Name

__all__ = ["Device"]


class Device(Struct, frozen=True):
    """One source of readings. Ids are immutable ASCII and unique in the deployment."""

    id: str
    kind: str
    """A key of `domain.kinds.KINDS`."""
    compound: str
    """Id of the compound; the topic must name the same one."""
    place: str
    """Id of the place the device hangs at: compound, building, unit, floor or site."""
    name: Name
    type: str = ""
    """Finer than kind: ``lift``, ``smoke``, ``heat``, ``manual_call_point``, ``hydrant_button``, ``panel``,
    ``hydrant_pressure``, ``sprinkler_pressure``, ``tank``, ``residual_current``, ``cable_temp``, ``pump_room``,
    ``lane_camera``, ``fire_door``, ``port``, ``shed``, ``zone_camera``, ``station``, ``gateway``."""
    zone: str | None = None
    """Alarm zone (报警区域). Two triggers in one zone confirm a fire; never across buildings."""
    gateway: str | None = None
    """Id of the gateway it speaks through; when that is offline, this device's silence is explained."""
    period_s: float | None = None
    """Expected reporting period; None takes the kind's."""
    model: str = ""
    in_service: bool = True
    overrides: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Rule id → parameter → value, for this device alone."""
    attrs: dict[str, Any] = field(default_factory=dict)
    """``rated_speed`` (m/s), ``registration`` (使用登记证), ``installed``, ``last_visit``, ``inspection_due`` …"""
