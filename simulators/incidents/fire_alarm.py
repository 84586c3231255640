"""Alarms of single devices: smoke that is no fire, buttons that people press, a dirty detector."""

from typing import Any, ClassVar, Final

from simulators.blaze import CHARRED_FOOD, GROWTH_KW_S2, STEAM, Air, Blaze, Fuel, forecast
from simulators.devices.base import Model
from simulators.devices.fire_alarm import Button, Detector
from simulators.incidents.base import Chronicle, Incident, Site, forbid, owe
from simulators.incidents.fire_base import (
    HEARD_S,
    FireIncident,
    alone,
    burn,
    clear_up,
    free_mates,
    number,
    owe_for_alarms,
)
from simulators.kernel import Script
from simulators.truth import Truth

__all__ = ["INCIDENTS", "ButtonPressed", "DirtyDetector", "SmokeThenSecond", "Whiff"]


class SmokeThenSecond(FireIncident):
    """One detector alarms; while somebody is on the way to look, a second one in the same zone does."""

    life_safety: ClassVar[bool] = True
    types: ClassVar[tuple[str, ...]] = ("smoke",)

    def __init__(self) -> None:
        super().__init__(
            "smoke_then_second_detector",
            "烟感报警后第二只探测器报警",
            "smoke, then a second detector",
            {"second_after_s": 60.0, "lasts_s": 600.0},
            {"second_after_s": 25.0, "lasts_s": 180.0},
        )

    def fits(self, site: Site, model: Model) -> bool:
        """Where it can happen."""
        return super().fits(site, model) and bool(free_mates(site, model, "smoke"))

    def held(self, site: Site, model: Model) -> list[Model]:
        """Whom it touches."""
        return [model, free_mates(site, model, "smoke")[0]]

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del model
        first, second = (site.models[device] for device in truth.devices)
        owe_for_alarms(truth, [(first, 0.0), (second, number(truth.params, "second_after_s"))])
        for one in truth.devices:
            truth.must_not_raise += forbid(one, "FC-03", "FC-15")

    def course(self, site: Site, model: Model, chronicle: Chronicle) -> Script:
        """Smoke reaches one detector after the other."""
        params = chronicle.truth.params
        pair = [one for one in map(site.models.get, chronicle.truth.devices) if isinstance(one, Detector)]
        panel = site.panel(model)
        chronicle.begin()
        for detector, pause in zip(pair, ("second_after_s", "lasts_s"), strict=True):
            detector.engulf(detector.rng.uniform(7, 12), 3.0)
            yield from chronicle.lasting(number(params, pause))
        if panel is not None:
            panel.tell("reset", "gb26875", "4/b0")
        for detector in pair:
            detector.clear()
        chronicle.end()


class Whiff(FireIncident):
    """Something that smokes without being a fire: one detector feels it, the next one nothing worth telling."""

    types: ClassVar[tuple[str, ...]] = ("smoke",)
    DOOR_PER_S: Final = 0.0003
    """Air changed through a door that is nearly shut."""

    def __init__(self, name: str, zh: str, en: str, params: dict[str, Any], brisk: dict[str, Any], fuel: Fuel) -> None:
        super().__init__(name, zh, en, params, brisk)
        self.fuel = fuel

    def held(self, site: Site, model: Model) -> list[Model]:
        """Whom it touches."""
        return [model, *free_mates(site, model, "smoke")[:1]]

    def _source(self, site: Site, truth: Truth) -> tuple[Blaze, list[Detector]]:
        detectors = [one for one in map(site.models.get, truth.devices) if isinstance(one, Detector)]
        rooms = [Air(25.0), Air(40.0, source=0, exchange_per_s=self.DOOR_PER_S)][: len(detectors)]
        return Blaze(GROWTH_KW_S2["slow"], number(truth.params, "peak_kw"), rooms, self.fuel), detectors

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes: a detector cannot tell burnt food from a burning kitchen, so somebody has to look."""
        blaze, detectors = self._source(site, truth)
        rooms_c = [one.room_c() for one in detectors]
        times = forecast(blaze, [one.chamber for one in detectors], rooms_c, number(truth.params, "lasts_s"))
        alarms = [(one, at_s) for one, at_s in zip(detectors, times, strict=True) if at_s is not None]
        owe_for_alarms(truth, alarms)
        if not alarms:
            truth.must_not_raise += forbid(model.device.id, "FC-01")
        if len(alarms) < 2 and model.device.zone is not None:
            truth.must_not_raise += forbid(model.device.zone, "FC-02")
        for one in detectors:
            truth.must_not_raise += forbid(one.device.id, "FC-03", "FC-15", "FC-20")

    def course(self, site: Site, model: Model, chronicle: Chronicle) -> Script:
        """It smokes, somebody takes it away and opens the window."""
        del model
        blaze, detectors = self._source(site, chronicle.truth)
        chronicle.begin()
        yield from burn(blaze, detectors, chronicle, number(chronicle.truth.params, "lasts_s"))
        yield from clear_up(site, blaze, detectors)
        yield 30.0
        chronicle.end()


class ButtonPressed(FireIncident):
    """Somebody breaks the glass of a manual call point, or presses a hydrant's button."""

    life_safety: ClassVar[bool] = True

    def __init__(self, name: str, zh: str, en: str) -> None:
        super().__init__(name, zh, en, {"lasts_s": 300.0}, {"lasts_s": 120.0})
        self.kind = name

    def fits(self, site: Site, model: Model) -> bool:
        """Where it can happen."""
        return model.device.type == self.kind and model.busy is None and site.online(model) and alone(site, model)

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes: a person's report, and no confirmed fire as long as it stands alone."""
        del site
        truth.must_raise.append(owe("FC-03", model.device.id, HEARD_S))
        truth.must_not_raise += forbid(model.device.id, "FC-01", "FC-04", "FC-15")
        truth.must_not_raise += forbid(str(model.device.zone), "FC-02")

    def course(self, site: Site, model: Model, chronicle: Chronicle) -> Script:
        """Pressed, looked at, reset."""
        if not isinstance(model, Button):
            return
        chronicle.begin()
        model.press()
        yield from chronicle.lasting(number(chronicle.truth.params, "lasts_s"))
        model.renew()
        panel = site.panel(model)
        if panel is not None:
            panel.tell("reset", "gb26875", "4/b0")
        yield 1.0
        chronicle.end()


