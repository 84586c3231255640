"""What goes wrong with lifts: people shut in, doors that fail, e-bikes in the car."""

from typing import Final

from simulators.devices.base import Model
from simulators.devices.elevator import OPEN, Lift
from simulators.incidents.base import Chronicle, Incident, Site, forbid, owe
from simulators.kernel import Script
from simulators.truth import Expectation, Truth

__all__ = ["INCIDENTS", "INSPECTION_SPEED", "SERIOUS", "DoorFault", "EbikeInCar", "Entrapment", "LiftIncident"]

REPORT_S = 10.0
"""A terminal whose car stands with people in it reports at this beat."""

INSPECTION_SPEED: Final = 0.2
"""Metres a second: at most 0.63 by EN 81-20 5.12.1.5, slower near the end of the way."""
SERIOUS: Final = ("EL-01", "EL-02", "EL-03", "EL-04")
"""Rules that speak of somebody shut in."""


class LiftIncident(Incident):
    """One that writes a part of a lift's life."""

    def fits(self, site: Site, model: Model) -> bool:
        """Where it can happen."""
        return isinstance(model, Lift) and model.busy is None and site.online(model)

    def at_once(self, model: Model) -> bool:
        """Where it shows without delay."""
        return isinstance(model, Lift) and model.at_rest

    def start(self, site: Site, model: Model, chronicle: Chronicle) -> None:
        """Takes its course."""
        del site
        if isinstance(model, Lift):
            lift = model
            lift.take_over(lambda: self.course(lift, chronicle))

    def course(self, lift: Lift, chronicle: Chronicle) -> Script:
        """The part of the car's life that it writes."""
        raise NotImplementedError


class Entrapment(LiftIncident):
    """People shut in. Between floors or at a landing, told by a code or only to be inferred from the signals."""

    life_safety = True

    def __init__(self, name: str, *, level: bool, code: bool) -> None:
        where = ("平层困人", "entrapment at a landing") if level else ("电梯困人", "entrapment between floors")
        told = ("(代码上报)", ", told by code") if code else ("", "")
        params = {"lasts_s": 900.0, "persons": 1}
        super().__init__(name, where[0] + told[0], where[1] + told[1], params, {"lasts_s": 240.0})
        self.level = level
        self.code = code

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        lift, camera = model.device.id, isinstance(model, Lift) and model.camera
        if self.code:
            truth.must_raise.append(owe("EL-01", lift, 10, 1))
        if self.level:
            truth.must_raise.append(owe("EL-03", lift, 120 + 2 * REPORT_S))
            truth.must_not_raise += forbid(lift, "EL-02")
        else:
            truth.must_raise.append(owe("EL-02", lift, 60 + 2 * REPORT_S))
            truth.must_not_raise += forbid(lift, "EL-03")
            if not self.code and camera:
                truth.must_raise.append(owe("EL-01", lift, 60 + 2 * REPORT_S, 1))
        if not self.code and not camera:
            # Nobody sees in: the person presses the alarm button, twice, after a while.
            truth.must_raise.append(owe("EL-04", lift, 100))
            truth.must_raise.append(owe("EL-01", lift, 120 + 4 * REPORT_S, 1))
        elif not self.code:
            truth.may_raise.append(Expectation("EL-01", lift))
        truth.may_raise.append(Expectation("EL-19", lift))
        truth.must_not_raise += forbid(lift, "EL-09", "EL-11", "EL-15", "EL-18")

    def course(self, lift: Lift, chronicle: Chronicle) -> Script:
        """The part of the car's life that it writes."""
        params = chronicle.truth.params
        here = lift.level
        far = len(lift.labels) - 1 if here < len(lift.labels) / 2 else lift.home
        lift.pending = True
        yield from lift.open_doors(3.0)
        lift.persons = int(params["persons"])
        yield from lift.close_doors()
        if self.level:
            yield from lift.travel(far)
        else:
            yield from lift.travel(far, halt=0.3)
            if lift.in_zone:
                lift.pos_m += 0.7
                lift.report()
        chronicle.begin()
        if self.code:
            lift.tell("entrapment", "vendor4", "0101")
        yield from self._wait(lift, float(params["lasts_s"]), press=not self.code and not lift.camera)
        yield from self._rescue(lift)
        chronicle.end()

    @staticmethod
    def _wait(lift: Lift, lasts_s: float, *, press: bool) -> Script:
        """Until help comes. The button: a press of four seconds, and another one half a minute later."""
        presses = [70.0, 95.0] if press else []
        gone = 0.0
        while gone < lasts_s:
            step = min([REPORT_S, lasts_s - gone, *(at - gone for at in presses)])
            yield step
            gone += step
            if presses and gone >= presses[0]:
                presses.pop(0)
                lift.button = True
                lift.tell("alarm_button", "gbt24476", "90")
                lift.report()
                yield 4.0
                gone += 4.0
                lift.button = False
            lift.report()

    def _rescue(self, lift: Lift) -> Script:
        """A mechanic switches to inspection, levels the car at a crawl, lets people out and switches back."""
        lift.mode = 2
        lift.tell("mode_change", "gbt24476", "43")
        lift.report()
        yield 20.0
        yield from lift.travel(lift.level, speed=0.2)
        yield from lift.open_doors(6.0)
        lift.persons, lift.pending = 0, False
        lift.report()
        lift.tell("entrapment_released")
        yield 20.0
        yield from lift.close_doors()
        lift.mode = 1
        lift.tell("mode_change", "gbt24476", "40")
        lift.tell("no_fault", "gbt24476", "00")
        lift.report()


