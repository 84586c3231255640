"""When to try again."""

from typing import Final

__all__ = ["next_attempt_ms"]

FIRST_MS: Final = 1_000
LONGEST_MS: Final = 60_000


def next_attempt_ms(attempts: int, now_ms: int, draw: float) -> int:
    """When to try for the next time after `attempts` failures: doubling from 1 s to 60 s, spread by ±20 %.

    `draw` is a uniform random number in [0, 1): the caller's, so that this stays a function.
    """
    pause: int = min(LONGEST_MS, FIRST_MS << min(max(0, attempts - 1), 16))
    return now_ms + round(pause * (0.8 + 0.4 * draw))
