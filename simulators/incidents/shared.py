"""What goes wrong in many devices at once, from one cause; and what only seems to go wrong."""

from typing import Final

from simulators.devices.base import Model
from simulators.devices.ebike import Port
from simulators.devices.ebike_cabinet import Cabinet
from simulators.devices.elevator import Lift
from simulators.devices.fire_panel import Panel
from simulators.devices.gateway import Gateway
from simulators.incidents.base import Chronicle, Incident, Site, forbid, owe
from simulators.kernel import Link, Script
from simulators.truth import Expectation, Truth

__all__ = ["INCIDENTS"]

DARK_REPORT_S: Final = 30.0


class PowerCut(Incident):
    """Mains fail in a compound, or everywhere: lifts stand, panels live on batteries, charging ends."""

    def __init__(self, name: str, zh: str, en: str, *, everywhere: bool) -> None:
        super().__init__(name, zh, en, {"lasts_s": 2_400.0}, {"lasts_s": 420.0})
        self.everywhere = everywhere

    def fits(self, site: Site, model: Model) -> bool:
        """It is told by a compound's panel; lifts and ports there must be free."""
        free = isinstance(model, Panel) and model.busy is None and site.online(model)
        return free and all(other.busy is None for other in self._dark(site, model))

    def _dark(self, site: Site, model: Model) -> list[Model]:
        compound = None if self.everywhere else model.device.compound
        return [
            other
            for other in site.models.values()
            if isinstance(other, Lift | Port | Cabinet | Panel | Gateway) and compound in (None, other.device.compound)
        ]

    def held(self, site: Site, model: Model) -> list[Model]:
        """Everything that needs mains."""
        return [model, *(other for other in self._dark(site, model) if other is not model)]

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """The lifts' and panels' alerts; ports that are cut off by it are nobody's alarm."""
        for other in self._dark(site, model):
            name = other.device.id
            if isinstance(other, Lift):
                # The automatic rescue device first brings the car to a landing.
                truth.must_raise.append(owe("EL-13", name, 120 + DARK_REPORT_S + 36))
                truth.may_raise.append(Expectation("EL-19", name))
                truth.must_not_raise += forbid(name, "EL-01", "EL-02", "EL-03", "EL-09")
            elif isinstance(other, Panel):
                truth.must_raise.append(owe("FC-14", name, 60 + 2 * (other.device.period_s or 60.0) + 6))
            elif isinstance(other, Port):
                truth.must_not_raise += forbid(name, "EB-10", "EB-11")

    def start(self, site: Site, model: Model, chronicle: Chronicle) -> None:
        """Takes its course."""
        site.kernel.spawn(self._course(site, model, chronicle))

    def _course(self, site: Site, model: Model, chronicle: Chronicle) -> Script:
        dark = self._dark(site, model)
        lasts_s = float(chronicle.truth.params["lasts_s"])
        chronicle.begin()
        for other in dark:
            if isinstance(other, Lift):
                self._rescue(other, lasts_s)
            elif isinstance(other, Port):
                if other.closed:
                    other.cut("power_cut")
                    other.process.hurry()
            else:
                self._switch(other, on=False)
        yield lasts_s
        for other in dark:
            self._switch(other, on=True)
        # Lifts that were on a ride when it happened come back last.
        yield 200.0
        chronicle.end()

    @staticmethod
    def _switch(other: Model, *, on: bool) -> None:
        """Takes the mains from what goes on by a battery, or gives them back."""
        if isinstance(other, Panel | Cabinet):
            other.catch_up()
        if isinstance(other, Panel | Cabinet | Gateway):
            other.mains = on
            other.process.hurry()

    @staticmethod
    def _rescue(lift: Lift, lasts_s: float) -> None:
        until_ms = lift.kernel.now_ms + round(lasts_s * 1000)

        def dark() -> Script:
            lift.powered = False
            lift.tell("power_loss", "gbt24476", "41")
            lift.report()
            while (left_s := (until_ms - lift.kernel.now_ms) / 1000) > 0:
                yield min(DARK_REPORT_S, left_s)
                lift.report()
            lift.powered = True
            lift.tell("mode_change", "gbt24476", "40")
            lift.report()

        lift.take_over(dark)


