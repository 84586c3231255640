"""Batches, answers and acknowledgements, on a session and a clock in the test's hands."""

import pytest

from domain.errors import Rejected, Unavailable
from domain.limits import (
    BATCH_LINGER_MS,
    BATCH_MESSAGES_MAX,
    BATCHES_IN_FLIGHT_MAX,
    CHECKPOINT_EVERY_MS,
    REORDER_WAIT_MS,
    UNSTORED_LINGER_MS_MAX,
)
from ingest.gate import Gate
from ingest.intake import PARTIAL_BATCHES, Intake
from tests.ingest.support import NOW, FakeSession, RecordingDesk, device, devices, packet, payload, topic


class Clock:
    def __init__(self):
        self.s = 1000.0

    def __call__(self):
        return self.s

    def ms(self):
        return NOW + int(self.s * 1000)


class Rig:
    def __init__(self, *, automatic=True, first_number=1):
        self.clock = Clock()
        self.behind = False
        self.session = FakeSession()
        self.desk = RecordingDesk(automatic=automatic)
        self.gate = Gate()
        self.failures = []
        self.intake = Intake(
            self.session, self.desk, devices(device("d1"), device("d2")), self.gate, self.clock.ms, first_number,
            behind=lambda: self.behind, monotonic=self.clock, on_failure=self.failures.append,
        )  # fmt: skip
        self.seq = 0
        self.intake.start()

    def packets(self, count=1):
        made = []
        for _ in range(count):
            made.append(packet(topic("d1"), payload(self.seq, self.clock.ms())))
            self.seq += 1
        return made

    def send(self, packets, *, drained=True):
        self.intake.take(packets)
        return self.turn(drained=drained)

    def turn(self, *, drained=True, later_ms=0):
        self.clock.s += later_ms / 1000
        return self.intake.turn(drained)

    @property
    def acked(self):
        return len(self.session.acked)


def test_a_lone_packet_goes_at_once_and_is_acknowledged_after_the_answer():
    rig = Rig(automatic=False)
    (sent,) = rig.packets()
    rig.send([sent])
    assert len(rig.desk.batches) == 1
    assert rig.session.acked == []
    rig.desk.answer()
    rig.turn()
    assert rig.session.acked == [sent]


def test_while_more_is_coming_a_batch_waits_for_company_but_not_longer_than_the_linger():
    rig = Rig()
    rest_s = rig.send(rig.packets(), drained=False)
    assert rig.desk.batches == []
    assert rest_s <= BATCH_LINGER_MS / 1000
    rig.turn(drained=False, later_ms=BATCH_LINGER_MS + 1)
    assert len(rig.desk.batches) == 1


def test_a_full_batch_goes_even_while_more_is_coming():
    rig = Rig(automatic=False)
    rig.send(rig.packets(BATCH_MESSAGES_MAX + 5), drained=False)
    assert [len(batch.readings) for batch in rig.desk.batches] == [BATCH_MESSAGES_MAX]


def test_part_filled_batches_do_not_queue_up():
    rig = Rig(automatic=False)
    for _ in range(10):
        rig.send(rig.packets(3))
        rig.turn(later_ms=BATCH_LINGER_MS + 1)
    assert len(rig.desk.batches) == PARTIAL_BATCHES
    while rig.desk.answer():
        rig.turn()
    assert rig.acked == 30


def test_reading_stops_when_too_much_is_unanswered_and_goes_on_after_an_answer():
    rig = Rig(automatic=False)
    for _ in range(BATCHES_IN_FLIGHT_MAX + 1):
        assert rig.intake.room()
        rig.send(rig.packets(BATCH_MESSAGES_MAX))
    rig.send(rig.packets(1))
    assert not rig.intake.room()
    assert rig.intake.in_flight == BATCHES_IN_FLIGHT_MAX
    assert rig.intake.counters.pauses == 1
    rig.desk.answer(1)
    rig.turn()
    assert rig.intake.room()
    while rig.desk.answer():
        rig.turn()
    assert rig.acked == BATCH_MESSAGES_MAX * (BATCHES_IN_FLIGHT_MAX + 1) + 1


