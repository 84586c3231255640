"""Fires that are fires: smoke from room to room and floor to floor, a storm of alarms, and the quarterly exercise."""

from typing import Any, ClassVar, Final

from domain.errors import Invalid
from simulators.blaze import GROWTH_KW_S2, Air, Blaze, forecast
from simulators.devices.base import Model
from simulators.devices.fire_alarm import Button, Detector
from simulators.devices.fire_water import Pump
from simulators.incidents.base import Chronicle, Incident, Site, owe
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

__all__ = ["INCIDENTS", "AlarmStorm", "FireDrill", "FireSpreading"]

FEELERS: Final = ("smoke", "heat")
PEAK_KW: Final = 2500.0
"""A burning living room with its door open."""
ELSEWHERE: Final = 40.0
"""Other buildings are as far as so many floors."""


class FireSpreading(FireIncident):
    """Furniture burns. The detectors of the zone feel it, then those of the floors above and below."""

    life_safety: ClassVar[bool] = True
    types: ClassVar[tuple[str, ...]] = FEELERS
    """Detectors that feel it."""

    def __init__(self) -> None:
        super().__init__(
            "fire_spreading",
            "火灾蔓延",
            "fire spreading from floor to floor",
            {"devices": 12, "growth": "medium", "floor_s": 20.0, "pressed_after_s": 90.0, "lasts_s": 900.0},
            {"growth": "fast", "floor_s": 4.0, "pressed_after_s": 40.0, "lasts_s": 240.0},
        )

    def fits(self, site: Site, model: Model) -> bool:
        """Where it can happen."""
        return super().fits(site, model) and bool(free_mates(site, model, *self.types))

    def settled(self, params: dict[str, Any]) -> dict[str, Any]:
        """All parameters. Raises `Invalid` for an unknown class of growth, too."""
        settled = super().settled(params)
        if settled["growth"] not in GROWTH_KW_S2:
            text = f"growth is {settled['growth']!r}; write one of: {', '.join(GROWTH_KW_S2)}"
            raise Invalid("incident.parameter", text, incident=self.name)
        return settled

    def reach(self, site: Site, model: Model, params: dict[str, Any]) -> list[Model]:
        """The nearest detectors by the way of the smoke, then the call point of the zone where it burns."""
        others = [
            one
            for one in site.models.values()
            if one.device.type in self.types
            and one.device.compound == model.device.compound
            and one is not model
            and site.online(one)
            and alone(site, one)
        ]
        others.sort(key=lambda one: (self.floors_away(site, model, one), one.device.id))
        return [model, *others[: int(params["devices"]) - 1], *free_mates(site, model, "manual_call_point")[:1]]

    @staticmethod
    def floors_away(site: Site, fire: Model, other: Model) -> float:
        """How far the smoke has to go, in floors: upwards is easy, downwards is not."""
        if fire.device.zone == other.device.zone is not None:
            return 0.0
        here, there = (_floor(site, one) for one in (fire, other))
        houses = [site.registry.nearest(one.device.place, "building") for one in (fire, other)]
        rise = there - here
        way = float(rise) if rise > 0 else 3.0 * -rise
        return 1.0 + way + (0.0 if houses[0] == houses[1] else ELSEWHERE)

    def rooms(self, site: Site, truth: Truth, detectors: list[Detector]) -> list[Air]:
        """The air around each detector; the smoke of all comes out of the first one's room."""
        origin, floor_s = detectors[0], number(truth.params, "floor_s")
        rooms = [Air()]
        for one in detectors[1:]:
            floors = self.floors_away(site, origin, one)
            near = floors == 0
            exchange, warmth = (0.02, 0.3) if near else (0.01, 0.02)
            rooms.append(Air(exchange_per_s=exchange, arrives_s=5.0 + floors * floor_s, warmth=warmth))
        return rooms

    def _fire(self, site: Site, truth: Truth) -> tuple[Blaze, list[Detector], list[Button]]:
        models = [site.models[device] for device in truth.devices]
        detectors = [one for one in models if isinstance(one, Detector)]
        growth = GROWTH_KW_S2[truth.params["growth"]]
        blaze = Blaze(growth, PEAK_KW, self.rooms(site, truth, detectors))
        return blaze, detectors, [one for one in models if isinstance(one, Button)]

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del model
        blaze, detectors, buttons = self._fire(site, truth)
        lasts_s, pressed_s = number(truth.params, "lasts_s"), number(truth.params, "pressed_after_s")
        rooms_c = [one.room_c() for one in detectors]
        times = forecast(blaze, [one.chamber for one in detectors], rooms_c, lasts_s)
        alarms: list[tuple[Model, float | None]] = list(zip(detectors, times, strict=True))
        if 0 < pressed_s < lasts_s:
            alarms += [(button, pressed_s) for button in buttons]
        owe_for_alarms(truth, alarms)

    def course(self, site: Site, model: Model, chronicle: Chronicle) -> Script:
        """It burns, people press the button, it is put out, and the panel reset when the smoke has gone."""
        del model
        params = chronicle.truth.params
        blaze, detectors, buttons = self._fire(site, chronicle.truth)
        lasts_s, pressed_s = number(params, "lasts_s"), number(params, "pressed_after_s")
        chronicle.begin()
        until_pressed = min(lasts_s, pressed_s)
        if until_pressed > 0:
            yield from burn(blaze, detectors, chronicle, until_pressed)
            if pressed_s < lasts_s and not chronicle.stopped:
                for button in buttons:
                    button.press()
        yield from burn(blaze, detectors, chronicle, lasts_s - until_pressed)
        yield from clear_up(site, blaze, detectors)
        for button in buttons:
            button.renew()
        yield 30.0
        chronicle.end()


