"""The rules that ship, under noise and crashes: the same alerts as in a quiet run."""

import random

import pytest

from alerts.inputs import Tick
from domain.devices import Device
from domain.kinds import KINDS
from domain.places import Name
from domain.readings import Batch, DeviceEvent, Reading
from runtime.packs import load_rulebook
from tests.support.rulebook import T0, gateway, registry
from tests.support.station import LittleStation

CHOICES = (0.05, 0.5, 3.0, 30.0, 65.0, 75.0, 85.0)


def devices():
    found = [gateway("g1")]
    for n in range(4):
        found.append(Device(f"e{n}", "elevator", "c1", "u1", Name("电梯"), type="lift", gateway="g1"))
        found.append(Device(f"f{n}", "fire", "c1", "f1", Name("烟感"), type="smoke", gateway="g1", zone="z"))
        found.append(Device(f"p{n}", "ebike", "c1", "shed", Name("充电口"), type="port", gateway="g1"))
    return found


def noise(rng, device, at):
    """Anything the kind allows: partial, contradictory, far from any real device."""
    kind, values = KINDS[device.kind], {}
    for name, signal in kind.signals.items():
        if rng.random() < 0.6:
            low = -2 if signal.low is None else max(signal.low, -2)
            high = 6 if signal.high is None else min(signal.high, 6)
            fitting = [one for one in CHOICES if signal.low is None or signal.low <= one <= (signal.high or 0)]
            if signal.type == "boolean":
                values[name] = rng.random() < 0.4
            elif signal.type == "integer":
                values[name] = rng.randint(int(low), int(high))
            elif fitting:
                values[name] = rng.choice(fitting)
    event = DeviceEvent(rng.choice(list(kind.events))) if rng.random() < 0.3 else None
    return Reading(device.id, device.kind, at, at, kind.values(**values), event)


def play(readings, rng, *, crashes, ticks=False):
    station = LittleStation(registry(*devices()), load_rulebook())
    at = 0
    while at < len(readings):
        part = readings[at : at + rng.randint(1, 30)]
        at += len(part)
        entry = Batch(part, [], [], part[-1].received_ms, at)
        dies = crashes and rng.random() < 0.2
        station.take(entry, store=not dies)
        if dies:
            station.crash(entry.received_ms)
            station.take(entry)
        elif rng.random() < 0.2:
            station.checkpoint()
        if ticks:
            last = readings[at].received_ms if at < len(readings) else entry.received_ms + 60_000
            for _ in range(3):
                station.take(Tick(), rng.randint(entry.received_ms, last))
    return station


def run(readings, rng, *, crashes):
    station = play(readings, rng, crashes=crashes)
    return {
        alert.id: (alert.occurrences, str(alert.state), alert.severity, alert.rev, alert.flags, alert.no)
        for alert in station.alerts.values()
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_shipped_rules_give_the_same_alerts_through_crashes(seed):
    rng, readings, now = random.Random(seed), [], T0
    for _ in range(1_200):
        now += rng.choice([0, 500, 5_000])
        readings.append(noise(rng, rng.choice(devices()), now))
    quiet = run(readings, random.Random(seed), crashes=False)
    assert len(quiet) > 50
    assert run(readings, random.Random(seed), crashes=True) == quiet


@pytest.mark.parametrize("seed", [3, 4])
def test_what_a_device_told_for_good_raises_the_same_alerts_however_often_the_clock_is_asked(seed):
    """Rules with a hold over a latched event: by ticks, by the next reading, or judged again after a crash."""
    rng, readings, now = random.Random(seed), [], T0
    for _ in range(800):
        now += rng.choice([0, 700, 4_000, 31_000])
        readings.append(noise(rng, rng.choice(devices()), now))
    lasting = {rule.info.id for device in devices() for rule in load_rulebook().for_device(device, {}) if rule.elapses}
    assert {"EL-10", "EL-13", "FC-04"} <= lasting

    def raised(**how):
        station = play(readings, random.Random(seed), **how)
        return {(a.rule, a.target, a.onset_ms, a.occurrences) for a in station.alerts.values() if a.rule in lasting}

    quiet = raised(crashes=False)
    assert len(quiet) > 5
    assert raised(crashes=False, ticks=True) == quiet
    assert raised(crashes=True, ticks=True) == quiet
