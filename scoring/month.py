"""A random month: how often what goes wrong in a district, as far as anybody has counted.

Each rate is per device (or compound, or district) and year, with where it comes from. What is marked *assumed* is a
guess at the order of magnitude by people who read maintenance books: replace it with counts of your own district. The
score's shares (detected, late, missed) do not depend on rates; false alarms by disturbances do.

Seeds 1 to 99 are for tuning rules and incidents. 100 and above are held out: no rule, threshold, rate or incident may
be changed because of what one of them showed, other than by a defect that can be told without naming the seed.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from domain.registry import Registry
from simulators.climate import local_hour
from simulators.incidents import INCIDENTS

__all__ = ["HELD_OUT_FROM", "RATES", "YEAR_DAYS", "Plan", "Rate", "expected_per_day", "plan", "start_of", "unrated"]

HELD_OUT_FROM: Final = 100
"""The first seed that nothing may be tuned by."""
YEAR_DAYS: Final = 365.2425
MARGIN_S: Final = 600.0
"""Nothing begins earlier: the devices have all spoken by then."""
_PEOPLE: Final = (
    0.3, 0.2, 0.15, 0.15, 0.2, 0.4, 0.9, 1.5, 1.5, 1.3, 1.1, 1.1,
    1.2, 1.0, 1.0, 1.0, 1.1, 1.4, 1.8, 1.8, 1.5, 1.2, 0.7, 0.5,
)  # fmt: skip
"""Weight of each hour for what people bring about; 24 in all. Nanjing's 96333 centre counted 27 % of entrapments from
8 to 10 and 18 to 20 o'clock."""


class Rate(Struct, frozen=True):
    """How often an incident happens."""

    per_year: float
    per: tuple[str, ...]
    """Device types that it is counted by, or ``compound``, or ``district`` (then in all compounds at one time)."""
    source: str
    people: bool = False
    """People bring it about: by day and in the rush more than at night."""
    vary: dict[str, tuple[float, float]] = {}
    """Parameter → from … to, drawn evenly; others are as the incident has them. Times are drawn by their logarithm."""


_ASSUMED: Final = "assumed"
_CHINA_LIFTS: Final = (
    "entrapments per lift and year: 0.05 Hohhot, first quarter of 2017 (96116: 1.3 per day and 10,000 lifts); 0.04 "
    "Qingdao, first half of 2018; 0.13-0.2 in Nanjing's busiest districts (96333)"
)
_BS5839: Final = "BS 5839-1: one false alarm per 50 detectors and year is usual, one per 20 calls for an investigation"
_LASTS: Final = {"lasts_s": (600.0, 3600.0)}