class DoorFault(LiftIncident):
    """Something in the sill: the doors will not close, and try again and again at one floor."""

    def __init__(self) -> None:
        super().__init__("door_fault", "电梯关门故障", "door fault", {"cycles": 7, "open_s": 240.0}, {"open_s": 60.0})

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        truth.must_raise.append(owe("EL-11", model.device.id, 90))
        truth.may_raise.append(Expectation("EL-19", model.device.id))
        truth.must_not_raise += forbid(model.device.id, "EL-01", "EL-02", "EL-03", "EL-04", "EL-09", "EL-10")

    def course(self, lift: Lift, chronicle: Chronicle) -> Script:
        """The part of the car's life that it writes."""
        yield from lift.open_doors(2.0)
        chronicle.begin()
        lift.tell("door_close_fail", "gbt24476", "02")
        for _ in range(int(chronicle.truth.params["cycles"])):
            yield from lift.close_doors()
            yield from lift.open_doors(2.0)
        lift.tell("door_cycle_repeat", "platform2", "14")
        left = float(chronicle.truth.params["open_s"])
        while left > 0 and lift.door == OPEN:
            yield min(30.0, left)
            left -= 30.0
            lift.report()
        yield from lift.close_doors()
        lift.tell("no_fault", "gbt24476", "00")
        chronicle.end()


class EbikeInCar(LiftIncident):
    """Somebody pushes an e-bike into the car; voice and held doors make them turn round."""

    def __init__(self) -> None:
        super().__init__("ebike_in_car", "电动车进电梯", "e-bike in the car", {"stays_s": 30.0}, {})

    def fits(self, site: Site, model: Model) -> bool:
        """Where it can happen."""
        return super().fits(site, model) and isinstance(model, Lift) and model.camera

    def at_once(self, model: Model) -> bool:
        """Where it shows without delay."""
        return super().at_once(model) and isinstance(model, Lift) and model.level == model.home

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        truth.must_raise.append(owe("EL-15", model.device.id, 20))
        truth.must_not_raise += forbid(model.device.id, "EL-01", "EL-02", "EL-03", "EL-11", "EL-12")

    def course(self, lift: Lift, chronicle: Chronicle) -> Script:
        """The part of the car's life that it writes."""
        yield from lift.travel(lift.home)
        yield from lift.open_doors(3.0)
        lift.persons, lift.extra_kg = 1, 48.0
        chronicle.begin()
        for confidence in (0.91, 0.95):
            lift.tell("ebike_in_car", "vendor_mx", "37", confidence)
            lift.report()
            yield 2.0
        yield float(chronicle.truth.params["stays_s"])
        lift.persons, lift.extra_kg = 0, 0.0
        yield from lift.close_doors()
        chronicle.end()


INCIDENTS: Final[tuple[Incident, ...]] = (
    Entrapment("entrapment", level=False, code=False),
    Entrapment("entrapment_code", level=False, code=True),
    Entrapment("entrapment_level", level=True, code=False),
    DoorFault(),
    EbikeInCar(),
)
