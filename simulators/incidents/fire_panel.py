"""Trouble with the fire alarm panel itself, and with whoever should sit in front of it."""

from typing import Any, ClassVar, Final

from simulators.devices.base import Model
from simulators.devices.fire_alarm import Detector
from simulators.devices.fire_panel import CHECK_WINDOW_S, Panel
from simulators.incidents.base import Chronicle, Incident, Site, forbid, owe
from simulators.incidents.fire_base import HEARD_S, FireIncident, number
from simulators.kernel import Script
from simulators.truth import Expectation, Truth

__all__ = ["INCIDENTS", "DutyUnanswered", "PanelPower", "PanelState", "PointsShielded"]

BEAT_S: Final = Panel.fast_s


class PanelPower(FireIncident):
    """The panel's mains fail; where the battery is too weak or it takes too long, the backup goes too."""

    types: ClassVar[tuple[str, ...]] = ("panel",)
    HOLD_S: Final = 60.0

    def __init__(self) -> None:
        super().__init__(
            "panel_power",
            "消防主机主电故障",
            "fire panel without mains",
            {"battery_h": Panel.BATTERY_H, "lasts_s": 10_800.0},
            {"battery_h": 0.12, "lasts_s": 480.0},
        )

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        if not isinstance(model, Panel):
            return
        model.catch_up()
        lasts_s, whole_s = number(truth.params, "lasts_s"), number(truth.params, "battery_h") * 3600
        low_s, dead_s = whole_s * (model.charge - model.LOW_SHARE), whole_s * model.charge
        told_s = self.HOLD_S + 3 * BEAT_S
        both = min(lasts_s, dead_s) - low_s >= told_s
        if lasts_s >= told_s:
            truth.must_raise.append(owe("FC-14", model.device.id, told_s, 2 if both else None))
        else:
            truth.may_raise.append(Expectation("FC-14", model.device.id))
        if dead_s < lasts_s:
            truth.may_raise.append(Expectation("FC-18U", model.device.id))
        truth.must_not_raise += forbid(model.device.id, "FC-15", "FC-16", "FC-17")

    def course(self, site: Site, model: Model, chronicle: Chronicle) -> Script:
        """Off, and on again."""
        del site
        if not isinstance(model, Panel):
            return
        model.catch_up()
        model.mains, model.battery_h = False, number(chronicle.truth.params, "battery_h")
        chronicle.begin()
        model.process.hurry()
        yield from chronicle.lasting(number(chronicle.truth.params, "lasts_s"))
        model.catch_up()
        model.mains, model.battery_h, model.charge = True, model.BATTERY_H, max(model.charge, model.LOW_SHARE)
        model.process.hurry()
        yield 120.0
        chronicle.end()


class PanelState(FireIncident):
    """One bit of the panel's status stands where it should not, until somebody sees to it."""

    types: ClassVar[tuple[str, ...]] = ("panel",)

    def __init__(self, name: str, words: tuple[str, str], bit: str, rule: tuple[str, float], lasts: float) -> None:
        params: dict[str, Any] = {"lasts_s": lasts}
        super().__init__(name, *words, params, {"lasts_s": rule[1] + 300.0})
        self.bit = bit
        self.rule, self.hold_s = rule

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        due_s = self.hold_s + 2 * (model.device.period_s or 120.0)
        if number(truth.params, "lasts_s") >= due_s:
            truth.must_raise.append(owe(self.rule, model.device.id, due_s, 2))
        else:
            truth.may_raise.append(Expectation(self.rule, model.device.id))
        truth.must_not_raise += forbid(model.device.id, *({"FC-14", "FC-15", "FC-16", "FC-17"} - {self.rule}))

    def course(self, site: Site, model: Model, chronicle: Chronicle) -> Script:
        """Set, and set back."""
        del site
        if not isinstance(model, Panel):
            return
        chronicle.begin()
        setattr(model, self.bit, True)
        model.process.hurry()
        yield from chronicle.lasting(number(chronicle.truth.params, "lasts_s"))
        setattr(model, self.bit, False)
        model.process.hurry()
        yield 30.0
        chronicle.end()


