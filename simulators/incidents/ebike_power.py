"""What goes wrong with the supply of charging: leakage, a station at its limit, a battery that heats in its cabinet."""

from typing import Final

from simulators.devices.base import Model
from simulators.devices.ebike import Port, Station
from simulators.devices.ebike_cabinet import Cabinet
from simulators.incidents.base import Chronicle, Incident, Site, forbid, owe
from simulators.incidents.ebike import meters_of
from simulators.kernel import Script
from simulators.truth import Expectation, Truth

__all__ = ["INCIDENTS"]

BEAT_S: Final = 10.0
LIMIT_MA: Final = 30.0
STATION_LIMIT_MA: Final = 300.0
USUAL_MA: Final = 60.0
"""More than a station of ten sound ports leaks."""


def _saying(model: Model, seconds: float) -> Script:
    """Time passes while the device reports at its fast beat."""
    left = seconds
    while left > 0:
        yield min(BEAT_S, left)
        left -= BEAT_S
        model.report()


class Leakage(Incident):
    """Rain gets into a socket: current flows to earth that must not."""

    def __init__(self) -> None:
        super().__init__(
            "leakage", "充电端口漏电", "leakage at a charging port", {"leak_ma": 45.0, "lasts_s": 1_800.0},
            {"lasts_s": 150.0},
        )  # fmt: skip

    def fits(self, site: Site, model: Model) -> bool:
        """Where it can happen."""
        return isinstance(model, Port | Cabinet) and model.busy is None and site.online(model)

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes: at the port from 30 mA, at its station from 300 mA, which counts what all ports leak."""
        leak_ma = float(truth.params["leak_ma"])
        if leak_ma >= LIMIT_MA:
            truth.must_raise.append(owe("EB-07", model.device.id, 4 * BEAT_S, 2))
        else:
            truth.may_raise.append(Expectation("EB-07", model.device.id))
        for meter in meters_of(site, model):
            name = meter.device.id
            if leak_ma >= STATION_LIMIT_MA:
                truth.must_raise.append(owe("EB-07", name, 2 * (meter.device.period_s or 60.0) + BEAT_S, 3))
            elif leak_ma + USUAL_MA < STATION_LIMIT_MA:
                truth.must_not_raise += forbid(name, "EB-07")
            else:
                truth.may_raise.append(Expectation("EB-07", name))
        truth.must_not_raise += forbid(model.device.id, "EB-01", "EB-03", "EB-05", "EB-06", "EB-10", "EB-11")

    def start(self, site: Site, model: Model, chronicle: Chronicle) -> None:
        """Takes its course."""
        if isinstance(model, Port | Cabinet):
            site.kernel.spawn(self._course(model, chronicle))

    @staticmethod
    def _course(model: Port | Cabinet, chronicle: Chronicle) -> Script:
        chronicle.begin()
        model.extra_leak_ma = float(chronicle.truth.params["leak_ma"])
        model.report()
        yield from _saying(model, float(chronicle.truth.params["lasts_s"]))
        model.extra_leak_ma = 0.0
        yield from _saying(model, 90.0)
        chronicle.end()


class StationOverload(Incident):
    """Somebody runs more from the shed's supply than its contract allows: a tap behind the meter."""

    def __init__(self) -> None:
        super().__init__(
            "station_overload", "充电站超合同容量", "charging station over its contract",
            {"of_contract": 1.08, "lasts_s": 1_200.0}, {"lasts_s": 180.0},
        )  # fmt: skip

    def fits(self, site: Site, model: Model) -> bool:
        """Where it can happen."""
        return isinstance(model, Station) and model.busy is None and site.online(model)

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        truth.must_raise.append(owe("EB-15", model.device.id, 60 + 4 * BEAT_S, 3))
        truth.must_not_raise += forbid(model.device.id, "EB-07")

    def start(self, site: Site, model: Model, chronicle: Chronicle) -> None:
        """Takes its course."""
        if isinstance(model, Station):
            site.kernel.spawn(self._course(model, chronicle))

    @staticmethod
    def _course(station: Station, chronicle: Chronicle) -> Script:
        chronicle.begin()
        station.least_share = float(chronicle.truth.params["of_contract"])
        station.process.hurry()
        yield float(chronicle.truth.params["lasts_s"])
        station.least_share = 0.0
        station.process.hurry()
        yield 120.0
        chronicle.end()


class CabinetBattery(Incident):
    """A cell of a battery shorts while it is charged in its cabinet: hotter by the minute, then smoke."""

    life_safety = True

    def __init__(self) -> None:
        super().__init__(
            "cabinet_battery", "换电柜电池过热", "battery overheats in its cabinet",
            {"c_per_min": 4.0, "peak_c": 78.0, "smoke_from_c": 70.0, "burns_s": 600.0},
            {"c_per_min": 18.0, "burns_s": 120.0},
        )  # fmt: skip

    def fits(self, site: Site, model: Model) -> bool:
        """Where it can happen."""
        return isinstance(model, Cabinet) and model.busy is None and site.online(model)

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        params = truth.params
        per_s, now_c = float(params["c_per_min"]) / 60, model.hottest.celsius if isinstance(model, Cabinet) else 20.0
        truth.must_raise.append(owe("EB-05", model.device.id, (60.0 - now_c) / per_s + 4 * BEAT_S, 1))
        if float(params["smoke_from_c"]) < float(params["peak_c"]):
            smoke_s = (float(params["smoke_from_c"]) - now_c) / per_s
            truth.must_raise.append(owe("EB-06", model.device.id, smoke_s + 4 * BEAT_S, 1))
        truth.must_not_raise += forbid(model.device.id, "EB-03", "EB-04", "EB-07", "EB-15")

    def start(self, site: Site, model: Model, chronicle: Chronicle) -> None:
        """Takes its course."""
        if isinstance(model, Cabinet):
            site.kernel.spawn(self._course(model, chronicle))

    @staticmethod
    def _course(cabinet: Cabinet, chronicle: Chronicle) -> Script:
        params = chronicle.truth.params
        cabinet.catch_up()
        battery = cabinet.hottest
        chronicle.begin()
        battery.heating_c_per_s = float(params["c_per_min"]) / 60
        cabinet.process.hurry()
        while battery.celsius < float(params["peak_c"]):
            yield 5.0
            cabinet.catch_up()
            if battery.celsius >= float(params["smoke_from_c"]) and not cabinet.smoke:
                cabinet.smoke = True
                cabinet.tell("smoke")
                cabinet.process.hurry()
        battery.heating_c_per_s, battery.out = 1e-9, True
        yield float(params["burns_s"])
        battery.heating_c_per_s = 0.0
        cabinet.smoke = False
        # Somebody takes it out of the compartment and lays it into sand.
        battery.charge, battery.celsius, battery.out = 0.3, cabinet.air_c(), False
        cabinet.process.hurry()
        yield 120.0
        chronicle.end()


INCIDENTS: Final[tuple[Incident, ...]] = (Leakage(), StationOverload(), CabinetBattery())
