"""What goes wrong where e-bikes are charged, and where they should not be."""

from typing import ClassVar, Final

from simulators.devices.base import Model
from simulators.devices.ebike import Port, Shed, ZoneCamera
from simulators.incidents.base import Chronicle, Incident, Site, forbid, owe
from simulators.incidents.ebike import meters_of
from simulators.kernel import Script
from simulators.truth import Expectation, Truth

__all__ = ["INCIDENTS"]

BEAT_S: Final = 10.0
"""A port whose load jumps reports at this beat."""


class _PortFault(Incident):
    """One that happens to a charging port."""

    charging: ClassVar[bool] = True
    """It needs a session; one is begun where there is none."""

    def fits(self, site: Site, model: Model) -> bool:
        """Where it can happen."""
        if not isinstance(model, Port) or model.busy is not None or not site.online(model):
            return False
        return model.fresh if self.charging else model.begun_ms is None and not model.closed

    def at_once(self, model: Model) -> bool:
        """Where it shows without delay."""
        return isinstance(model, Port) and model.closed is self.charging

    def start(self, site: Site, model: Model, chronicle: Chronicle) -> None:
        """Takes its course."""
        if isinstance(model, Port):
            site.kernel.spawn(self._whole(site, model, chronicle))

    def _whole(self, site: Site, port: Port, chronicle: Chronicle) -> Script:
        if self.charging and not port.closed:
            port.wanted = True
            port.process.hurry()
            yield 1.0
        yield from self.course(site, port, chronicle)

    def course(self, site: Site, port: Port, chronicle: Chronicle) -> Script:
        """What happens; calls `chronicle.begin` and `chronicle.end`."""
        raise NotImplementedError

    @staticmethod
    def speaking(port: Port, seconds: float) -> Script:
        """Time passes while the port reports at its fast beat."""
        left = seconds
        while left > 0:
            port.report()
            yield min(BEAT_S, left)
            left -= BEAT_S
        port.report()


