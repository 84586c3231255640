"""What goes wrong with lifts beside people shut in: the machine, its power, its doors; and what only looks so."""

from typing import ClassVar, Final

from simulators.devices.base import Model
from simulators.devices.elevator import OPEN, Lift
from simulators.incidents.base import Chronicle, Incident, Site, forbid, owe
from simulators.incidents.elevator import INSPECTION_SPEED, SERIOUS, LiftIncident
from simulators.kernel import Script
from simulators.truth import Expectation, Truth

__all__ = ["INCIDENTS"]

STAND_REPORT_S: Final = 10.0
"""A terminal whose car stands where it should not reports at this beat."""


class _Fault(LiftIncident):
    """A fault of an empty car: it happens, somebody comes after `lasts_s`, repairs it and tries it."""

    rule: ClassVar[str]
    within_s: ClassVar[float] = 10.0
    severity: ClassVar[int | None] = None
    besides: ClassVar[tuple[str, ...]] = ("EL-09",)
    """Rules that may speak as well: the car stands between floors."""

    def __init__(self, name: str, zh: str, en: str, **params: float) -> None:
        defaults = {"lasts_s": 1_800.0, **params}
        super().__init__(name, zh, en, defaults, {"lasts_s": 200.0, **params})

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        target = model.device.id
        truth.must_raise.append(owe(self.rule, target, self.within_s, self.severity))
        truth.may_raise += [Expectation(rule, target) for rule in (*self.besides, "EL-19")]
        truth.must_not_raise += forbid(target, *SERIOUS)

    def course(self, lift: Lift, chronicle: Chronicle) -> Script:
        """It happens; help comes."""
        yield from self.happen(lift, chronicle)
        left = float(chronicle.truth.params["lasts_s"])
        while left > 0:
            yield min(STAND_REPORT_S, left)
            left -= STAND_REPORT_S
            lift.report()
        yield from _repair(lift)
        chronicle.end()

    def happen(self, lift: Lift, chronicle: Chronicle) -> Script:
        """The fault itself; calls `chronicle.begin`."""
        raise NotImplementedError


def _repair(lift: Lift) -> Script:
    """A mechanic switches to inspection, levels the car at a crawl, tries the doors, and gives the lift back."""
    lift.mode = 2
    lift.tell("mode_change", "gbt24476", "43")
    lift.report()
    yield 20.0
    if lift.door == OPEN:
        yield from lift.close_doors()
    yield from lift.travel(lift.level, speed=INSPECTION_SPEED)
    yield from lift.open_doors(6.0)
    yield from lift.close_doors()
    lift.powered = True
    lift.mode = 1
    lift.tell("mode_change", "gbt24476", "40")
    lift.tell("no_fault", "gbt24476", "00")
    lift.report()


def _far(lift: Lift) -> int:
    """The end of the shaft that is further away."""
    return len(lift.labels) - 1 if lift.level < len(lift.labels) / 2 else 0


class Overspeed(_Fault):
    """The drive runs away; the governor trips at 115 % and the safety gear holds the car (GB 7588.1 5.6.2.2.1)."""

    life_safety = True
    rule = "EL-06"
    severity = 1
    within_s = 20.0

    def happen(self, lift: Lift, chronicle: Chronicle) -> Script:
        """Faster and faster, until the gear grips."""
        chronicle.begin()
        yield from lift.travel(_far(lift), halt=0.55, speed=lift.rated * float(chronicle.truth.params["factor"]))
        lift.tell("overspeed", "platform2", "11")
        _between_floors(lift)


class UnintendedMovement(_Fault):
    """The brake slips with the doors open: the car creeps out of the door zone (GB 7588.1 5.6.7)."""

    life_safety = True
    rule = "EL-05"
    severity = 1
    besides = ("EL-09", "EL-12")

    def happen(self, lift: Lift, chronicle: Chronicle) -> Script:
        """Doors open, and then it moves."""
        yield from lift.open_doors(3.0)
        chronicle.begin()
        gone = 0.0
        while gone < float(chronicle.truth.params["slips_m"]):
            lift.speed = 0.15
            yield 1.0
            gone += 0.15
            lift.pos_m += 0.15
            lift.report()
        lift.speed = 0.0
        lift.tell("ucm", "gbt24476", "05")
        lift.report()


