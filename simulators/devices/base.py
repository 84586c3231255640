"""What all simulated devices share: identity, chance of their own, and a script that is their life."""

import random
from typing import Any

from domain.devices import Device
from simulators.climate import Climate
from simulators.kernel import Kernel, Script

__all__ = ["Model", "Periodic"]


class Model:
    """One simulated device. Its `rng` is its own: what happens to one device never changes what another one says."""

    def __init__(self, device: Device, kernel: Kernel, climate: Climate, rng: random.Random) -> None:
        self.device = device
        self.kernel = kernel
        self.climate = climate
        self.rng = rng
        self.busy: str | None = None
        """Id of the incident under way here; None while all is well."""
        self.rssi = rng.randint(-88, -58)
        self.process = kernel.spawn(self.life())

    def life(self) -> Script:
        """The device's whole life."""
        raise NotImplementedError

    def values(self) -> dict[str, Any]:
        """The signals as they are at the present instant."""
        raise NotImplementedError

    def report(self) -> None:
        """Says the present values."""
        self.kernel.say(self.device, self.values())

    def tell(self, kind: str, scheme: str = "", code: str = "", confidence: float | None = None) -> None:
        """Says that something happened."""
        event: dict[str, Any] = {"kind": kind}
        if scheme:
            event["scheme"] = scheme
        if code:
            event["code"] = code
        if confidence is not None:
            event["confidence"] = confidence
        self.kernel.say(self.device, None, event)

    def signal_strength(self) -> int:
        """Radio level in dBm: the place's own, give or take."""
        return self.rssi + self.rng.randint(-3, 3)


class Periodic(Model):
    """A sensor that looks at the world at regular times, and more often while something is going on."""

    fast_s = 10.0
    """Period while `agitated`."""

    def __init__(self, device: Device, kernel: Kernel, climate: Climate, rng: random.Random) -> None:
        super().__init__(device, kernel, climate, rng)
        self._seen_ms = kernel.now_ms
        self.settle()

    def life(self) -> Script:
        """Speaks soon after start, then at its own beat."""
        period = self.device.period_s or 60.0
        yield self.rng.uniform(0.2, 5.0)
        self.report()
        wait = self.rng.uniform(min(5.0, period), period)
        while True:
            yield wait
            self.catch_up()
            self.report()
            wait = self.fast_s if self.agitated() else period

    def settle(self) -> None:
        """Takes up the state of a device that has long been in service."""

    def catch_up(self) -> None:
        """Brings the physics to the present instant: to be called before something is changed from outside."""
        elapsed_ms = self.kernel.now_ms - self._seen_ms
        self._seen_ms = self.kernel.now_ms
        self.pass_time(elapsed_ms / 1000)

    def pass_time(self, elapsed_s: float) -> None:
        """Lets the physics move on by `elapsed_s`."""

    def agitated(self) -> bool:
        """True while values change so much that a sensor would report at once instead of waiting for its period."""
        return self.busy is not None
