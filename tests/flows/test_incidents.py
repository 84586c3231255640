"""Bytes of a simulated district through intake, gate, shipped rules and engine, second by second of virtual time.

What an incident owes (its `Truth`) is raised, in time and as grave as domain practice wants it; nothing else is, in the
whole district; what ends by itself returns by itself; what a person must look at stays.
"""

import random
from datetime import datetime

import pytest

from alerts.alert import AlertState
from alerts.inputs import Acknowledge
from simulators.district import load_district
from simulators.district.named import district as named
from simulators.incidents import INCIDENTS
from simulators.schedule import show
from tests.support.district import MINUTE_MS, District

pytestmark = pytest.mark.timeout(300)

HOUR_MS = 60 * MINUTE_MS
CALM_MS = 12 * MINUTE_MS
"""Longer than any of these alerts takes to return once all is well."""


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


WINTER, SUMMER = ms("2026-01-14T09:00:00+08:00"), ms("2026-07-06T19:00:00+08:00")

GRAVEST = {
    "EL-01": {1}, "EL-02": {1}, "EL-03": {2}, "EL-04": {1, 2}, "EL-05": {1}, "EL-06": {1}, "EL-07": {1, 2},
    "EL-08": {1}, "EL-09": {2}, "EL-10": {2}, "EL-11": {3}, "EL-12": {4}, "EL-13": {2}, "EL-14": {1, 2},
    "EL-15": {2, 3}, "EL-18": {4}, "EL-19": {2},
    "FC-01": {1, 2}, "FC-02": {1}, "FC-03": {1, 2}, "FC-04": {1, 2}, "FC-05": {1, 2}, "FC-06": {2}, "FC-07": {3},
    "FC-09": {2, 3}, "FC-10": {2, 3}, "FC-11": {1, 2}, "FC-12": {1, 2, 3}, "FC-14": {2, 3}, "FC-15": {2, 3},
    "FC-16": {2}, "FC-17": {2, 3}, "FC-18": {3}, "FC-18U": {3}, "FC-19": {1, 2, 3}, "FC-19F": {1},
    "FC-20": {3}, "FC-21": {3, 4},
    "EB-01": {2, 3}, "EB-02": {2, 3}, "EB-03": {1, 2, 3}, "EB-04": {2}, "EB-05": {1, 3}, "EB-06": {1}, "EB-07": {2, 3},
    "EB-08": {2, 3, 4}, "EB-09": {4}, "EB-10": {1}, "EB-11": {2}, "EB-12": {1}, "EB-13": {1, 2, 3}, "EB-14": {2, 3},
    "EB-15": {3, 4}, "SY-01": {3, 4}, "SY-02": {3, 4}, "SY-03": {2},
}  # fmt: skip
"""Rule → how grave it may become, by domain.md §7. EL-02, FC-01, FC-03 rise to 1 when nobody verifies them in time."""

INFERRED = {"EL-02", "EL-03"}

TAKES_HOURS = {"overtime", "float_charge"}
"""Played in the small district."""

LONG = {"EL-19", "FC-20", "EL-11", "EL-15", "SY-02"}
"""Quiet for ten minutes or for days before they return."""


@pytest.fixture(scope="module")
def registry():
    return load_district()


def owed(truth):
    return {(one.rule, one.target): one for one in truth.must_raise}


def tolerated(truth):
    return {(one.rule, one.target) for one in truth.may_raise}


def raised(district):
    return {(one.alert.rule, one.alert.target): one for one in district.episodes}


def judge(district, truths):
    """The alerts of the district against what really happened."""
    found = raised(district)
    assert len(found) == len(district.episodes), "nobody is called to the same thing again"
    must = {key: (truth, one) for truth in truths for key, one in owed(truth).items()}
    may = set().union(*map(tolerated, truths))
    never = {(one.rule, one.target) for truth in truths for one in truth.must_not_raise} - must.keys() - may
    assert must.keys() - found.keys() == set(), "owed and not raised"
    assert found.keys() - must.keys() - may == set(), "raised though nothing was the matter"
    assert found.keys() & never == set()
    for key, (truth, one) in must.items():
        assert 0 <= found[key].raised_ms - truth.from_ms <= one.within_s * 1000, key
        assert one.severity in (None, found[key].severity), key
    for key, episode in found.items():
        assert episode.severity in GRAVEST[key[0]], (key, episode.severity)
        assert episode.alert.evidence is not None, key
    called_once(district)


def called_once(district):
    """An entrapment that is told or confirmed speaks for the one that was inferred."""
    found = raised(district)
    for (rule, target), inferred in found.items():
        confirmed = found.get(("EL-01", target))
        if rule in INFERRED and confirmed is not None:
            # Whoever waits for the mechanic's report sees one row.
            assert inferred.alert.close_reason == "superseded", (rule, target)
            assert inferred.rang == (inferred.raised_ms < confirmed.raised_ms), (rule, target)
            assert confirmed.rang