class DoorOpenRunning(_Fault):
    """The door contact is bridged: the car runs with its doors open."""

    life_safety = True
    rule = "EL-08"
    severity = 1
    within_s = 20.0
    besides = ("EL-09", "EL-12")

    def happen(self, lift: Lift, chronicle: Chronicle) -> Script:
        """Off it goes, doors open, and stops where somebody presses the stop switch."""
        yield from lift.open_doors(2.0)
        chronicle.begin()
        yield from lift.travel(_far(lift), halt=0.5)
        lift.tell("run_with_door_open", "platform2", "12")
        _between_floors(lift)


class SafetyCircuit(_Fault):
    """The safety circuit opens while the car runs: it stops at once, between floors."""

    rule = "EL-10"
    within_s = 25.0

    def happen(self, lift: Lift, chronicle: Chronicle) -> Script:
        """An emergency stop in the middle of a ride."""
        yield from lift.travel(_far(lift), halt=0.4)
        _between_floors(lift)
        chronicle.begin()
        lift.tell("safety_circuit", "gbt24476", "01")


class StoppedOutOfZone(_Fault):
    """The drive gives up between floors, with nobody in the car and no code: only the signals tell."""

    rule = "EL-09"
    within_s = 120 + 2 * STAND_REPORT_S + 5
    besides = ()

    def happen(self, lift: Lift, chronicle: Chronicle) -> Script:
        """It stands."""
        yield from lift.travel(_far(lift), halt=0.4)
        _between_floors(lift)
        chronicle.begin()


class Overtravel(_Fault):
    """The car passes its last landing and touches the buffer."""

    life_safety = True
    rule = "EL-07"
    severity = 2
    besides = ("EL-09",)

    def happen(self, lift: Lift, chronicle: Chronicle) -> Script:
        """Too far, up or down."""
        top = lift.level < len(lift.labels) / 2
        yield from lift.travel(len(lift.labels) - 1 if top else 0)
        chronicle.begin()
        lift.pos_m += 0.4 if top else -0.4
        lift.tell("overtravel_top" if top else "overtravel_bottom", "platform2", "09" if top else "10")
        lift.report()


class LiftPowerLoss(_Fault):
    """The lift's own mains fail at a landing; the terminal goes on from its battery."""

    rule = "EL-13"
    within_s = 30 + STAND_REPORT_S + 6
    besides = ()

    def happen(self, lift: Lift, chronicle: Chronicle) -> Script:
        """Dark."""
        chronicle.begin()
        lift.powered = False
        lift.tell("power_loss", "gbt24476", "41")
        lift.report()
        yield 1.0


class DoorHeld(LiftIncident):
    """Somebody moves house and holds the doors."""

    def __init__(self) -> None:
        super().__init__("door_held", "电梯长时间挡门", "door held open", {"holds_s": 900.0}, {"holds_s": 700.0})

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes: a hint, after ten minutes."""
        del site
        if float(truth.params["holds_s"]) > 665:
            truth.must_raise.append(owe("EL-12", model.device.id, 665))
        truth.must_not_raise += forbid(model.device.id, *SERIOUS, "EL-08", "EL-09", "EL-11")

    def course(self, lift: Lift, chronicle: Chronicle) -> Script:
        """A box stands in the door."""
        chronicle.begin()
        yield from lift.open_doors(0.0)
        left = float(chronicle.truth.params["holds_s"])
        while left > 0:
            yield min(30.0, left)
            left -= 30.0
            lift.report()
        yield from lift.close_doors()
        chronicle.end()


class EbikeIntoHome(LiftIncident):
    """An e-bike rides up to a flat, held doors or not."""

    def __init__(self) -> None:
        super().__init__("ebike_into_home", "电动车乘梯入户", "e-bike taken up to a home", {"confidence": 0.92}, {})

    def fits(self, site: Site, model: Model) -> bool:
        """Where a camera sees it."""
        return super().fits(site, model) and isinstance(model, Lift) and model.camera

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes: first that it is in the car, then that it leaves where people sleep."""
        del site
        truth.must_raise.append(owe("EL-15", model.device.id, 150, 2))
        truth.must_not_raise += forbid(model.device.id, *SERIOUS, "EL-11", "EL-12")

    def course(self, lift: Lift, chronicle: Chronicle) -> Script:
        """In at the ground floor, out at a flat."""
        yield from lift.travel(lift.home)
        yield from lift.open_doors(3.0)
        lift.persons, lift.extra_kg = 1, 48.0
        chronicle.begin()
        for _ in range(2):
            lift.tell("ebike_in_car", "vendor_mx", "37", float(chronicle.truth.params["confidence"]))
            lift.report()
            yield 2.0
        yield from lift.close_doors()
        lift.pending = True
        top = len(lift.labels)
        yield from lift.travel(lift.rng.randrange(min(lift.home + 2, top - 1), top))
        lift.pending = False
        yield from lift.open_doors(5.0)
        lift.persons, lift.extra_kg = 0, 0.0
        lift.report()
        yield 6.0
        yield from lift.close_doors()
        chronicle.end()