def test_numbers_rise_by_one_and_only_batches_with_readings_take_one():
    rig = Rig(first_number=42)
    rig.send(rig.packets())
    rig.send([packet("anju/v1/junk", b"")])
    rig.send(rig.packets())
    assert [batch.number for batch in rig.desk.batches] == [42, 42, 43]
    assert rig.intake.last_number == 43


def test_a_duplicate_is_acknowledged_no_earlier_than_its_original():
    rig = Rig(automatic=False)
    (sent,) = rig.packets()
    copy = packet(topic("d1"), sent[2])
    rig.send([sent])
    rig.send([copy])
    rig.turn(later_ms=50)
    assert rig.acked == 0
    assert len(rig.desk.batches) == 1
    rig.desk.answer()
    rig.turn()
    assert rig.session.acked == [sent, copy]


def test_acknowledgements_keep_the_order_of_batches():
    rig = Rig(automatic=False)
    first, second = rig.packets(2)
    rig.send([first])
    rig.send([second])
    rig.turn(later_ms=50)
    (_, early), (_, late) = rig.desk._waiting
    late.set_result(None)
    rig.turn()
    assert rig.acked == 0
    early.set_result(None)
    rig.turn()
    assert rig.session.acked == [first, second]


def test_an_unavailable_station_gets_the_same_batch_again_with_backoff_and_nothing_overtakes():
    rig = Rig(automatic=False)
    rig.desk.refuse = 2
    rig.send(rig.packets(2))
    rig.turn()
    rig.send(rig.packets(1))
    tries = 0
    while len(rig.desk.batches) < 3:
        assert rig.turn() > 0, "no busy waiting"
        rig.turn(later_ms=60)
        tries += 1
        assert tries < 20
    assert [batch.number for batch in rig.desk.batches] == [1, 1, 1]
    assert rig.acked == 0
    rig.desk.answer()
    rig.turn()
    assert rig.acked == 2
    rig.turn(later_ms=3000)
    rig.desk.answer()
    rig.turn()
    assert rig.acked == 3
    assert rig.intake.counters.batch_retries == 2


@pytest.mark.parametrize("error", [Unavailable("station.stopped", "gone"), Rejected("x", "y"), RuntimeError("bug")])
def test_what_waiting_cannot_mend_ends_intake_and_acknowledges_nothing(error):
    rig = Rig(automatic=False)
    rig.send(rig.packets(2))
    rig.desk.answer(error=error)
    rig.turn()
    assert rig.failures == [error]
    assert rig.intake.failure is error
    assert not rig.intake.room()
    assert not rig.intake.connected
    rig.send(rig.packets(1))
    assert rig.acked == 0
    assert len(rig.desk.batches) == 1


def test_a_checkpoint_holds_exactly_what_is_durable():
    rig = Rig(automatic=False)
    rig.send(rig.packets(3))
    rig.clock.s += CHECKPOINT_EVERY_MS / 1000
    rig.send(rig.packets(2))
    rig.turn(later_ms=50)
    assert len(rig.desk.batches) == 1, "the batch with the checkpoint waits until all before it is durable"
    rig.desk.answer()
    rig.turn()
    first, second = rig.desk.batches
    assert first.gate is None
    heir = Gate()
    heir.restore(second.gate)
    assert heir.memory("d1") == rig.gate.memory("d1")
    rig.desk.answer()
    rig.turn()
    rig.send(rig.packets(1))
    assert rig.desk.batches[2].gate is None


def test_a_checkpoint_for_many_readings_waits_as_well_until_all_before_it_is_durable(monkeypatch):
    monkeypatch.setattr("ingest.intake.CHECKPOINT_READINGS_MAX", 4)
    rig = Rig(automatic=False)
    rig.send(rig.packets(3))
    rig.send(rig.packets(2))
    rig.turn(later_ms=BATCH_LINGER_MS + 1)
    assert [batch.gate for batch in rig.desk.batches] == [None]
    rig.desk.answer()
    rig.turn()
    assert [batch.gate is not None for batch in rig.desk.batches] == [False, True]


def test_batches_without_readings_carry_no_checkpoint():
    rig = Rig()
    rig.clock.s += CHECKPOINT_EVERY_MS / 1000
    rig.send([packet("anju/v1/junk", b"")])
    assert rig.desk.batches[0].gate is None


