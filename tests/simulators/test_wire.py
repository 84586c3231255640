"""Packets have the contract's form; faults of the wire come at their rates, seeded, and do what they say."""

import json

import pytest

from simulators.kernel import Message
from simulators.packets import Encoder, offline, online
from simulators.wire import Wire, WireFaults

BOOT = "0badcafe"


def message(seq, ts_ms=1_790_000_000_000):
    values = {"temp_socket": 30.0 + seq}
    return Message("p1", "ebike", "c1", "telemetry", "g1", ts_ms + seq * 1000, seq, values)


def sent(faults, count=4_000, seed=1):
    wire = Wire(Encoder(BOOT), faults, seed)
    packets = [packet for seq in range(1, count + 1) for packet in wire.send(message(seq))]
    return wire, packets + wire.flush()


def seqs(packets):
    return [json.loads(packet.payload)["seq"] for packet in packets]


def test_packet_has_the_form_of_the_contract():
    event = Message("l1", "elevator", "c1", "event", "g1", 5, 7, None, {"kind": "entrapment", "scheme": "vendor4"})
    packet = Encoder(BOOT).message(event)
    assert packet.topic == "anju/v1/c1/elevator/l1/event"
    assert json.loads(packet.payload) == {
        "ts": 5, "seq": 7, "boot": BOOT, "event": {"kind": "entrapment", "scheme": "vendor4"},
    }  # fmt: skip
    assert packet.gateway == "g1"
    assert not packet.retain


def test_state_is_retained_and_offline_has_no_time(small):
    device = small.devices["tj-hty-panel"]
    up, down = online(device, 9), offline(device)
    assert up.topic == down.topic == "anju/v1/tj-hty/fire/tj-hty-panel/state"
    assert up.retain
    assert down.retain
    assert json.loads(up.payload) == {"online": True, "ts": 9}
    assert json.loads(down.payload) == {"online": False}


def test_backfill_is_marked_as_such():
    assert json.loads(Encoder(BOOT).message(message(1), backfill=True).payload)["src"] == "backfill"


def test_good_wire_sends_everything_once_in_order():
    _, packets = sent(WireFaults())
    assert seqs(packets) == list(range(1, 4_001))


def test_loss_leaves_gaps_at_its_rate():
    wire, packets = sent(WireFaults(loss=0.1))
    assert wire.counts["lost"] == 4_000 - len(packets)
    assert 320 < wire.counts["lost"] < 480
    assert len(set(seqs(packets))) == len(packets)


def test_duplicates_are_the_same_bytes_again():
    wire, packets = sent(WireFaults(duplicates=0.1))
    assert len(packets) == 4_000 + wire.counts["duplicates"]
    assert 320 < wire.counts["duplicates"] < 480
    assert len({packet.payload for packet in packets}) == 4_000


def test_reordering_delays_packets_a_little_and_loses_none():
    wire, packets = sent(WireFaults(reorder=0.1))
    order = seqs(packets)
    assert sorted(order) == list(range(1, 4_001))
    assert order != sorted(order)
    assert wire.counts["reordered"] > 300
    newest = 0
    for seq in order:
        assert seq > newest - 8
        newest = max(newest, seq)


def test_damaged_packets_are_damaged_each_in_some_way_and_the_others_are_not():
    wire, packets = sent(WireFaults(corrupt=0.05))
    clean = {packet.payload for packet in sent(WireFaults())[1]}
    damaged = [p for p in packets if p.payload not in clean or p.topic != "anju/v1/c1/ebike/p1/telemetry"]
    assert len(damaged) == wire.counts["corrupt"] > 100
    assert {p.topic.split("/")[1] for p in damaged} == {"v1", "v9"}
    assert any(p.topic.split("/")[4].startswith("ghost-") for p in damaged)
    texts = [p.payload for p in damaged]
    assert any(b"NaN" in text or b"1e999" in text for text in texts)
    assert any(b"\xff\xfe" in text for text in texts)
    assert any(b'"ts":1790000' in text and b'"ts":1790000000000' not in text for text in texts)


def test_wrong_clock_is_wrong_by_the_same_amount_each_time_and_only_on_some_devices():
    wire = Wire(Encoder(BOOT), WireFaults(skewed=0.3, skew_s=400), 1)
    shifts = {}
    for device in range(200):
        for seq in (1, 2):
            one = Message(f"d{device}", "fire", "c1", "telemetry", "g1", 10_000_000, seq, {})
            shifts.setdefault(device, set()).add(json.loads(wire.send(one)[0].payload)["ts"] - 10_000_000)
    assert all(len(found) == 1 for found in shifts.values())
    wrong = [shift for found in shifts.values() for shift in found if shift]
    assert 40 < len(wrong) < 80
    assert max(map(abs, wrong)) <= 400_000
    assert min(wrong) < 0 < max(wrong)


@pytest.mark.parametrize("faults", [WireFaults(duplicates=0.1, reorder=0.1, loss=0.1, corrupt=0.1, skewed=0.5)])
def test_same_seed_meets_the_same_faults(faults):
    assert sent(faults)[1] == sent(faults)[1]
    assert sent(faults)[1] != sent(faults, seed=2)[1]


# --- clocks, cuts, storms ---------------------------------------------------------------------------------------------

DAY = 86_400_000


def test_drifting_clock_gains_with_time_and_starts_right():
    wire = Wire(Encoder(BOOT), WireFaults(drifting=1.0, drift_per_day_s=600.0), 3)
    at = [0, DAY // 2, DAY]
    shown = [json.loads(wire.send(message(1, 1_790_000_000_000 + ms))[0].payload)["ts"] for ms in at]
    errors = [ts - 1_790_000_001_000 - ms for ts, ms in zip(shown, at, strict=True)]
    assert errors[0] == 0
    assert 0 < abs(errors[2]) <= 600_000
    assert errors[2] == pytest.approx(2 * errors[1], abs=2)


def test_gateway_that_was_cut_off_sends_what_it_kept_as_backfill():
    faults = WireFaults(held=1.0, held_every_s=600.0, held_s=60.0)
    wire, packets = sent(faults, 4_000)
    assert sorted(seqs(packets)) == list(range(1, 4_001)), "nothing is lost"
    late = [json.loads(packet.payload) for packet in packets if b'"src":"backfill"' in packet.payload]
    assert len(late) == wire.counts["held"] > 60
    assert seqs(packets) == sorted(seqs(packets)), "what was kept goes out before what is new"
    assert wire.counts["sent"] == 4_000


def test_silent_devices_never_say_anything():
    wire, packets = sent(WireFaults(silent=1.0), 50)
    assert packets == []
    assert wire.counts["silent"] == 50


def test_storm_comes_at_its_beat_and_not_at_once():
    wire = Wire(Encoder(BOOT), WireFaults(storm_every_s=60.0), 1)
    assert [wire.storms(ms) for ms in (0, 59_999, 60_000, 60_001, 119_999, 120_000)] == [
        False, False, True, False, False, True,
    ]  # fmt: skip
    assert not Wire(Encoder(BOOT), WireFaults(), 1).storms(10**12)
