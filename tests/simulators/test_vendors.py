"""What vendors' devices send, understood by the shipped mapping files, is what the world meant."""

import json

import pytest

from domain.registry import Registry
from ingest.kinds.mapped import Mapped
from runtime.forms import load_forms
from simulators.district import load_district
from simulators.kernel import Message
from simulators.vendors import VENDORS
from simulators.world import World

START = 1_795_400_000_000
TYPES = {
    "lift_box": {"lift"},
    "charge_pile": {"port"},
    "water_nb": {"hydrant_pressure", "sprinkler_pressure", "tank"},
    "fire_uitd": {"smoke", "heat", "manual_call_point", "hydrant_button"},
}
LOST = {"presence_second", "person_count", "run_hours", "door_cycles", "rssi", "battery"}
"""Signals that these vendors do not report."""
NEAR = {"temp_socket": 0.51, "speed": 0.006, "load": 0.06, "energy": 0.006, "power": 0.06, "current": 0.0006}


@pytest.fixture(scope="module")
def spoken():
    """Messages of an hour of the demo district, by the form that could carry them."""
    registry: Registry = load_district()
    world = World(registry, 3, START)
    for name in ("entrapment_code", "ebike_in_car", "smoke_then_second_detector", "charging_overheat", "hydrant_leak"):
        world.schedule(START + 60_000, name)
    found = {form: [] for form in TYPES}
    for item in world.advance(START + 1_800_000):
        if isinstance(item, Message):
            for form, types in TYPES.items():
                if registry.devices[item.device].type in types:
                    found[form].append(item)
    return found


@pytest.mark.parametrize("form", VENDORS)
def test_what_a_vendor_sends_is_understood_as_it_was_meant(form, spoken):
    [mapping] = [one for one in load_forms()[0] if one.name == form]
    wire = Mapped(mapping)
    messages = spoken[form]
    assert len(messages) > 50
    assert form == "water_nb" or any(one.event for one in messages)
    for message in messages:
        payload = json.dumps(VENDORS[form](message, message.ts_ms, "boot")).encode()
        [decoded] = wire.careful(mapping.kind, payload)
        assert decoded.faults == (), payload
        for name, meant in (message.values or {}).items():
            got = getattr(decoded.sample.values, name)
            if name not in LOST or got is not None:
                assert got == pytest.approx(meant, abs=NEAR.get(name, 0.0011)), (name, payload)
        if message.event is not None and decoded.sample.event.kind != "other":
            assert decoded.sample.event.kind == message.event["kind"]
