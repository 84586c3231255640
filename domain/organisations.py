"""Who answers for what: organisations and the service contracts that bind firms to compounds (domain.md §1.2–1.3)."""

from typing import Any, Final

from msgspec import Struct, field

from domain.places import Name

__all__ = ["CONTRACTORS", "ORGANISATION_KINDS", "Contract", "Organisation"]

ORGANISATION_KINDS: Final = (
    "property_firm", "owners_committee", "community", "street", "housing_center", "housing_bureau", "market_reg",
    "fire_brigade", "micro_fire", "maint_elevator", "maint_fire", "charge_operator", "power_co", "police", "urban_mgmt",
    "gov_service", "emergency_bureau", "supervision",
)  # fmt: skip

CONTRACTORS: Final = frozenset({"property_firm", "maint_elevator", "maint_fire", "charge_operator"})
"""Kinds that serve compounds by contract only: without one they have no business there."""


class Organisation(Struct, frozen=True):
    """A legal or administrative body that is told, comes, or supervises."""

    id: str
    kind: str
    """One of `ORGANISATION_KINDS`."""
    name: Name
    place: str | None = None
    """The place it is responsible for, where that follows from territory (a street office, a community)."""
    phone: str = ""
    """Duty telephone, printed with the alert; never dialled by Anju."""
    attrs: dict[str, Any] = field(default_factory=dict)


class Contract(Struct, frozen=True):
    """A service contract: one organisation × a set of compounds × a period. Dates are ISO days, `until` inclusive."""

    id: str
    organisation: str
    compounds: list[str]
    valid_from: str
    valid_until: str | None = None
    role: str = "property_firm"
    """What the organisation is to these compounds: property_firm, maint_elevator, maint_fire, charge_operator."""
    filed: bool = False
    """备案: the contract is filed with the housing centre."""

    def in_force(self, day: str) -> bool:
        """True on `day` (ISO date)."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)
