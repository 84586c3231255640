"""The registry as one immutable value: places, organisations, contracts and devices, with the questions asked of it."""

from collections.abc import Iterable, Iterator
from functools import cached_property

from msgspec.structs import replace

from domain.devices import Device
from domain.kinds import KINDS
from domain.organisations import CONTRACTORS, Contract, Organisation
from domain.places import Place

__all__ = ["Registry"]


class Registry:
    """A consistent snapshot of the registry. Never changed in place: an import makes a new one with a new `version`."""

    def __init__(
        self,
        places: Iterable[Place] = (),
        organisations: Iterable[Organisation] = (),
        contracts: Iterable[Contract] = (),
        devices: Iterable[Device] = (),
        overrides: dict[str, dict[str, dict[str, object]]] | None = None,
        version: int = 0,
    ) -> None:
        self.places = {place.id: place for place in places}
        self.organisations = {organisation.id: organisation for organisation in organisations}
        self.contracts = {contract.id: contract for contract in contracts}
        self.devices = {device.id: device for device in devices}
        self.overrides = overrides or {}
        """Compound id → rule id → parameter → value."""
        self.version = version

    def above(self, place_id: str | None) -> Iterator[Place]:
        """The place itself, then every place above it up to the district. Stops at a missing or repeated parent."""
        seen: set[str] = set()
        while place_id is not None and place_id not in seen:
            seen.add(place_id)
            place = self.places.get(place_id)
            if place is None:
                return
            yield place
            place_id = place.parent

    def simulated(self, place_id: str | None) -> bool:
        """True where only simulated devices are: the place, or one above it, has the attribute ``simulated``."""
        return any(place.attrs.get("simulated") is True for place in self.above(place_id))

    def nearest(self, place_id: str | None, kind: str) -> Place | None:
        """The first place of `kind` at or above `place_id`."""
        return next((place for place in self.above(place_id) if place.kind == kind), None)

    def period_s(self, device: Device) -> float:
        """Expected reporting period of `device` in seconds."""
        return device.period_s or KINDS[device.kind].period_s

    def contracted(self, compound: str, role: str, day: str) -> Organisation | None:
        """Who serves `compound` in `role` on `day` (ISO date), by contract. None where nobody does (无物业小区)."""
        for contract in self._contracts_of.get(compound, ()):
            if contract.role == role and contract.in_force(day):
                return self.organisations.get(contract.organisation)
        return None

    def territorial(self, place_id: str, kind: str) -> Organisation | None:
        """The organisation of `kind` (community, street, …) whose territory holds the place; nearest first."""
        for place in self.above(place_id):
            for organisation in self._organisations_at.get(place.id, ()):
                if organisation.kind == kind:
                    return organisation
        return None

    def responsible(self, compound: str, day: str) -> Organisation | None:
        """First handler for `compound` on `day`: its property firm; without one the community, then the street."""
        return (
            self.contracted(compound, "property_firm", day)
            or self.territorial(compound, "community")
            or self.territorial(compound, "street")
        )

    def compounds_within(self, places: Iterable[str]) -> frozenset[str]:
        """Ids of the compounds at or below any of `places`."""
        wanted = frozenset(places)
        return frozenset(
            place.id
            for place in self.places.values()
            if place.kind == "compound" and any(above.id in wanted for above in self.above(place.id))
        )

    def compounds_of(self, organisation: str, day: str) -> frozenset[str] | None:
        """Ids of the compounds that an organisation answers for on `day` (ISO date).

        By contract, and by territory where it has a place. None: all, for a body of the whole district that has neither
        contract nor place. An organisation whose contracts have all ended answers for nothing.
        """
        mine = [contract for contract in self.contracts.values() if contract.organisation == organisation]
        served = {compound for contract in mine if contract.in_force(day) for compound in contract.compounds}
        known = self.organisations.get(organisation)
        place = None if known is None else known.place
        if place is not None:
            return self.compounds_within((place,)) | served
        if mine or known is None or known.kind in CONTRACTORS:
            return frozenset(served)
        return None

    def narrowed(self, compounds: frozenset[str], kinds: frozenset[str] | None) -> "Registry":
        """What somebody knows who has to do with `compounds`, and there with devices of `kinds` (None: all) only.

        Their places and those above them; who serves them or holds their territory; contracts without the compounds of
        others. Gateways are in it whatever `kinds` says: they explain silence.
        """
        above = {up.id for compound in compounds for up in self.above(compound)}
        places = [one for one in self.places.values() if one.id in above or self._within(one.id, compounds)]
        contracts = [
            replace(one, compounds=shared)
            for one in self.contracts.values()
            if (shared := [compound for compound in one.compounds if compound in compounds])
        ]
        known = {one.id for one in places}
        bound = {one.organisation for one in contracts}
        devices = [
            one
            for one in self.devices.values()
            if one.compound in compounds and (kinds is None or one.kind == "gateway" or one.kind in kinds)
        ]
        return Registry(
            places,
            [one for one in self.organisations.values() if one.id in bound or one.place in known],
            contracts,
            devices,
            {compound: rules for compound, rules in self.overrides.items() if compound in compounds},
            self.version,
        )

    def _within(self, place_id: str, compounds: frozenset[str]) -> bool:
        compound = self.nearest(place_id, "compound")
        return compound is not None and compound.id in compounds

    def devices_in(self, compound: str) -> tuple[Device, ...]:
        """Devices of a compound, in registration order."""
        return self._devices_of.get(compound, ())

    def devices_behind(self, gateway: str) -> tuple[Device, ...]:
        """Devices that speak through `gateway`."""
        return self._devices_behind.get(gateway, ())

    @cached_property
    def _contracts_of(self) -> dict[str, tuple[Contract, ...]]:
        # The newest contract wins where two overlap: an import of a successor must not wait for the old one's end.
        table: dict[str, list[Contract]] = {}
        for contract in sorted(self.contracts.values(), key=lambda c: (c.valid_from, c.id), reverse=True):
            for compound in contract.compounds:
                table.setdefault(compound, []).append(contract)
        return {compound: tuple(found) for compound, found in table.items()}

    @cached_property
    def _organisations_at(self) -> dict[str, tuple[Organisation, ...]]:
        table: dict[str, list[Organisation]] = {}
        for organisation in self.organisations.values():
            if organisation.place is not None:
                table.setdefault(organisation.place, []).append(organisation)
        return {place: tuple(found) for place, found in table.items()}

    @cached_property
    def _devices_of(self) -> dict[str, tuple[Device, ...]]:
        return _grouped(self.devices.values(), "compound")

    @cached_property
    def _devices_behind(self) -> dict[str, tuple[Device, ...]]:
        return _grouped(self.devices.values(), "gateway")


def _grouped(devices: Iterable[Device], attribute: str) -> dict[str, tuple[Device, ...]]:
    table: dict[str, list[Device]] = {}
    for device in devices:
        key = getattr(device, attribute)
        if key is not None:
            table.setdefault(key, []).append(device)
    return {key: tuple(found) for key, found in table.items()}
