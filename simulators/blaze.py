"""A fire that grows with the square of time, its smoke on the way from room to room, and what a detector feels of it.

Pure: no clock, no chance. Sources: t-squared growth α·t² with the four classes of NFPA 204; ceiling jet after Alpert;
optical density by the mass optical density of the fuel. Rooms are well mixed, which is what a point detector under a
ceiling a few metres away sees within seconds.
"""

import copy
import math
from collections.abc import Sequence
from typing import Final, NamedTuple

__all__ = ["CHARRED_FOOD", "FURNITURE", "GROWTH_KW_S2", "STEAM", "Air", "Blaze", "Chamber", "Fuel", "forecast"]

GROWTH_KW_S2: Final = {"slow": 0.00293, "medium": 0.01172, "fast": 0.0469, "ultra_fast": 0.1876}
"""Class of growth → α: a fire of class ``medium`` reaches 1 MW after 300 s."""
HEAT_OF_COMBUSTION_KJ_G: Final = 18.0
DECAY_S: Final = 45.0
"""Once it is put out, a fire's power falls to a third within this time."""
JET_RADIUS_M: Final = 3.0
HOTTEST_C: Final = 800.0


class Fuel(NamedTuple):
    """What makes the smoke."""

    optical_m2_g: float
    """Mass optical density: optical density per metre that 1 g burnt in 1 m³ makes."""
    warmth: float
    """Share of its power that warms the air under the ceiling (1: all that a flame gives)."""


FURNITURE: Final = Fuel(0.10, 1.0)
CHARRED_FOOD: Final = Fuel(0.12, 0.5)
STEAM: Final = Fuel(0.06, 0.15)


class Air(NamedTuple):
    """Geometry of one detector's surroundings."""

    volume_m3: float = 40.0
    height_m: float = 2.7
    source: int = 0
    """Number of the room that its smoke comes from; its own number: here is the fire."""
    exchange_per_s: float = 0.02
    """Air changed with `source` per second."""
    warmth: float = 0.3
    """Share of the warmth of `source` that comes along."""
    arrives_s: float = 0.0
    """When the front of the smoke gets here at the earliest, after the beginning of the fire."""


class Blaze:
    """One fire and the rooms its smoke gets to. `rooms[0]` is where it burns."""

    LEAK_PER_S: Final = 0.0008
    """Air that a closed room loses through its gaps."""
    VENTED_PER_S: Final = 0.03
    """With open windows, or smoke extraction running."""

    def __init__(self, growth_kw_s2: float, peak_kw: float, rooms: Sequence[Air], fuel: Fuel = FURNITURE) -> None:
        self.growth_kw_s2 = growth_kw_s2
        self.peak_kw = peak_kw
        self.rooms = tuple(rooms)
        self.fuel = fuel
        self.age_s = 0.0
        self.power_kw = 0.0
        self.burning = True
        self.vented = False
        self.soot_g_m3 = [0.0] * len(self.rooms)
        """Burnt mass that hangs in a cubic metre of each room."""
        self.warm_c = [0.0] * len(self.rooms)
        """By how much the air under each ceiling is warmer than it was."""

    def step(self, elapsed_s: float) -> None:
        """Lets `elapsed_s` pass; steps of at most 5 s keep the rooms stable."""
        self.age_s += elapsed_s
        if self.burning:
            self.power_kw = min(self.peak_kw, self.growth_kw_s2 * self.age_s**2)
        else:
            self.power_kw *= math.exp(-elapsed_s / DECAY_S)
        lost = self.VENTED_PER_S if self.vented else self.LEAK_PER_S
        soot, warm = self.soot_g_m3, self.warm_c
        before, warm_before = tuple(soot), tuple(warm)
        for number, room in enumerate(self.rooms):
            if room.source == number:
                gained = self.power_kw / HEAT_OF_COMBUSTION_KJ_G / room.volume_m3
                target, lag_s = self._jet_c(room), 20.0
            elif self.age_s < room.arrives_s:
                continue
            else:
                gained = room.exchange_per_s * max(0.0, before[room.source] - before[number])
                target, lag_s = room.warmth * warm_before[room.source], 60.0
            soot[number] = max(0.0, before[number] + (gained - lost * before[number]) * elapsed_s)
            warm[number] += (target - warm_before[number]) * (1 - math.exp(-elapsed_s / lag_s))

    def _jet_c(self, room: Air) -> float:
        jet: float = 5.38 * (self.power_kw * self.fuel.warmth / JET_RADIUS_M) ** (2 / 3) / room.height_m
        return min(HOTTEST_C, jet)

    def smoke_pct(self, number: int) -> float:
        """Obscuration in room `number`, per cent per metre, 0 ≤ … < 100."""
        return 100 * (1 - 10 ** (-self.fuel.optical_m2_g * self.soot_g_m3[number]))

    def put_out(self) -> None:
        """Somebody extinguishes it; it only decays from now on."""
        self.burning = False

    def ventilate(self) -> None:
        """Windows are opened: smoke leaves within minutes."""
        self.vented = True


class Chamber:
    """The inside of a detector: what gets into it of the air around, and whether that is enough for an alarm.

    A smoke detector responds to obscuration (GB 4715: within 0.05…0.5 dB/m and more; here 2.5…4.5 %/m), a heat detector
    of class A1 to 54…65 ℃ (GB 4716). Both must see it for `CONFIRM_S` before they tell.
    """

    CONFIRM_S: Final = 4.0
    SMOKE_LAG_S: Final = 8.0
    HEAT_LAG_S: Final = 25.0

    def __init__(self, dust_pct: float, alarm_pct: float | None, alarm_c: float | None) -> None:
        self.dust_pct = dust_pct
        """What dirt in the chamber adds to every measurement."""
        self.alarm_pct = alarm_pct
        """Obscuration that is an alarm; None: it measures no smoke."""
        self.alarm_c = alarm_c
        self.smoke_pct = 0.0
        self.warm_c = 0.0
        self._over_s = 0.0

    def breathe(self, smoke_pct: float, warm_c: float, room_c: float, elapsed_s: float) -> bool:
        """Takes in the air around for `elapsed_s`; True while what it feels is an alarm."""
        self.smoke_pct += (smoke_pct - self.smoke_pct) * (1 - math.exp(-elapsed_s / self.SMOKE_LAG_S))
        self.warm_c += (warm_c - self.warm_c) * (1 - math.exp(-elapsed_s / self.HEAT_LAG_S))
        self._over_s = self._over_s + elapsed_s if self._over(room_c) else 0.0
        return self._over_s >= self.CONFIRM_S

    def _over(self, room_c: float) -> bool:
        smoky = self.alarm_pct is not None and self.dust_pct + self.smoke_pct >= self.alarm_pct
        return smoky or (self.alarm_c is not None and room_c + self.warm_c >= self.alarm_c)


def forecast(blaze: Blaze, chambers: Sequence[Chamber], rooms_c: Sequence[float], until_s: float) -> list[float | None]:
    """When each detector will alarm, in seconds from now; None for one that will not before `until_s`.

    Nothing is changed: the future is played on copies.
    """
    future, sensors = copy.deepcopy(blaze), copy.deepcopy(list(chambers))
    found: list[float | None] = [None] * len(sensors)
    gone, step_s = 0.0, 1.0
    while gone < until_s and None in found:
        future.step(step_s)
        gone += step_s
        for number, chamber in enumerate(sensors):
            if found[number] is None:
                smoke, warm = future.smoke_pct(number), future.warm_c[number]
                if chamber.breathe(smoke, warm, rooms_c[number], step_s):
                    found[number] = gone
    return found
