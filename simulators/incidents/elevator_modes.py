"""Modes of a lift that people choose: maintenance, fire return. Nothing is broken; what comes of it differs."""

from typing import Final

from simulators.devices.base import Model
from simulators.devices.elevator import Lift
from simulators.incidents.base import Chronicle, Incident, Site, forbid, owe
from simulators.incidents.elevator import INSPECTION_SPEED, SERIOUS, LiftIncident
from simulators.kernel import Script
from simulators.truth import Truth

__all__ = ["INCIDENTS"]


class MaintenanceVisit(LiftIncident):
    """Half-monthly maintenance (TSG T5002): inspection mode, stops between floors with a man on the car. No alarm."""

    def __init__(self) -> None:
        super().__init__(
            "maintenance_visit", "电梯维保作业", "maintenance visit", {"stops": 6, "works_s": 240.0},
            {"stops": 3, "works_s": 150.0},
        )  # fmt: skip

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """Nothing may come of it."""
        del site
        truth.must_not_raise += forbid(
            model.device.id, *SERIOUS, "EL-05", "EL-06", "EL-08", "EL-09", "EL-10", "EL-11", "EL-12"
        )

    def course(self, lift: Lift, chronicle: Chronicle) -> Script:
        """From stop to stop at inspection speed."""
        chronicle.begin()
        lift.mode = 2
        lift.tell("mode_change", "gbt24476", "43")
        lift.persons = 1
        lift.report()
        for stop in range(int(chronicle.truth.params["stops"])):
            goal = min(len(lift.labels) - 1, max(0, lift.level + (1 if stop % 2 == 0 else -1)))
            yield from lift.travel(goal, halt=0.6, speed=INSPECTION_SPEED)
            left = float(chronicle.truth.params["works_s"])
            while left > 0:
                yield min(30.0, left)
                left -= 30.0
                lift.report()
        yield from lift.travel(lift.level, speed=INSPECTION_SPEED)
        yield from lift.open_doors(10.0)
        lift.persons = 0
        yield from lift.close_doors()
        lift.mode = 1
        lift.tell("mode_change", "gbt24476", "40")
        lift.report()
        chronicle.end()


class FirefighterReturn(LiftIncident):
    """Somebody turns the fire switch at the base landing, or the panel's linkage does: the car comes down and stays.

    Then a crew takes it over (GB/T 26465: firefighters' lift, phase 2) and rides up, `rides` times.
    """

    def __init__(self) -> None:
        super().__init__(
            "firefighter_return", "电梯消防返回", "lift in fire return", {"lasts_s": 1_800.0, "rides": 1},
            {"lasts_s": 120.0},
        )  # fmt: skip

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        truth.must_raise.append(owe("EL-14", model.device.id, 20, 2))
        truth.must_not_raise += forbid(model.device.id, *SERIOUS, "EL-09", "EL-11", "EL-12")

    def course(self, lift: Lift, chronicle: Chronicle) -> Script:
        """Down without a stop, doors open; then with a crew; at the base again until a named person turns it back."""
        rides, waits_s = int(chronicle.truth.params["rides"]), float(chronicle.truth.params["lasts_s"]) / 2
        chronicle.begin()
        lift.mode = 3
        lift.tell("fire_return", "gbt24476", "44")
        yield from lift.travel(lift.home)
        yield from lift.open_doors(5.0)
        yield from self._stand(lift, waits_s)
        if rides > 0:
            lift.mode = 4
            lift.tell("firefighter", "gbt24476", "45")
        for _ in range(rides):
            lift.persons = 3
            yield from self._ride(lift, lift.rng.randrange(lift.home + 2, len(lift.labels)))
            lift.persons = 0
            yield from self._stand(lift, 20.0)
            yield from self._ride(lift, lift.home)
        yield from self._stand(lift, waits_s)
        yield from lift.close_doors()
        lift.mode = 1
        lift.tell("mode_change", "gbt24476", "40")
        for _ in range(3):
            lift.report()
            yield 10.0
        chronicle.end()

    @staticmethod
    def _stand(lift: Lift, seconds: float) -> Script:
        """Doors open, nobody called it."""
        left = seconds
        while left > 0:
            yield min(30.0, left)
            left -= 30.0
            lift.report()

    @staticmethod
    def _ride(lift: Lift, landing: int) -> Script:
        """Firefighters hold the button until the doors are closed, and again until they are open."""
        yield from lift.close_doors()
        yield from lift.travel(landing)
        yield from lift.open_doors(5.0)


INCIDENTS: Final[tuple[Incident, ...]] = (MaintenanceVisit(), FirefighterReturn())