class DirtyDetector(FireIncident):
    """A chamber full of dust: every bit of damp air is an alarm. Reset, it alarms again, and again."""

    types: ClassVar[tuple[str, ...]] = ("smoke",)
    TOO_MANY: Final = 6
    """More than five false alarms a day are to be repaired."""
    DAY_S: Final = 86_400.0

    def __init__(self) -> None:
        super().__init__(
            "dirty_detector",
            "探测器污染反复误报",
            "dirty detector, alarm after alarm",
            {"alarms": 8, "apart_s": 5400.0, "reset_after_s": 150.0},
            {"alarms": 7, "apart_s": 150.0, "reset_after_s": 40.0},
        )

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        params = truth.params
        truth.must_raise.append(owe("FC-01", model.device.id, 30 + HEARD_S))
        sixth_s = (self.TOO_MANY - 1) * (number(params, "apart_s") + 30)
        if int(params["alarms"]) >= self.TOO_MANY and sixth_s < self.DAY_S:
            truth.must_raise.append(owe("FC-20", model.device.id, sixth_s + 30 + HEARD_S))
        truth.must_not_raise += forbid(str(model.device.zone), "FC-02")

    def course(self, site: Site, model: Model, chronicle: Chronicle) -> Script:
        """Damp air comes in, somebody looks and resets; at last the chamber is cleaned."""
        if not isinstance(model, Detector) or model.chamber.alarm_pct is None:
            return
        params, chamber, clean = chronicle.truth.params, model.chamber, model.chamber.dust_pct
        limit, panel = model.chamber.alarm_pct, site.panel(model)
        chronicle.begin()
        for _ in range(int(params["alarms"])):
            if chronicle.stopped:
                break
            chamber.dust_pct = 0.85 * limit
            while not model.fire:
                yield 1.0
                model.breathe(0.5 * limit, 0.0, 1.0)
            yield from chronicle.lasting(number(params, "reset_after_s"))
            if panel is not None:
                panel.tell("reset", "gb26875", "4/b0")
            model.clear()
            yield from chronicle.lasting(max(1.0, number(params, "apart_s") - number(params, "reset_after_s")))
        chamber.dust_pct = clean
        model.process.hurry()
        chronicle.end()


INCIDENTS: Final[tuple[Incident, ...]] = (
    SmokeThenSecond(),
    Whiff(
        "cooking_smoke", "厨房油烟触发烟感", "cooking smoke at a detector",
        {"peak_kw": 6.0, "lasts_s": 240.0}, {"lasts_s": 150.0}, CHARRED_FOOD,
    ),
    Whiff(
        "steam", "水蒸气触发烟感", "steam at a detector",
        {"peak_kw": 12.0, "lasts_s": 300.0}, {"lasts_s": 180.0}, STEAM,
    ),
    ButtonPressed("manual_call_point", "手动报警按钮被按下", "manual call point pressed"),
    ButtonPressed("hydrant_button", "消火栓按钮被按下", "hydrant button pressed"),
    DirtyDetector(),
)  # fmt: skip
