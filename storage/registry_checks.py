"""Whether a registry would hold together: what names what, and what may not change."""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from msgspec import Struct

from alerts.rules.conditions import DEVICE_TYPES
from domain.devices import Device
from domain.kinds import KINDS
from domain.organisations import Contract, Organisation
from domain.places import Place
from domain.registry import Registry
from storage.registry_files import DraftRow, Problem

__all__ = ["Checked", "OverrideCheck", "check"]

BELOW_COMPOUND: Final = frozenset({"building", "unit", "floor", "zone", "site"})
TYPES_OF: Final = {
    "elevator": frozenset({"lift"}),
    "ebike": frozenset({"port", "shed", "cabinet", "zone_camera", "station"}),
    "gateway": frozenset({"gateway"}),
}
TYPES: Final = TYPES_OF | {"fire": frozenset(DEVICE_TYPES) - frozenset().union(*TYPES_OF.values())}
FOREVER: Final = "9999-12-31"


OverrideCheck = Callable[[Mapping[str, Any]], list[str]]
"""Overrides of one compound or device → what is wrong with them, by the rules in force."""


class Checked(Struct):
    """The tables as they would be, and the rows of the draft, to say where a problem stands."""

    places: Mapping[str, Place]
    organisations: Mapping[str, Organisation]
    contracts: Mapping[str, Contract]
    devices: Mapping[str, Device]
    rows: dict[str, dict[str, DraftRow]]
    overrides: dict[str, Any]
    judge: OverrideCheck | None = None
    """Says what is wrong with overrides; None: nobody knows the rules here."""

    def problem(self, table: str, key: str, column: str, wrong: str, write: str, level: str = "error") -> Problem:
        """A problem of one row, at its place in the files or in the registry."""
        row = self.rows.get(table, {}).get(key)
        if row is not None:
            return row.problem(column, wrong, write, level)
        return Problem("registry", table, None, column, f"{key!r} (not in these files): {wrong}", write, level)


def check(made: Checked, current: Registry) -> Iterator[Problem]:
    """Everything that is wrong with `made`, and what may not change against `current`."""
    above = Registry(made.places.values())
    yield from _places(made, above)
    yield from _organisations(made)
    yield from _contracts(made)
    yield from _overlaps(made)
    for device in made.devices.values():
        yield from _device(made, device, above)
        yield from _overrides(made, "devices", device.id, device.overrides)
        before = current.devices.get(device.id)
        if before is not None:
            yield from _lasting(made, device, before)


def _places(made: Checked, above: Registry) -> Iterator[Problem]:
    for place in made.places.values():
        ring = _ring(made.places, place)
        if place.parent is None:
            if place.kind != "district":
                write = "the id of the place above; only a district has none"
                yield made.problem("places", place.id, "parent", f"{place.id!r} hangs at nothing", write)
        elif place.parent not in made.places:
            wrong = f"there is no place {place.parent!r}"
            yield made.problem("places", place.id, "parent", wrong, "the id of a place in the registry or the files")
        elif place.id in ring:
            wrong = "is above itself: " + " → ".join([*ring, ring[0]])
            yield made.problem("places", place.id, "parent", wrong, "a parent further up")
        elif place.kind in BELOW_COMPOUND and not ring and above.nearest(place.id, "compound") is None:
            yield made.problem("places", place.id, "parent", "is in no compound", "a parent inside a compound")
        if place.id in made.overrides and place.kind != "compound":
            wrong = "only compounds and devices have thresholds of their own"
            yield made.problem("places", place.id, "overrides", wrong, "them in the row of the compound or device")
        elif place.id in made.overrides:
            yield from _overrides(made, "places", place.id, made.overrides[place.id])


def _overrides(made: Checked, table: str, key: str, overrides: Mapping[str, Any]) -> Iterator[Problem]:
    # Of what is not in these files a rule pack may have changed the names since: no reason to refuse them.
    level = "error" if key in made.rows.get(table, {}) else "warning"
    for wrong in made.judge(overrides) if made.judge is not None and overrides else ():
        yield made.problem(table, key, "overrides", wrong, "a parameter and value as docs/rules.md lists them", level)


def _ring(places: Mapping[str, Place], place: Place) -> list[str]:
    """The ring of parents that `place` is in or leads into; empty where the way up ends."""
    seen: dict[str, None] = {}
    step: str | None = place.id
    while step is not None and step in places and step not in seen:
        seen[step] = None
        step = places[step].parent
    if step is None or step not in seen:
        return []
    way = list(seen)
    return way[way.index(step) :]


def _organisations(made: Checked) -> Iterator[Problem]:
    for organisation in made.organisations.values():
        if organisation.place is not None and organisation.place not in made.places:
            wrong = f"there is no place {organisation.place!r}"
            yield made.problem("organisations", organisation.id, "place", wrong, "the id of a place, or nothing")


