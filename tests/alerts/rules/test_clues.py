"""What each part of a condition came to: the lines people read under "why"."""

import pytest

from domain.devices import Device
from domain.kinds import ElevatorValues
from domain.places import Name, Place
from domain.readings import Batch, Reading
from domain.registry import Registry
from runtime.packs import load_rulebook
from tests.support.rulebook import T0, batch, port, reading, registry
from tests.support.station import LittleStation

SECOND = 1_000


@pytest.fixture
def car():
    place = Place("c", "compound", Name("小区"))
    lift = Device("lift", "elevator", "c", "c", Name("1号梯"), type="lift", period_s=10, attrs={"rated_speed": 1.75})
    return LittleStation(Registry(places=[place], devices=[lift]), load_rulebook())


def say(car, at_s, **values):
    usual = {"service_mode": 1, "speed": 0.0, "door_zone": True, "presence": False, "door_state": 0}
    at_ms = T0 + at_s * SECOND
    said = Reading("lift", "elevator", at_ms, at_ms, ElevatorValues(**(usual | values)))
    car.take(Batch([said], [], [], at_ms, at_s + 1))


def test_every_part_of_a_combination_says_what_it_came_to(car):
    for at_s in range(0, 80, 10):
        say(car, at_s, door_zone=False, presence=True)
    [alert] = [one for one in car.alerts.values() if one.rule == "EL-02"]
    assert [(one.depth, one.join, one.text, one.truth) for one in alert.evidence.clues] == [
        (0, "hold", "60s", True),
        (1, "all", "", True),
        (2, "", "service_mode == 1", True),
        (2, "", "speed < 0.05", True),
        (2, "", "presence", True),
        (2, "", "not door_zone", True),
        (2, "not", "", True),
        (3, "", "maintenance_flag", False),
    ]


def test_what_explains_a_finding_changes_nothing_that_is_remembered(car):
    for at_s in range(0, 80, 10):
        say(car, at_s, door_zone=False, presence=True)
    raised = {one.rule: (one.onset_ms, one.severity) for one in car.alerts.values()}
    for at_s in range(80, 120, 10):
        say(car, at_s, door_zone=False, presence=True)
    assert {one.rule: (one.onset_ms, one.severity) for one in car.alerts.values()} == raised


def test_condition_without_parts_needs_no_clues():
    station = LittleStation(registry(port("p1")), load_rulebook())
    station.take(batch(reading("p1", T0, temp_socket=85.0)))
    [alert] = station.alerts.values()
    assert (alert.rule, alert.evidence.clues) == ("EB-03", [])
