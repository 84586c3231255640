"""From packets to readings and dead letters; nothing that comes in goes unaccounted."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.limits import DEAD_LETTER_BYTES_MAX, LATE_MS_MAX, PAYLOAD_BYTES_MAX, READINGS_PER_MESSAGE_MAX
from domain.readings import Quality
from ingest.counters import Counters
from ingest.gate import Gate
from ingest.kinds import WIRES
from ingest.outcomes import Outcome
from ingest.sorter import Draft, Sorter
from tests.ingest.support import NOW, device, devices, packet, payload, topic

REGISTRY = devices(device("d1"), device("d2"), device("f1", "fire"), device("far", compound="c9"))


class Bench:
    def __init__(self):
        self.counters = Counters()
        self.gate = Gate()
        self.sorter = Sorter(WIRES, REGISTRY, self.gate, self.counters)
        self.draft = Draft()

    def send(self, *packets, at=NOW):
        done = self.sorter.sort(packets, 0, at, self.draft, 10_000)
        assert done == len(packets)
        return self

    def count(self, outcome):
        return self.counters.outcomes[outcome]

    @property
    def reasons(self):
        return [letter.reason for letter in self.draft.dead]


@pytest.fixture
def bench():
    return Bench()


def test_a_usual_packet_becomes_a_reading(bench):
    bench.send(packet(topic("d1"), payload(1, NOW - 5)), packet(topic("d1"), payload(2, NOW)))
    first, second = bench.draft.readings
    assert (first.device, first.kind, first.ts_ms, first.received_ms) == ("d1", "elevator", NOW - 5, NOW)
    assert (first.seq, first.boot, first.quality, first.digest, first.values.floor) == (1, "b1", 0, 0, 3)
    assert second.seq == 2
    assert bench.count(Outcome.ACCEPTED) == 2
    assert len(bench.draft.packets) == 2


def test_the_same_packet_twice_is_one_reading_and_two_acknowledgements(bench):
    bench.send(*(packet(topic("d1"), payload(1, NOW)) for _ in range(2)))
    assert len(bench.draft.readings) == 1
    assert len(bench.draft.packets) == 2
    assert bench.count(Outcome.DUPLICATE) == 1
    assert bench.reasons == []


@pytest.mark.parametrize(
    ("where", "body", "reason"),
    [
        (topic("nobody"), payload(1, NOW), Outcome.UNKNOWN_DEVICE),
        (topic("f1", "elevator"), payload(1, NOW), Outcome.WRONG_KIND),
        (topic("far"), payload(1, NOW), Outcome.WRONG_KIND),
        ("anju/v1/c1/elevator/d1", payload(1, NOW), Outcome.WRONG_TOPIC),
        (b"anju/v1/\xff/elevator/d1/telemetry", payload(1, NOW), Outcome.WRONG_TOPIC),
        (topic("d1"), b"x" * (PAYLOAD_BYTES_MAX + 1), Outcome.OVERSIZE),
        (topic("d1"), b'{"values":', Outcome.BAD_JSON),
        (topic("d1"), b'{"boot":"\xff"}', Outcome.NOT_UTF8),
        (topic("d1"), payload(1, NOW // 1000), Outcome.EPOCH_SECONDS),
        (topic("d1"), payload(1, NOW + 300_001), Outcome.FUTURE),
        (topic("d1"), payload(1, 5), Outcome.CLOCK_UNSET),
        (topic("d1"), payload(1, "noon"), Outcome.BAD_TIME),
        (topic("d1"), payload(1, NOW, values={"speed": 99}), Outcome.IMPLAUSIBLE),
        (topic("d1"), b'{"values":{"speed":NaN}}', Outcome.NONFINITE),
        (topic("d1"), payload(1, NOW, values={"speed": "fast"}), Outcome.WRONG_TYPE),
        (topic("d1"), b"", Outcome.EMPTY),
        (topic("d1"), b'{"seq":1}', Outcome.EMPTY),
        (topic("d1", channel="state"), b"maybe", Outcome.BAD_STATE),
    ],
)
def test_a_bad_packet_is_refused_by_name_kept_as_evidence_and_acknowledged(bench, where, body, reason):
    sent = packet(where, body)
    bench.send(sent)
    assert bench.draft.readings == []
    assert bench.reasons == [reason]
    assert bench.draft.dead[0].raw == body[:DEAD_LETTER_BYTES_MAX]
    assert bench.draft.dead[0].detail
    assert bench.draft.packets == [sent]
    assert bench.count(reason) == bench.counters.rejected == 1


def test_an_implausible_value_leaves_the_rest_of_its_reading(bench):
    bench.send(packet(topic("d1"), payload(1, NOW, values={"speed": 99, "floor": 2})))
    (reading,) = bench.draft.readings
    assert reading.values.floor == 2
    assert reading.values.speed is None
    assert reading.quality == Quality.IMPLAUSIBLE
    assert bench.reasons == [Outcome.IMPLAUSIBLE]
    assert bench.counters.rejected == 0


def test_unknown_keys_are_counted_and_not_a_dead_letter(bench):
    bench.send(packet(topic("d1"), payload(1, NOW, values={"floor": 2, "mood": 1})))
    assert bench.draft.readings[0].quality == Quality.UNKNOWN_KEYS
    assert bench.count(Outcome.UNKNOWN_KEYS) == 1
    assert bench.reasons == []


def test_without_a_time_the_time_of_receipt_stands_in(bench):
    bench.send(packet(topic("d1"), payload(1)))
    (reading,) = bench.draft.readings
    assert (reading.ts_ms, reading.quality) == (NOW, Quality.RESTAMPED)


def test_an_event_with_a_wrong_clock_is_judged_as_of_now(bench):
    for seq, ts in enumerate((NOW + 10**9, NOW // 1000, 7, "noon")):
        bench.send(packet(topic("f1", "fire", "event"), payload(seq, ts, values={}, event={"kind": "fire_alarm"})))
    assert [reading.event.kind for reading in bench.draft.readings] == ["fire_alarm"] * 4
    assert all(reading.ts_ms == NOW for reading in bench.draft.readings)
    assert all(reading.quality & (Quality.RESTAMPED | Quality.SKEWED) for reading in bench.draft.readings)
    assert bench.reasons == [Outcome.FUTURE, Outcome.EPOCH_SECONDS, Outcome.CLOCK_UNSET, Outcome.BAD_TIME]
    assert bench.counters.rejected == 0


def alarm(seq, ts, boot="b1"):
    return packet(topic("f1", "fire", "event"), payload(seq, ts, boot, values={}, event={"kind": "fire_alarm"}))


def test_a_panel_that_reboots_into_the_past_is_still_heard(bench):
    bench.send(packet(topic("f1", "fire"), payload(500, NOW, values={"fire": False})))
    past = NOW - 3 * 365 * 86_400_000
    bench.send(alarm(0, past, "b2"), at=NOW + 5_000)
    bench.send(packet(topic("f1", "fire"), payload(1, past + 9, "b2", values={"fire": True})), at=NOW + 6_000)
    _, event, values = bench.draft.readings
    assert (event.ts_ms, values.ts_ms) == (NOW + 5_000, NOW + 6_000)
    assert event.quality == values.quality == Quality.RESTAMPED | Quality.SKEWED
    assert bench.reasons == [Outcome.CLOCK_BACK], "values by the thousand leave no dead letters"
    assert bench.counters.rejected == 0


def test_values_go_on_after_a_clock_is_set_back_ten_minutes(bench):
    for n in range(3):
        at = NOW + n * 10_000
        wrong = 280_000 if n == 0 else -280_000
        bench.send(packet(topic("f1", "fire"), payload(n, at + wrong, values={"fire": True})), at=at)
    assert [int(reading.quality) for reading in bench.draft.readings] == [0, int(Quality.CLOCK_SET), 0]
    assert bench.reasons == []
    assert bench.count(Outcome.CLOCK_SET) == 1


def test_a_retained_old_event_is_not_taken_for_new(bench):
    bench.send(packet(topic("f1", "fire"), payload(5, NOW, values={"fire": False})))
    first = packet(topic("f1", "fire", "event"), payload(6, NOW - 10**9, values={}, event={"kind": "fire_alarm"}), 0x33)
    bench.send(first)
    assert bench.draft.readings[-1].quality & Quality.STALE


def test_a_state_that_the_broker_kept_says_so(bench):
    where = topic("d1", channel="state")
    bench.send(packet(where, b"online", 0x33), packet(where, b"online"))
    assert [report.retained for report in bench.draft.states] == [True, False]


def test_an_unknown_event_is_kept_as_other_with_its_name_as_code(bench):
    bench.send(packet(topic("f1", "fire", "event"), payload(1, NOW, event={"kind": "meteor"})))
    event = bench.draft.readings[0].event
    assert (event.kind, event.code) == ("other", "meteor")
    assert bench.count(Outcome.UNKNOWN_EVENT) == 1


def test_control_characters_and_lone_surrogates_cannot_reach_the_stores(bench):
    bench.send(packet(topic("f1", "fire"), b'{"boot":"a\\u0000","seq":1,"event":{"code":"\\ud800","kind":"other"}}'))
    (reading,) = bench.draft.readings
    assert reading.boot == "a\ufffd"
    assert reading.event.code == "\ufffd"


def test_without_seq_the_digest_of_the_packet_tells_duplicates(bench):
    body = payload(None, NOW, None)
    bench.send(packet(topic("d1"), body), packet(topic("d1"), body), packet(topic("d1"), payload(None, NOW + 1, None)))
    assert len(bench.draft.readings) == 2
    assert all(reading.digest for reading in bench.draft.readings)


def test_an_array_is_one_packet_and_its_readings_are_told_apart_without_seq(bench):
    body = json.dumps([{"ts": NOW - n, "values": {"floor": 1}} for n in (3, 2, 1)]).encode()
    bench.send(packet(topic("d1"), body), packet(topic("d1"), body))
    assert [reading.ts_ms for reading in bench.draft.readings] == [NOW - 3, NOW - 2, NOW - 1]
    assert bench.count(Outcome.DUPLICATE) == 3
    assert len(bench.draft.packets) == 2


def test_faults_of_an_array_share_one_dead_letter_for_each_reason(bench):
    items = [{"ts": NOW, "seq": n, "values": {"floor": 999}} for n in range(READINGS_PER_MESSAGE_MAX)]
    bench.send(packet(topic("d1"), json.dumps(items).encode()))
    assert bench.reasons == [Outcome.IMPLAUSIBLE]
    assert "499 more" in bench.draft.dead[0].detail
    assert bench.counters.rejected == READINGS_PER_MESSAGE_MAX


def test_a_retained_reading_counts_only_if_it_says_when(bench):
    bench.send(packet(topic("d1"), payload(1, NOW), 0x33), packet(topic("d2"), payload(1), 0x33))
    assert [reading.device for reading in bench.draft.readings] == ["d1"]
    assert bench.reasons == [Outcome.RETAINED]


def test_commands_are_acknowledged_and_nothing_else(bench):
    bench.send(packet(topic("d1", channel="cmd"), b"?"), packet(topic("d1", channel="cmd_ack"), b"?"))
    assert bench.count(Outcome.RESERVED) == len(bench.draft.packets) == 2
    assert bench.reasons == []


def test_a_fault_of_ours_costs_one_packet_and_says_so(bench, monkeypatch):
    bench.send(packet(topic("d1"), payload(1, NOW)))
    monkeypatch.setattr(bench.gate, "judge", lambda *_, **__: 1 / 0)
    bench.send(packet(topic("d1"), payload(5, NOW)), packet(topic("d1"), payload(2, NOW)))
    assert [reading.seq for reading in bench.draft.readings] == [1, 2]
    assert bench.reasons == [Outcome.INTERNAL_ERROR]
    assert len(bench.draft.packets) == 3


def test_an_adopted_registry_is_asked_from_then_on(bench):
    bench.send(packet(topic("d1"), payload(1, NOW)))
    bench.sorter.adopt(devices(device("new")))
    bench.send(packet(topic("d1"), payload(2, NOW)), packet(topic("new"), payload(1, NOW)))
    assert [reading.device for reading in bench.draft.readings] == ["d1", "new"]
    assert bench.reasons == [Outcome.UNKNOWN_DEVICE]


def test_while_waiting_for_redelivery_order_is_restored(bench):
    bench.send(packet(topic("d1"), payload(1, NOW)))
    bench.sorter.waiting.begin(0.0)
    bench.send(*(packet(topic("d1"), payload(n, NOW + n)) for n in (5, 4)), packet(topic("d2"), payload(0, NOW)))
    assert [(reading.device, reading.seq) for reading in bench.draft.readings] == [("d1", 1), ("d2", 0)]
    assert len(bench.draft.packets) == 2
    bench.send(*(packet(topic("d1"), payload(n, NOW + n)) for n in (2, 3)))
    assert [reading.seq for reading in bench.draft.readings if reading.device == "d1"] == [1, 2, 3, 4, 5]
    assert all(reading.quality == 0 for reading in bench.draft.readings)
    assert len(bench.draft.packets) == 6


def test_an_event_never_waits(bench):
    bench.send(packet(topic("f1", "fire"), payload(1, NOW, values={"fire": False})))
    bench.sorter.waiting.begin(0.0)
    bench.send(packet(topic("f1", "fire", "event"), payload(9, NOW, values={}, event={"kind": "fire_alarm"})))
    assert bench.draft.readings[-1].event.kind == "fire_alarm"
    assert bench.sorter.waiting.count == 0


def test_what_waits_of_a_device_goes_before_its_event_and_is_not_late(bench):
    where = topic("f1", "fire")
    bench.send(packet(where, payload(1, NOW, values={"smoke": 0.1})))
    bench.sorter.waiting.begin(0.0)
    bench.send(packet(where, payload(4, NOW + 4, values={"fire": True})), packet(topic("d1"), payload(9, NOW)))
    bench.send(packet(where, payload(9, NOW + 9, values={"fire": False})))
    bench.send(packet(topic("f1", "fire", "event"), payload(6, NOW + 6, values={}, event={"kind": "other"})))
    mine = [(r.seq, r.quality & Quality.LATE) for r in bench.draft.readings if r.device == "f1"]
    assert mine == [(1, 0), (4, 0), (6, 0)]
    assert bench.sorter.waiting.count == 2, "what came behind the event, and another device, still wait"


def test_what_waits_of_another_boot_goes_before_an_event_too_and_only_before_an_event(bench):
    where = topic("f1", "fire")
    bench.send(packet(where, payload(1, NOW, boot="a")))
    bench.sorter.waiting.begin(0.0)
    bench.send(packet(where, payload(7, NOW + 1, boot="a")))
    bench.send(packet(where, payload(0, NOW + 3, boot="b")), packet(where, payload(1, NOW + 4, boot="b")))
    assert bench.sorter.waiting.count == 1, "numbers of different boots are not compared"
    bench.send(packet(where, payload(2, NOW + 5, boot="b", event={"kind": "other"})))
    assert [(r.boot, r.seq) for r in bench.draft.readings][-2:] == [("a", 7), ("b", 2)]
    assert bench.sorter.waiting.count == 0


def test_a_fault_of_ours_in_what_waited_takes_neither_the_event_nor_the_others(bench, monkeypatch):
    where = topic("f1", "fire")
    bench.send(packet(where, payload(1, NOW)))
    bench.sorter.waiting.begin(0.0)
    bench.send(packet(where, payload(4, NOW + 4)), packet(where, payload(5, NOW + 5)))
    judge, calls = bench.gate.judge, []

    def faulty(*args, **more):
        calls.append(more["seq"])
        if more["seq"] == 4:
            raise RuntimeError("a fault of ours")
        return judge(*args, **more)

    monkeypatch.setattr(bench.gate, "judge", faulty)
    bench.send(packet(where, payload(6, NOW + 6, event={"kind": "other"})))
    assert calls == [4, 5, 6]
    assert [r.seq for r in bench.draft.readings] == [1, 5, 6]
    assert (len(bench.draft.packets), bench.reasons) == (4, [Outcome.INTERNAL_ERROR])


def test_copies_of_a_held_packet_are_acknowledged_and_counted_once(bench):
    bench.send(packet(topic("d1"), payload(1, NOW)))
    bench.sorter.waiting.begin(0.0)
    bench.send(*(packet(topic("d1"), payload(3, NOW)) for _ in range(2)))
    bench.send(packet(topic("d1"), payload(2, NOW)))
    assert [reading.seq for reading in bench.draft.readings] == [1, 2, 3]
    assert len(bench.draft.packets) == 4
    assert bench.count(Outcome.DUPLICATE) == 1


def test_when_the_wait_ends_what_was_held_is_judged_in_its_order(bench):
    bench.send(packet(topic("d1"), payload(1, NOW)))
    bench.sorter.waiting.begin(0.0)
    bench.send(*(packet(topic("d1"), payload(n, NOW + n)) for n in (6, 5)))
    for held in bench.sorter.waiting.give_up():
        bench.sorter.judge_held(held, bench.draft)
    assert [(r.seq, r.quality) for r in bench.draft.readings] == [(1, 0), (5, int(Quality.GAP)), (6, 0)]
    assert bench.count(Outcome.ACCEPTED) == 3


def test_when_too_much_is_held_the_wait_is_over_for_all_and_order_remains(bench, monkeypatch):
    monkeypatch.setattr("ingest.reorder.REORDER_READINGS_MAX", 3)
    bench.send(packet(topic("d1"), payload(1, NOW)))
    bench.sorter.waiting.begin(0.0)
    bench.send(*(packet(topic("d1"), payload(n, NOW + n)) for n in (9, 7, 8, 5)))
    assert bench.sorter.waiting.until_s < 0.0
    for held in bench.sorter.waiting.give_up():
        bench.sorter.judge_held(held, bench.draft)
    assert [reading.seq for reading in bench.draft.readings] == [1, 5, 7, 8, 9]
    assert bench.sorter.waiting.until_s is None


TREES = st.fixed_dictionaries(
    {},
    optional={
        "ts": st.sampled_from([NOW, NOW - 1, NOW + 10**7, NOW // 1000, None, "x", True]),
        "seq": st.integers(0, 4) | st.sampled_from([None, "1", -1]),
        "boot": st.sampled_from([None, "a", "b", 3, []]),
        "values": st.dictionaries(
            st.sampled_from(["floor", "speed", "presence", "zzz"]), st.integers(-5, 300) | st.booleans() | st.none(),
        ) | st.just(7),
        "event": st.none() | st.fixed_dictionaries({"kind": st.sampled_from(["entrapment", "zzz", 4])}),
        "src": st.sampled_from(["backfill", "moon"]),
    },
)  # fmt: skip
BODIES = st.one_of(
    st.binary(max_size=30),
    TREES.map(json.dumps).map(str.encode),
    st.lists(TREES, max_size=4).map(json.dumps).map(str.encode),
)
TOPICS = st.sampled_from(
    [topic("d1"), topic("d2"), topic("f1", "fire"), topic("d1", channel="event"), topic("d1", channel="state"),
     topic("nobody"), topic("d1", channel="cmd"), "anju/v1/junk"]
)  # fmt: skip


@given(st.lists(st.tuples(TOPICS, BODIES, st.sampled_from([0x30, 0x32, 0x33])), max_size=30), st.booleans())
@settings(max_examples=200, deadline=None)
def test_every_packet_is_accounted_for(sent, waiting):
    bench = Bench()
    if waiting:
        bench.sorter.waiting.begin(0.0)
    packets = [packet(*one) for one in sent]
    bench.send(*packets)
    for held in bench.sorter.waiting.give_up():
        bench.sorter.judge_held(held, bench.draft)
    assert {id(one) for one in bench.draft.packets} == {id(one) for one in packets}
    assert len(bench.draft.packets) == len(packets)
    assert bench.count(Outcome.INTERNAL_ERROR) == 0
    assert bench.count(Outcome.ACCEPTED) == len(bench.draft.readings)
    ends = (Outcome.ACCEPTED, Outcome.DUPLICATE, Outcome.STATE, Outcome.RESERVED)
    ended = sum(bench.count(outcome) for outcome in ends) + bench.counters.rejected
    readings = sum(_readings_in(one) for one in packets)
    assert ended == readings
    assert all(reading.ts_ms <= NOW + 300_000 for reading in bench.draft.readings)


def _readings_in(one):
    """Readings a packet holds as far as anybody can tell; 1 for anything that is no array of a known device."""
    if b"/d1/t" in one[1] or b"/d2/t" in one[1] or b"/f1/t" in one[1] or b"/d1/e" in one[1]:
        try:
            tree = json.loads(one[2])
        except ValueError:
            return 1
        return max(1, len(tree)) if isinstance(tree, list) else 1
    return 1


@pytest.mark.parametrize(("age_ms", "stale"), [(LATE_MS_MAX, False), (30 * 86_400_000, True)])
def test_what_the_broker_kept_for_long_is_stored_but_not_judged_although_nothing_newer_is_known(bench, age_ms, stale):
    bench.send(packet(topic("f1", "fire"), payload(1, NOW - age_ms, values={"smoke": 0.9}), 0x33))
    assert bool(bench.draft.readings[0].quality & Quality.STALE) is stale
