"""How Python's threads and its garbage collector are set for a service that must answer within milliseconds."""

import gc
import sys
from typing import Final

__all__ = ["settle_memory", "share_fairly"]

SWITCH_INTERVAL_S: Final = 0.001
"""How long one thread may keep Python's lock while others wait. The default of 5 ms is a good part of the whole way
from a packet to the screen."""
GC_THRESHOLDS: Final = (20_000, 50, 100)
"""Rule memories and answers come and go by the thousand and hold no rings: looking more often finds nothing."""


def share_fairly() -> None:
    """Lets threads take turns often."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)


def settle_memory() -> None:
    """Takes what stays (rules, registry, libraries) out of the collector's sight.

    Otherwise each full collection looks at all of it and holds every thread up: 130 ms were measured, several times
    the way of an alert from its packet to the screen.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
