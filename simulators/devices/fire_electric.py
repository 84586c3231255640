"""Electrical fire monitoring: residual current and the temperature of a main cable."""

from typing import Any, Final

from simulators.climate import local_hour
from simulators.devices.base import Periodic

__all__ = ["CableTemperature", "ResidualCurrent", "building_load"]

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


class ResidualCurrent(Periodic):
    """Residual current of a building's main: natural leakage that grows with load, and what bad insulation adds."""

    NOISE_MA: Final = 2.5
    UNREST_MA: Final = 200.0
    """Above this, or while it moves by more than `STEP_MA` between two looks, the monitor reports at its fast beat."""
    STEP_MA: Final = 12.0

    def settle(self) -> None:
        """Natural leakage of an ordinary building is some tens of mA, up to 150 in the evening."""
        self.extra_ma = 0.0
        self._base = self.rng.uniform(30, 60)
        self._per_load = self.rng.uniform(30, 80)
        self._before = self._step = 0.0

    def natural_ma(self, now_ms: int) -> float:
        """What sound insulation lets through."""
        return self._base + self._per_load * building_load(now_ms)

    def pass_time(self, elapsed_s: float) -> None:
        """Remembers what it last saw."""
        del elapsed_s
        self._step, self._before = self.extra_ma - self._before, self.extra_ma

    def agitated(self) -> bool:
        """While the current is high or on the move."""
        total = self.natural_ma(self.kernel.now_ms) + self.extra_ma
        return self.busy is not None and (total > self.UNREST_MA or abs(self._step) > self.STEP_MA)

    def values(self) -> dict[str, Any]:
        """Residual current in mA."""
        natural = self.natural_ma(self.kernel.now_ms)
        return {"residual_current": round(max(0.0, natural + self.rng.gauss(0, self.NOISE_MA) + self.extra_ma), 1)}


class CableTemperature(Periodic):
    """Temperature of a main cable: the room, plus the square of the current, plus what a bad joint adds."""

    fast_s = 20.0
    NOISE_C: Final = 0.2

    def settle(self) -> None:
        """How well the cable was chosen."""
        self.extra_c = 0.0
        self._rise_c = self.rng.uniform(6, 14)
        self._offset = self.rng.uniform(-1, 2)

    def sound_c(self, now_ms: int) -> float:
        """What it would be with a sound joint."""
        room = min(29.0, max(10.0, 15.0 + 0.4 * self.climate.outdoor_c(now_ms)))
        return room + self._offset + self._rise_c * building_load(now_ms) ** 2

    def values(self) -> dict[str, Any]:
        """Cable temperature in ℃."""
        warm = self.sound_c(self.kernel.now_ms) + self.rng.gauss(0, self.NOISE_C) + self.extra_c
        return {"cable_temp": round(min(399.0, warm), 1)}
