"""How a lift car moves between two landings: the seven-segment profile of limited jerk, acceleration and speed."""

import math
from typing import Final

__all__ = ["ACCELERATION", "JERK", "SCurve"]

ACCELERATION: Final = 0.9
"""m/s²; comfortable, and usual for residential lifts."""
JERK: Final = 1.1
"""m/s³."""


class SCurve:
    """A ride of `distance` m that starts and ends at rest, never faster than `speed` m/s."""

    __slots__ = ("_cruise_s", "_jerk_s", "_peak", "_ramp_s", "distance", "duration_s", "top_speed")

    def __init__(self, distance: float, speed: float) -> None:
        if distance < 0 or speed <= 0:
            msg = f"a ride needs a distance >= 0 and a speed > 0, not {distance} m at {speed} m/s"
            raise ValueError(msg)
        self.distance = distance
        top, ramp = speed, self._ramp(speed)
        if top * ramp > distance:
            top = self._reachable(distance)
            ramp = self._ramp(top)
        self.top_speed = top
        self._ramp_s = ramp
        self._peak = min(ACCELERATION, math.sqrt(top * JERK))
        self._jerk_s = self._peak / JERK
        self._cruise_s = (distance - top * ramp) / top if top > 0 else 0.0
        self.duration_s = 2 * ramp + self._cruise_s

    @staticmethod
    def _ramp(speed: float) -> float:
        """Seconds from rest to `speed`. Short rides never reach full acceleration."""
        if speed * JERK < ACCELERATION**2:
            return 2 * math.sqrt(speed / JERK)
        return ACCELERATION / JERK + speed / ACCELERATION

    @staticmethod
    def _reachable(distance: float) -> float:
        """Top speed of a ride too short for the rated one: speed × ramp time = distance."""
        edge = ACCELERATION**2 / JERK
        speed = (-edge + math.sqrt(edge**2 + 4 * ACCELERATION * distance)) / 2
        return speed if speed >= edge else (distance**2 * JERK / 4) ** (1 / 3)

    def velocity(self, t: float) -> float:
        """m/s after `t` seconds; 0 outside the ride."""
        if t <= 0 or t >= self.duration_s:
            return 0.0
        return self._ramped(min(t, self.duration_s - t))[0]

    def position(self, t: float) -> float:
        """Metres from the start after `t` seconds."""
        if t <= 0:
            return 0.0
        if t >= self.duration_s:
            return self.distance
        if t <= self.duration_s / 2:
            return self._ramped(t)[1]
        return self.distance - self._ramped(self.duration_s - t)[1]

    def _ramped(self, t: float) -> tuple[float, float]:
        """Speed and distance `t` seconds into the ramp or the cruise after it."""
        tj, ramp, peak = self._jerk_s, self._ramp_s, self._peak
        if t <= tj:
            return JERK * t * t / 2, JERK * t**3 / 6
        if t <= ramp - tj:
            v1, s1, dt = JERK * tj * tj / 2, JERK * tj**3 / 6, t - tj
            return v1 + peak * dt, s1 + v1 * dt + peak * dt * dt / 2
        if t <= ramp:
            # Mirror image of the beginning: the ramp's speed curve is point-symmetric about its middle.
            left = ramp - t
            covered = self.top_speed * ramp / 2
            return self.top_speed - JERK * left * left / 2, covered - self.top_speed * left + JERK * left**3 / 6
        return self.top_speed, self.top_speed * ramp / 2 + self.top_speed * (t - ramp)