class OverPower(_PortFault):
    """A delivery rider's fast charger, or two on one socket: more than the port may carry."""

    def __init__(self) -> None:
        super().__init__(
            "over_power", "充电口过功率", "port over-power", {"extra_w": 1_100.0, "lasts_s": 900.0}, {"lasts_s": 150.0}
        )

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes. A small station may be over its contract with it."""
        truth.must_raise.append(owe("EB-01", model.device.id, 4 * BEAT_S, 2))
        truth.may_raise.append(Expectation("EB-02", model.device.id))
        truth.may_raise += [Expectation("EB-15", meter.device.id) for meter in meters_of(site, model)]
        truth.must_not_raise += forbid(model.device.id, "EB-06", "EB-10", "EB-11")

    def course(self, site: Site, port: Port, chronicle: Chronicle) -> Script:
        """Until somebody unplugs it."""
        del site
        chronicle.begin()
        port.extra_w = float(chronicle.truth.params["extra_w"])
        yield from self.speaking(port, float(chronicle.truth.params["lasts_s"]))
        port.extra_w = 0.0
        yield from self.speaking(port, 90.0)
        chronicle.end()


class Overtime(_PortFault):
    """A worn lead-acid battery: it never gets full, and the charger never stops."""

    def __init__(self) -> None:
        super().__init__("overtime", "充电超时", "charging overtime", {"hours": 8.5}, {"hours": 8.1})

    def fits(self, site: Site, model: Model) -> bool:
        """Where a session can begin now: its hours are counted from there."""
        return super().fits(site, model) and isinstance(model, Port) and not model.closed

    def at_once(self, model: Model) -> bool:
        """Anywhere."""
        del model
        return True

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        hours = float(truth.params["hours"])
        for limit, severity in ((12, 2), (10, 3), (8, 4)):
            if hours > limit + 0.05:
                truth.must_raise.append(owe("EB-08", model.device.id, limit * 3_600 + 130, severity))
                break
        truth.must_not_raise += forbid(model.device.id, "EB-01", "EB-03", "EB-09", "EB-10", "EB-11")

    def course(self, site: Site, port: Port, chronicle: Chronicle) -> Script:
        """Hour after hour."""
        del site
        port.floor_w = 70.0
        chronicle.begin()
        yield float(chronicle.truth.params["hours"]) * 3_600
        port.floor_w = 0.0
        if port.closed:
            port.cut("user")
            port.process.hurry()
        yield 60.0
        chronicle.end()


class FloatCharge(_PortFault):
    """The battery is full, but the charger goes on with a few watts for hours (no 充满自停)."""

    def __init__(self) -> None:
        super().__init__("float_charge", "充满不停(浮充)", "full-charge float", {"hours": 2.6}, {"hours": 2.2})

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        if float(truth.params["hours"]) > 2.1:
            truth.must_raise.append(owe("EB-09", model.device.id, 7_200 + 130))
        truth.may_raise.append(Expectation("EB-08", model.device.id))
        truth.must_not_raise += forbid(model.device.id, "EB-01", "EB-03", "EB-10", "EB-11")

    def course(self, site: Site, port: Port, chronicle: Chronicle) -> Script:
        """It fills, and then it floats."""
        del site
        port.floor_w = 24.0
        while port.closed and port.watts > 29.0:
            yield 30.0
        chronicle.begin()
        yield float(chronicle.truth.params["hours"]) * 3_600
        port.floor_w = 0.0
        if port.closed:
            port.cut("user")
            port.process.hurry()
        yield 60.0
        chronicle.end()


class RelayStuck(_PortFault):
    """The relay has welded: the session ends, the current goes on."""

    life_safety = True

    def __init__(self) -> None:
        super().__init__(
            "relay_stuck", "继电器粘连", "relay stuck", {"watts": 160.0, "lasts_s": 1_800.0}, {"lasts_s": 240.0}
        )

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        truth.must_raise.append(owe("EB-10", model.device.id, 4 * BEAT_S, 1))
        truth.may_raise.append(Expectation("EB-11", model.device.id))
        truth.must_not_raise += forbid(model.device.id, "EB-01", "EB-03", "EB-08")

    def course(self, site: Site, port: Port, chronicle: Chronicle) -> Script:
        """Told to open, it says that it has, and still it flows."""
        del site
        chronicle.begin()
        port.obeys = False
        port.drawn_w = float(chronicle.truth.params["watts"])
        port.cut("user")
        yield from self.speaking(port, float(chronicle.truth.params["lasts_s"]))
        port.drawn_w, port.obeys = 0.0, True
        yield from self.speaking(port, 120.0)
        chronicle.end()


class UseWithoutSession(_PortFault):
    """Somebody has bridged the port behind its meter."""

    charging = False

    def __init__(self) -> None:
        super().__init__(
            "use_without_session", "无会话用电", "use without a session", {"watts": 180.0, "lasts_s": 3_600.0},
            {"lasts_s": 300.0},
        )  # fmt: skip

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        truth.must_raise.append(owe("EB-11", model.device.id, 60 + 4 * BEAT_S))
        truth.must_not_raise += forbid(model.device.id, "EB-01", "EB-03", "EB-08", "EB-09")
        truth.may_raise.append(Expectation("EB-10", model.device.id))

    def course(self, site: Site, port: Port, chronicle: Chronicle) -> Script:
        """It flows, and nobody has paid."""
        del site
        chronicle.begin()
        port.drawn_w = float(chronicle.truth.params["watts"])
        yield from self.speaking(port, float(chronicle.truth.params["lasts_s"]))
        port.drawn_w = 0.0
        yield from self.speaking(port, 120.0)
        chronicle.end()


class ThermalRunaway(_PortFault):
    """A cell shorts while charging: heat within minutes, then smoke under the roof."""

    life_safety = True

    def __init__(self) -> None:
        super().__init__(
            "thermal_runaway", "电池热失控", "thermal runaway",
            {"c_per_min": 25.0, "peak_c": 110.0, "smoke_after_s": 150.0, "burns_s": 600.0}, {"burns_s": 200.0},
        )  # fmt: skip

    def fits(self, site: Site, model: Model) -> bool:
        """Where the shed has a smoke detector."""
        return super().fits(site, model) and _shed(site, model) is not None

    def held(self, site: Site, model: Model) -> list[Model]:
        """The port and the detector above it."""
        shed = _shed(site, model)
        return [model] if shed is None else [model, shed]

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        shed = _shed(site, model)
        per_s = float(truth.params["c_per_min"]) / 60
        start_c = model.socket_c if isinstance(model, Port) else 20.0
        critical_s = (80.0 - start_c) / per_s
        truth.must_raise.append(owe("EB-03", model.device.id, critical_s + 3 * BEAT_S, 1))
        truth.must_raise.append(owe("EB-04", model.device.id, max(45.0 - start_c, 10.0) / per_s + 3 * BEAT_S, 2))
        if shed is not None:
            truth.must_raise.append(owe("EB-06", shed.device.id, float(truth.params["smoke_after_s"]) + 15, 1))
        truth.must_not_raise += forbid(model.device.id, "EB-08", "EB-09", "EB-10", "EB-11")

    def course(self, site: Site, port: Port, chronicle: Chronicle) -> Script:
        """Hotter and hotter; the charger cuts off, which no longer helps."""
        params = chronicle.truth.params
        shed = _shed(site, port)
        chronicle.begin()
        begun_ms = site.kernel.now_ms
        port.heating_c_per_s = float(params["c_per_min"]) / 60
        port.process.hurry()
        smoking = False
        while not smoking or port.socket_c < float(params["peak_c"]):
            yield 5.0
            if not smoking and site.kernel.now_ms - begun_ms >= 1000 * float(params["smoke_after_s"]):
                smoking = True
                if isinstance(shed, Shed):
                    shed.smoke = True
                    shed.tell("smoke")
                    shed.process.hurry()
        port.heating_c_per_s = 1e-9
        yield float(params["burns_s"])
        port.heating_c_per_s = 0.0
        if port.closed:
            port.cut("over_temp")
        port.process.hurry()
        if isinstance(shed, Shed):
            shed.smoke = False
            shed.process.hurry()
        while port.socket_c > 42.0 and port.socket_c > port.air_c() + 3:
            yield 30.0
        chronicle.end()


def _shed(site: Site, port: Model) -> Shed | None:
    """The free smoke detector of the shed that a port stands in."""
    for other in site.models.values():
        if isinstance(other, Shed) and other.device.place == port.device.place and site.online(other):
            return other if other.busy in (None, port.busy) else None
    return None


class ShedSmoke(Incident):
    """Smoke in a shed, from whatever it comes."""

    life_safety = True

    def __init__(self) -> None:
        super().__init__("shed_smoke", "充电棚冒烟", "smoke in the shed", {"lasts_s": 900.0}, {"lasts_s": 180.0})

    def fits(self, site: Site, model: Model) -> bool:
        """Where it can happen."""
        return isinstance(model, Shed) and model.busy is None and site.online(model)

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        truth.must_raise.append(owe("EB-06", model.device.id, 10, 1))

    def start(self, site: Site, model: Model, chronicle: Chronicle) -> None:
        """Takes its course."""
        if isinstance(model, Shed):
            site.kernel.spawn(self._course(model, chronicle))

    @staticmethod
    def _course(shed: Shed, chronicle: Chronicle) -> Script:
        chronicle.begin()
        shed.smoke = True
        shed.tell("smoke")
        shed.process.hurry()
        yield float(chronicle.truth.params["lasts_s"])
        shed.smoke = False
        shed.process.hurry()
        yield 60.0
        chronicle.end()


class EbikeInStairwell(Incident):
    """An e-bike in a lobby or stairwell, seen by the camera: parked, or charging by a wire from a flat."""

    def __init__(self, name: str, zh: str, en: str, *, charging: bool) -> None:
        super().__init__(name, zh, en, {"stays_s": 2_400.0}, {"stays_s": 400.0})
        self.charging = charging

    def fits(self, site: Site, model: Model) -> bool:
        """Where a camera looks."""
        return isinstance(model, ZoneCamera) and model.busy is None and site.online(model)

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes: at once where it charges, after three minutes where it only stands."""
        del site
        if self.charging:
            truth.must_raise.append(owe("EB-13", model.device.id, 10, 2))
        elif float(truth.params["stays_s"]) > 260:
            truth.must_raise.append(owe("EB-13", model.device.id, 180 + 70, 3))

    def start(self, site: Site, model: Model, chronicle: Chronicle) -> None:
        """Takes its course."""
        site.kernel.spawn(self._course(model, chronicle))

    def _course(self, camera: Model, chronicle: Chronicle) -> Script:
        chronicle.begin()
        camera.tell("ebike_charging" if self.charging else "ebike_parked", "canonical", "", 0.94)
        left = float(chronicle.truth.params["stays_s"])
        while left > 0:
            yield min(30.0, left)
            left -= 30.0
            camera.report()
        camera.tell("zone_clear", "canonical", "", 0.97)
        yield 180.0
        chronicle.end()


