"""Duplicates, late readings, restarts of counters: exact within the bounds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.limits import GATE_BOOTS_MAX, LATE_MS_MAX, RECENT_DIGESTS_MAX, SEQ_GAP_TRACKED_MAX, SKEW_WARN_MS
from domain.readings import Quality, Reading
from ingest.gate import DUPLICATE, FUTURE, Counting, Gate
from tests.ingest.support import NOW


def judge(gate, seq, ts=None, boot="b1", *, received=None, marks=0, device="d", digest=0, backlog=False, **more):
    ts = NOW + (seq or 0) * 1000 if ts is None else ts
    received = max(ts, NOW) if received is None else received
    memory = gate.memory(device)
    return gate.judge(memory, ts, received, seq=seq, boot=boot, digest=digest, marks=marks, backlog=backlog, **more)


def test_readings_in_order_have_no_marks():
    gate = Gate()
    assert [judge(gate, n) for n in range(100)] == [0] * 100


def test_the_same_reading_again_is_a_duplicate():
    gate = Gate()
    judge(gate, 1)
    judge(gate, 2)
    assert judge(gate, 1) == DUPLICATE
    assert judge(gate, 2) == DUPLICATE


def test_a_gap_is_marked_and_its_late_filling_accepted_once():
    gate = Gate()
    judge(gate, 1)
    assert judge(gate, 5) == Quality.GAP
    assert judge(gate, 3) == Quality.LATE
    assert judge(gate, 3) == DUPLICATE
    assert judge(gate, 2) == Quality.LATE
    assert judge(gate, 4) == Quality.LATE
    assert [judge(gate, n) for n in range(1, 6)] == [DUPLICATE] * 5


def test_a_reading_from_before_the_first_one_is_late_not_a_duplicate():
    gate = Gate()
    judge(gate, 100)
    assert judge(gate, 40) == Quality.LATE
    assert judge(gate, 40) == DUPLICATE
    assert judge(gate, 41) == Quality.LATE


def test_beyond_the_lateness_bound_a_reading_is_stale_but_kept():
    gate = Gate()
    judge(gate, 2, ts=NOW)
    assert judge(gate, 1, ts=NOW - LATE_MS_MAX - 1, received=NOW) & Quality.STALE
    assert judge(gate, 1, ts=NOW - LATE_MS_MAX - 1, received=NOW) == DUPLICATE


@pytest.mark.parametrize("event", [False, True])
def test_what_the_broker_kept_beyond_the_lateness_bound_is_stale_though_nothing_is_known_of_the_device(event):
    old, kept = NOW - LATE_MS_MAX - 1, {"retained": True, "event": event, "received": NOW}
    assert judge(Gate(), 1, ts=old, **kept) & Quality.STALE
    assert not judge(Gate(), 1, ts=old + 1, **kept) & Quality.STALE
    assert not judge(Gate(), 1, ts=old, event=event, received=NOW) & Quality.STALE, "a wrong clock silences nobody"


def test_what_the_broker_kept_is_marked():
    assert judge(Gate(), 1, ts=NOW, retained=True) == Quality.RETAINED


def test_a_clock_that_is_far_off_is_marked():
    gate = Gate()
    assert judge(gate, 1, ts=NOW - SKEW_WARN_MS - 1, received=NOW) == Quality.SKEWED
    assert judge(gate, 2, ts=NOW - SKEW_WARN_MS, received=NOW) == 0


def test_age_of_a_backlog_is_not_a_wrong_clock():
    gate = Gate()
    assert judge(gate, 1, ts=NOW - SKEW_WARN_MS - 1, received=NOW, backlog=True) == Quality.BACKFILL


def test_far_future_is_refused_and_not_remembered():
    gate = Gate()
    assert judge(gate, 1, ts=NOW + 300_001, received=NOW) == FUTURE
    assert judge(gate, 1, ts=NOW, received=NOW) == 0


def test_a_new_boot_counts_anew_and_the_old_boots_stragglers_still_count_once():
    gate = Gate()
    for n in (1, 2, 4):
        judge(gate, n)
    assert judge(gate, 1, ts=NOW + 9_000, boot="b2") == 0
    assert judge(gate, 3, ts=NOW + 3_000) == Quality.LATE
    assert judge(gate, 3, ts=NOW + 3_000) == DUPLICATE
    assert judge(gate, 4) == DUPLICATE
    assert judge(gate, 2, ts=NOW + 10_000, boot="b2") == 0


def test_a_counter_that_begins_anew_without_a_boot_id_is_noticed_by_its_newer_time():
    gate = Gate()
    for n in range(50):
        judge(gate, n, boot=None)
    assert judge(gate, 0, ts=NOW + 60_000, boot=None) == 0
    assert judge(gate, 1, ts=NOW + 61_000, boot=None) == 0
    assert judge(gate, 0, ts=NOW + 60_000, boot=None) == DUPLICATE
    assert judge(gate, 7, ts=NOW + 7_000, boot=None) == DUPLICATE, "an old one of the time before"


def test_stragglers_right_after_an_unannounced_restart_are_not_lost():
    gate = Gate()
    for n in range(10):
        judge(gate, n, boot=None)
    assert judge(gate, 3, ts=NOW + 30_000, boot=None) == 0, "0 to 2 of the new count are on their way"
    for n in range(3):
        assert judge(gate, n, ts=NOW + 20_000 + n, boot=None) == Quality.LATE


def test_without_seq_the_digest_tells_duplicates():
    gate = Gate()
    assert judge(gate, None, ts=NOW, digest=5) == 0
    assert judge(gate, None, ts=NOW, digest=5) == DUPLICATE
    for n in range(RECENT_DIGESTS_MAX - 1):
        assert judge(gate, None, ts=NOW, digest=100 + n) == 0
    assert judge(gate, None, ts=NOW, digest=5) == DUPLICATE
    assert len(gate.memory("d").digests) == RECENT_DIGESTS_MAX


def test_the_same_words_without_time_and_seq_are_new_after_a_while():
    gate = Gate()
    marks = int(Quality.RESTAMPED)
    assert judge(gate, None, ts=NOW, digest=5, marks=marks) == marks
    assert judge(gate, None, ts=NOW + 10_000, digest=5, marks=marks) == DUPLICATE
    assert judge(gate, None, ts=NOW + 60_000, digest=5, marks=marks) == marks


def test_gaps_are_bounded_and_beyond_the_bound_nothing_is_lost():
    gate = Gate()
    for n in range(SEQ_GAP_TRACKED_MAX + 100):
        judge(gate, 2 * n)
    run = gate.memory("d").current()
    assert len(run.missing) == SEQ_GAP_TRACKED_MAX
    assert all(judge(gate, 2 * n + 1) != DUPLICATE for n in range(SEQ_GAP_TRACKED_MAX + 99))


def test_boots_are_bounded():
    gate = Gate()
    for n in range(20):
        judge(gate, 1, ts=NOW + n, boot=f"b{n}")
    assert len(gate.memory("d").runs) == GATE_BOOTS_MAX


@pytest.mark.parametrize(
    ("seq", "boot", "beyond"),
    [(4, "b1", False), (5, "b1", True), (2, "b1", False), (0, "b2", False), (1, "b2", False), (2, "b2", True)],
)
def test_beyond_a_gap_means_that_a_number_before_has_not_come(seq, boot, beyond):
    gate = Gate()
    for n in (1, 2, 3):
        judge(gate, n)
    assert gate.beyond_gap(gate.memory("d"), seq, boot) is beyond
    assert not gate.beyond_gap(gate.memory("d"), None, boot)


arrivals = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 60)), min_size=1, max_size=200)


@given(arrivals)
@settings(max_examples=200, deadline=None)
def test_every_reading_is_accepted_exactly_once_in_whatever_order_it_comes(found):
    gate, seen = Gate(), set()
    starts = {"a": 0, "b": 100_000, "c": 200_000}
    for boot, seq in found:
        verdict = judge(gate, seq, ts=NOW + starts[boot] + seq * 1000, boot=boot, received=NOW + 300_000)
        assert (verdict == DUPLICATE) == ((boot, seq) in seen)
        seen.add((boot, seq))


@given(st.lists(st.integers(0, 120), min_size=1, max_size=200))
@settings(max_examples=200, deadline=None)
def test_a_run_knows_exactly_what_it_has_seen(numbers):
    run, seen = Counting("b", numbers[0], numbers[0], 0), {numbers[0]}
    for number in numbers[1:]:
        assert run.seen(number) == (number in seen)
        if number not in seen:
            run.note(number)
            seen.add(number)
    assert [n for n in range(121) if run.seen(n)] == sorted(seen)
    assert all(a[1] < b[0] - 1 for a, b in zip(run.missing, run.missing[1:], strict=False))


waits = st.sampled_from([0, 1_000, 60_000, 200_000, 9_000_000])
said = st.tuples(
    st.sampled_from(["a", "b", "c", None]), st.integers(0, 12) | st.none(),
    st.sampled_from([0, -3_000, -100_000, -10**10]), waits, st.booleans(), st.booleans(),
)  # fmt: skip


@given(st.lists(said, min_size=1, max_size=60), st.integers(0, 60))
@settings(max_examples=300, deadline=None)
def test_a_snapshot_and_what_came_after_it_restore_the_same_memory(found, cut):
    live, checkpoint, after, now = Gate(), Gate().snapshot(), [], NOW
    for at, (boot, seq, error, wait, event, backlog) in enumerate(found):
        now += wait
        if at == cut:
            checkpoint, after = live.snapshot(), []
        ts, digest = now + error, at + 1 if seq is None else 0
        quality = judge(live, seq, ts, boot, received=now, digest=digest, event=event, backlog=backlog)
        if quality >= 0:
            ts = now if quality & Quality.RESTAMPED else ts
            after.append(Reading("d", "elevator", ts, now, seq=seq, boot=boot, digest=digest, quality=quality))
    heir = Gate()
    heir.restore(checkpoint)
    for reading in after:
        heir.learn(reading)
    assert heir.memory("d") == live.memory("d")


@given(arrivals, st.booleans())
@settings(max_examples=100, deadline=None)
def test_clocks_that_go_astray_make_no_duplicate_and_hide_none(found, event):
    gate, seen, errors = Gate(), set(), (0, -(10**10), 60_000, -60_000)
    for at, (boot, seq) in enumerate(found):
        # One packet always says the same time, however often it is sent.
        ts = NOW + errors[(seq + ord(boot)) % 4] - 7 * seq
        verdict = judge(gate, seq, ts=ts, boot=boot, received=NOW + at, event=event)
        assert (verdict == DUPLICATE) <= ((boot, seq) in seen)
        seen.add((boot, seq))


HOUR = 3_600_000


def test_a_clock_set_right_by_a_step_back_begins_anew_and_is_not_late():
    gate = Gate()
    judge(gate, 1, ts=NOW + 200_000, received=NOW)
    assert judge(gate, 2, ts=NOW + 10_000, received=NOW + 10_000) == Quality.CLOCK_SET
    assert judge(gate, 3, ts=NOW + 20_000, received=NOW + 20_000) == 0
    assert judge(gate, 1, ts=NOW + 200_000, received=NOW + 30_000) == DUPLICATE


def test_a_reboot_into_the_past_is_judged_as_of_receipt():
    gate = Gate()
    judge(gate, 90, ts=NOW)
    past = NOW - 20_000 * HOUR
    clockless = Quality.RESTAMPED | Quality.SKEWED
    for n in range(3):
        assert judge(gate, n, ts=past + n, boot="b2", received=NOW + 1000 + n) == clockless
        assert judge(gate, n, ts=past + n, boot="b2", received=NOW + 5000 + n) == DUPLICATE
    assert judge(gate, 3, ts=NOW + 9_000, boot="b2", received=NOW + 9_000) == 0, "and then its clock is set"


def test_receipt_before_the_newest_time_sets_the_clock_too():
    gate = Gate()
    judge(gate, 1, ts=NOW + 200_000, received=NOW)
    found = judge(gate, 2, ts=NOW - 9 * HOUR, received=NOW + 1_000)
    assert found == Quality.RESTAMPED | Quality.SKEWED | Quality.CLOCK_SET
    assert gate.memory("d").newest_ms == NOW + 1_000


@pytest.mark.parametrize(
    ("seq", "ts", "more", "expected"),
    [
        (7, NOW - 60_000, {}, Quality.LATE),
        (7, NOW - 3 * HOUR, {}, Quality.STALE | Quality.SKEWED),
        (7, NOW - 3 * HOUR, {"event": True}, Quality.RESTAMPED | Quality.SKEWED),
        (7, NOW - 3 * HOUR, {"event": True, "backlog": True}, Quality.STALE | Quality.BACKFILL),
        (11, NOW - 60_000, {"marks": int(Quality.BACKFILL)}, Quality.LATE | Quality.BACKFILL),
        (11, NOW - 3 * HOUR, {"marks": int(Quality.BACKFILL), "event": True}, Quality.STALE | Quality.BACKFILL),
        (11, NOW - 3 * HOUR, {"retained": True, "event": True}, Quality.STALE | Quality.SKEWED | Quality.RETAINED),
        (11, NOW - 1_500, {}, Quality.LATE),
        (11, NOW - 60_000, {"backlog": True}, Quality.CLOCK_SET),
        (11, NOW - 3 * HOUR, {"backlog": True}, Quality.STALE | Quality.BACKFILL),
        (11, NOW - 3 * HOUR, {"backlog": True, "event": True}, Quality.RESTAMPED | Quality.SKEWED),
        (12, NOW - 60_000, {}, Quality.LATE | Quality.GAP),
        (None, NOW - 60_000, {}, Quality.LATE),
        (None, NOW - 3 * HOUR, {}, Quality.STALE | Quality.SKEWED),
        (None, NOW - 3 * HOUR, {"event": True}, Quality.RESTAMPED | Quality.SKEWED),
        (None, NOW - 60_000, {"event": True}, Quality.RESTAMPED),
        (None, NOW - HOUR, {"event": True}, Quality.LATE | Quality.SKEWED),
    ],
)  # fmt: skip
def test_what_a_time_before_the_newest_means(seq, ts, more, expected):
    gate = Gate()
    for n in (8, 9, 10):
        judge(gate, n, ts=NOW)
    assert judge(gate, seq, ts=ts, received=NOW, digest=3, **more) == expected


def test_a_clock_set_back_is_known_again_after_a_restart():
    live, heir = Gate(), Gate()
    told = [(1, NOW + 200_000, NOW), (2, NOW + 1_000, NOW + 1_000), (3, NOW - 9 * HOUR, NOW + 2_000)]
    for seq, ts, received in told:
        quality = judge(live, seq, ts=ts, boot=None, received=received)
        at = received if quality & Quality.RESTAMPED else ts
        heir.learn(Reading("d", "elevator", at, received, seq=seq, boot=None, quality=quality))
    assert heir.memory("d") == live.memory("d")
    assert judge(heir, 4, ts=NOW + 3_000, boot=None, received=NOW + 3_000) == 0
