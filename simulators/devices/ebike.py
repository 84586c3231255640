"""E-bike charging: ports with constant-current and constant-voltage sessions, shed sensors, meters, cameras."""

import math
from collections.abc import Generator
from typing import Any, Final

from simulators.climate import local_hour
from simulators.devices.base import Model, Periodic
from simulators.kernel import Script

__all__ = ["ARRIVALS", "Port", "Shed", "Station", "ZoneCamera", "mains_volts"]

IDLE, PLUGGED, CHARGING, FULL = range(4)
STEP_S: Final = 60.0
FAST_S: Final = 10.0
HOT_C: Final = 50.0
"""From here on the charger's board reports fast."""
FULL_W: Final = 20.0
"""Below this the charger calls the battery full."""
THERMAL_S: Final = 480.0
"""Time constant of a socket in its housing."""
LEAD_ACID: Final = (0.58, 0.72, 0.96)
LI_ION: Final = (0.48, 0.86, 1.15)
"""Usual battery sizes in kWh."""
ARRIVALS: Final = (
    0.3, 0.1, 0.1, 0.1, 0.1, 0.2, 0.5, 0.8, 0.8, 0.6, 0.5, 0.8,
    1.2, 0.9, 0.6, 0.6, 0.9, 1.6, 2.6, 3.0, 2.8, 2.2, 1.4, 0.7,
)  # fmt: skip
"""When people plug in: relative weight of each hour; 24 in all would be one for each hour."""
_PER_DAY: Final = 1.3
"""Sessions per port and day."""


def mains_volts(now_ms: int) -> float:
    """Voltage of the compound's mains: lower in the evening, when everybody cooks."""
    return 229.0 + 4.0 * math.cos((local_hour(now_ms) - 3.5) / 24 * math.tau)


