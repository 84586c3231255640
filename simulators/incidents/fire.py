"""What goes wrong around fire control: smoke, a leaking riser, bad insulation."""

from typing import Final

from simulators.devices.base import Model
from simulators.devices.fire import Detector, Pressure, ResidualCurrent
from simulators.incidents.base import Chronicle, Incident, Site, forbid, owe
from simulators.kernel import Script
from simulators.truth import Expectation, Truth

__all__ = ["INCIDENTS", "HydrantLeak", "ResidualCurrentRise", "SmokeThenSecond"]


class SmokeThenSecond(Incident):
    """One detector alarms; while somebody is on the way to look, a second one in the same zone does."""

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
        return (
            isinstance(model, Detector)
            and model.device.type == "smoke"
            and model.busy is None
            and site.online(model)
            and any(mate.busy is None for mate in site.zone_mates(model, "smoke"))
        )

    def held(self, site: Site, model: Model) -> list[Model]:
        """Whom it touches."""
        return [model, next(mate for mate in site.zone_mates(model, "smoke") if mate.busy is None)]

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        first, second = truth.devices
        truth.must_raise.append(owe("FC-01", first, 10))
        truth.must_raise.append(owe("FC-02", str(model.device.zone), float(truth.params["second_after_s"]) + 10, 1))
        truth.may_raise.append(Expectation("FC-01", second))
        truth.must_not_raise += forbid(first, "FC-03", "FC-15") + forbid(second, "FC-03", "FC-15")

    def start(self, site: Site, model: Model, chronicle: Chronicle) -> None:
        """Takes its course."""
        del model
        site.kernel.spawn(self._course(site, chronicle))

    def _course(self, site: Site, chronicle: Chronicle) -> Script:
        params = chronicle.truth.params
        first, second = (site.models[device] for device in chronicle.truth.devices)
        panel = site.panel(first)
        chronicle.begin()
        self._alarm(first)
        yield float(params["second_after_s"])
        self._alarm(second)
        yield float(params["lasts_s"])
        if panel is not None:
            panel.tell("reset", "gb26875", "4/b0")
        for detector in (first, second):
            if isinstance(detector, Detector):
                detector.fire, detector.smoke_pct, detector.extra_c = False, 0.0, 0.0
                detector.report()
        chronicle.end()

    @staticmethod
    def _alarm(detector: Model) -> None:
        # The component's own status word, as a transmitter forwards it; the panel's summary bit would only repeat it.
        if isinstance(detector, Detector):
            detector.fire, detector.smoke_pct, detector.extra_c = True, detector.rng.uniform(7, 12), 3.0
            detector.tell("fire_alarm", "gb26875", "2/1/42")
            detector.process.hurry()


class HydrantLeak(Incident):
    """A joint gives way: the top hydrant's pressure falls for hours, faster than the jockey pump can fill."""

    LOWEST_MPA: Final = 0.045
    LIMIT_MPA: Final = 0.064
    """The default limit of 0.07 MPa less four times the sensor's noise: from here on no reading is above it."""

    def __init__(self) -> None:
        # `hours` from the leak's beginning to its lowest pressure, then `lasts_s` until it is mended.
        super().__init__(
            "hydrant_leak",
            "消火栓管网泄漏失压",
            "hydrant pressure leak",
            {"hours": 6.0, "lasts_s": 1500.0},
            {"hours": 0.04, "lasts_s": 780.0},
        )

    def fits(self, site: Site, model: Model) -> bool:
        """Where it can happen."""
        hydrant = isinstance(model, Pressure) and model.device.type == "hydrant_pressure"
        return hydrant and model.busy is None and site.online(model)

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        if isinstance(model, Pressure):
            falls_s = float(truth.params["hours"]) * 3600
            span = model.pressure - self.LOWEST_MPA
            low_after_s = falls_s * (model.pressure - self.LIMIT_MPA) / span
            truth.must_raise.append(owe("FC-05", model.device.id, low_after_s + 600 + 4 * model.fast_s))
            truth.must_not_raise += forbid(model.device.id, "FC-06", "FC-07", "FC-18")

    def start(self, site: Site, model: Model, chronicle: Chronicle) -> None:
        """Takes its course."""
        if isinstance(model, Pressure):
            site.kernel.spawn(self._course(model, chronicle))

    def _course(self, model: Pressure, chronicle: Chronicle) -> Script:
        falls_s = float(chronicle.truth.params["hours"]) * 3600
        model.residual = self.LOWEST_MPA
        model.leak_per_s = (model.pressure - self.LOWEST_MPA) / falls_s
        chronicle.begin()
        model.process.hurry()
        yield falls_s + float(chronicle.truth.params["lasts_s"])
        model.mend()
        model.process.hurry()
        yield 300.0
        chronicle.end()


class ResidualCurrentRise(Incident):
    """Insulation gives way: residual current climbs past the first limit, not to the second."""

    def __init__(self) -> None:
        super().__init__(
            "residual_current",
            "剩余电流超限",
            "residual current",
            {"extra_ma": 310.0, "rise_s": 120.0, "lasts_s": 600.0},
            {"rise_s": 30.0, "lasts_s": 150.0},
        )

    def fits(self, site: Site, model: Model) -> bool:
        """Where it can happen."""
        return isinstance(model, ResidualCurrent) and model.busy is None and site.online(model)

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        within_s = float(truth.params["rise_s"]) + 30 + 3 * ResidualCurrent.fast_s
        truth.must_raise.append(owe("FC-11", model.device.id, within_s))
        truth.must_not_raise += forbid(model.device.id, "FC-12", "FC-18")

    def start(self, site: Site, model: Model, chronicle: Chronicle) -> None:
        """Takes its course."""
        if isinstance(model, ResidualCurrent):
            site.kernel.spawn(self._course(model, chronicle))

    @staticmethod
    def _course(model: ResidualCurrent, chronicle: Chronicle) -> Script:
        params = chronicle.truth.params
        extra, rise_s = float(params["extra_ma"]), max(1.0, float(params["rise_s"]))
        chronicle.begin()
        gone = 0.0
        while gone < rise_s:
            step = min(ResidualCurrent.fast_s, rise_s - gone)
            gone += step
            model.extra_ma = extra * gone / rise_s
            model.process.hurry()
            yield step
        yield float(params["lasts_s"])
        model.extra_ma = 0.0
        model.process.hurry()
        yield 60.0
        chronicle.end()


INCIDENTS: Final[tuple[Incident, ...]] = (SmokeThenSecond(), HydrantLeak(), ResidualCurrentRise())
