"""The one table of wire forms. A new form is one file here and one line in `WIRES`."""

from typing import Final

from ingest.kinds.anju_json import AnjuJson
from ingest.kinds.base import Decoded, EventIn, Sample, Wire, event_time

__all__ = ["CANONICAL", "WIRES", "Decoded", "EventIn", "Sample", "Wire", "event_time"]

WIRES: Final[dict[str, Wire]] = {wire.name: wire for wire in (AnjuJson(),)}
"""Name → decoder. Forms made of mapping files (`ingest.kinds.mapped`) join them where the house is wired."""

CANONICAL: Final = "anju_json"
"""What a device speaks whose registry entry says nothing else."""