def _contracts(made: Checked) -> Iterator[Problem]:
    for contract in made.contracts.values():
        if contract.organisation not in made.organisations:
            wrong = f"there is no organisation {contract.organisation!r}"
            yield made.problem("contracts", contract.id, "organisation", wrong, "the id of an organisation")
        for compound in contract.compounds:
            if not _is_compound(made, compound):
                wrong = f"there is no compound {compound!r}"
                yield made.problem("contracts", contract.id, "compounds", wrong, "ids of compounds, separated by ;")
        if contract.valid_until is not None and contract.valid_until < contract.valid_from:
            wrong = f"ends on {contract.valid_until}, before it begins on {contract.valid_from}"
            yield made.problem("contracts", contract.id, "valid_until", wrong, "a later day, or nothing")


def _overlaps(made: Checked) -> Iterator[Problem]:
    served: dict[tuple[str, str], list[Contract]] = {}
    for contract in made.contracts.values():
        for compound in contract.compounds:
            served.setdefault((compound, contract.role), []).append(contract)
    for (compound, role), contracts in served.items():
        contracts.sort(key=lambda contract: (contract.valid_from, contract.id))
        for earlier, later in pairwise(contracts):
            if later.valid_from <= (earlier.valid_until or FOREVER):
                wrong = f"overlaps {earlier.id!r} for {compound!r} as {role}; from {later.valid_from} this one counts"
                write = "a valid_until in the earlier contract"
                yield made.problem("contracts", later.id, "valid_from", wrong, write, "warning")


def _is_compound(made: Checked, key: str) -> bool:
    place = made.places.get(key)
    return place is not None and place.kind == "compound"


def _device(made: Checked, device: Device, above: Registry) -> Iterator[Problem]:
    def problem(column: str, wrong: str, write: str) -> Problem:
        return made.problem("devices", device.id, column, wrong, write)

    if device.id in made.places:
        yield problem("id", f"{device.id!r} is the id of a place too", "an id of its own")
    if device.kind not in KINDS:
        yield problem("kind", f"{device.kind!r} is no kind of device", "one of " + ", ".join(KINDS))
    elif device.type and device.type not in TYPES[device.kind]:
        known = ", ".join(sorted(TYPES[device.kind]))
        yield problem("type", f"{device.type!r} is no type of {device.kind}", f"one of {known}")
    if not _is_compound(made, device.compound):
        yield problem("compound", f"there is no compound {device.compound!r}", "the id of a compound")
    yield from _located(made, device, "place", device.place, above)
    if device.zone is not None:
        yield from _located(made, device, "zone", device.zone, above)
        yield from _zone_in_building(made, device, device.zone, above)
    yield from _gateway(made, device)


def _located(made: Checked, device: Device, column: str, key: str, above: Registry) -> Iterator[Problem]:
    place, compound = made.places.get(key), above.nearest(key, "compound")
    if place is None:
        wrong, write = f"there is no place {key!r}", "the id of a place in the compound"
    elif compound is None or compound.id != device.compound:
        wrong, write = f"{key!r} is not in {device.compound!r}", "a place in the device's compound"
    elif column == "zone" and place.kind != "zone":
        wrong, write = f"{key!r} is a {place.kind}, not an alarm zone", "the id of a zone (报警区域)"
    else:
        return
    yield made.problem("devices", device.id, column, wrong, write)


def _zone_in_building(made: Checked, device: Device, zone: str, above: Registry) -> Iterator[Problem]:
    own, zones = above.nearest(device.place, "building"), above.nearest(zone, "building")
    if own is not None and zones is not None and own.id != zones.id:
        wrong = f"zone {zone!r} is in another building ({zones.id!r}, not {own.id!r})"
        yield made.problem("devices", device.id, "zone", wrong, "a zone of the same building")


def _gateway(made: Checked, device: Device) -> Iterator[Problem]:
    if device.gateway is None:
        return
    gateway = made.devices.get(device.gateway)
    if gateway is None:
        wrong = f"there is no device {device.gateway!r}"
    elif gateway.kind != "gateway":
        wrong = f"{device.gateway!r} is of kind {gateway.kind}, not a gateway"
    elif gateway.id == device.id:
        wrong = "is its own gateway"
    else:
        return
    yield made.problem("devices", device.id, "gateway", wrong, "the id of a device of kind gateway, or nothing")


def _lasting(made: Checked, device: Device, before: Device) -> Iterator[Problem]:
    """A device's topic and table follow from its compound and kind: another compound or kind is another device."""
    if device.compound != before.compound:
        wrong = f"{device.id!r} would move from {before.compound!r} to {device.compound!r}"
        yield made.problem("devices", device.id, "compound", wrong, "a new id for it there, and in_service=false here")
    if device.kind != before.kind:
        wrong = f"{device.id!r} would turn from {before.kind} into {device.kind}"
        yield made.problem("devices", device.id, "kind", wrong, "a new id for the new device")
