"""The real engine on virtual time, fed by a simulated world: what the service would raise, without a broker."""

from runtime.packs import load_rulebook
from scoring.house import STEP_MS, VirtualHouse, play, reading

__all__ = ["STEP_MS", "Bench", "reading"]


class Bench:
    """Plays a world and remembers every alert that was raised: (rule, target) -> (when first, gravest severity)."""

    def __init__(self, registry, world):
        self.world = world
        self.house = VirtualHouse(registry, load_rulebook())
        self.state = self.house.state

    def play(self, until_ms):
        for _ in play(self.world, [self.house], until_ms):
            pass

    @property
    def raised(self):
        found = {}
        for record in self.house.records.values():
            key = (record.rule, record.target)
            at_ms, severity = found.get(key, (record.raised_ms, 9))
            found[key] = (min(at_ms, record.raised_ms), min(severity, record.gravest))
        return found
