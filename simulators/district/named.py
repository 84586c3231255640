"""Districts that a scenario can name."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

import msgspec

from domain.devices import Device
from domain.errors import Invalid
from domain.organisations import Contract, Organisation
from domain.places import Place
from domain.registry import Registry
from simulators.district import load_district
from simulators.district.blueprint import COMPOUNDS, TOWERS
from simulators.district.build import build, rendered

__all__ = ["DISTRICTS", "district", "district_text", "part_of"]

SMALL: Final = frozenset({"tj-hty", "jt-fx", "js-ml"})
"""Of the demo district: a high-rise compound, one without a firm, and one of middle height."""


def part_of(registry: Registry, compounds: frozenset[str]) -> Registry:
    """The same district with the devices of some compounds only. Raises `Invalid` for one that is not there."""
    known = {place.id for place in registry.places.values() if place.kind == "compound"}
    if strange := sorted(compounds - known):
        text = f"no compound {', '.join(strange)}; there are: {', '.join(sorted(known))}"
        raise Invalid("district.no_compound", text, compounds=strange)
    devices = [device for device in registry.devices.values() if device.compound in compounds]
    return Registry(registry.places.values(), registry.organisations.values(), registry.contracts.values(), devices)


def _small() -> Registry:
    return part_of(district("demo"), SMALL)


def _towers() -> Registry:
    rows = build(TOWERS)
    return Registry(
        msgspec.convert(rows["places"], list[Place]),
        msgspec.convert(rows["organisations"], list[Organisation]),
        msgspec.convert(rows["contracts"], list[Contract]),
        msgspec.convert(rows["devices"], list[Device]),
    )


DISTRICTS: Final[dict[str, Callable[[], Registry]]] = {"demo": load_district, "small": _small, "towers": _towers}
"""``demo``: twelve compounds, the shipped file; ``small``: three of them; ``towers``: one compound with detectors on
every floor, made in memory."""


@cache
def district(name: str) -> Registry:
    """A district by its name. Raises `KeyError` for a name that is not in `DISTRICTS`."""
    return DISTRICTS[name]()


def district_text(name: str, forms: Sequence[str] = ()) -> str:
    """The registry file of ``demo`` or ``towers``, so that a running Anju can learn of its devices.

    `forms`: vendors' forms that devices of matching types are said to speak.
    """
    return rendered(TOWERS if name == "towers" else COMPOUNDS, forms)
