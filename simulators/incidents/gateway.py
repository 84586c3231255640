"""What goes wrong with the network."""

from typing import Final

from simulators.devices.base import Model
from simulators.incidents.base import Chronicle, Incident, Site, owe
from simulators.kernel import Link, Script
from simulators.truth import Expectation, Truth

__all__ = ["INCIDENTS", "GatewayOffline"]

SILENCE: Final = {"elevator": ("EL-18", 600.0, 1), "ebike": ("EB-14", 0.0, 3), "fire": ("FC-18U", 0.0, 3)}
"""Device kind → the rule for its silence, and after how many seconds, or periods of its own, it may speak."""
HEARD_S: Final = 30.0


class GatewayOffline(Incident):
    """A gateway's uplink dies: its Last Will is sent, and everything behind it falls silent."""

    def __init__(self) -> None:
        super().__init__("gateway_offline", "网关离线", "gateway offline", {"lasts_s": 900.0}, {"lasts_s": 420.0})

    def fits(self, site: Site, model: Model) -> bool:
        """Where it can happen."""
        # Nothing else may be going on behind it: that incident's alerts would be owed and could not come.
        return (
            model.device.type == "gateway"
            and model.busy is None
            and site.online(model)
            and all(other.busy is None for other in self._behind(site, model))
        )

    @staticmethod
    def _behind(site: Site, model: Model) -> list[Model]:
        devices = site.registry.devices_behind(model.device.id)
        return [site.models[device.id] for device in devices if device.id in site.models]

    def held(self, site: Site, model: Model) -> list[Model]:
        """Whom it touches."""
        return [model, *self._behind(site, model)]

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        if float(truth.params["lasts_s"]) >= 330:
            truth.must_raise.append(owe("FC-18", model.device.id, 330))
        elif float(truth.params["lasts_s"]) >= 240:
            truth.may_raise.append(Expectation("FC-18", model.device.id))  # its five minutes may be over just then
        truth.may_raise.append(Expectation("SY-03", model.device.compound))
        for other in self._behind(site, model):
            rule, after_s, periods = SILENCE[other.device.kind]
            period_s = other.device.period_s or 0.0
            # It may have spoken last a whole period before.
            if float(truth.params["lasts_s"]) + period_s + HEARD_S >= max(after_s, periods * period_s):
                truth.may_raise.append(Expectation(rule, other.device.id))

    def start(self, site: Site, model: Model, chronicle: Chronicle) -> None:
        """Takes its course."""
        site.kernel.spawn(self._course(site, model, chronicle))

    @staticmethod
    def _course(site: Site, model: Model, chronicle: Chronicle) -> Script:
        kernel, gateway = site.kernel, model.device.id
        chronicle.begin()
        kernel.silent.add(gateway)
        kernel.emit(Link(gateway, up=False, ts_ms=kernel.now_ms))
        yield float(chronicle.truth.params["lasts_s"])
        kernel.silent.discard(gateway)
        kernel.emit(Link(gateway, up=True, ts_ms=kernel.now_ms))
        yield 1.0
        model.process.hurry()
        chronicle.end()


INCIDENTS: Final[tuple[Incident, ...]] = (GatewayOffline(),)
