"""Fire control: detectors, panels, water, tanks, and the electrical sensors."""

import math
from typing import Any, Final

from simulators.climate import local_hour
from simulators.devices.base import Model, Periodic
from simulators.kernel import Script

__all__ = [
    "CableTemperature",
    "Detector",
    "FireDoor",
    "LaneCamera",
    "Panel",
    "Pressure",
    "PumpRoom",
    "ResidualCurrent",
    "Tank",
]

_LOAD: Final = (
    0.35, 0.3, 0.28, 0.27, 0.28, 0.35, 0.5, 0.65, 0.55, 0.45, 0.45, 0.55,
    0.65, 0.55, 0.45, 0.45, 0.5, 0.65, 0.85, 1.0, 0.95, 0.85, 0.65, 0.45,
)  # fmt: skip
"""Electrical load of a residential building by hour, as a share of its evening peak."""


def building_load(now_ms: int) -> float:
    """Share (0…1) of the evening peak, gliding from hour to hour."""
    hour = local_hour(now_ms)
    before, share = int(hour), hour % 1
    return _LOAD[before] * (1 - share) + _LOAD[(before + 1) % 24] * share


class Detector(Periodic):
    """Smoke or heat detector, manual call point or hydrant button: an alarm bit, and a level where it measures one."""

    fast_s = 5.0

    def settle(self) -> None:
        """Clean air, room temperature, and the dust of some years."""
        self.fire = False
        self.smoke_pct = 0.0
        self.extra_c = 0.0
        self._dust = self.rng.uniform(0.05, 0.25)
        self._battery = self.rng.uniform(72, 99)

    def values(self) -> dict[str, Any]:
        """Alarm and fault bits; obscuration or temperature by type."""
        values: dict[str, Any] = {"fire": self.fire, "fault": False, "shielded": False}
        kind = self.device.type
        if kind == "smoke":
            values["smoke"] = round(max(0.0, self._dust + self.rng.gauss(0, 0.03) + self.smoke_pct), 2)
        if kind in {"smoke", "heat"}:
            indoors = min(27.0, max(14.0, 20.0 + 0.2 * (self.climate.outdoor_c(self.kernel.now_ms) - 15)))
            values["heat"] = round(indoors + self.rng.gauss(0, 0.15) + self.extra_c, 1)
        if self.device.model == "NB-SD1":
            values["battery"] = round(self._battery)
            values["rssi"] = self.signal_strength()
        return values


class Panel(Periodic):
    """Fire alarm panel with its transmitter: the bits of the system status word."""

    def values(self) -> dict[str, Any]:
        """System status (GB/T 26875.3 figure 6), transmitter status (figure 13): all normal, automatic mode."""
        return {
            "fault": False,
            "main_power_fault": False,
            "backup_power_fault": False,
            "bus_fault": False,
            "line_fault": False,
            "manual_mode": False,
            "shielded_count": 0,
        }


class Pressure(Periodic):
    """Hydrant or sprinkler pressure: the pipe loses a little all the time, the jockey pump brings it back."""

    fast_s = 20.0

    def settle(self) -> None:
        """Somewhere in the pump's cycle."""
        self.signal = "p_sprinkler" if self.device.type == "sprinkler_pressure" else "p_static"
        self.low = self.rng.uniform(0.19, 0.24)
        self.high = self.low + self.rng.uniform(0.05, 0.08)
        self.pressure = self.rng.uniform(self.low, self.high)
        self.leak_per_s = 0.0
        """Extra loss in MPa/s by which an incident beats the pump."""
        self.residual = 0.0
        """Pressure below which a leak does not go."""
        self._seep_per_s = (self.high - self.low) / self.rng.uniform(1800, 5400)
        self._filling = False

    def pass_time(self, elapsed_s: float) -> None:
        """Seeps, or fills within a minute; a leak empties the pipe whatever the pump does."""
        if self.leak_per_s > 0:
            self._filling = False
            self.pressure = max(self.residual, self.pressure - self.leak_per_s * elapsed_s)
            return
        if self._filling:
            self.pressure = min(self.high, self.pressure + (self.high - self.low) / 60 * elapsed_s)
            self._filling = self.pressure < self.high
        else:
            self.pressure -= self._seep_per_s * elapsed_s
            # The pump starts at the low mark, between two looks of the sensor.
            self.pressure = max(self.pressure, self.low - 0.005)
            self._filling = self.pressure <= self.low

    def mend(self) -> None:
        """The leak is closed: the pump fills the pipe."""
        self.leak_per_s = 0.0
        self._filling = True

    def values(self) -> dict[str, Any]:
        """Pressure in MPa, with the noise of a transmitter of class 0.5."""
        return {self.signal: round(max(0.0, self.pressure + self.rng.gauss(0, 0.0015)), 4)}


