"""Fire water going wrong: leaks, too much pressure, falling levels, frost, pumps and flow that nobody asked for."""

import copy
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from simulators.devices.base import Model
from simulators.devices.fire_water import FlowSwitch, Pressure, Pump, PumpRoom, Tank
from simulators.incidents.base import Chronicle, Incident, Site, forbid, owe
from simulators.incidents.fire_base import FireIncident, first_where, number
from simulators.kernel import Script
from simulators.pipes import Pipe
from simulators.truth import Expectation, Truth

__all__ = ["INCIDENTS", "OverPressure", "PipeLeak", "PumpRoomFreeze", "Running", "TankLow"]

HIGH_MPA: Final = 1.20


class PipeLeak(FireIncident):
    """A joint gives way and opens for hours: the jockey pump starts ever more often, runs on, and cannot keep up."""

    HOLD_S: Final = 600.0

    def __init__(self, name: str, words: tuple[str, str], kind: str, rule: str, limits: tuple[float, float]) -> None:
        # `hours` until the hole is as wide as it gets, then `lasts_s` until it is mended.
        params = {"hours": 6.0, "lasts_s": 3600.0}
        super().__init__(name, *words, params, {"hours": 0.04, "lasts_s": 1320.0})
        self.kind = kind
        self.rule = rule
        self.limit, self.lowest = limits

    def fits(self, site: Site, model: Model) -> bool:
        """Where it can happen."""
        return model.device.type == self.kind and model.busy is None and site.online(model)

    def _cracked(self, pipe: Pipe, truth: Truth) -> None:
        pipe.crack(self.lowest, number(truth.params, "hours") * 3600)

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        if not isinstance(model, Pressure):
            return
        model.catch_up()
        future = copy.copy(model.pipe)
        self._cracked(future, truth)
        # Four times the sensor's noise below the limit no reading is above it.
        surely = self.limit - 4 * model.NOISE_MPA
        total_s = number(truth.params, "hours") * 3600 + number(truth.params, "lasts_s")
        low_s = future.until(lambda pressure: pressure <= surely, total_s)
        due_s = None if low_s is None else low_s + self.HOLD_S + 4 * model.fast_s
        if due_s is not None and due_s < total_s:
            truth.must_raise.append(owe(self.rule, model.device.id, due_s))
        else:
            truth.may_raise.append(Expectation(self.rule, model.device.id))
        truth.must_not_raise += forbid(model.device.id, *({"FC-05", "FC-06", "FC-07", "FC-18U"} - {self.rule}))

    def course(self, site: Site, model: Model, chronicle: Chronicle) -> Script:
        """Opens, stays open, is mended."""
        del site
        if not isinstance(model, Pressure):
            return
        params = chronicle.truth.params
        model.catch_up()
        self._cracked(model.pipe, chronicle.truth)
        chronicle.begin()
        model.process.hurry()
        yield from chronicle.lasting(number(params, "hours") * 3600 + number(params, "lasts_s"))
        model.catch_up()
        model.pipe.mend()
        model.process.hurry()
        yield 600.0
        chronicle.end()


class OverPressure(FireIncident):
    """A pump does not stop: pressure climbs towards what it can make against closed valves."""

    types: ClassVar[tuple[str, ...]] = ("hydrant_pressure", "sprinkler_pressure")
    HOLD_S: Final = 300.0

    def __init__(self) -> None:
        # `pump`: how much it brings, as a multiple of a jockey pump.
        super().__init__(
            "over_pressure",
            "消防管网超压",
            "fire main over-pressure",
            {"pump": 1.0, "lasts_s": 5400.0},
            {"pump": 10.0, "lasts_s": 840.0},
        )

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        if not isinstance(model, Pressure):
            return
        model.catch_up()
        future = copy.copy(model.pipe)
        future.boost = number(truth.params, "pump")
        lasts_s = number(truth.params, "lasts_s")
        high_s = future.until(lambda pressure: pressure >= HIGH_MPA + 4 * model.NOISE_MPA, lasts_s)
        due_s = None if high_s is None else high_s + self.HOLD_S + 4 * model.fast_s
        if due_s is not None and due_s < lasts_s:
            truth.must_raise.append(owe("FC-07", model.device.id, due_s))
        else:
            truth.may_raise.append(Expectation("FC-07", model.device.id))
        truth.must_not_raise += forbid(model.device.id, "FC-05", "FC-06", "FC-18U")

    def course(self, site: Site, model: Model, chronicle: Chronicle) -> Script:
        """Climbs, is stopped, and what is too much is let out."""
        del site
        if not isinstance(model, Pressure):
            return
        model.catch_up()
        model.pipe.boost = number(chronicle.truth.params, "pump")
        chronicle.begin()
        model.process.hurry()
        yield from chronicle.lasting(number(chronicle.truth.params, "lasts_s"))
        model.catch_up()
        model.pipe.mend()
        model.process.hurry()
        yield 900.0
        chronicle.end()


