"""A lift: people who call it, a car that moves by the S-curve, doors, load, counters and the machine room."""

import math
from collections.abc import Callable
from typing import Any, Final

from simulators.climate import local_hour
from simulators.devices.base import Model
from simulators.kernel import Script
from simulators.motion import SCurve

__all__ = ["CLOSED", "CLOSING", "DOOR_ZONE_M", "OPEN", "OPENING", "Lift"]

CLOSED, OPEN, CLOSING, OPENING = range(4)
DOOR_ZONE_M: Final = 0.15
"""Half the unlocking zone: the car counts as level within this distance of a landing."""
SAMPLE_S: Final = 2.0
"""Beat of reports while the car moves."""
IDLE_S: Final = 60.0
DOOR_S: Final = 2.5
DWELL_S: Final = (4.0, 9.0)
GATHER_S: Final = 80.0
"""People who come to a landing that was served a moment ago wait for each other and ride together."""
_DEMAND: Final = (
    0.2, 0.1, 0.1, 0.1, 0.2, 0.8, 2.5, 6.0, 5.0, 3.0, 2.5, 3.5,
    4.5, 3.5, 2.5, 2.5, 3.0, 5.0, 6.0, 5.0, 4.0, 2.5, 1.5, 0.6,
)  # fmt: skip
"""Rides per hour of a lift in a mid-size block, for each hour of the day."""


