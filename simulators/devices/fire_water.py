"""Fire water: pressure in the mains, tanks, pumps and flow switches, and the temperature of the pump room."""

import math
from typing import Any, Final

from simulators.devices.base import Periodic
from simulators.pipes import Pipe

__all__ = ["FlowSwitch", "Gauge", "Pressure", "Pump", "PumpRoom", "Tank"]


class Gauge(Periodic):
    """A sensor that can get stuck: it goes on saying what it said last, whatever happens."""

    _frozen: dict[str, Any] | None = None

    @property
    def stuck(self) -> bool:
        """True while it says the same again and again."""
        return self._frozen is not None

    def freeze(self) -> None:
        """From now on it says what it measures now."""
        self._frozen = self.measured()

    def thaw(self) -> None:
        """It was replaced."""
        self._frozen = None

    def agitated(self) -> bool:
        """While values change and it can see that."""
        return self.busy is not None and not self.stuck

    def values(self) -> dict[str, Any]:
        """What it measures, or measured when it got stuck."""
        return self.measured() if self._frozen is None else dict(self._frozen)

    def measured(self) -> dict[str, Any]:
        """What there is to measure at this instant."""
        raise NotImplementedError


class Pressure(Gauge):
    """Hydrant or sprinkler pressure: the pipe loses a little all the time, the jockey pump brings it back."""

    fast_s = 20.0
    NOISE_MPA: Final = 0.0015

    def settle(self) -> None:
        """Somewhere in the pump's cycle."""
        self.signal = "p_sprinkler" if self.device.type == "sprinkler_pressure" else "p_static"
        low = self.rng.uniform(0.19, 0.24)
        high = low + self.rng.uniform(0.05, 0.08)
        self.pipe = Pipe(low, high, self.rng.uniform(low, high), self.rng.uniform(1800, 5400))

    def pass_time(self, elapsed_s: float) -> None:
        """The pipe lives on."""
        self.pipe.pass_time(elapsed_s)

    def measured(self) -> dict[str, Any]:
        """Pressure in MPa, with the noise of a transmitter of class 0.5."""
        return {self.signal: round(max(0.0, self.pipe.pressure + self.rng.gauss(0, self.NOISE_MPA)), 4)}


class Tank(Gauge):
    """Fire pool or roof tank: slow loss, and a float valve that refills it."""

    fast_s = 30.0
    OPENS, SHUTS = 1.03, 1.10
    """Shares of the required level at which the valve lets water in, and stops."""

    def settle(self) -> None:
        """Somewhere between the valve's marks."""
        self.required_m = float(self.device.attrs.get("required_m", 2.0))
        self.share = self.rng.uniform(1.04, 1.09)
        self.loss_per_h = 0.004
        """Evaporation and tests, as a share of the required level."""
        self.valve_shut = False
        """The float valve is stuck shut."""
        self.fill_per_h = 0.02
        self._refill = False

    def pass_time(self, elapsed_s: float) -> None:
        """Loses what it loses, and gets what the valve lets in."""
        if self.valve_shut:
            self._refill = False
        elif self.share < self.OPENS:
            self._refill = True
        elif self.share > self.SHUTS:
            self._refill = False
        gained = self.fill_per_h if self._refill else 0.0
        self.share = max(0.0, self.share + (gained - self.loss_per_h) * elapsed_s / 3600)

    def measured(self) -> dict[str, Any]:
        """Level in metres, and as a share of what the fire needs."""
        level = max(0.0, self.share * self.required_m + self.rng.gauss(0, 0.002))
        return {"level": round(level, 3), "level_pct": round(100 * level / self.required_m, 2)}


class PumpRoom(Periodic):
    """Temperature of the fire pump room: heated in winter. Without heating it follows the weather."""

    fast_s = 60.0

    def settle(self) -> None:
        """How well this room is heated."""
        self._offset = self.rng.uniform(-1.0, 2.0)
        self.heated = True
        self.cools_in_s = 14_400.0
        """Without heating two thirds of the warmth are gone within this time."""
        self.warms_in_s = 900.0
        """A repaired heater brings back two thirds of what is missing within this time."""
        self.gap_c = 0.0
        """By how much it is colder (below 0) than it would be with its heating."""

    def heated_c(self, now_ms: int) -> float:
        """What its heating keeps up."""
        outdoor = self.climate.outdoor_c(now_ms)
        room = 13.0 + 0.25 * outdoor if outdoor > 0 else 13.0 + 0.1 * outdoor
        return max(9.0, room + self._offset)

    def pass_time(self, elapsed_s: float) -> None:
        """Cools towards the outdoor air, or warms up again."""
        self.gap_c = self.gap_after(self.gap_c, self.kernel.now_ms, elapsed_s)

    def gap_after(self, gap_c: float, now_ms: int, elapsed_s: float) -> float:
        """The gap after `elapsed_s` that end at `now_ms`."""
        if self.heated:
            return gap_c * math.exp(-elapsed_s / self.warms_in_s)
        aim = min(0.0, self.climate.outdoor_c(now_ms) + 1.0 - self.heated_c(now_ms))
        return gap_c + (aim - gap_c) * (1 - math.exp(-elapsed_s / self.cools_in_s))

    def values(self) -> dict[str, Any]:
        """Room temperature in ℃."""
        room = self.heated_c(self.kernel.now_ms) + self.gap_c
        return {"temp_room": round(room + self.rng.gauss(0, 0.1), 2)}


class Pump(Periodic):
    """A fire pump: stands in automatic, and should."""

    fast_s = 10.0

    def settle(self) -> None:
        """At rest."""
        self.running = False

    def run(self) -> None:
        """Starts; the contactor's answer comes with the same report."""
        self.running = True
        self.tell("pump_start", "gb26875", "2/11/91")
        self.process.hurry()

    def halt(self) -> None:
        """Stops."""
        self.running = False
        self.process.hurry()

    def values(self) -> dict[str, Any]:
        """Started, feedback and fault bits."""
        return {"started": self.running, "feedback": self.running, "fault": False}


class FlowSwitch(Periodic):
    """A water-flow indicator in a sprinkler branch: closes while water flows."""

    fast_s = 10.0

    def settle(self) -> None:
        """No flow."""
        self.flowing = False

    def flow(self) -> None:
        """Water flows: a sprinkler has opened, a pipe has burst, or somebody opened the test valve."""
        self.flowing = True
        self.tell("flow", "gb26875", "2/12/96")
        self.process.hurry()

    def still(self) -> None:
        """The branch was shut off."""
        self.flowing = False
        self.process.hurry()

    def values(self) -> dict[str, Any]:
        """Feedback and fault bits."""
        return {"feedback": self.flowing, "fault": False}
