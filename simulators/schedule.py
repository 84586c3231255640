"""When things go wrong: a show that never ends, or chance. Written timelines are in `simulators.scenarios`."""

import random
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from simulators.incidents import INCIDENTS

__all__ = ["TOO_WIDE", "Planned", "random_incidents", "show"]


class Planned(NamedTuple):
    """An incident to come, so many seconds of virtual time after the start."""

    offset_s: float
    name: str
    device: str | None = None
    params: tuple[tuple[str, Any], ...] = ()


_OPENING: Final = (
    # What shows at once comes first: events, then what must hold for a while, then what takes minutes.
    (4.0, "smoke_then_second_detector"),
    (9.0, "entrapment_code"),
    (20.0, "charging_overheat"),
    (32.0, "ebike_in_car"),
    (45.0, "residual_current"),
    (60.0, "hydrant_leak"),
    (85.0, "door_fault"),
    (110.0, "entrapment"),
    (140.0, "gateway_offline"),
    (175.0, "entrapment_level"),
)
TOO_WIDE: Final = frozenset({"district_power_cut"})
"""Not part of a show: for as long as one of them lasts nothing else could be seen."""
_WEIGHTS: Final = {
    "gateway_offline": 1,
    "hydrant_leak": 2,
    "entrapment_code": 1,
    "entrapment_level": 1,
    "entrapment": 1,
}


def show(rng: random.Random) -> Iterator[Planned]:
    """The usual incidents within three minutes, the others one after another, then any of them for ever; all brisk.

    After the first three minutes one comes every 20–60 s.
    """
    offset_s = 0.0
    for offset_s, name in _OPENING:
        yield Planned(offset_s, name, None, tuple(INCIDENTS[name].brisk.items()))
    opened = {name for _, name in _OPENING}
    names = [name for name in INCIDENTS if name not in TOO_WIDE]
    others = [name for name in names if name not in opened]
    rng.shuffle(others)
    while True:
        offset_s += rng.uniform(20, 60)
        name = others.pop() if others else rng.choices(names, [_WEIGHTS.get(name, 3) for name in names])[0]
        yield Planned(offset_s, name, None, tuple(INCIDENTS[name].brisk.items()))


def random_incidents(rng: random.Random, per_hour: float) -> Iterator[Planned]:
    """Incidents of any kind by chance, `per_hour` of them on average, at their natural pace."""
    offset_s = 0.0
    while True:
        offset_s += rng.expovariate(per_hour / 3600)
        yield Planned(offset_s, rng.choice(list(INCIDENTS)))
