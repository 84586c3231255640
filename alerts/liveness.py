"""Is a device there? Its own small state machine, on receive time and a clock argument.

    unknown ──data, online──► online ──2.5 periods──► overdue ──max(5 min, 5 periods)──► offline
                                ▲  └───────────────── Last Will ───────────────────────────► ▲
                                └──────────────── data, online, from any state ◄─────────────┘

A device that has never spoken stays unknown: nobody can say whether it was ever installed. Time during which the
service itself was down is nobody's silence: `silent_ms` counts from the service's start at the earliest.
"""

from collections.abc import Iterable
from typing import Final

from alerts.events import LivenessChanged
from domain.limits import LIVENESS_OFFLINE_MS_MIN, LIVENESS_OFFLINE_PERIODS, LIVENESS_OVERDUE_PERIODS

__all__ = ["OFFLINE", "ONLINE", "OVERDUE", "UNKNOWN", "after_silence", "deadlines_ms", "grouped", "silent_ms"]

UNKNOWN: Final = "unknown"
ONLINE: Final = "online"
OVERDUE: Final = "overdue"
OFFLINE: Final = "offline"


def deadlines_ms(period_s: float) -> tuple[int, int]:
    """(overdue after, offline after) in ms of silence, for a device that should speak every `period_s` seconds."""
    overdue = round(period_s * 1000 * LIVENESS_OVERDUE_PERIODS)
    offline = max(LIVENESS_OFFLINE_MS_MIN, round(period_s * 1000 * LIVENESS_OFFLINE_PERIODS))
    return min(overdue, offline), offline


def silent_ms(heard_ms: int | None, started_ms: int, now_ms: int) -> int | None:
    """For how long a device last heard at `heard_ms` has been silent while we listened; None if it never spoke."""
    return None if heard_ms is None else max(0, now_ms - max(heard_ms, started_ms))


def after_silence(state: str, silent: int | None, overdue_ms: int, offline_ms: int) -> str:
    """The state after `silent` ms of silence. Silence alone never brings a device back."""
    if silent is None or state in (UNKNOWN, OFFLINE):
        return state
    if silent > offline_ms:
        return OFFLINE
    return OVERDUE if silent > overdue_ms else state


def grouped(changes: Iterable[tuple[str, str, str]], at_ms: int) -> list[LivenessChanged]:
    """(device, new state, why) → one event for each new state and reason, devices in order of their ids."""
    table: dict[tuple[str, str], list[str]] = {}
    for device, state, why in changes:
        table.setdefault((state, why), []).append(device)
    return [LivenessChanged(state, sorted(names), why, at_ms) for (state, why), names in sorted(table.items())]
