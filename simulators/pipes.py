"""Pressure in a fire main: what seeps, what leaks, what the pumps put back. Pure: no clock, no chance.

All rates are changes of pressure in MPa/s: flow divided by the stiffness of pipe and surge tank. What leaves through a
hole goes with the square root of the pressure, what a pump brings shrinks towards its shut-off pressure.
"""

import copy
import math
from collections.abc import Callable
from typing import Final

__all__ = ["SHUT_OFF_MPA", "Pipe"]

SHUT_OFF_MPA: Final = 1.45
"""Against closed valves a pump makes this pressure and no more."""
BLEED: Final = 0.006
"""Conductance of an open test valve."""


class Pipe:
    """One riser with its jockey pump, which runs from the low mark up to the high one."""

    def __init__(self, low: float, high: float, pressure: float, cycle_s: float) -> None:
        self.low = low
        """The jockey pump starts here, MPa."""
        self.high = high
        """… and stops here."""
        self.pressure = pressure
        self.running = False
        """The jockey pump runs."""
        self.seep = (high - low) / cycle_s / math.sqrt((low + high) / 2)
        """Conductance of all the little gaps: makes the pump start about every `cycle_s`."""
        self.fill_per_s = (high - low) / 60
        """What the jockey pump brings against little pressure: it fills the band within a minute."""
        self.leak = 0.0
        """Conductance of a hole, MPa/s at 1 MPa."""
        self.leak_full = 0.0
        """How far the hole opens …"""
        self.leak_per_s = 0.0
        """… and how fast."""
        self.stuck_on = False
        """The jockey pump does not stop at the high mark."""
        self.boost = 0.0
        """What else pumps into the pipe, as a multiple of the jockey pump."""
        self.bleeding = False
        """Somebody holds the test valve open until the pressure is back at the high mark."""
        self.starts = 0
        """How often the jockey pump has started."""

    @property
    def disturbed(self) -> bool:
        """True while anything but the usual cycle is going on."""
        return self.leak_full > 0 or self.stuck_on or self.boost > 0 or self.bleeding

    def rate(self) -> float:
        """Change of pressure at this instant, MPa/s."""
        out = self.seep + self.leak + (BLEED if self.bleeding else 0.0)
        lost = out * math.sqrt(self.pressure)
        pumps = self.boost + (1 if self.running else 0)
        return pumps * self.fill_per_s * max(0.0, 1 - (self.pressure / SHUT_OFF_MPA) ** 2) - lost

    def pass_time(self, elapsed_s: float) -> None:
        """Lets `elapsed_s` pass: a second at a time while anything is going on, in longer steps otherwise."""
        while elapsed_s > 0:
            calm = not self.disturbed and not self.running and self.pressure > self.low + 0.01
            step_s = min(elapsed_s, 30.0 if calm else 5.0 if not self.disturbed else 1.0)
            self._step(step_s)
            elapsed_s -= step_s

    def _step(self, step_s: float) -> None:
        self.leak = min(self.leak_full, self.leak + self.leak_per_s * step_s)
        self.pressure = max(0.0, self.pressure + self.rate() * step_s)
        self.bleeding = self.bleeding and self.pressure > self.high
        if self.pressure <= self.low and not self.running:
            self.running = True
            self.starts += 1
        elif self.running and self.pressure >= self.high and not self.stuck_on:
            self.running = False

    def crack(self, lowest: float, over_s: float) -> None:
        """A joint gives way: the hole opens over `over_s` until even with the pump running only `lowest` is left."""
        supply = self.fill_per_s * (1 - (lowest / SHUT_OFF_MPA) ** 2)
        self.leak_full = max(0.0, supply / math.sqrt(lowest) - self.seep)
        self.leak_per_s = self.leak_full / max(1.0, over_s)

    def mend(self) -> None:
        """The hole is closed, the pump obeys its marks again; too much is let out, too little pumped in."""
        self.leak = self.leak_full = self.leak_per_s = 0.0
        self.stuck_on, self.boost = False, 0.0
        self.bleeding = self.pressure > self.high
        self.running = self.running and not self.bleeding

    def until(self, reached: Callable[[float], bool], at_most_s: float) -> float | None:
        """In how many seconds the pressure will be such that `reached`; None if not within `at_most_s`."""
        future, gone = copy.copy(self), 0.0
        while gone < at_most_s:
            if reached(future.pressure):
                return gone
            future.pass_time(5.0)
            gone += 5.0
        return None
