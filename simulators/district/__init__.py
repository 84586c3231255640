"""The demo district: a committed YAML file in the registry's import format, and the script that made it."""

from pathlib import Path
from typing import Final

import msgspec
import yaml

from domain.devices import Device
from domain.errors import Invalid
from domain.organisations import Contract, Organisation
from domain.places import Place
from domain.registry import Registry

__all__ = ["DEMO_DISTRICT", "load_district"]

DEMO_DISTRICT: Final = Path(__file__).parent / "dongsheng-demo.yaml"
"""东胜区 as it might be: four streets, twelve compounds, about 600 devices. All names and numbers are invented."""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    places: list[Place] = []
    organisations: list[Organisation] = []
    contracts: list[Contract] = []
    devices: list[Device] = []


def load_district(path: Path = DEMO_DISTRICT) -> Registry:
    """Reads a district from `path`. Raises `Invalid` when the file is not in the registry's import format."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        with path.open(encoding="utf-8") as stream:
            tree = yaml.load(stream, Loader=loader)  # noqa: S506 (it is a safe loader, the C one where there is one)
        file = msgspec.convert(tree, _File)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise Invalid("district.unreadable", f"{path}: {error}", path=str(path)) from error
    return Registry(file.places, file.organisations, file.contracts, file.devices)
