"""What goes wrong at charging ports."""

from typing import Final

from simulators.devices.base import Model
from simulators.devices.ebike import Port, Station
from simulators.incidents.base import Chronicle, Incident, Site, forbid, owe
from simulators.kernel import Script
from simulators.truth import Truth

__all__ = ["INCIDENTS", "ChargingOverheat", "meters_of"]


def meters_of(site: Site, port: Model) -> list[Station]:
    """The meters of the shed that a port stands in: what the port takes is a part of what they say."""
    return [one for one in site.models.values() if isinstance(one, Station) and port in one.ports]


class ChargingOverheat(Incident):
    """A worn contact heats up under current: first the rate of rise, then one limit after another, then the cut-off."""

    life_safety = True

    def __init__(self) -> None:
        # Rises by `c_per_min` up to `peak_c`; the charger's own protection cuts after `holds_s` at the peak.
        super().__init__(
            "charging_overheat",
            "充电插座过热",
            "charging socket overheats",
            {"c_per_min": 4.0, "peak_c": 74.0, "holds_s": 90.0},
            {"c_per_min": 18.0},
        )

    def fits(self, site: Site, model: Model) -> bool:
        """Where it can happen."""
        free = isinstance(model, Port) and model.busy is None and site.online(model)
        return free and isinstance(model, Port) and model.fresh

    def at_once(self, model: Model) -> bool:
        """Where it shows without delay."""
        return isinstance(model, Port) and model.closed

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        port = model.device.id
        if isinstance(model, Port):
            per_s, peak = float(truth.params["c_per_min"]) / 60, float(truth.params["peak_c"])
            now, beats = model.socket_c, 30.0
            rising_s = max(45.0 - now, 10.0) / per_s
            truth.must_raise.append(owe("EB-04", port, rising_s + beats, 2))
            grave = 1 if peak >= 81 else 2 if peak >= 71 else 3
            at_limit_s = {1: (80 - now) / per_s, 2: (70 - now) / per_s + 10, 3: (60 - now) / per_s + 60}[grave]
            truth.must_raise.append(owe("EB-03", port, max(0.0, at_limit_s) + beats, grave))
        truth.must_not_raise += forbid(port, "EB-01", "EB-02", "EB-06", "EB-07", "EB-08", "EB-09", "EB-10", "EB-11")

    def start(self, site: Site, model: Model, chronicle: Chronicle) -> None:
        """Takes its course."""
        if isinstance(model, Port):
            site.kernel.spawn(self._course(model, chronicle))

    @staticmethod
    def _course(port: Port, chronicle: Chronicle) -> Script:
        params = chronicle.truth.params
        if not port.closed:
            port.wanted = True
            port.process.hurry()
            yield 1.0
        chronicle.begin()
        port.heating_c_per_s = float(params["c_per_min"]) / 60
        port.process.hurry()
        while port.socket_c < float(params["peak_c"]):
            yield 5.0
        port.heating_c_per_s = 1e-9
        yield float(params["holds_s"])
        port.heating_c_per_s = 0.0
        port.cut("over_temp")
        port.process.hurry()
        while port.socket_c > 42.0 and port.socket_c > port.air_c() + 3:
            yield 30.0
        chronicle.end()


INCIDENTS: Final[tuple[Incident, ...]] = (ChargingOverheat(),)
