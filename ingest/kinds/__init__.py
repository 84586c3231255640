"""The one table of wire forms. A new form is one file here and one line in `WIRES`."""

from typing import Final

from ingest.kinds.anju_json import AnjuJson
from ingest.kinds.base import Decoded, EventIn, Sample, Wire, event_time

__all__ = ["WIRES", "Decoded", "EventIn", "Sample", "Wire", "event_time"]

WIRES: Final[dict[str, Wire]] = {wire.name: wire for wire in (AnjuJson(),)}
"""Name → decoder. The forms of vendors and of GB/T 26875.3 join here."""