class Lift(Model):
    """One car. `take_over` lets an incident write the next part of its life."""

    def __init__(self, *args: Any) -> None:
        attrs = args[0].attrs
        base = int(attrs.get("base", 0))
        self.labels = [*range(base, 0), *range(1, max(2, int(attrs.get("floors", 18))) + 1)]
        self.height_m = float(attrs.get("floor_height", 2.9))
        self.rated = float(attrs.get("rated_speed", 1.75))
        self.capacity_kg = float(attrs.get("capacity_kg", 1000))
        self.camera = bool(attrs.get("camera", False))
        self.home = self.labels.index(1)
        self.pos_m = self.home * self.height_m
        self.speed = 0.0
        self.direction = 0
        self.running = 0
        self.door = CLOSED
        self.persons = 0
        self.extra_kg = 0.0
        self.mode = 1
        self.pending = False
        self.button = False
        self.powered = True
        self.ghost = False
        """The presence sensor sees somebody who is not there."""
        self.at_rest = True
        self._script: Callable[[], Script] | None = None
        self._served: dict[int, int] = {}
        super().__init__(*args)
        self._demand = self.rng.uniform(0.6, 1.3)
        self.run_count = self.rng.randrange(200_000, 900_000)
        self.run_s = self.run_count * 14.0
        self.door_cycles = int(self.run_count * 1.1)
        self.room_c = 20.0
        self._room_ms = self.kernel.now_ms

    # --- what it says --------------------------------------------------------------------------------------------
    @property
    def level(self) -> int:
        """Index of the nearest landing."""
        return min(len(self.labels) - 1, max(0, round(self.pos_m / self.height_m)))

    @property
    def in_zone(self) -> bool:
        """True while the doors could be opened at a landing."""
        return abs(self.pos_m - self.level * self.height_m) <= DOOR_ZONE_M

    def values(self) -> dict[str, Any]:
        """All signals, so that each message can be understood by itself."""
        self._warm_room()
        present = self.persons > 0 or self.ghost
        load = 100 * (self.persons * 68.0 + self.extra_kg) / self.capacity_kg
        values: dict[str, Any] = {
            "service_mode": self.mode,
            "car_status": self.running,
            "direction": self.direction,
            "door_zone": self.in_zone,
            "floor": self.labels[self.level],
            "door_state": self.door,
            "presence": present,
            "maintenance_flag": self.mode == 2,
            "call_pending": self.pending,
            "speed": round(self.speed, 2),
            "load": round(load + (self.rng.uniform(0, 1.5) if present else 0.0), 1),
            "run_count": self.run_count,
            "run_hours": round(self.run_s / 3600, 2),
            "door_cycles": self.door_cycles,
            "alarm_button": self.button,
            "main_power": self.powered,
            "temp_machine_room": round(self.room_c, 1),
        }
        if self.camera:
            values["presence_second"] = self.persons > 0
            values["person_count"] = self.persons
        return values

    def _warm_room(self) -> None:
        """Machine room: heated in winter, ventilated in summer, warmed by the drive."""
        now = self.kernel.now_ms
        rest = min(31.0, max(12.0, 17.0 + 0.35 * self.climate.outdoor_c(now))) + (5.0 if self.running else 0.0)
        share = 1 - math.exp(-(now - self._room_ms) / 3_600_000)
        self._room_ms = now
        self.room_c += (rest - self.room_c) * share

    # --- its life ------------------------------------------------------------------------------------------------
    def life(self) -> Script:
        """Idles, and carries people when they call."""
        yield self.rng.uniform(0.2, 5.0)
        self.report()
        ride, ride_ms = self._next_ride()
        report_ms = self.kernel.now_ms + round(self.rng.uniform(5, IDLE_S) * 1000)
        while True:
            self.at_rest = True
            yield max(0.0, (min(report_ms, ride_ms) - self.kernel.now_ms) / 1000)
            self.at_rest = False
            if self._script is not None:
                script, self._script = self._script, None
                yield from script()
            elif self.kernel.now_ms >= ride_ms:
                if ride is not None:
                    yield from self._carry(*ride)
                ride, ride_ms = self._next_ride()
            elif self.kernel.now_ms >= report_ms:
                self.report()
            else:
                continue
            report_ms = self.kernel.now_ms + round(IDLE_S * 1000)

    def take_over(self, script: Callable[[], Script]) -> None:
        """Lets `script` move the car, as soon as the ride under way is over."""
        self._script = script
        if self.at_rest:
            self.process.hurry()

    def _next_ride(self) -> tuple[tuple[int, int] | None, int]:
        """Who calls next (from landing, to landing), and when the car sets out for them; None: nobody for a while."""
        now = self.kernel.now_ms
        rate = _DEMAND[int(local_hour(now))] * self._demand
        wait_s = self.rng.expovariate(rate / 3600)
        if wait_s > 1800:
            # Looking again after half an hour keeps a quiet night from sleeping through the morning's rush.
            return None, now + 1_800_000
        down = self.rng.random() < (0.75 if local_hour(now) < 12 else 0.35)
        flat = self.rng.randrange(self.home + 1, len(self.labels))
        street = self.home if self.rng.random() < 0.8 else self.rng.randrange(self.home + 1)
        origin, goal = (flat, street) if down else (street, flat)
        quiet_ms = max(self._served.get(landing, 0) for landing in (origin, goal)) + round(GATHER_S * 1000)
        return (origin, goal), max(now + round(wait_s * 1000), quiet_ms)

    def _carry(self, origin: int, goal: int) -> Script:
        """One call: from where people wait to where they want to go."""
        self.pending = True
        yield from self.travel(origin)
        yield from self.open_doors()
        self.persons = 1 + (self.rng.random() < 0.3) + (self.rng.random() < 0.1)
        yield from self.close_doors()
        yield from self.travel(goal)
        self.pending = False
        yield from self.open_doors()
        self.persons = 0
        yield from self.close_doors()

    def travel(self, landing: int, halt: float | None = None, speed: float | None = None) -> Script:
        """Rides to `landing` at rated or given `speed`; with `halt` (0…1 of the time) an emergency stop ends it."""
        start, goal = self.pos_m, landing * self.height_m
        if abs(goal - start) < 1e-6:
            return
        way = 1 if goal > start else -1
        curve = SCurve(abs(goal - start), speed or self.rated)
        end_s = curve.duration_s if halt is None else curve.duration_s * halt
        self.running, self.direction = 1, 1 if way > 0 else 2
        self.run_count += 1
        begun = self.kernel.now_ms
        self.report()
        while (gone := (self.kernel.now_ms - begun) / 1000) < end_s - 0.0005:
            yield min(SAMPLE_S, end_s - gone)
            gone = (self.kernel.now_ms - begun) / 1000
            self.pos_m = start + way * curve.position(gone)
            self.speed = curve.velocity(gone)
            if gone < end_s - 0.0005:
                self.report()
        if halt is not None and self.speed > 0:
            # Safety gear: about 2 m/s² until it stands.
            braking_s = self.speed / 2.0
            yield braking_s
            self.pos_m += way * self.speed * braking_s / 2
        else:
            self.pos_m = goal
        self.speed, self.running, self.direction = 0.0, 0, 0
        self.run_s += (self.kernel.now_ms - begun) / 1000
        self.report()

    def open_doors(self, dwell_s: float | None = None) -> Script:
        """Opens, and holds for `dwell_s` or as long as people need."""
        self.door = OPENING
        self.report()
        yield DOOR_S
        self.door = OPEN
        self._served[self.level] = self.kernel.now_ms
        self.report()
        yield self.rng.uniform(*DWELL_S) if dwell_s is None else dwell_s

    def close_doors(self) -> Script:
        """Closes, and counts the cycle."""
        self.door = CLOSING
        self.report()
        yield DOOR_S
        self.door = CLOSED
        self.door_cycles += 1
        self.report()