def test_what_is_held_back_for_order_is_judged_when_the_wait_ends():
    rig = Rig()
    rig.send(rig.packets(1))
    rig.intake.established(True)
    rig.seq = 5
    rest_s = rig.send(rig.packets(2))
    assert len(rig.desk.readings) == 1
    assert 0 < rest_s <= REORDER_WAIT_MS / 1000
    rig.turn(later_ms=REORDER_WAIT_MS + 1)
    assert [reading.seq for reading in rig.desk.readings] == [0, 5, 6]
    assert rig.acked == 3


def test_a_session_without_a_past_holds_nothing_back():
    rig = Rig()
    rig.intake.established(False)
    rig.seq = 5
    rig.send(rig.packets(1))
    assert [reading.seq for reading in rig.desk.readings] == [5]


def test_stop_waits_for_answers_and_says_whether_they_came():
    rig = Rig(automatic=False)
    rig.send(rig.packets(1))
    rig.desk.answer()
    assert not rig.intake.stop(0.0)
    rig.turn()
    assert rig.intake.stop(0.0)
    assert rig.acked == 1
    assert not rig.intake.room()


def test_an_adopted_registry_counts_from_the_next_turn():
    rig = Rig()
    rig.intake.adopt(devices(device("d9")))
    rig.send(rig.packets(1))
    assert [letter.reason for letter in rig.desk.dead] == ["unknown_device"]


def test_a_registry_adopted_while_another_is_being_adopted_counts_from_the_turn_after(monkeypatch):
    rig = Rig()
    adopt = rig.intake._sorter.adopt

    def interrupted(found):
        monkeypatch.undo()
        adopt(found)
        rig.intake.adopt(devices(device("d9")))

    monkeypatch.setattr(rig.intake._sorter, "adopt", interrupted)
    rig.intake.adopt(devices(device("d1")))
    rig.turn()
    rig.send(rig.packets(1))
    assert [letter.reason for letter in rig.desk.dead] == ["unknown_device"]


# --- while nothing can be stored --------------------------------------------------------------------------------------


def test_while_nothing_can_be_stored_judging_goes_on_and_nothing_is_acknowledged():
    rig = Rig(automatic=False)
    rig.behind = True
    for number in range(10 * BATCHES_IN_FLIGHT_MAX):
        rest_s = rig.send(rig.packets(1))
        assert rest_s <= UNSTORED_LINGER_MS_MAX / 1000
        rig.turn(later_ms=rest_s * 1000 + 1)
        assert len(rig.desk.batches) == number + 1, "every packet is handed in to be judged"
    assert rig.intake.room()
    assert rig.acked == 0
    rig.behind = False
    while rig.desk.answer():
        rig.turn()
    assert rig.acked == 10 * BATCHES_IN_FLIGHT_MAX


def test_a_checkpoint_that_is_due_waits_until_all_is_stored_but_judging_does_not():
    rig = Rig(automatic=False)
    rig.send(rig.packets(1))
    rig.behind = True
    rig.clock.s += CHECKPOINT_EVERY_MS / 1000
    rig.send(rig.packets(1))
    rig.turn(later_ms=UNSTORED_LINGER_MS_MAX)
    assert [batch.gate for batch in rig.desk.batches] == [None, None]
    rig.behind = False
    rig.desk.answer()
    rig.turn()
    rig.send(rig.packets(1))
    assert rig.desk.batches[2].gate is not None


@pytest.mark.parametrize(
    ("limit", "value"), [("BATCHES_UNSTORED_MAX", 6), ("INFLIGHT_PACKETS_MAX", 60), ("UNSTORED_READINGS_MAX", 60)]
)
def test_what_is_judged_and_not_stored_is_bounded(monkeypatch, limit, value):
    monkeypatch.setattr(f"ingest.intake.{limit}", value)
    monkeypatch.setattr("ingest.intake.BATCH_MESSAGES_MAX", 10)
    rig = Rig(automatic=False)
    rig.behind = True
    for _ in range(10):
        rig.send(rig.packets(10))
        rig.turn(later_ms=UNSTORED_LINGER_MS_MAX)
    assert len(rig.desk.batches) == 6
    assert not rig.intake.room()
    assert rig.turn() > 0, "no busy waiting"
    rig.desk.answer(1)
    rig.turn()
    assert len(rig.desk.batches) == 7