class GhostPresence(LiftIncident):
    """A poster on the car's wall: the presence sensor sees a person for hours while the lift goes on as ever."""

    def __init__(self) -> None:
        super().__init__(
            "ghost_presence", "轿厢人体感应误判", "presence sensor sees a poster", {"lasts_s": 7_200.0},
            {"lasts_s": 1_200.0},
        )  # fmt: skip

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """Nothing may come of it."""
        del site
        truth.must_not_raise += forbid(model.device.id, *SERIOUS)

    def start(self, site: Site, model: Model, chronicle: Chronicle) -> None:
        """The lift lives on."""
        if isinstance(model, Lift):
            site.kernel.spawn(self._see(model, chronicle))

    @staticmethod
    def _see(lift: Lift, chronicle: Chronicle) -> Script:
        chronicle.begin()
        lift.ghost = True
        yield float(chronicle.truth.params["lasts_s"])
        lift.ghost = False
        chronicle.end()


class TerminalSilent(LiftIncident):
    """The terminal hangs: nothing is heard of the lift until somebody restarts it."""

    def __init__(self) -> None:
        super().__init__(
            "lift_terminal_silent", "电梯终端失联", "lift terminal silent", {"lasts_s": 3_600.0}, {"lasts_s": 900.0}
        )

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        if float(truth.params["lasts_s"]) >= 680:
            truth.must_raise.append(owe("EL-18", model.device.id, 680))
        truth.must_not_raise += forbid(model.device.id, *SERIOUS, "EL-09")

    def start(self, site: Site, model: Model, chronicle: Chronicle) -> None:
        """The lift itself lives on, unheard."""
        site.kernel.spawn(self._hang(site, model, chronicle))

    @staticmethod
    def _hang(site: Site, model: Model, chronicle: Chronicle) -> Script:
        chronicle.begin()
        site.kernel.silent.add(model.device.id)
        yield float(chronicle.truth.params["lasts_s"])
        site.kernel.silent.discard(model.device.id)
        model.report()
        yield 60.0
        chronicle.end()


def _between_floors(lift: Lift) -> None:
    """Makes sure that it does not happen to stand at a landing."""
    if lift.in_zone:
        lift.pos_m += 0.7 if lift.pos_m < lift.height_m else -0.7
    lift.report()


INCIDENTS: Final[tuple[Incident, ...]] = (
    Overspeed("overspeed", "电梯超速", "overspeed", factor=1.3),
    UnintendedMovement("unintended_movement", "轿厢意外移动", "unintended car movement", slips_m=0.45),
    DoorOpenRunning("door_open_running", "开门走梯", "running with open doors"),
    SafetyCircuit("safety_circuit", "安全回路断路", "safety circuit broken"),
    StoppedOutOfZone("stopped_out_of_zone", "非平层停梯(无人)", "stopped between floors, empty"),
    Overtravel("overtravel", "冲顶/蹲底", "overtravel"),
    LiftPowerLoss("lift_power_loss", "单梯断电", "power of one lift lost"),
    DoorHeld(),
    EbikeIntoHome(),
    GhostPresence(),
    TerminalSilent(),
)