RATES: Final[dict[str, Rate]] = {
    # --- lifts -------------------------------------------------------------------------------------------------------
    "entrapment": Rate(0.05, ("lift",), _CHINA_LIFTS, people=True, vary={"lasts_s": (480.0, 2400.0)}),
    "entrapment_code": Rate(0.03, ("lift",), _CHINA_LIFTS, people=True, vary={"lasts_s": (480.0, 2400.0)}),
    "entrapment_level": Rate(0.04, ("lift",), _CHINA_LIFTS, people=True, vary={"lasts_s": (480.0, 2400.0)}),
    "overspeed": Rate(0.002, ("lift",), _ASSUMED),
    "unintended_movement": Rate(0.002, ("lift",), _ASSUMED),
    "overtravel": Rate(0.002, ("lift",), _ASSUMED),
    "door_open_running": Rate(0.004, ("lift",), _ASSUMED),
    "safety_circuit": Rate(0.3, ("lift",), _ASSUMED),
    "lift_power_loss": Rate(0.2, ("lift",), _ASSUMED),
    "lift_terminal_silent": Rate(0.5, ("lift",), _ASSUMED),
    "ghost_presence": Rate(3.0, ("lift",), _ASSUMED),
    "passing_bike": Rate(12.0, ("zone_camera",), _ASSUMED, people=True),
    "stopped_out_of_zone": Rate(0.2, ("lift",), _ASSUMED),
    "door_fault": Rate(1.0, ("lift",), "doors are the first cause of lift faults; once a year is assumed", people=True),
    "door_held": Rate(6.0, ("lift",), _ASSUMED, people=True),
    "ebike_in_car": Rate(6.0, ("lift",), _ASSUMED, people=True),
    "firefighter_return": Rate(0.2, ("lift",), _ASSUMED, people=True, vary=_LASTS),
    "maintenance_visit": Rate(24.0, ("lift",), "TSG T5002-2017: at least every 15 days", people=True),
    # --- fire --------------------------------------------------------------------------------------------------------
    "cooking_smoke": Rate(0.03, ("smoke",), _BS5839, people=True),
    "steam": Rate(0.02, ("smoke",), _BS5839, people=True),
    "dirty_detector": Rate(0.02, ("smoke",), _BS5839),
    "smoke_then_second_detector": Rate(0.002, ("smoke",), _ASSUMED, people=True,
                                       vary={"second_after_s": (15.0, 280.0)}),
    "fire_spreading": Rate(0.0005, ("smoke",), _ASSUMED),
    "alarm_storm": Rate(0.01, ("compound",), _ASSUMED),
    "manual_call_point": Rate(0.02, ("manual_call_point",), _ASSUMED, people=True),
    "hydrant_button": Rate(0.02, ("hydrant_button",), _ASSUMED, people=True),
    "fire_drill": Rate(2.0, ("compound",), "high-rise rules of 2021: a drill each half-year at the least", people=True),
    "hydrant_leak": Rate(0.2, ("hydrant_pressure",), _ASSUMED,
                         vary={"hours": (0.5, 12.0), "lasts_s": (1200.0, 7200.0)}),
    "sprinkler_low": Rate(0.1, ("sprinkler_pressure",), _ASSUMED),
    "over_pressure": Rate(0.1, ("hydrant_pressure", "sprinkler_pressure"), _ASSUMED),
    "water_flow": Rate(0.1, ("flow_switch",), _ASSUMED),
    "tank_low": Rate(0.2, ("tank",), _ASSUMED),
    "pump_room_freeze": Rate(0.1, ("pump_room",), _ASSUMED),
    "pump_running": Rate(1.0, ("pump",), _ASSUMED),
    "residual_current": Rate(0.3, ("residual_current",), _ASSUMED, vary={"rise_s": (30.0, 1800.0), **_LASTS}),
    "insulation_decay": Rate(0.1, ("residual_current",), _ASSUMED),
    "cable_heating": Rate(0.05, ("cable_temp",), _ASSUMED),
    "panel_power": Rate(1.0, ("panel",), _ASSUMED),
    "bus_fault": Rate(1.0, ("panel",), _ASSUMED),
    "points_shielded": Rate(0.1, ("smoke", "heat"), _ASSUMED),
    "manual_mode": Rate(4.0, ("panel",), _ASSUMED, people=True),
    "duty_unanswered": Rate(6.0, ("panel",), _ASSUMED),
    "lane_blocked": Rate(24.0, ("lane_camera",), _ASSUMED, people=True),
    "fire_door_blocked": Rate(6.0, ("fire_door",), _ASSUMED, people=True),
    "sensor_stuck": Rate(0.2, ("hydrant_pressure", "sprinkler_pressure", "tank"), _ASSUMED),
    # --- charging ----------------------------------------------------------------------------------------------------
    "charging_overheat": Rate(0.1, ("port",), _ASSUMED, people=True,
                              vary={"c_per_min": (2.5, 20.0), "peak_c": (62.0, 95.0)}),
    "over_power": Rate(0.3, ("port",), _ASSUMED, people=True),
    "overtime": Rate(0.5, ("port",), _ASSUMED),
    "float_charge": Rate(0.5, ("port",), _ASSUMED),
    "leakage": Rate(0.05, ("port",), _ASSUMED),
    "relay_stuck": Rate(0.03, ("port",), _ASSUMED),
    "use_without_session": Rate(0.2, ("port",), _ASSUMED, people=True),
    "thermal_runaway": Rate(0.002, ("port",), _ASSUMED),
    "shed_smoke": Rate(0.02, ("shed",), _ASSUMED),
    "station_overload": Rate(0.3, ("station",), _ASSUMED, people=True),
    "cabinet_battery": Rate(0.05, ("cabinet",), _ASSUMED),
    "ebike_in_stairwell": Rate(6.0, ("zone_camera",), _ASSUMED, people=True),
    "ebike_charging_in_stairwell": Rate(2.0, ("zone_camera",), _ASSUMED, people=True),
    "ebike_into_home": Rate(3.0, ("lift",), _ASSUMED, people=True),
    # --- what is shared ----------------------------------------------------------------------------------------------
    "power_cut": Rate(2.0, ("compound",), "supply reliability figures of the energy administration: about two a year"),
    "district_power_cut": Rate(0.1, ("district",), _ASSUMED),
    "gateway_offline": Rate(2.0, ("gateway",), _ASSUMED, vary={"lasts_s": (60.0, 7200.0)}),
    "gateway_flapping": Rate(0.5, ("gateway",), _ASSUMED),
    "clock_skew": Rate(0.2, ("gateway",), _ASSUMED),
    "camera_false_positive": Rate(12.0, ("lift",), _ASSUMED),
}  # fmt: skip
"""Incident → how often."""


