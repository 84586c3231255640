"""A gateway: the heartbeat of the box that connects the devices of a compound."""

from typing import Any

from simulators.devices.base import Periodic

__all__ = ["Gateway"]


class Gateway(Periodic):
    """Speaks for itself every 30 s; the kernel silences what lies behind it while its network is away."""

    def settle(self) -> None:
        """Some days after its last restart."""
        self._since_ms = self.kernel.now_ms - self.rng.randrange(3_600_000, 40 * 86_400_000)
        self._offset_s = self.rng.gauss(0, 0.05)
        self.skew_s = 0.0
        self.mains = True

    def values(self) -> dict[str, Any]:
        """Health of the box."""
        return {
            "uptime_s": round((self.kernel.now_ms - self._since_ms) / 1000),
            "queue_depth": self.rng.choice((0, 0, 0, 0, 1, 2)),
            "clock_offset": round(self.skew_s + self._offset_s + self.rng.gauss(0, 0.01), 3),
            "mains": self.mains,
            "rssi": self.signal_strength(),
        }