def settle(district):
    """All is well by now: everything has returned, and goes when it is acknowledged, unless a person must look."""
    infos = district.desk.state.rulebook.rules
    for episode in district.episodes:
        alert = episode.alert
        if infos[alert.rule].clear != "manual" and alert.rule not in LONG:
            assert alert.cleared_ms is not None, (alert.rule, alert.target, episode.states)
        if alert.state in (AlertState.UNACKNOWLEDGED, AlertState.RETURNED_UNACKNOWLEDGED):
            district.desk.take(Acknowledge(alert_id=alert.id, actor="wang"), district.now_ms)
    left = {one.alert.rule for one in district.episodes if one.alert.open}
    found = {one.alert.rule for one in district.episodes}
    assert left - LONG == {rule for rule in found if infos[rule].latching}, "a person must look before these end"


def clean(district):
    """Devices that do as they should leave nothing but accepted readings."""
    assert district.desk.dead == []
    assert district.outcomes == {}
    assert district.desk.readings > 1_000


def played(registry, name, seed, start_ms, *, device=None, **params):
    district = District(registry, seed, start_ms)
    district.play(start_ms + MINUTE_MS)
    assert district.episodes == []
    truth = district.world.inject(name, device, **params)
    while truth.to_ms is None:
        district.play(district.now_ms + MINUTE_MS)
    district.play(truth.to_ms + CALM_MS)
    return district, truth


@pytest.mark.parametrize("name", INCIDENTS)
def test_incident_raises_exactly_what_it_owes_and_what_is_over_returns(registry, name):
    where = named("small") if name in TAKES_HOURS else registry
    district, truth = played(where, name, 1, WINTER, **INCIDENTS[name].brisk)
    assert truth.must_raise or truth.must_not_raise
    judge(district, [truth])
    settle(district)
    clean(district)


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "start_ms"), [(2, SUMMER), (3, WINTER)])
@pytest.mark.parametrize("name", [name for name, incident in INCIDENTS.items() if incident.life_safety])
def test_incident_of_life_safety_raises_exactly_what_it_owes_elsewhere_and_at_other_times(
    registry, name, seed, start_ms
):
    district, truth = played(registry, name, seed, start_ms, **INCIDENTS[name].brisk)
    judge(district, [truth])
    settle(district)
    clean(district)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["residual_current", "charging_overheat", "smoke_then_second_detector", "door_fault"])
def test_incident_at_natural_pace_raises_exactly_what_it_owes(registry, name):
    district, truth = played(registry, name, 5, SUMMER)
    judge(district, [truth])
    clean(district)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_ten_incidents_at_once_raise_what_all_of_them_owe(registry, seed):
    district = District(registry, seed, WINTER)
    plan = show(random.Random(seed))
    while (one := next(plan)).offset_s < 180:
        district.world.schedule(WINTER + round(one.offset_s * 1000), one.name, one.device, **dict(one.params))
    district.play(WINTER + 30 * MINUTE_MS)
    truths = list(district.world.truths.values())
    assert len({truth.what for truth in truths}) == 10
    judge(district, truths)
    clean(district)


def test_person_in_a_car_that_nobody_sees_into_is_found_by_the_button(registry):
    blind = next(d.id for d in registry.devices.values() if d.type == "lift" and not d.attrs["camera"])
    district, truth = played(registry, "entrapment", 1, WINTER, device=blind, lasts_s=240.0)
    assert {rule for rule, _ in owed(truth)} == {"EL-01", "EL-02", "EL-04"}
    judge(district, [truth])
    assert raised(district)["EL-02", blind].rang, "long before the button"


def test_lost_gateway_calls_people_once_and_not_for_each_lift_behind_it(registry):
    gateway = "tj-hty-gw-lift"
    lifts = {device.id for device in registry.devices_behind(gateway)}
    district, truth = played(registry, "gateway_offline", 1, WINTER, device=gateway, lasts_s=900.0)
    judge(district, [truth])
    found = raised(district)
    assert {target for rule, target in found if rule == "EL-18"} == lifts
    assert found["FC-18", gateway].states == [AlertState.UNACKNOWLEDGED, AlertState.RETURNED_UNACKNOWLEDGED]
    for lift in lifts:
        silent = found["EL-18", lift].alert
        # Never rang, so nobody has to acknowledge that it is over.
        assert silent.close_reason == "superseded", lift
        assert found["EL-18", lift].rang is False


@pytest.mark.parametrize(
    ("start_ms", "hours"),
    [(ms("2026-01-14T06:00:00+08:00"), 2), pytest.param(ms("2026-07-06T17:00:00+08:00"), 3, marks=pytest.mark.slow)],
    ids=["winter morning", "summer evening"],
)
def test_calm_hours_of_the_whole_district_raise_nothing(registry, start_ms, hours):
    district = District(registry, 9, start_ms)
    rate = district.play(start_ms + hours * HOUR_MS)
    print(f"{hours} h of {len(registry.devices)} devices: {rate:,.0f} device-seconds per second")
    assert [(one.alert.rule, one.alert.target) for one in district.episodes] == []
    clean(district)
    assert {watch.live for watch in district.desk.state.watches.values()} == {"online"}
