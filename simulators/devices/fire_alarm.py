"""Detectors that feel smoke and heat, and the buttons that people press."""

from typing import Any, Final

from simulators.blaze import Chamber
from simulators.devices.base import Periodic

__all__ = ["Button", "Detector"]

LONG_AGO_MS: Final = -(10**15)
PARTS: Final = {"smoke": "42", "heat": "31", "manual_call_point": "23", "hydrant_button": "24"}
"""Device type → component type of GB/T 26875.3 table 5."""


class Detector(Periodic):
    """Smoke or heat detector. It alarms by what its chamber feels, and stays in alarm until the panel is reset."""

    fast_s = 15.0
    INDOORS_C: Final = (14.0, 27.0)

    def settle(self) -> None:
        """Clean air, room temperature, and the dust of some years."""
        self.fire = False
        self.fault = False
        self.alarmed_ms = LONG_AGO_MS
        """When it was last in alarm."""
        self.shielded = False
        """The panel passes its alarms over."""
        smoke = self.device.type == "smoke"
        dust = self.rng.uniform(0.05, 0.25)
        self.chamber = Chamber(
            dust, self.rng.uniform(2.5, 4.5) if smoke else None, None if smoke else self.rng.uniform(56, 63)
        )
        self._battery = self.rng.uniform(72, 99)

    def room_c(self) -> float:
        """Temperature under the ceiling without any fire."""
        low, high = self.INDOORS_C
        return min(high, max(low, 20.0 + 0.2 * (self.climate.outdoor_c(self.kernel.now_ms) - 15)))

    def breathe(self, smoke_pct: float, warm_c: float, elapsed_s: float) -> bool:
        """The air around was like this for `elapsed_s`; True if it went into alarm just now."""
        felt = self.chamber.breathe(smoke_pct, warm_c, self.room_c(), elapsed_s)
        if not felt or self.fire or self.shielded:
            return False
        self.alarm()
        return True

    def engulf(self, smoke_pct: float, warm_c: float) -> None:
        """A gush of smoke right into the chamber, as from a test can: an alarm within a moment."""
        self.chamber.smoke_pct, self.chamber.warm_c = smoke_pct, warm_c
        if not self.fire and not self.shielded:
            self.alarm()

    def alarm(self) -> None:
        """Tells at once, then reports its state."""
        # The component's own status word, as a transmitter forwards it; the panel's summary bit would only repeat it.
        self.fire = True
        self.tell("fire_alarm", "gb26875", f"2/1/{PARTS[self.device.type]}")
        self.process.hurry()

    def clear(self) -> None:
        """Clean air again, and the panel was reset."""
        if self.fire:
            self.alarmed_ms = self.kernel.now_ms
        self.fire = False
        self.chamber.smoke_pct = self.chamber.warm_c = 0.0
        self.process.hurry()

    def agitated(self) -> bool:
        """While it smells something."""
        return self.fire or self.chamber.smoke_pct > 0.5 or self.chamber.warm_c > 5

    def values(self) -> dict[str, Any]:
        """Alarm and fault bits; obscuration or temperature by type."""
        values: dict[str, Any] = {"fire": self.fire, "fault": self.fault, "shielded": self.shielded}
        chamber = self.chamber
        if self.device.type == "smoke":
            smoke = chamber.dust_pct + self.rng.gauss(0, 0.03) + chamber.smoke_pct
            values["smoke"] = round(min(100.0, max(0.0, smoke)), 2)
        heat = self.room_c() + self.rng.gauss(0, 0.15) + chamber.warm_c
        values["heat"] = round(min(399.0, heat), 1)
        if self.device.model == "NB-SD1":
            values["battery"] = round(self._battery)
            values["rssi"] = self.signal_strength()
        return values


class Button(Periodic):
    """Manual call point or hydrant button: pressed, it stays pressed until somebody puts in a new glass."""

    fast_s = 15.0

    def settle(self) -> None:
        """Behind its glass."""
        self.fire = False
        self.alarmed_ms = LONG_AGO_MS
        """When it was last pressed in."""
        self.shielded = False

    def press(self) -> None:
        """Somebody breaks the glass."""
        if not self.fire:
            self.fire = True
            self.tell(self.device.type, "gb26875", f"2/1/{PARTS[self.device.type]}")
            self.process.hurry()

    def renew(self) -> None:
        """A new glass, and the panel was reset."""
        if self.fire:
            self.alarmed_ms = self.kernel.now_ms
        self.fire = False
        self.process.hurry()

    def agitated(self) -> bool:
        """While it is pressed."""
        return self.fire

    def values(self) -> dict[str, Any]:
        """Alarm, fault and shielding bits."""
        return {"fire": self.fire, "fault": False, "shielded": self.shielded}