class GatewayFlapping(Incident):
    """A gateway's radio link goes and comes every minute: nobody need be called each time."""

    def __init__(self) -> None:
        super().__init__(
            "gateway_flapping",
            "网关反复掉线",
            "gateway flapping",
            {"times": 10, "off_s": 40.0, "on_s": 50.0},
            {"times": 5},
        )

    def fits(self, site: Site, model: Model) -> bool:
        """Where nothing else is going on behind it."""
        behind = [site.models[one.id] for one in site.registry.devices_behind(model.device.id) if one.id in site.models]
        return (
            isinstance(model, Gateway)
            and model.busy is None
            and site.online(model)
            and all(other.busy is None for other in behind)
        )

    def held(self, site: Site, model: Model) -> list[Model]:
        """Whom it touches."""
        behind = site.registry.devices_behind(model.device.id)
        return [model, *(site.models[one.id] for one in behind if one.id in site.models)]

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """One alert at most: a Last Will is a fact. Behind it, chance may hit many reports in a row."""
        truth.may_raise.append(Expectation("FC-18", model.device.id))
        truth.must_not_raise += forbid(model.device.compound, "SY-03")
        for other in self.held(site, model)[1:]:
            silence = {"elevator": "EL-18", "ebike": "EB-14", "fire": "FC-18U"}[other.device.kind]
            truth.may_raise.append(Expectation(silence, other.device.id))

    def start(self, site: Site, model: Model, chronicle: Chronicle) -> None:
        """Takes its course."""
        site.kernel.spawn(self._course(site, model, chronicle))

    @staticmethod
    def _course(site: Site, model: Model, chronicle: Chronicle) -> Script:
        kernel, gateway, params = site.kernel, model.device.id, chronicle.truth.params
        chronicle.begin()
        for _ in range(int(params["times"])):
            kernel.silent.add(gateway)
            kernel.emit(Link(gateway, up=False, ts_ms=kernel.now_ms))
            yield float(params["off_s"])
            kernel.silent.discard(gateway)
            kernel.emit(Link(gateway, up=True, ts_ms=kernel.now_ms))
            model.process.hurry()
            yield float(params["on_s"])
        chronicle.end()


class ClockSkew(Incident):
    """A gateway loses its time server and its clock runs away."""

    def __init__(self) -> None:
        super().__init__(
            "clock_skew",
            "网关时钟漂移",
            "gateway clock skew",
            {"reaches_s": 12.0, "lasts_s": 1_800.0},
            {"lasts_s": 300.0},
        )

    def fits(self, site: Site, model: Model) -> bool:
        """Any gateway."""
        return isinstance(model, Gateway) and model.busy is None and site.online(model)

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        severity = 3 if float(truth.params["reaches_s"]) > 310 else 4
        truth.must_raise.append(owe("SY-01", model.device.id, 60 + 3 * 30 + 6, severity))

    def start(self, site: Site, model: Model, chronicle: Chronicle) -> None:
        """Takes its course."""
        if isinstance(model, Gateway):
            site.kernel.spawn(self._course(model, chronicle))

    @staticmethod
    def _course(gateway: Gateway, chronicle: Chronicle) -> Script:
        chronicle.begin()
        gateway.skew_s = float(chronicle.truth.params["reaches_s"])
        gateway.process.hurry()
        yield float(chronicle.truth.params["lasts_s"])
        gateway.skew_s = 0.0
        gateway.process.hurry()
        yield 120.0
        chronicle.end()


class CameraFalsePositive(Incident):
    """The lift's camera takes a pram for an e-bike: one frame, not sure. No alarm."""

    def __init__(self) -> None:
        super().__init__(
            "camera_false_positive", "轿厢摄像头误识别", "camera takes a pram for an e-bike", {"confidence": 0.62}, {}
        )

    def fits(self, site: Site, model: Model) -> bool:
        """Where a camera looks."""
        return isinstance(model, Lift) and model.camera and model.busy is None and site.online(model)

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """Nothing may come of it."""
        del site
        truth.must_not_raise += forbid(model.device.id, "EL-15")

    def start(self, site: Site, model: Model, chronicle: Chronicle) -> None:
        """Takes its course."""
        site.kernel.spawn(self._course(model, chronicle))

    @staticmethod
    def _course(lift: Model, chronicle: Chronicle) -> Script:
        chronicle.begin()
        lift.tell("ebike_in_car", "edge_ai", "1", float(chronicle.truth.params["confidence"]))
        yield 30.0
        chronicle.end()


INCIDENTS: Final[tuple[Incident, ...]] = (
    PowerCut("power_cut", "小区停电", "power cut in a compound", everywhere=False),
    PowerCut("district_power_cut", "全区停电", "district-wide power cut", everywhere=True),
    GatewayFlapping(),
    ClockSkew(),
    CameraFalsePositive(),
)