class Tank(Periodic):
    """Fire pool or roof tank: slow loss, and a float valve that refills it."""

    def settle(self) -> None:
        """Somewhere between the valve's marks."""
        self.required_m = float(self.device.attrs.get("required_m", 2.0))
        self._share = self.rng.uniform(1.04, 1.1)
        self._refill = False

    def pass_time(self, elapsed_s: float) -> None:
        """Evaporation and tests down to 103 %, then the valve lets water in up to 110 %."""
        self._share += (0.02 if self._refill else -0.004) * elapsed_s / 3600
        if self._share < 1.03:
            self._refill = True
        elif self._share > 1.10:
            self._refill = False

    def values(self) -> dict[str, Any]:
        """Level in metres, and as a share of what the fire needs."""
        level = self._share * self.required_m + self.rng.gauss(0, 0.002)
        return {"level": round(level, 3), "level_pct": round(100 * level / self.required_m, 2)}


class PumpRoom(Periodic):
    """Temperature of the fire pump room: heated in winter."""

    def settle(self) -> None:
        """How well this room is heated."""
        self._offset = self.rng.uniform(-1.0, 2.0)

    def values(self) -> dict[str, Any]:
        """Room temperature in ℃."""
        outdoor = self.climate.outdoor_c(self.kernel.now_ms)
        room = 13.0 + 0.25 * outdoor if outdoor > 0 else 13.0 + 0.1 * outdoor
        return {"temp_room": round(max(9.0, room + self._offset) + self.rng.gauss(0, 0.1), 2)}


class ResidualCurrent(Periodic):
    """Residual current of a building's main: natural leakage that grows with load, and what bad insulation adds."""

    def settle(self) -> None:
        """Natural leakage of an ordinary building is some tens of mA, up to 150 in the evening."""
        self.extra_ma = 0.0
        self._base = self.rng.uniform(30, 60)
        self._per_load = self.rng.uniform(30, 80)

    def values(self) -> dict[str, Any]:
        """Residual current in mA."""
        natural = self._base + self._per_load * building_load(self.kernel.now_ms)
        return {"residual_current": round(max(0.0, natural + self.rng.gauss(0, 2.5) + self.extra_ma), 1)}


class CableTemperature(Periodic):
    """Temperature of a main cable: the room, plus the square of the current."""

    def settle(self) -> None:
        """How well the cable was chosen."""
        self.extra_c = 0.0
        self._rise_c = self.rng.uniform(6, 14)
        self._offset = self.rng.uniform(-1, 2)

    def values(self) -> dict[str, Any]:
        """Cable temperature in ℃."""
        room = min(29.0, max(10.0, 15.0 + 0.4 * self.climate.outdoor_c(self.kernel.now_ms)))
        warm = self._rise_c * building_load(self.kernel.now_ms) ** 2
        return {"cable_temp": round(room + self._offset + warm + self.rng.gauss(0, 0.2) + self.extra_c, 1)}


class LaneCamera(Model):
    """Camera on a fire lane: vans stop for a moment, and drive on before anybody has to come."""

    STOP_S: Final = (20.0, 150.0)

    def __init__(self, *args: Any) -> None:
        self.occupied = False
        super().__init__(*args)

    def life(self) -> Script:
        """Reports every period, and at once when the lane is blocked or cleared."""
        period = self.device.period_s or 60.0
        yield self.rng.uniform(0.2, 5.0)
        self.report()
        stop_ms = self._next_stop()
        while True:
            yield max(0.0, min(period, (stop_ms - self.kernel.now_ms) / 1000))
            if self.kernel.now_ms >= stop_ms:
                if not self.occupied:
                    self.occupied = True
                    stop_ms = self.kernel.now_ms + round(self.rng.uniform(*self.STOP_S) * 1000)
                else:
                    self.occupied = False
                    stop_ms = self._next_stop()
            self.report()

    def _next_stop(self) -> int:
        day = 0.2 + math.sin(math.pi * local_hour(self.kernel.now_ms) / 24) ** 2
        return self.kernel.now_ms + round(1000 * (300 + self.rng.expovariate(day / 5400)))

    def values(self) -> dict[str, Any]:
        """Whether a vehicle stands in the zone."""
        return {"lane_occupied": self.occupied}


class FireDoor(Model):
    """A fire door that people pass through now and then."""

    def __init__(self, *args: Any) -> None:
        self.open = False
        super().__init__(*args)

    def life(self) -> Script:
        """Reports every period, and at once when it opens or closes."""
        period = self.device.period_s or 300.0
        yield self.rng.uniform(0.2, 5.0)
        self.report()
        while True:
            wait = self.rng.expovariate(1 / 3600)
            if wait > period:
                yield period
            else:
                yield max(1.0, wait)
                self.open = True
                self.report()
                yield self.rng.uniform(4, 40)
                self.open = False
            self.report()

    def values(self) -> dict[str, Any]:
        """Whether it stands open."""
        return {"door_open": self.open}
