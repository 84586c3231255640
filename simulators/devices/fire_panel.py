"""The fire alarm panel with its transmitter and its batteries, and whether anybody sits in front of it."""

import random
from typing import Any, Final

from domain.devices import Device
from simulators.climate import Climate
from simulators.devices.base import Periodic
from simulators.kernel import Kernel, Script

__all__ = ["Panel"]

CHECK_WINDOW_S: Final = 600.0
"""A duty check sounds for ten minutes (GB 26875.1)."""


class Panel(Periodic):
    """Fire alarm panel: the bits of the system status word, batteries that last for hours, and the duty checks."""

    BATTERY_H: Final = 8.0
    """Standby time of a healthy battery (GB 4717: eight hours)."""
    LOW_SHARE: Final = 0.3
    """Below this charge it tells of a fault of the backup supply."""
    CHARGES_IN_S: Final = 3600.0

    def __init__(self, device: Device, kernel: Kernel, climate: Climate, rng: random.Random) -> None:
        super().__init__(device, kernel, climate, rng)
        kernel.spawn(self._checks())

    def settle(self) -> None:
        """All normal, in automatic mode."""
        self.mains = True
        self.charge = 1.0
        self.battery_h = self.BATTERY_H
        self.battery_dead = False
        """The battery is worn out, whatever its charge."""
        self.bus_fault = False
        self.manual_mode = False
        self.shielded_count = 0
        self.absent = False
        """Nobody is in the control room."""

    def pass_time(self, elapsed_s: float) -> None:
        """The battery empties or fills."""
        share = elapsed_s / self.CHARGES_IN_S if self.mains else -elapsed_s / (self.battery_h * 3600)
        self.charge = min(1.0, max(0.0, self.charge + share))

    def agitated(self) -> bool:
        """While it lives on its battery; any other change is told at once and then stands."""
        return not self.mains

    def report(self) -> None:
        """Without any power it says nothing."""
        if self.mains or (self.charge > 0 and not self.battery_dead):
            super().report()

    def _checks(self) -> Script:
        """One or two checks in each shift: the person on duty presses the button, mostly soon."""
        while True:
            yield self.rng.uniform(2, 8) * 3600
            if self.busy is None:
                yield from self.check()

    def check(self) -> Script:
        """The centre asks whether anybody is there; the answer, or that there was none, is known afterwards."""
        if self.absent:
            yield CHECK_WINDOW_S
            self.tell("duty_check_missed", "gb26875", "1/91")
        else:
            yield self.rng.uniform(8, 240)
            self.tell("duty_check_answered", "gb26875", "24/b5")

    def values(self) -> dict[str, Any]:
        """System status (GB/T 26875.3 figure 6) and transmitter status (figure 13)."""
        return {
            "fault": False,
            "main_power_fault": not self.mains,
            "backup_power_fault": self.battery_dead or (self.charge < self.LOW_SHARE and not self.mains),
            "bus_fault": self.bus_fault,
            "line_fault": False,
            "manual_mode": self.manual_mode,
            "shielded_count": self.shielded_count,
        }