class Plan(Struct, frozen=True):
    """One incident to come in one compound; which of its devices, the world's own seed chooses."""

    at_ms: int
    what: str
    params: dict[str, Any]


def unrated() -> list[str]:
    """Incidents that have no rate, and so never happen in a random month."""
    return sorted(INCIDENTS.keys() - RATES.keys())


def start_of(seed: int) -> int:
    """Midnight in China of a day of 2026: seeds are spread over the year, so that all seasons are played."""
    day = random.Random(f"{seed}/season").randrange(365)  # noqa: S311 (reproducible, not secret)
    return round((datetime(2025, 12, 31, 16, tzinfo=UTC) + timedelta(days=day)).timestamp() * 1000)


def expected_per_day(registry: Registry, boost: float = 1.0) -> float:
    """Incidents in a day of the whole district, on average."""
    compounds = {device.compound for device in registry.devices.values()}
    return sum(
        _per_day(what, rate, registry, compound, boost) for what, rate in _played() for compound in sorted(compounds)
    )


def plan(
    registry: Registry, compound: str, seed: int, span: tuple[int, int], factor: float, boost: float
) -> list[Plan]:
    """What happens in `compound` between the two instants of `span`, by time.

    `factor` multiplies all rates, `boost` those of life-safety incidents on top of it: they are too rare in a month
    for figures. The same seed, registry and factors always give the same plan; what happens in one compound, or to one
    kind of incident, never depends on another.
    """
    begin_ms, end_ms = span
    found: list[Plan] = []
    for what, rate in _played():
        per_day = factor * _per_day(what, rate, registry, compound, boost)
        if per_day <= 0:
            continue
        shared = "district" if "district" in rate.per else compound
        rng = random.Random(f"{seed}/month/{what}/{shared}")  # noqa: S311
        for at_ms in _instants(rng, per_day, begin_ms, end_ms, people=rate.people):
            found.append(Plan(at_ms, what, _params(rng, what, rate)))  # noqa: PERF401 (two draws in their order)
    return sorted(found, key=lambda one: (one.at_ms, one.what))


def _played() -> Iterator[tuple[str, Rate]]:
    return ((what, rate) for what, rate in RATES.items() if what in INCIDENTS)


def _per_day(what: str, rate: Rate, registry: Registry, compound: str, boost: float) -> float:
    if "district" in rate.per or "compound" in rate.per:
        count = 1
    else:
        count = sum(device.in_service and device.type in rate.per for device in registry.devices_in(compound))
    vital = boost if INCIDENTS[what].life_safety else 1.0
    return vital * rate.per_year * count / YEAR_DAYS


def _instants(rng: random.Random, per_day: float, begin_ms: int, end_ms: int, *, people: bool) -> Iterator[int]:
    """A Poisson process; where people bring it about, thinned by the hour."""
    peak = max(_PEOPLE) if people else 1.0
    at_s = MARGIN_S
    while True:
        at_s += rng.expovariate(per_day * peak / 86_400)
        at_ms = begin_ms + round(at_s * 1000)
        if at_ms >= end_ms:
            return
        if not people or rng.random() < _PEOPLE[int(local_hour(at_ms))] / peak:
            yield at_ms


def _params(rng: random.Random, what: str, rate: Rate) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for name, (low, high) in rate.vary.items():
        if name in INCIDENTS[what].params:
            times = name.endswith("_s") or name == "hours"
            drawn = low * (high / low) ** rng.random() if times else rng.uniform(low, high)
            params[name] = round(drawn, 2)
    return params
