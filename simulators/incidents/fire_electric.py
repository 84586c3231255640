"""What starts fires in switch rooms: insulation that gives way, joints that get hot."""

import math
from collections.abc import Callable
from typing import Any, ClassVar, Final

from simulators.devices.base import Model
from simulators.devices.fire_electric import CableTemperature, ResidualCurrent
from simulators.incidents.base import Chronicle, Incident, Site, forbid, owe
from simulators.incidents.fire_base import FireIncident, first_where, number
from simulators.kernel import Script
from simulators.truth import Expectation, Truth

__all__ = ["INCIDENTS", "CableHeating", "InsulationDecay", "ResidualCurrentRise"]

DAY_S: Final = 86_400.0


class ResidualCurrentRise(FireIncident):
    """Insulation gives way at once: residual current climbs past the first limit, not to the second."""

    types: ClassVar[tuple[str, ...]] = ("residual_current",)

    def __init__(self) -> None:
        super().__init__(
            "residual_current",
            "剩余电流超限",
            "residual current",
            {"extra_ma": 310.0, "rise_s": 120.0, "lasts_s": 600.0},
            {"rise_s": 30.0, "lasts_s": 150.0},
        )

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        within_s = number(truth.params, "rise_s") + 30 + 3 * ResidualCurrent.fast_s
        truth.must_raise.append(owe("FC-11", model.device.id, within_s))
        truth.must_not_raise += forbid(model.device.id, "FC-12", "FC-18U")

    def course(self, site: Site, model: Model, chronicle: Chronicle) -> Script:
        """Rises, is found, is mended."""
        del site
        if not isinstance(model, ResidualCurrent):
            return
        params = chronicle.truth.params
        extra, rise_s = number(params, "extra_ma"), max(1.0, number(params, "rise_s"))
        chronicle.begin()
        gone = 0.0
        while gone < rise_s and not chronicle.stopped:
            step = min(ResidualCurrent.fast_s, rise_s - gone)
            gone += step
            model.extra_ma = extra * gone / rise_s
            model.process.hurry()
            yield from chronicle.lasting(step)
        yield from chronicle.lasting(number(params, "lasts_s"))
        model.extra_ma = 0.0
        model.process.hurry()
        yield 60.0
        chronicle.end()


class _Decay(FireIncident):
    """Something gets worse for hours or days, is repaired, and was then to have been told."""

    rule: ClassVar[str]
    innocent: ClassVar[tuple[str, ...]]
    slack_s: ClassVar[float]

    def span_s(self, params: dict[str, Any]) -> float:
        """How long it takes to be as bad as it gets."""
        raise NotImplementedError

    def surely(self, model: Model, truth: Truth) -> Callable[[int, float], bool]:
        """(time, seconds since the beginning) → whether any reading then is above the limit."""
        raise NotImplementedError

    def worsen(self, model: Model, params: dict[str, Any], gone_s: float) -> None:
        """Makes `model` as bad as it is after `gone_s`."""
        raise NotImplementedError

    def better(self, model: Model) -> bool:
        """One more minute after the repair; True when all is well."""
        raise NotImplementedError

    def gravest(self, params: dict[str, Any]) -> int | None:
        """The severity it must reach, if that is certain."""
        raise NotImplementedError

    def _step_s(self, params: dict[str, Any]) -> float:
        return max(5.0, self.span_s(params) / 600)

    def owe(self, site: Site, model: Model, truth: Truth) -> None:
        """What alerting owes."""
        del site
        now_ms, above = model.kernel.now_ms, self.surely(model, truth)
        total_s, step_s = self.span_s(truth.params) + number(truth.params, "lasts_s"), self._step_s(truth.params)
        instants = [step_s * count for count in range(int(total_s / step_s) + 1)]
        holds_s = self.slack_s + step_s
        at_s = first_where(((at, above(now_ms + round(at * 1000), at)) for at in instants), holds_s)
        if at_s is not None:
            truth.must_raise.append(owe(self.rule, model.device.id, at_s + holds_s, self.gravest(truth.params)))
        else:
            truth.may_raise.append(Expectation(self.rule, model.device.id))
        truth.must_not_raise += forbid(model.device.id, *self.innocent)

    def course(self, site: Site, model: Model, chronicle: Chronicle) -> Script:
        """Gets worse, is found, is repaired."""
        del site
        params = chronicle.truth.params
        span_s, step_s, gone = self.span_s(params), self._step_s(params), 0.0
        chronicle.begin()
        while gone < span_s and not chronicle.stopped:
            yield from chronicle.lasting(min(step_s, span_s - gone))
            gone = min(span_s, gone + step_s)
            self.worsen(model, params, gone)
            if step_s < 60:
                model.process.hurry()
        yield from chronicle.lasting(number(params, "lasts_s"))
        while not self.better(model):
            yield 60.0
        model.process.hurry()
        yield 60.0
        chronicle.end()


