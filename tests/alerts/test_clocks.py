"""A device's clock is set back: what comes after is no replay, and no rule waits for time to catch up."""

import pytest

from alerts.clocks import clock_from, device_of
from alerts.inputs import Acknowledge, Resolve
from domain.kinds import EbikeValues
from domain.readings import Batch, DeviceEvent, Quality, Reading
from runtime.packs import load_rulebook
from tests.alerts.test_replay_packs import devices
from tests.support.rulebook import T0, Bell, Book, batch, info, port, reading, registry
from tests.support.station import LittleStation

SET = int(Quality.CLOCK_SET)


def closed_bell():
    """A station whose one alert, by a clock two minutes fast, is over and closed."""
    station = LittleStation(registry(port("p1")), Book(Bell(info("EB-13"))))
    fast = T0 + 120_000
    station.take(batch(reading("p1", fast, event="smoke", received_ms=T0)))
    station.take(Acknowledge(alert_id=station.only().id, actor="wang"), T0 + 10)
    station.take(batch(reading("p1", fast + 1_000, event="zone_clear", received_ms=T0 + 1_000)))
    assert not station.only().open
    return station


def test_a_new_alarm_by_the_corrected_clock_opens_an_alert():
    station = closed_bell()
    station.take(batch(reading("p1", T0 + 5_000, temp_socket=20.0, quality=SET)))
    station.take(batch(reading("p1", T0 + 6_000, event="smoke")))
    assert [alert.open for alert in station.alerts.values()] == [False, True]


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("saved", [True, False])
def test_the_alarm_that_bears_the_step_counts_once_over_a_crash(stored, saved):
    station = closed_bell()
    if saved:
        station.checkpoint()
    alarm = batch(reading("p1", T0 + 5_000, event="smoke", quality=SET))
    station.take(alarm, store=stored)
    station.crash(T0 + 6_000)
    if not stored:
        station.take(alarm)
    assert [(alert.open, alert.occurrences) for alert in station.alerts.values()] == [(False, 1), (True, 1)]
    station.take(batch(reading("p1", T0 + 7_000, event="smoke")))
    assert station.of("EB-13")[-1].occurrences == 2


def test_the_clock_is_part_of_the_checkpoint_and_its_device_is_still_linked():
    station = closed_bell()
    station.take(batch(reading("p1", T0 + 5_000, event="smoke", quality=SET)))
    station.checkpoint()
    station.crash(T0 + 6_000)
    watch = station.state.watches["p1"]
    assert watch.clock == f"p1@{T0 + 5_000}"
    assert device_of(watch.clock) == "p1"
    assert list(watch.open) == [station.of("EB-13")[-1].id]


def shipped(kind, device, at, quality=0, event=None, **values):
    from domain.kinds import KINDS

    said = None if event is None else DeviceEvent(event)
    return Reading(device, kind, at, at, KINDS[kind].values(**values) if values else None, said, quality=quality)


def take(station, *readings):
    station.take(Batch(list(readings), [], [], max(one.received_ms for one in readings), 1))


@pytest.mark.parametrize("one_batch", [True, False])
def test_rules_that_ship_find_the_same_after_a_step_as_from_the_start(one_batch):
    """Holds and rates begun by the old clock must not keep the new one from being judged."""
    heat = [shipped("ebike", "p0", T0 + n * 10_000, temp_socket=30.0 + 2.5 * n, power=200.0) for n in range(30)]
    fresh, stepped = (LittleStation(registry(*devices()), load_rulebook()) for _ in range(2))
    for one in heat:
        take(fresh, one)
    before = [shipped("ebike", "p0", T0 + 300_000 + n * 10_000, temp_socket=30.0, power=200.0) for n in range(12)]
    marked = [shipped("ebike", "p0", T0, SET, temp_socket=30.0, power=200.0), *heat[1:]]
    for part in [[*before, *marked]] if one_batch else [[one] for one in (*before, *marked)]:
        take(stepped, *part)
    raised = sorted((alert.rule, alert.onset_ms, alert.severity) for alert in fresh.alerts.values())
    assert raised
    assert sorted((alert.rule, alert.onset_ms, alert.severity) for alert in stepped.alerts.values()) == raised


def test_a_level_that_holds_goes_on_to_hold_and_idle_memory_goes():
    rule = next(one for one in load_rulebook().for_device(port("p1"), {}) if one.info.id == "EB-03")
    head = 7
    blank = (None,) * (len(rule.settled(None, 2, T0)) - head)
    held = (1, 2, T0, (T0, 75.0), (T0, 0, T0, 0), None, 3, *(4 for _ in blank))
    assert rule.without_instants(held, T0 - 9) == (1, 2, T0 - 9, (), None, None, 3, *blank)
    assert rule.without_instants((0, (T0, 75.0)), T0 - 9) is None
    assert rule.without_instants((1, 0, T0, (), None, None, 0, *(4 for _ in blank)), T0 - 9) is None
    assert rule.without_instants(None, T0) is None


def test_clocks_are_named_after_what_the_device_sent():
    assert clock_from(Reading("d", "ebike", 5, 9, EbikeValues())) == "d@5"
    assert clock_from(Reading("d", "ebike", 5, 10, EbikeValues(), seq=3)) == "d@5.3"


def test_an_alert_closed_by_a_person_may_come_again_after_a_step():
    station = LittleStation(registry(port("p1")), Book(Bell(info("EB-13", clear="manual"))))
    station.take(batch(reading("p1", T0 + 60_000, event="smoke", received_ms=T0)))
    station.take(Resolve(alert_id=station.only().id, actor="wang", reason="false_alarm"), T0 + 10)
    station.take(batch(reading("p1", T0 + 1_000, event="smoke", quality=SET)))
    assert len(station.alerts) == 2