class TankLow(FireIncident):
    """Water is drawn, and the float valve is stuck shut."""

    types: ClassVar[tuple[str, ...]] = ("tank",)
    HOLD_S: Final = 900.0
    NOISE_PCT: Final = 0.6
    """Four times the noise of the level sensor of the smallest tank."""

    def __init__(self) -> None:
        # Falls to `lowest_pct` of the required level in `hours`, is found `lasts_s` later.
        super().__init__(
            "tank_low",
            "消防水箱水位下降",
            "fire tank level falling",
            {"lowest_pct": 78.0, "hours": 6.0, "lasts_s": 5400.0},
            {"hours": 0.05, "lasts_s": 1200.0},
        )

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        if not isinstance(model, Tank):
            return
        model.catch_up()
        params, lowest = truth.params, number(truth.params, "lowest_pct")
        falls_s, lasts_s = number(params, "hours") * 3600, number(params, "lasts_s")
        per_s = (100 * model.share - lowest) / falls_s
        due = {}
        for severity, limit in ((3, 90.0), (2, 50.0)):
            if lowest < limit - self.NOISE_PCT:
                due[severity] = (100 * model.share - limit + self.NOISE_PCT) / per_s + self.HOLD_S + 4 * model.fast_s
        reached = [severity for severity, at_s in due.items() if at_s < falls_s + lasts_s]
        if reached:
            truth.must_raise.append(owe("FC-09", model.device.id, due[3], min(reached)))
        else:
            truth.may_raise.append(Expectation("FC-09", model.device.id))
        truth.must_not_raise += forbid(model.device.id, "FC-05", "FC-18U")

    def course(self, site: Site, model: Model, chronicle: Chronicle) -> Script:
        """Falls, stays low, is filled by hand."""
        del site
        if not isinstance(model, Tank):
            return
        params = chronicle.truth.params
        falls_s = number(params, "hours") * 3600
        model.catch_up()
        usual, filling = model.loss_per_h, model.fill_per_h
        model.valve_shut = True
        model.loss_per_h = max(0.0, 100 * model.share - number(params, "lowest_pct")) / 100 / falls_s * 3600
        chronicle.begin()
        model.process.hurry()
        yield from chronicle.lasting(falls_s)
        model.catch_up()
        model.loss_per_h = 0.0
        yield from chronicle.lasting(number(params, "lasts_s"))
        model.catch_up()
        # A hose from the street hydrant fills it within minutes.
        model.valve_shut, model.loss_per_h, model.fill_per_h = False, usual, 6.0
        model.process.hurry()
        while model.share < model.OPENS + 0.02:
            yield 30.0
        model.catch_up()
        model.fill_per_h = filling
        yield 120.0
        chronicle.end()


