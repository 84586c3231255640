"""What must be kept free: the fire lane under a camera, and the fire doors."""

import math
from typing import Any, Final

from simulators.climate import local_hour
from simulators.devices.base import Model
from simulators.kernel import Script

__all__ = ["FireDoor", "LaneCamera"]


class LaneCamera(Model):
    """Camera on a fire lane: vans stop for a moment, and drive on before anybody has to come."""

    STOP_S: Final = (20.0, 150.0)

    def __init__(self, *args: Any) -> None:
        self.occupied = False
        self.parked = False
        """Somebody has left a car and gone away."""
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
                if not self.occupied and not self.parked:
                    self.occupied = True
                    stop_ms = self.kernel.now_ms + round(self.rng.uniform(*self.STOP_S) * 1000)
                else:
                    self.occupied = False
                    stop_ms = self._next_stop()
            self.report()

    def _next_stop(self) -> int:
        day = 0.2 + math.sin(math.pi * local_hour(self.kernel.now_ms) / 24) ** 2
        return self.kernel.now_ms + round(1000 * (300 + self.rng.expovariate(day / 5400)))

    def park(self) -> None:
        """A car is left in the lane."""
        self.parked = True
        self.process.hurry()

    def tow(self) -> None:
        """It is gone, and the lane is free."""
        self.parked = self.occupied = False
        self.process.hurry()

    def values(self) -> dict[str, Any]:
        """Whether a vehicle stands in the zone."""
        return {"lane_occupied": self.occupied or self.parked}


class FireDoor(Model):
    """A fire door that people pass through now and then."""

    def __init__(self, *args: Any) -> None:
        self.open = False
        self.wedged = False
        """Something holds it open."""
        super().__init__(*args)

    def life(self) -> Script:
        """Reports every period, and at once when it opens or closes."""
        period = self.device.period_s or 300.0
        yield self.rng.uniform(0.2, 5.0)
        self.report()
        while True:
            wait = self.rng.expovariate(1 / 3600)
            if wait > period or self.wedged:
                yield period
            else:
                yield max(1.0, wait)
                self.open = True
                self.report()
                yield self.rng.uniform(4, 40)
                self.open = False
            self.report()

    def wedge(self) -> None:
        """Somebody puts a brick in front of it."""
        self.wedged = True
        self.process.hurry()

    def free(self) -> None:
        """The brick is taken away, the closer shuts the door."""
        self.wedged = self.open = False
        self.process.hurry()

    def values(self) -> dict[str, Any]:
        """Whether it stands open."""
        return {"door_open": self.open or self.wedged}