def _floor(site: Site, model: Model) -> int:
    place = site.registry.nearest(model.device.place, "floor")
    return 1 if place is None else int(place.attrs.get("floor", 1))


class AlarmStorm(FireSpreading):
    """Thick smoke drifts over a whole compound: hundreds of detectors alarm within two minutes."""

    types: ClassVar[tuple[str, ...]] = ("smoke",)

    def __init__(self) -> None:
        FireIncident.__init__(
            self,
            "alarm_storm",
            "火警风暴",
            "storm of fire alarms",
            {"devices": 500, "growth": "ultra_fast", "within_s": 120.0, "pressed_after_s": 0.0, "lasts_s": 480.0},
            {"devices": 40, "within_s": 60.0, "lasts_s": 180.0},
        )

    def rooms(self, site: Site, truth: Truth, detectors: list[Detector]) -> list[Air]:
        """One front of smoke goes over them all; the last is reached early enough to alarm in time."""
        del site
        front_s = max(5.0, number(truth.params, "within_s") - 15.0)
        share = front_s / max(1, len(detectors) - 1)
        others = [
            Air(exchange_per_s=0.05, arrives_s=8.0 + share * place, warmth=0.02) for place in range(1, len(detectors))
        ]
        return [Air(), *others]


class FireDrill(FireIncident):
    """The quarterly exercise on the real path: call point, test smoke at a detector, pump, reset."""

    types: ClassVar[tuple[str, ...]] = ("smoke",)

    def __init__(self) -> None:
        super().__init__(
            "fire_drill",
            "消防演练",
            "fire drill",
            {"exercise": True, "second_after_s": 60.0, "pump_after_s": 30.0, "lasts_s": 900.0},
            {"second_after_s": 20.0, "pump_after_s": 10.0, "lasts_s": 150.0},
        )

    def fits(self, site: Site, model: Model) -> bool:
        """Where it can happen."""
        return super().fits(site, model) and bool(free_mates(site, model, "manual_call_point"))

    def held(self, site: Site, model: Model) -> list[Model]:
        """Whom it touches."""
        pumps = [
            one
            for one in site.models.values()
            if isinstance(one, Pump)
            and one.device.compound == model.device.compound
            and one.busy is None
            and site.online(one)
        ]
        return [free_mates(site, model, "manual_call_point")[0], model, *pumps[:1]]

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes: all of it, for an exercise that is not told is none."""
        second_s = number(truth.params, "second_after_s")
        owe_for_alarms(truth, [(site.models[truth.devices[0]], 0.0)])
        truth.must_raise.append(owe("FC-01", model.device.id, second_s + HEARD_S))
        truth.must_raise.append(owe("FC-02", str(model.device.zone), second_s + HEARD_S, 1))
        for pump in truth.devices[2:]:
            runs_s = second_s + number(truth.params, "pump_after_s")
            truth.must_raise.append(owe("FC-04", pump, runs_s + 5 + 2 * Pump.fast_s))

    def course(self, site: Site, model: Model, chronicle: Chronicle) -> Script:
        """As the procedure has it."""
        params = chronicle.truth.params
        button, detector, *pumps = (site.models[device] for device in chronicle.truth.devices)
        if not isinstance(button, Button) or not isinstance(detector, Detector):
            return
        chronicle.begin()
        button.press()
        yield from chronicle.lasting(number(params, "second_after_s"))
        detector.engulf(9.0, 0.5)
        yield from chronicle.lasting(number(params, "pump_after_s"))
        for pump in pumps:
            if isinstance(pump, Pump):
                pump.run()
        yield from chronicle.lasting(number(params, "lasts_s"))
        for pump in pumps:
            if isinstance(pump, Pump):
                pump.halt()
        panel = site.panel(model)
        if panel is not None:
            panel.tell("reset", "gb26875", "4/b0")
        button.renew()
        detector.clear()
        yield 30.0
        chronicle.end()


INCIDENTS: Final[tuple[Incident, ...]] = (FireSpreading(), AlarmStorm(), FireDrill())