class PumpRoomFreeze(FireIncident):
    """The heating of the pump room fails on a cold night."""

    types: ClassVar[tuple[str, ...]] = ("pump_room",)
    HOLD_S: Final = 1800.0
    NOISE_C: Final = 0.4
    COLD_C: Final = -5.0
    """Outdoors; with milder weather a room does not freeze."""
    STEP_S: Final = 30.0

    def __init__(self) -> None:
        # `cools_in_s`: within this time two thirds of the warmth are lost.
        super().__init__(
            "pump_room_freeze",
            "水泵房采暖失效",
            "pump-room heating fails",
            {"cools_in_s": 14_400.0, "lasts_s": 28_800.0},
            {"cools_in_s": 120.0, "lasts_s": 2160.0},
        )

    def fits(self, site: Site, model: Model) -> bool:
        """Where it can happen: only while it is cold outside."""
        return super().fits(site, model) and model.climate.outdoor_c(site.kernel.now_ms) < self.COLD_C

    def _future(self, room: PumpRoom, truth: Truth) -> Iterator[tuple[float, float]]:
        """(seconds from now, temperature of the room) without its heating."""
        twin = copy.copy(room)
        twin.heated, twin.cools_in_s = False, number(truth.params, "cools_in_s")
        gap, now_ms, gone = room.gap_c, room.kernel.now_ms, 0.0
        while gone < number(truth.params, "lasts_s"):
            gone += self.STEP_S
            at_ms = now_ms + round(gone * 1000)
            gap = twin.gap_after(gap, at_ms, self.STEP_S)
            yield gone, room.heated_c(at_ms) + gap

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        if not isinstance(model, PumpRoom):
            return
        model.catch_up()
        path = list(self._future(model, truth))
        slack_s = 4 * model.fast_s
        warn, major = (
            first_where(((at_s, room < limit - self.NOISE_C) for at_s, room in path), self.HOLD_S + slack_s)
            for limit in (5.0, 2.0)
        )
        if warn is not None:
            severity = None if major is None else 2
            truth.must_raise.append(owe("FC-10", model.device.id, warn + self.HOLD_S + slack_s, severity))
        else:
            truth.may_raise.append(Expectation("FC-10", model.device.id))
        truth.must_not_raise += forbid(model.device.id, "FC-18U")

    def course(self, site: Site, model: Model, chronicle: Chronicle) -> Script:
        """Cools, is noticed, is repaired."""
        del site
        if not isinstance(model, PumpRoom):
            return
        params = chronicle.truth.params
        model.catch_up()
        model.heated, model.cools_in_s = False, number(params, "cools_in_s")
        model.warms_in_s = min(900.0, 2 * model.cools_in_s)
        chronicle.begin()
        model.process.hurry()
        yield from chronicle.lasting(number(params, "lasts_s"))
        model.catch_up()
        model.heated = True
        model.process.hurry()
        while model.heated_c(model.kernel.now_ms) + model.gap_c < 7.5:
            yield 60.0
        chronicle.end()


class Running(FireIncident):
    """A pump starts or water flows without any fire: a pressure switch, a burst branch, a test nobody announced."""

    def __init__(self, name: str, words: tuple[str, str], kind: str) -> None:
        params: dict[str, Any] = {"lasts_s": 900.0}
        super().__init__(name, *words, params, {"lasts_s": 180.0})
        self.kind = kind

    def fits(self, site: Site, model: Model) -> bool:
        """Where it can happen."""
        return model.device.type == self.kind and model.busy is None and site.online(model)

    def held(self, site: Site, model: Model) -> list[Model]:
        """The pump, and the hydrants that feel it."""
        if not isinstance(model, Pump):
            return [model]
        hydrants = [
            one
            for one in site.models.values()
            if one.device.type == "hydrant_pressure"
            and one.device.compound == model.device.compound
            and one.busy is None
            and site.online(one)
        ]
        return [model, *hydrants]

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        truth.must_raise.append(owe("FC-04", model.device.id, 5 + 2 * Pump.fast_s))
        truth.must_not_raise += forbid(model.device.id, "FC-01", "FC-03", "FC-15")
        for other in truth.devices[1:]:
            truth.must_not_raise += forbid(other, "FC-05", "FC-07")

    def course(self, site: Site, model: Model, chronicle: Chronicle) -> Script:
        """Runs, is found, is stopped."""
        others = [site.models[device] for device in chronicle.truth.devices[1:]]
        chronicle.begin()
        if isinstance(model, Pump):
            model.run()
        elif isinstance(model, FlowSwitch):
            model.flow()
        self._boost(others, 0.12)
        yield from chronicle.lasting(number(chronicle.truth.params, "lasts_s"))
        if isinstance(model, Pump):
            model.halt()
        elif isinstance(model, FlowSwitch):
            model.still()
        self._boost(others, 0.0)
        yield 300.0 if others else 30.0
        chronicle.end()

    @staticmethod
    def _boost(hydrants: list[Model], pump: float) -> None:
        """A main pump with its relief valve lifts the pressure only a little, and slowly, at the far end."""
        for one in hydrants:
            if isinstance(one, Pressure):
                one.catch_up()
                one.pipe.boost = pump
                if not pump:
                    one.pipe.mend()
                one.process.hurry()


INCIDENTS: Final[tuple[Incident, ...]] = (
    PipeLeak(
        "hydrant_leak", ("消火栓管网泄漏失压", "hydrant pressure leak"), "hydrant_pressure", "FC-05", (0.07, 0.045)
    ),
    PipeLeak(
        "sprinkler_low", ("喷淋管网泄漏失压", "sprinkler pressure leak"), "sprinkler_pressure", "FC-06", (0.10, 0.07)
    ),
    OverPressure(),
    TankLow(),
    PumpRoomFreeze(),
    Running("pump_running", ("消防泵误启动", "fire pump runs without a fire"), "pump"),
    Running("water_flow", ("水流指示器动作", "water flows without a fire"), "flow_switch"),
)
