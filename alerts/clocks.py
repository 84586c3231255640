"""A device's clock was set back (`Quality.CLOCK_SET`): what was remembered by the old one no longer counts.

Instants are compared only within one clock. The first clock of a device bears the device's id, each further one is
named after the reading it began with. The name rests on what the device sent and not on when we received it, so that a
reading judged again, from the store or sent again by the broker, finds the marks it left the first time.
"""

from typing import Any, Final

from domain.readings import Reading

__all__ = ["clock_from", "device_of", "is_first", "without_instants"]

_HEAD: Final = 7
"""Entries of a rule's full memory before its slots: see `alerts.rules.compiled`."""


def clock_from(reading: Reading) -> str:
    """The name of the clock that begins with `reading`."""
    return f"{reading.device}@{reading.ts_ms}" + ("" if reading.seq is None else f".{reading.seq}")


def device_of(source: str) -> str:
    """The device behind a source of findings. Ids hold no ``@``."""
    return source.partition("@")[0]


def is_first(source: str) -> bool:
    """True for the clock a device began with."""
    return "@" not in source


def without_instants(memory: Any, ts_ms: int) -> Any:
    """A rule's memory for one device without what hangs on instants of the old clock: rates, holds, counts.

    A level that holds goes on to hold. Depends on the memory alone, so a replay does the same. Memory of another form
    than that of `alerts.rules.compiled` stays as it is.
    """
    if not isinstance(memory, tuple) or not memory:
        return memory
    if memory[0] == 0:
        return None
    if memory[0] != 1 or len(memory) < _HEAD:
        return memory
    if memory[1] == 0:
        return None
    return (1, memory[1], ts_ms, (), None, None, memory[6], *(None for _ in memory[_HEAD:]))
