"""What one alert is about: from a rule's scope and a device to the id that both sides of a slot agree on."""

from domain.devices import Device
from domain.registry import Registry

__all__ = ["Targets"]


class Targets:
    """Resolves targets against one version of the registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._buildings: dict[str, set[str]] = {}
        for device in registry.devices.values():
            if device.zone is not None:
                self._buildings.setdefault(device.zone, set()).add(self._house(device))

    def of(self, scope: str, device: Device) -> str:
        """The target of readings of `device` under a rule of `scope`."""
        if scope == "compound":
            return device.compound
        if scope == "gateway":
            return device.gateway or device.id
        return self._zone(device) if scope == "zone" else device.id

    def _house(self, device: Device) -> str:
        building = self._registry.nearest(device.place, "building")
        return building.id if building else device.compound

    def _zone(self, device: Device) -> str:
        """Alarm zone (domain.md §3.7): the named one, else the floor, unit, building or site the device hangs at.

        Never mixes buildings: a zone name used in several of them stands for several zones. A device that hangs at
        the compound itself has nobody beside it and is a zone of its own.
        """
        if device.zone is not None:
            shared = device.zone not in self._registry.places and len(self._buildings[device.zone]) > 1
            return f"{self._house(device)}_{device.zone}" if shared else device.zone
        place = self._registry.places.get(device.place)
        if place is None or place.kind not in {"floor", "unit", "building", "zone", "site"}:
            return device.id
        return place.id