class InsulationDecay(_Decay):
    """Damp creeps into a cable's insulation for days: its resistance falls, so the current grows ever faster."""

    types: ClassVar[tuple[str, ...]] = ("residual_current",)
    rule: ClassVar[str] = "FC-11"
    innocent: ClassVar[tuple[str, ...]] = ("FC-12", "FC-18U")
    slack_s: ClassVar[float] = 300.0
    EXPONENT: Final = 4.0
    """How much faster it grows at the end: e to this power."""

    def __init__(self) -> None:
        # `extra_ma`: what the bad insulation lets through after `days`.
        super().__init__(
            "insulation_decay",
            "线路绝缘逐日下降",
            "insulation decays for days",
            {"days": 5.0, "extra_ma": 330.0, "lasts_s": 43_200.0},
            {"days": 0.004, "lasts_s": 480.0},
        )

    def span_s(self, params: dict[str, Any]) -> float:
        """How long it takes to be as bad as it gets."""
        return number(params, "days") * DAY_S

    def extra_ma(self, params: dict[str, Any], gone_s: float) -> float:
        """What the insulation lets through after `gone_s`."""
        share = min(1.0, gone_s / self.span_s(params))
        return number(params, "extra_ma") * math.expm1(self.EXPONENT * share) / math.expm1(self.EXPONENT)

    def surely(self, model: Model, truth: Truth) -> Callable[[int, float], bool]:
        """See above."""
        step_s = self._step_s(truth.params)

        def above(now_ms: int, gone_s: float) -> bool:
            extra = self.extra_ma(truth.params, max(0.0, gone_s - step_s))
            return isinstance(model, ResidualCurrent) and model.natural_ma(now_ms) + extra >= 300 + 4 * model.NOISE_MA

        return above

    def worsen(self, model: Model, params: dict[str, Any], gone_s: float) -> None:
        """See above."""
        if isinstance(model, ResidualCurrent):
            model.extra_ma = self.extra_ma(params, gone_s)

    def better(self, model: Model) -> bool:
        """The branch is switched off: the current is gone with it."""
        if isinstance(model, ResidualCurrent):
            model.extra_ma = 0.0
        return True

    def gravest(self, params: dict[str, Any]) -> int | None:
        """The severity it must reach, if that is certain."""
        return 2 if number(params, "extra_ma") <= 330 else None


class CableHeating(_Decay):
    """A joint works loose: it gets hot, the heat loosens it further."""

    types: ClassVar[tuple[str, ...]] = ("cable_temp",)
    rule: ClassVar[str] = "FC-12"
    innocent: ClassVar[tuple[str, ...]] = ("FC-11", "FC-18U")
    slack_s: ClassVar[float] = 140.0
    COOLS: Final = 0.9
    """Share of the excess left a minute after the load is taken off."""

    def __init__(self) -> None:
        # `extra_c`: by how much the joint is warmer than it should be, after `hours`.
        super().__init__(
            "cable_heating",
            "电缆接头过热",
            "cable joint heats up",
            {"extra_c": 65.0, "hours": 4.0, "lasts_s": 3600.0},
            {"hours": 0.06, "lasts_s": 300.0},
        )

    def span_s(self, params: dict[str, Any]) -> float:
        """How long it takes to be as bad as it gets."""
        return number(params, "hours") * 3600

    def extra_c(self, params: dict[str, Any], gone_s: float) -> float:
        """Excess temperature after `gone_s`: slow at first."""
        share: float = min(1.0, gone_s / self.span_s(params)) ** 1.5
        return number(params, "extra_c") * share

    def surely(self, model: Model, truth: Truth) -> Callable[[int, float], bool]:
        """See above."""
        step_s = self._step_s(truth.params)

        def above(now_ms: int, gone_s: float) -> bool:
            extra = self.extra_c(truth.params, max(0.0, gone_s - step_s))
            return isinstance(model, CableTemperature) and model.sound_c(now_ms) + extra >= 55 + 4 * model.NOISE_C

        return above

    def worsen(self, model: Model, params: dict[str, Any], gone_s: float) -> None:
        """See above."""
        if isinstance(model, CableTemperature):
            model.extra_c = self.extra_c(params, gone_s)

    def better(self, model: Model) -> bool:
        """The load is taken off: it cools."""
        if not isinstance(model, CableTemperature):
            return True
        model.extra_c *= self.COOLS
        if model.extra_c < 3:
            model.extra_c = 0.0
        return model.extra_c == 0

    def gravest(self, params: dict[str, Any]) -> int | None:
        """Uncertain: the room and the load of the hour add to it."""
        del params
        return None


INCIDENTS: Final[tuple[Incident, ...]] = (ResidualCurrentRise(), InsulationDecay(), CableHeating())
