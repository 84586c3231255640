"""Weather of Ordos by day of year and hour, so that sheds freeze in January and bake in July."""

import math
import random
from typing import Final

__all__ = ["DAY_MS", "Climate", "local_hour"]

DAY_MS: Final = 86_400_000
_ZONE_MS: Final = 8 * 3_600_000
_MONTHLY_MEAN_C: Final = (-10.5, -6.5, 0.5, 8.5, 15.5, 20.0, 22.0, 19.8, 14.5, 7.5, -1.5, -8.5)
"""Climate normals of a city on the Ordos plateau, rounded."""
_SWING_C: Final = 6.0
"""Half the difference between the warmest and the coldest hour of an ordinary day."""


def local_hour(now_ms: int) -> float:
    """Hour of day in China (UTC+8, no summer time), 0 ≤ h < 24."""
    return (now_ms + _ZONE_MS) % DAY_MS / 3_600_000


class Climate:
    """Outdoor temperature as a pure function of time: season, hour, and a slow change of weather chosen by `rng`."""

    def __init__(self, rng: random.Random) -> None:
        self._fronts = [(rng.uniform(3, 9) * DAY_MS, rng.uniform(0, math.tau), rng.uniform(0.8, 1.8)) for _ in range(3)]
        self._memo = (0, 0.0)

    def outdoor_c(self, now_ms: int) -> float:
        """Outdoor temperature in ℃, to within a minute."""
        minute = now_ms // 60_000
        if self._memo[0] != minute:
            self._memo = (minute, self._at(minute * 60_000))
        return self._memo[1]

    def _at(self, now_ms: int) -> float:
        # 365.2425 days from the epoch; good to a day or two for centuries, which is finer than the table.
        month = (now_ms + _ZONE_MS) / DAY_MS % 365.2425 / 365.2425 * 12 - 0.5
        before = math.floor(month)
        share = month - before
        mean = _MONTHLY_MEAN_C[before % 12] * (1 - share) + _MONTHLY_MEAN_C[(before + 1) % 12] * share
        swing = _SWING_C * math.cos((local_hour(now_ms) - 15.0) / 24 * math.tau)
        weather = sum(size * math.sin(now_ms / period * math.tau + phase) for period, phase, size in self._fronts)
        return mean + swing + weather
