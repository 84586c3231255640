"""What is known of a device when one of its readings comes late: newer words may have ended the matter."""

from typing import Any

from msgspec.structs import replace

from alerts.rules.base import View
from alerts.rules.kinds.base import Frame
from domain.devices import Device
from domain.readings import Reading

__all__ = ["known_since", "present"]


class _Present:
    """The `View` of a device that says nothing at this moment."""

    def __init__(self, view: View, lookback_ms: int) -> None:
        self._view = view
        self._lookback_ms = lookback_ms
        self.clock_ms = view.clock_ms
        self.device: Device = view.device
        self.reading: Reading = replace(view.reading, ts_ms=self.clock_ms, values=None, event=None, quality=0)

    def newest(self, signal: str) -> tuple[Any, int] | None:
        """See `View`."""
        return self._view.newest(signal)

    def value(self, signal: str) -> Any:
        """See `View`."""
        found = self.newest(signal)
        return found[0] if found is not None and 0 <= self.clock_ms - found[1] <= self._lookback_ms else None


def present(late: Frame, lookback_ms: int) -> Frame | None:
    """The look at `late`'s device by its own clock now, with a copy of the memory; None if it has not gone on since."""
    if late.view is None or late.view.clock_ms <= late.ts:
        return None
    view = _Present(late.view, lookback_ms)
    return Frame(view, view.clock_ms, list(late.slots), late.device)


def known_since(late: Frame, signals: tuple[str, ...]) -> dict[str, int]:
    """Those of `signals` that were said after `late`, with the instant at which they were said last."""
    found = {} if late.view is None else {name: late.view.newest(name) for name in signals}
    return {name: known[1] for name, known in found.items() if known is not None and known[1] > late.ts}
