"""What every outbox promises."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from domain.limits import OUTBOX_DEAD_KEPT_MS, OUTBOX_DONE_KEPT_MS, OUTBOX_LEASE_MS, PAGE_ROWS_MAX, SEND_ATTEMPTS_MAX
from storage.outbox import SWEEP_EVERY
from tests.contracts.builders import NOW_MS, an_alert, notify


def owe(database, count, at_ms=NOW_MS, first=0):
    intents = [notify(an_alert(target=f"p-{first + number}")) for number in range(count)]
    database.journal.commit((), intents, (), at_ms)
    return intents


def test_claims_come_in_the_order_of_commits_with_the_intent_as_it_was(database):
    intents = owe(database, 2) + owe(database, 3, NOW_MS + 1, 2)
    claimed = database.outbox.claim(NOW_MS + 1, 10)
    assert [owed.intent for owed in claimed] == intents
    assert [owed.key for owed in claimed] == [intent.key for intent in intents]
    assert [owed.created_ms for owed in claimed] == [NOW_MS] * 2 + [NOW_MS + 1] * 3
    assert {owed.attempts for owed in claimed} == {0}


def test_a_claim_takes_no_more_than_asked_for_and_nothing_twice(database):
    owe(database, 5)
    first = database.outbox.claim(NOW_MS, 3)
    second = database.outbox.claim(NOW_MS, 3)
    assert len(first) == 3
    assert len(second) == 2
    assert not {owed.key for owed in first} & {owed.key for owed in second}
    assert database.outbox.claim(NOW_MS, 3) == []
    assert database.outbox.depth() == 5


def test_what_was_claimed_and_not_settled_is_due_again_after_the_lease(database):
    owe(database, 1)
    [owed] = database.outbox.claim(NOW_MS, 1)
    assert database.outbox.claim(NOW_MS + OUTBOX_LEASE_MS - 1, 1) == []
    assert database.outbox.claim(NOW_MS + OUTBOX_LEASE_MS, 1) == [owed]


def test_release_makes_leased_work_due_but_not_what_waits_for_another_try(database):
    leased, failed = owe(database, 2)
    database.outbox.claim(NOW_MS, 2)
    database.outbox.give_back(failed.key, NOW_MS + 60_000, "refused")
    assert database.outbox.release() == 1
    assert [owed.key for owed in database.outbox.claim(NOW_MS, 9)] == [leased.key]


def test_settled_work_is_never_claimed_again(database):
    one, two, three = owe(database, 3)
    database.outbox.claim(NOW_MS, 9)
    database.outbox.settle(one.key, NOW_MS + 1, "mid=7")
    database.outbox.settle_many([two.key, three.key], NOW_MS + 2)
    database.outbox.settle_many([], NOW_MS + 2)
    assert database.outbox.depth() == 0
    assert database.outbox.claim(NOW_MS + 10 * OUTBOX_LEASE_MS, 9) == []
    [delivery] = database.outbox.deliveries(one.alert_id)
    assert (delivery.state, delivery.settled_ms, delivery.detail) == ("done", NOW_MS + 1, "mid=7")


def test_work_given_back_is_due_at_the_named_time_with_its_failures_counted(database):
    [intent] = owe(database, 1)
    database.outbox.claim(NOW_MS, 1)
    database.outbox.give_back(intent.key, NOW_MS + 500, "no route")
    assert database.outbox.claim(NOW_MS + 499, 1) == []
    [owed] = database.outbox.claim(NOW_MS + 500, 1)
    assert owed.attempts == 1


def test_work_that_keeps_failing_is_dead_and_can_be_seen(database):
    [intent] = owe(database, 1)
    for attempt in range(1, SEND_ATTEMPTS_MAX + 1):
        assert database.outbox.dead() == 0
        [owed] = database.outbox.claim(NOW_MS + attempt, 1)
        database.outbox.give_back(owed.key, NOW_MS + attempt, f"refused {attempt} " + "x" * 5_000)
    assert database.outbox.depth() == 0
    assert database.outbox.dead() == 1
    assert database.outbox.claim(NOW_MS + 10**9, 1) == []
    [delivery] = database.outbox.deliveries(intent.alert_id)
    assert (delivery.key, delivery.state, delivery.attempts) == (intent.key, "dead", SEND_ATTEMPTS_MAX)
    assert delivery.detail.startswith(f"refused {SEND_ATTEMPTS_MAX}")
    assert len(delivery.detail) <= 500


def test_deliveries_of_an_alert_are_the_newest_in_order_and_say_whether_they_ring(database):
    alert = an_alert()
    intents = [
        replace(notify(alert), key=f"{alert.id}:{rev}:mqtt", rev=rev, ring=rev % 2 == 0)
        for rev in range(PAGE_ROWS_MAX + 10)
    ]
    database.journal.commit((), [*intents, notify(an_alert(target="another"))], (), NOW_MS)
    found = database.outbox.deliveries(alert.id)
    assert [one.key for one in found] == [intent.key for intent in intents[10:]]
    assert [one.ring for one in found] == [intent.ring for intent in intents[10:]]


def test_leases_that_run_out_are_not_failures(database):
    """A service killed again and again between claim and receipt must not lose a notification over it."""
    owe(database, 1)
    for round_ in range(3 * SEND_ATTEMPTS_MAX):
        [owed] = database.outbox.claim(NOW_MS + round_ * OUTBOX_LEASE_MS, 1)
        assert owed.attempts == 0
    assert database.outbox.dead() == 0


def test_a_late_failure_cannot_bring_back_what_was_settled(database):
    [intent] = owe(database, 1)
    database.outbox.settle(intent.key, NOW_MS)
    database.outbox.give_back(intent.key, NOW_MS, "too late")
    assert database.outbox.depth() == 0
    assert database.outbox.claim(NOW_MS + 10**9, 1) == []


def test_settled_work_is_forgotten_after_a_while_and_owed_work_never(database):
    done, dead, owed = owe(database, 3)
    database.outbox.settle(done.key, NOW_MS)
    for _ in range(SEND_ATTEMPTS_MAX):
        database.outbox.give_back(dead.key, NOW_MS, "refused")
    later = NOW_MS + OUTBOX_DONE_KEPT_MS + 1
    database.outbox.settle_many(["nobody"] * SWEEP_EVERY, later)
    assert database.outbox.deliveries(done.alert_id) == []
    assert [row.state for row in database.outbox.deliveries(dead.alert_id)] == ["dead"]
    database.outbox.settle_many(["nobody"] * SWEEP_EVERY, NOW_MS + OUTBOX_DEAD_KEPT_MS + 1)
    assert database.outbox.deliveries(dead.alert_id) == []
    assert [row.state for row in database.outbox.deliveries(owed.alert_id)] == ["owed"]


@pytest.mark.parametrize("couriers", [2, 4])
def test_couriers_side_by_side_share_the_work_without_doubles(database, couriers):
    intents = owe(database, 120)

    def work(_):
        mine = []
        while claimed := database.outbox.claim(NOW_MS, 7):
            database.outbox.settle_many([owed.key for owed in claimed], NOW_MS)
            mine += [owed.key for owed in claimed]
        return mine

    with ThreadPoolExecutor(couriers) as pool:
        taken = [key for mine in pool.map(work, range(couriers)) for key in mine]
    assert sorted(taken) == sorted(intent.key for intent in intents)
    assert database.outbox.depth() == 0
