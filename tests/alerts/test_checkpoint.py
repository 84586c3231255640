"""Memory as bytes and back."""

import pytest
from msgspec.structs import replace

from alerts.checkpoint import restore, snapshot
from alerts.inputs import Tick
from alerts.state import EngineState
from domain.errors import Invalid
from tests.support.rulebook import T0, Book, Hot, batch, info, port, reading, registry
from tests.support.station import LittleStation


def busy():
    station = LittleStation(registry(port("p1"), port("p2")), Book(Hot(info("EB-03"))))
    station.take(batch(reading("p1", T0, temp_socket=75.0, power=3.0), reading("p2", T0, power=4.0)))
    station.take(batch(reading("p1", T0 + 1, temp_socket=76.0)))
    station.take(Tick(), T0 + 2)
    return station


def test_restored_state_remembers_rules_values_liveness_and_transitions():
    before = busy().state
    after = EngineState.fresh(before.registry, before.rulebook)
    restore(after, snapshot(before))
    slot, same = before.slots["EB-03", "p1"], after.slots["EB-03", "p1"]
    assert same.memory == slot.memory == (2,)
    assert isinstance(same.memory, tuple)
    assert (same.seen, same.flap) == (slot.seen, slot.flap)
    watch = after.watches["p1"]
    assert (watch.live, watch.heard_ms) == ("online", T0 + 1)
    assert watch.known == {"temp_socket": (76.0, T0 + 1), "power": (3.0, T0)}


def test_memory_of_another_version_of_a_rule_is_dropped():
    before = busy().state
    after = EngineState.fresh(before.registry, Book(Hot(replace(info("EB-03"), version=2))))
    restore(after, snapshot(before))
    assert after.slots["EB-03", "p1"].memory is None
    assert after.watches["p1"].live == "online"


def test_devices_and_rules_that_are_gone_are_passed_over():
    image = snapshot(busy().state)
    after = EngineState.fresh(registry(port("p7")), Book())
    restore(after, image)
    assert set(after.watches) == {"p7"}


@pytest.mark.parametrize("image", [b"", b"\xc1", b"\x94\x63\x90\x90\x00", b"\x00" * 40])
def test_bytes_that_are_no_checkpoint_are_refused_and_change_nothing(image):
    state = busy().state
    before = snapshot(state)
    with pytest.raises(Invalid):
        restore(state, image)
    assert snapshot(state) == before
