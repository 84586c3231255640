"""A cabinet where batteries are charged and swapped (换电柜): eight compartments, ventilated, with one meter."""

import math
from typing import Any, Final

from simulators.climate import local_hour
from simulators.devices.base import Periodic
from simulators.devices.ebike import ARRIVALS, mains_volts

__all__ = ["Battery", "Cabinet"]

COMPARTMENTS: Final = 8
CAPACITY_KWH: Final = 1.15
RATED_W: Final = 320.0
"""About a quarter of the capacity in an hour."""
KNEE: Final = 0.9
"""State of charge from which the charger keeps the voltage, and the current falls."""
THERMAL_S: Final = 2_400.0
"""Time constant of a battery in its compartment."""
SELF_HEAT_C: Final = 5.5
"""What full current warms it by."""
VENTED_C_PER_W: Final = 0.0012
SWAPS_PER_DAY: Final = 14.0


class Battery:
    """One compartment's."""

    def __init__(self, charge: float, celsius: float) -> None:
        self.charge = charge
        self.celsius = celsius
        self.heating_c_per_s = 0.0
        """By a short circuit in a cell; above 0 the ordinary balance of heat does not matter."""
        self.out = False
        """Switched off by the cabinet's own protection."""

    @property
    def watts(self) -> float:
        """What it takes at its state of charge."""
        if self.out or self.charge >= 1.0:
            return 0.0
        return RATED_W if self.charge < KNEE else RATED_W * max(0.05, (1.0 - self.charge) / (1.0 - KNEE))


class Cabinet(Periodic):
    """Reports its hottest battery, the air inside, smoke, and what all compartments take together."""

    def settle(self) -> None:
        """Batteries at any state of charge."""
        self.smoke = False
        self.mains = True
        """Without it nothing charges; the controller goes on from a battery of its own."""
        self.batteries = [Battery(self.rng.uniform(0.2, 1.0), 0.0) for _ in range(COMPARTMENTS)]
        for battery in self.batteries:
            battery.celsius = self.air_c() + 2.0
        self._leak_ma = self.rng.uniform(0.5, 2.5)
        self.extra_leak_ma = 0.0

    @property
    def hottest(self) -> Battery:
        """The battery that the cabinet is judged by."""
        return max(self.batteries, key=lambda battery: battery.celsius)

    def taken_w(self) -> float:
        """What the batteries take."""
        return sum(battery.watts for battery in self.batteries) if self.mains else 0.0

    def watts(self) -> float:
        """Of all compartments, the controller included."""
        return 25.0 + self.taken_w() if self.mains else 0.0

    def air_c(self) -> float:
        """Inside: warmer than outdoors, the more so the more is charged; a heater keeps it from freezing."""
        outdoor = self.climate.outdoor_c(self.kernel.now_ms)
        return max(5.0, outdoor + 4.0 + VENTED_C_PER_W * self.taken_w())

    def pass_time(self, elapsed_s: float) -> None:
        """Charges, warms, and now and then somebody swaps a full battery for an empty one."""
        air = self.air_c()
        for battery in self.batteries:
            watts = battery.watts if self.mains else 0.0
            battery.charge = min(1.0, battery.charge + watts * 0.93 * elapsed_s / 3.6e6 / CAPACITY_KWH)
            if battery.heating_c_per_s > 0:
                battery.celsius += battery.heating_c_per_s * elapsed_s
            else:
                rest = air + SELF_HEAT_C * (watts / RATED_W) ** 2
                battery.celsius += (rest - battery.celsius) * (1 - math.exp(-elapsed_s / THERMAL_S))
        rate = SWAPS_PER_DAY * ARRIVALS[int(local_hour(self.kernel.now_ms))] / 24 / 3600
        full = [battery for battery in self.batteries if battery.charge >= 1.0 and not battery.out]
        if full and self.busy is None and self.rng.random() < rate * elapsed_s:
            swapped = full[self.rng.randrange(len(full))]
            swapped.charge, swapped.celsius = self.rng.uniform(0.1, 0.4), air

    def values(self) -> dict[str, Any]:
        """All signals of the cabinet."""
        volts = mains_volts(self.kernel.now_ms) + self.rng.gauss(0, 0.4)
        return {
            "temp_battery": round(self.hottest.celsius + self.rng.gauss(0, 0.1), 1),
            "temp_ambient": round(self.air_c(), 1),
            "smoke": self.smoke,
            "total_power": round(self.watts(), 1),
            "voltage": round(volts, 1) if self.mains else 0.0,
            "leakage": round(self._leak_ma + self.extra_leak_ma + self.rng.uniform(0, 0.3), 2),
            "rssi": self.signal_strength(),
        }