class Port(Model):
    """One charging port."""

    def __init__(self, *args: Any) -> None:
        self.state = IDLE
        self.begun_ms: int | None = None
        self.watts = 0.0
        self.kwh = 0.0
        self.closed = False
        self.heating_c_per_s = 0.0
        """Net rise by a bad contact; while it is above 0 the ordinary balance of heat does not matter."""
        self.wanted = False
        """Somebody plugs in at once (set by an incident)."""
        self.charge = 0.0
        self.extra_w = 0.0
        """What a faulty charger draws on top, while its session lasts."""
        self.floor_w = 0.0
        """A worn battery never takes less than this: its session does not come to an end by itself."""
        self.drawn_w = 0.0
        """What flows whatever the relay and the session say: a welded relay, or somebody's tap."""
        self.extra_leak_ma = 0.0
        """What flows to earth beside the usual, through water in a socket."""
        self.obeys = True
        """Whether the relay opens when it is told to."""
        super().__init__(*args)
        self._ohms_c = self.rng.uniform(0.9, 2.2)
        self._leak_ma = self.rng.uniform(0.4, 3.0)
        self.socket_c = self.air_c()

    def air_c(self) -> float:
        """Air in the shed: a little warmer than outdoors, more so in winter."""
        outdoor = self.climate.outdoor_c(self.kernel.now_ms)
        return outdoor + (3.0 if outdoor > 0 else 5.0)

    def life(self) -> Script:
        """Idle until somebody comes, then a session, then idle again."""
        yield self.rng.uniform(0.2, 5.0)
        if self.rng.random() < 0.25 * ARRIVALS[int(local_hour(self.kernel.now_ms))]:
            yield from self._session(self.rng.uniform(0.15, 0.9))
        self.report()
        yield self.rng.uniform(2, STEP_S)
        while True:
            chance = _PER_DAY * ARRIVALS[int(local_hour(self.kernel.now_ms))] / 24 * STEP_S / 3600
            if self.wanted or self.rng.random() < chance:
                self.wanted = False
                yield from self._session(0.05 + 0.5 * self.rng.random())
            self.report()
            yield from self._wait(STEP_S)

    @property
    def power(self) -> float:
        """What flows through the port, in W."""
        return self.watts + (self.extra_w if self.closed else 0.0) + self.drawn_w

    @property
    def leak_ma(self) -> float:
        """What flows to earth, in mA: more while something is plugged in and charges."""
        return self._leak_ma * (1.6 if self.begun_ms is not None else 0.4) + self.extra_leak_ma

    def command(self, body: dict[str, Any]) -> dict[str, Any]:
        """Obeys a command of the service (domain.md §4.5): only ``power_off``, only before it expires.

        Returns the body of the ``cmd_ack``. A relay that does not obey answers all the same: what it says of itself
        afterwards is what counts.
        """
        answer = {"id": body.get("id"), "state": "acked"}
        expires = body.get("expires_at")
        if body.get("action") != "power_off":
            return {**answer, "state": "failed", "why": "unknown_action"}
        if isinstance(expires, int | float) and self.kernel.now_ms > expires:
            return {**answer, "state": "expired"}
        if self.obeys and self.closed:
            self.cut("remote")
            self.process.hurry()
        return {**answer, "relay_closed": self.closed, "power": round(self.power, 1)}

    @property
    def fresh(self) -> bool:
        """True while a session could still last for a while, or begin."""
        return self.state == IDLE or (self.state == CHARGING and self.charge < 0.5)

    def _wait(self, seconds: float) -> Generator[float, None, float]:
        """Lets time, heat and charge pass; returns the seconds that it took (an incident may cut it short)."""
        before = self.kernel.now_ms
        yield seconds
        elapsed = (self.kernel.now_ms - before) / 1000
        self.warm(elapsed)
        return elapsed

    def warm(self, elapsed_s: float) -> None:
        """Socket temperature: towards the air plus contact loss; a bad contact adds its own."""
        amps = self.watts / 220
        rest = self.air_c() + self._ohms_c * amps**2 * 1.6
        if self.heating_c_per_s > 0:
            self.socket_c += self.heating_c_per_s * elapsed_s
        else:
            self.socket_c += (rest - self.socket_c) * (1 - math.exp(-elapsed_s / THERMAL_S))

    def _beat(self) -> float:
        return FAST_S if self.socket_c > HOT_C or self.heating_c_per_s > 0 else STEP_S

    def _session(self, charge: float) -> Script:
        """From plugging in at state of charge `charge` to unplugging: constant current, constant voltage, float."""
        lithium = self.rng.random() < 0.4
        capacity = self.rng.choice(LI_ION if lithium else LEAD_ACID)
        rated_w = capacity * 1000 / self.rng.uniform(3.6, 5.2)
        knee, tail_s = (0.9, 1500.0) if lithium else (0.8, 3000.0)
        self.state, self.closed, self.kwh, self.begun_ms = CHARGING, True, 0.0, self.kernel.now_ms
        self.watts, cv_s, self.charge = rated_w, 0.0, charge
        self.tell("session_start")
        self.report()
        while self.closed and self.watts >= FULL_W:
            elapsed = yield from self._wait(self._beat())
            if not self.closed:
                break
            self.kwh += self.watts * elapsed / 3.6e6
            self.charge += self.watts * 0.9 * elapsed / 3.6e6 / capacity
            if self.charge >= knee:
                cv_s += elapsed
            self.watts = max(self.floor_w, rated_w * math.exp(-cv_s / tail_s) * self.rng.uniform(0.985, 1.015))
            self.report()
        if self.closed:
            yield from self._float()
        else:
            self.state = PLUGGED
        yield from self._leave()

    def _float(self) -> Script:
        """Full: a few watts more until the charger switches off by itself (充满自停)."""
        self.state = FULL
        until_ms = self.kernel.now_ms + self.rng.uniform(600, 2400) * 1000
        while self.closed and self.kernel.now_ms < until_ms:
            self.watts = self.rng.uniform(6, 12)
            self.report()
            yield from self._wait(self._beat())
        if self.closed:
            self.cut("full")

    def cut(self, reason: str) -> None:
        """Opens the relay and ends the session; `reason` is a canonical stop reason of domain.md §4.2."""
        self.closed, self.watts, self.state, self.begun_ms = False, 0.0, PLUGGED, None
        self.tell("session_stop", "canonical", reason)
        self.report()

    def _leave(self) -> Script:
        """The bike stays plugged in until its owner comes back."""
        left = self.rng.uniform(300, 7200)
        while left > 0:
            left -= yield from self._wait(self._beat())
            self.report()
        self.state = IDLE

    def values(self) -> dict[str, Any]:
        """All signals of the port."""
        power = self.power
        volts = mains_volts(self.kernel.now_ms) + self.rng.gauss(0, 0.5)
        session = self.begun_ms is not None
        return {
            "port_state": self.state,
            "session": session,
            "session_s": round((self.kernel.now_ms - self.begun_ms) / 1000) if self.begun_ms is not None else 0,
            "power": round(power, 1),
            "current": round(power / volts / 0.95, 3),
            "voltage": round(volts, 1),
            "energy": round(self.kwh, 4),
            "temp_socket": round(self.socket_c + self.rng.gauss(0, 0.1), 1),
            "leakage": round(self.leak_ma + self.rng.uniform(0, 0.3), 2),
            "relay_closed": self.closed,
        }


class Shed(Periodic):
    """Smoke detector and thermometer under the roof of a shed."""

    fast_s = 5.0

    def settle(self) -> None:
        """Clean air."""
        self.smoke = False

    def values(self) -> dict[str, Any]:
        """Smoke alarm and air temperature."""
        outdoor = self.climate.outdoor_c(self.kernel.now_ms)
        air = outdoor + (3.0 if outdoor > 0 else 5.0) + self.rng.gauss(0, 0.15)
        return {"smoke": self.smoke, "temp_ambient": round(air, 1), "rssi": self.signal_strength()}


class Station(Periodic):
    """Meter of a shed: the sum of its ports."""

    ports: tuple[Port, ...] = ()
    least_share = 0.0
    """Share of the contract that flows at the least, whatever the ports take (set by an incident)."""

    def values(self) -> dict[str, Any]:
        """Total power in W and as a share of the supply contract."""
        contract = float(self.device.attrs.get("contract_w", 5000))
        taken = sum(port.power for port in self.ports) + 18.0 + self.rng.uniform(0, 2)
        total = max(taken, self.least_share * contract)
        volts = mains_volts(self.kernel.now_ms)
        return {
            "total_power": round(total, 1),
            "total_power_pct": round(100 * total / contract, 1),
            "voltage": round(volts, 1),
            "leakage": round(2.0 + sum(port.leak_ma for port in self.ports), 1),
            "temp_ambient": round(self.climate.outdoor_c(self.kernel.now_ms) + 4.0, 1),
        }


class ZoneCamera(Periodic):
    """Camera on a lobby or stairwell: says nothing but that it lives, until somebody parks a bike there."""

    def values(self) -> dict[str, Any]:
        """Its radio level."""
        return {"rssi": self.signal_strength()}