class PassingBike(Incident):
    """Somebody pushes a bike through the lobby: seen, and gone within a minute. No alarm."""

    def __init__(self) -> None:
        super().__init__("passing_bike", "电动车路过门厅", "bike passes the lobby", {"stays_s": 50.0}, {})

    def fits(self, site: Site, model: Model) -> bool:
        """Where a camera looks."""
        return isinstance(model, ZoneCamera) and model.busy is None and site.online(model)

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """Nothing may come of it."""
        del site
        truth.must_not_raise += forbid(model.device.id, "EB-13")

    def start(self, site: Site, model: Model, chronicle: Chronicle) -> None:
        """Takes its course."""
        site.kernel.spawn(self._course(model, chronicle))

    @staticmethod
    def _course(camera: Model, chronicle: Chronicle) -> Script:
        chronicle.begin()
        camera.tell("ebike_parked", "canonical", "", 0.88)
        yield float(chronicle.truth.params["stays_s"])
        camera.tell("zone_clear", "canonical", "", 0.95)
        yield 200.0
        chronicle.end()


INCIDENTS: Final[tuple[Incident, ...]] = (
    OverPower(),
    Overtime(),
    FloatCharge(),
    RelayStuck(),
    UseWithoutSession(),
    ThermalRunaway(),
    ShedSmoke(),
    EbikeInStairwell("ebike_in_stairwell", "楼道停放电动车", "e-bike parked in a stairwell", charging=False),
    EbikeInStairwell("ebike_charging_in_stairwell", "楼道飞线充电", "e-bike charging in a stairwell", charging=True),
    PassingBike(),
)
