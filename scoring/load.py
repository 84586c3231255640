"""What the desks bore, in the words of ISA-18.2 and EEMUA 191."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from scoring.figures import Load, Part, quantile

__all__ = ["load_of"]

BIN_MS: Final = 600_000
"""Alarms are counted per operator in ten minutes."""
FLOOD_BEGINS: Final = 10
"""A flood begins with more than so many in ten minutes …"""
FLOOD_ENDS: Final = 5
"""… and ends with fewer than so many (ISA-18.2)."""
CHATTER: Final = (3, 60_000)
"""Chattering: the same alarm so many times in so long (ISA-18.2)."""
BUSIEST: Final = 10


def load_of(parts: Sequence[Part]) -> tuple[Load, list[int]]:
    """The load of all desks, and the fullest one's calls in each ten minutes.

    A desk is one operator in one time: the same firm in another series (another seed) is another desk.
    """
    desks: dict[tuple[str, int, int, str], list[int]] = {}
    ringing: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for part in parts:
        spans = max(1, -(-(part.to_ms - part.from_ms) // BIN_MS))
        for operator in part.operators:
            bins = desks.setdefault((part.series, part.from_ms, part.to_ms, operator), [0] * spans)
            for at_ms in part.rings.get(operator, ()):
                bins[min(spans - 1, max(0, at_ms - part.from_ms) // BIN_MS)] += 1
        for (rule, target), times in part.ringing.items():
            ringing[part.series, rule, target] += times
    every = sorted(count for bins in desks.values() for count in bins)
    total = sum(every)
    busiest = sorted(map(len, ringing.values()), reverse=True)[:BUSIEST]
    load = Load(
        operators=len({key[-1] for key in desks}),
        rings=total,
        per_10_min_mean=round(total / len(every), 4) if every else 0.0,
        per_10_min_p95=int(quantile(every, 0.95) or 0),
        per_10_min_max=every[-1] if every else 0,
        floods=sum(_floods(bins) for bins in desks.values()),
        flood_10_min=sum(1 for count in every if count > FLOOD_BEGINS),
        chattering=sum(1 for times in ringing.values() if _chatters(times)),
        fleeting=sum(part.fleeting for part in parts),
        stale=sum(part.stale for part in parts),
        top10_share_pct=round(100 * sum(busiest) / total, 1) if total else 0.0,
    )
    return load, max(desks.values(), key=lambda bins: max(bins, default=0), default=[])


def _floods(bins: Sequence[int]) -> int:
    floods, under = 0, False
    for count in bins:
        if not under and count > FLOOD_BEGINS:
            floods, under = floods + 1, True
        elif under and count < FLOOD_ENDS:
            under = False
    return floods


def _chatters(times: Sequence[int]) -> bool:
    many, span_ms = CHATTER
    ordered = sorted(times)
    return any(b - a <= span_ms for a, b in zip(ordered, ordered[many - 1 :], strict=False))
