"""Blocked ways, and sensors that have died without anybody noticing."""

from typing import ClassVar, Final

from simulators.devices.base import Model
from simulators.devices.fire_site import FireDoor, LaneCamera
from simulators.devices.fire_water import Gauge
from simulators.incidents.base import Chronicle, Incident, Site, forbid, owe
from simulators.incidents.fire_base import FireIncident, number
from simulators.kernel import Script
from simulators.truth import Expectation, Truth

__all__ = ["INCIDENTS", "DoorBlocked", "LaneBlocked", "SensorStuck"]


class LaneBlocked(FireIncident):
    """Somebody leaves a car in the fire lane."""

    types: ClassVar[tuple[str, ...]] = ("lane_camera",)
    LEVELS: Final = ((3, 300.0), (2, 900.0))
    """Of FC-19: severity, and how long the lane must be blocked for it."""

    def __init__(self) -> None:
        super().__init__(
            "lane_blocked", "消防车通道被占用", "fire lane blocked", {"lasts_s": 2400.0}, {"lasts_s": 1140.0}
        )

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        lasts_s, beat_s = number(truth.params, "lasts_s"), model.device.period_s or 60.0
        for severity, hold_s in self.LEVELS:
            due_s = hold_s + 2 * beat_s
            if lasts_s >= due_s:
                truth.must_raise.append(owe("FC-19", model.device.id, due_s, severity))
        if not truth.must_raise:
            truth.may_raise.append(Expectation("FC-19", model.device.id))

    def course(self, site: Site, model: Model, chronicle: Chronicle) -> Script:
        """Parked, and towed away."""
        del site
        if not isinstance(model, LaneCamera):
            return
        chronicle.begin()
        model.park()
        yield from chronicle.lasting(number(chronicle.truth.params, "lasts_s"))
        model.tow()
        yield 1.0
        chronicle.end()


class DoorBlocked(FireIncident):
    """A fire door is held open with a brick."""

    types: ClassVar[tuple[str, ...]] = ("fire_door",)
    HOLD_S: Final = 1800.0

    def __init__(self) -> None:
        super().__init__(
            "fire_door_blocked", "防火门被顶开", "fire door held open", {"lasts_s": 7200.0}, {"lasts_s": 2460.0}
        )

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        due_s = self.HOLD_S + 2 * (model.device.period_s or 300.0)
        if number(truth.params, "lasts_s") >= due_s:
            truth.must_raise.append(owe("FC-21", model.device.id, due_s))
        else:
            truth.may_raise.append(Expectation("FC-21", model.device.id))
        truth.must_not_raise += forbid(model.device.id, "FC-15", "FC-18U")

    def course(self, site: Site, model: Model, chronicle: Chronicle) -> Script:
        """Wedged, and freed."""
        del site
        if not isinstance(model, FireDoor):
            return
        chronicle.begin()
        model.wedge()
        yield from chronicle.lasting(number(chronicle.truth.params, "lasts_s"))
        model.free()
        yield 1.0
        chronicle.end()


class SensorStuck(FireIncident):
    """A pressure or level sensor goes on saying the same value, so that nothing it should see is ever seen."""

    types: ClassVar[tuple[str, ...]] = ("hydrant_pressure", "sprinkler_pressure", "tank")
    HOLD_S: Final = 86_400.0
    SLACK_S: Final = 7800.0
    """Until it can be known that a value stands still, and a reporting period or two."""

    def __init__(self) -> None:
        super().__init__(
            "sensor_stuck", "传感器数值冻结", "sensor stuck at one value", {"lasts_s": 30 * 3600.0}, {"lasts_s": 1200.0}
        )

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        lasts_s, device = number(truth.params, "lasts_s"), model.device.id
        if lasts_s >= self.HOLD_S + self.SLACK_S:
            truth.must_raise.append(owe("SY-02", device, self.HOLD_S + self.SLACK_S))
        elif lasts_s < self.HOLD_S:
            truth.must_not_raise += forbid(device, "SY-02")
        else:
            truth.may_raise.append(Expectation("SY-02", device))
        truth.must_not_raise += forbid(device, "FC-05", "FC-06", "FC-07", "FC-09", "FC-18U")

    def course(self, site: Site, model: Model, chronicle: Chronicle) -> Script:
        """Stuck, and replaced."""
        del site
        if not isinstance(model, Gauge):
            return
        chronicle.begin()
        model.freeze()
        model.process.hurry()
        yield from chronicle.lasting(number(chronicle.truth.params, "lasts_s"))
        model.thaw()
        model.process.hurry()
        yield 1.0
        chronicle.end()


INCIDENTS: Final[tuple[Incident, ...]] = (LaneBlocked(), DoorBlocked(), SensorStuck())
