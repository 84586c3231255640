"""What a device kind must say about itself."""

from typing import NamedTuple

import msgspec
from msgspec import Meta, Struct

__all__ = ["DeviceKind", "Signal", "number", "signals_of"]


class Signal(NamedTuple):
    """One measurable quantity: its unit and plausible range are the contract, its labels are for people."""

    name: str
    type: str
    """``number``, ``integer`` or ``boolean``."""
    unit: str
    """Canonical unit (MPa, m, ℃, mA, A, V, W, kWh, m/s, dBm); empty for states and counts."""
    low: float | None
    high: float | None
    zh: str
    en: str


class DeviceKind(NamedTuple):
    """A kind of device: what it measures, what it may report, and how often it should speak."""

    name: str
    zh: str
    en: str
    values: type[Struct]
    signals: dict[str, Signal]
    events: dict[str, tuple[str, str]]
    """Canonical event kind → (zh, en)."""
    period_s: int
    """Expected reporting period where the registry does not say otherwise."""


def number(low: float, high: float, unit: str, zh: str, en: str) -> Meta:
    """Metadata of a numeric signal: plausible range (inclusive), canonical unit and labels."""
    return Meta(ge=low, le=high, title=en, description=zh, extra={"unit": unit})


def signals_of(values: type[Struct]) -> dict[str, Signal]:
    """Reads the signal table from the annotations of a `Values` struct, so that it is written once."""
    table: dict[str, Signal] = {}
    for field in msgspec.inspect.type_info(values).fields:  # type: ignore[attr-defined]
        low = high = None
        name, unit, zh, en = "", "", field.name, field.name
        for part in field.type.types:
            kind = part
            if isinstance(part, msgspec.inspect.Metadata):
                extra = part.extra or {}
                unit = extra.get("unit", "")
                zh = (part.extra_json_schema or {}).get("description", zh)
                en = (part.extra_json_schema or {}).get("title", en)
                kind = part.type
            if isinstance(kind, msgspec.inspect.BoolType):
                name = "boolean"
            elif isinstance(kind, msgspec.inspect.IntType | msgspec.inspect.FloatType):
                name = "integer" if isinstance(kind, msgspec.inspect.IntType) else "number"
                low, high = kind.ge, kind.le
        table[field.name] = Signal(field.name, name, unit, low, high, zh, en)
    return table