class PointsShielded(FireIncident):
    """A detector that bothered somebody is shielded at the panel, and forgotten. Meanwhile it warns nobody."""

    types: ClassVar[tuple[str, ...]] = ("smoke", "heat")
    DAY_S: Final = 86_400.0

    def __init__(self) -> None:
        super().__init__(
            "points_shielded",
            "探测器被屏蔽",
            "detector shielded and forgotten",
            {"lasts_s": 30 * 3600.0},
            {"lasts_s": 1200.0},
        )

    def fits(self, site: Site, model: Model) -> bool:
        """Where it can happen."""
        panel = site.panel(model)
        return super().fits(site, model) and panel is not None and panel.busy is None and site.online(panel)

    def held(self, site: Site, model: Model) -> list[Model]:
        """The point, and the panel that counts it."""
        panel = site.panel(model)
        return [model] if panel is None else [model, panel]

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes: a few hours for works are nobody's business, a day is."""
        del site
        lasts_s = number(truth.params, "lasts_s")
        for device in truth.devices:
            slack_s = 900.0
            if lasts_s >= self.DAY_S + slack_s:
                truth.must_raise.append(owe("FC-15", device, self.DAY_S + slack_s))
            elif lasts_s < self.DAY_S:
                truth.must_not_raise += forbid(device, "FC-15")
            else:
                truth.may_raise.append(Expectation("FC-15", device))
        truth.must_not_raise += forbid(model.device.id, "FC-01", "FC-18U")

    def course(self, site: Site, model: Model, chronicle: Chronicle) -> Script:
        """Shielded, and released."""
        panel = site.models[chronicle.truth.devices[-1]]
        if not isinstance(model, Detector) or not isinstance(panel, Panel):
            return
        chronicle.begin()
        for shielded in (True, False):
            model.shielded = shielded
            panel.shielded_count += 1 if shielded else -1
            model.process.hurry()
            panel.process.hurry()
            if shielded:
                yield from chronicle.lasting(number(chronicle.truth.params, "lasts_s"))
        yield 30.0
        chronicle.end()


class DutyUnanswered(FireIncident):
    """Nobody is in the control room when the centre asks, once or more often; then somebody comes back."""

    types: ClassVar[tuple[str, ...]] = ("panel",)
    NIGHT_S: Final = 8 * 3600.0

    def __init__(self) -> None:
        super().__init__(
            "duty_unanswered",
            "消控室脱岗",
            "control room does not answer",
            {"checks": 2, "apart_s": 7200.0},
            {"apart_s": 660.0},
        )

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        apart_s, heard_s = number(truth.params, "apart_s"), CHECK_WINDOW_S + HEARD_S
        truth.must_raise.append(owe("FC-17", model.device.id, heard_s))
        if int(truth.params["checks"]) > 1 and apart_s < self.NIGHT_S:
            truth.must_raise.append(owe("FC-17", model.device.id, apart_s + heard_s, 2))
        truth.must_not_raise += forbid(model.device.id, "FC-14", "FC-15", "FC-16")

    def course(self, site: Site, model: Model, chronicle: Chronicle) -> Script:
        """Asked and not answered, then answered."""
        del site
        if not isinstance(model, Panel):
            return
        params = chronicle.truth.params
        chronicle.begin()
        model.absent = True
        for _ in range(int(params["checks"])):
            yield from model.check()
            yield from chronicle.lasting(max(1.0, number(params, "apart_s") - CHECK_WINDOW_S))
            if chronicle.stopped:
                break
        model.absent = False
        yield from model.check()
        yield 30.0
        chronicle.end()


INCIDENTS: Final[tuple[Incident, ...]] = (
    PanelPower(),
    PanelState("bus_fault", ("报警总线故障", "fault of the detector bus"), "bus_fault", ("FC-15", 600.0), 7200.0),
    PanelState(
        "manual_mode", ("主机处于手动状态", "panel left in manual mode"), "manual_mode", ("FC-16", 1800.0), 7200.0
    ),
    PointsShielded(),
    DutyUnanswered(),
)
