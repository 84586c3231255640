"""A device's clock was set back (`Quality.CLOCK_SET`): what was remembered by the old one no longer counts.

Instants are compared only within one clock. The first clock of a device bears the device's id, each further one is
named after the reading it began with. The name rests on what the device sent and not on when we received it, so that a
reading judged again, from the store or sent again by the broker, finds the marks it left the first time.
"""

from domain.readings import Reading

__all__ = ["clock_from", "device_of", "is_first"]


def clock_from(reading: Reading) -> str:
    """The name of the clock that begins with `reading`."""
    return f"{reading.device}@{reading.ts_ms}" + ("" if reading.seq is None else f".{reading.seq}")


def device_of(source: str) -> str:
    """The device behind a source of findings. Ids hold no ``@``."""
    return source.partition("@")[0]


def is_first(source: str) -> bool:
    """True for the clock a device began with."""
    return "@" not in source
