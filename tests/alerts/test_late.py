"""Late readings through the whole engine: what happened is told, what was over by then does not stand."""

import pytest

from alerts.alert import AlertState
from alerts.inputs import Tick
from domain.devices import Device
from domain.kinds import ElevatorValues, FireValues
from domain.places import Name
from domain.readings import DeviceEvent, Quality, Reading
from runtime.packs import load_rulebook
from tests.support.rulebook import T0, batch, registry
from tests.support.station import LittleStation

LATE = int(Quality.LATE)
VALUES = {"elevator": ElevatorValues, "fire": FireValues}


def tell(kind, at, event=None, *, received=None, quality=0, **values):
    said = VALUES[kind](**values) if values else None
    event = None if event is None else DeviceEvent(event)
    return Reading("x1", kind, at, received or at, said, event, quality=quality)


def house(kind, device_type):
    station = LittleStation(registry(Device("x1", kind, "c1", "b1", Name("x1"), type=device_type)), load_rulebook())
    station.take(Tick(), T0 - 60_000)
    return station


def test_power_loss_that_was_over_before_it_was_heard_of_is_no_power_loss_now():
    station = house("elevator", "lift")
    station.take(batch(tell("elevator", T0 + 10_000, "no_fault")))
    station.take(batch(tell("elevator", T0, "power_loss", received=T0 + 20_000, quality=LATE)))
    for second in range(20, 700):
        station.take(Tick(), T0 + 1_000 * second)
    assert station.of("EL-13") == []


@pytest.mark.parametrize("replayed", [False, True])
def test_late_fire_that_is_known_to_be_over_is_raised_returned_and_waits_for_a_person(replayed):
    station = house("fire", "smoke")
    station.take(batch(tell("fire", T0 + 60_000, fire=False)))
    station.checkpoint()
    station.take(batch(tell("fire", T0, "fire_alarm", received=T0 + 70_000, quality=LATE), number=2))
    if replayed:
        station.crash(T0 + 71_000)
    (alert,) = station.of("FC-01")
    assert alert.state is AlertState.RETURNED_UNACKNOWLEDGED
    assert (alert.onset_ms, alert.cleared_ms, alert.occurrences) == (T0, T0, 1)
    station.take(batch(tell("fire", T0 + 120_000, "fire_alarm")))
    assert station.alerts[alert.id].state is AlertState.UNACKNOWLEDGED
