"""The keeper answers for batches in order, and never lets one overtake another that is not stored."""

import threading
from concurrent.futures import Future

import pytest

from alerts.ports import Checkpoint
from domain.errors import Invalid, Unavailable
from domain.readings import Batch, Reading
from runtime.keeper import HANGS_S, SLOW_S, Keeper


class Store:
    """Keeps numbers; fails as told, once for each entry of `faults`."""

    def __init__(self, *faults):
        self.kept, self.faults = [], list(faults)

    def append(self, number, readings):
        if self.faults:
            raise self.faults.pop(0)
        self.kept.append(number)


class Journal:
    def __init__(self, fault=None):
        self.saved, self.fault = [], fault

    def save_checkpoint(self, checkpoint):
        if self.fault is not None:
            raise self.fault
        self.saved.append(checkpoint.batch)


def batch(number):
    return Batch([Reading("d1", "ebike", number, number)], [], [], number, number)


def keep(keeper, number, memory=None):
    answer = Future()
    keeper.keep(batch(number), memory, answer)
    return answer


@pytest.fixture
def started():
    keepers = []

    def start(store, journal, **more):
        keeper = Keeper(store, journal, **more)
        keeper.start()
        keepers.append(keeper)
        return keeper

    yield start
    for keeper in keepers:
        keeper.stop()


def test_batches_are_answered_after_they_are_stored_and_then_the_checkpoint_is_saved(started):
    store, journal = Store(), Journal()
    keeper = started(store, journal)
    first, second = keep(keeper, 1), keep(keeper, 2, Checkpoint(2, 0, b"", b""))
    assert first.result(5) is None
    assert second.result(5) is None
    keeper.stop()
    assert store.kept == [1, 2]
    assert journal.saved == [2]


@pytest.mark.parametrize("fault", [Unavailable("journal.locked", "locked"), RuntimeError("a fault of ours")])
def test_a_checkpoint_that_cannot_be_saved_holds_nobody_up(started, fault):
    store = Store()
    keeper = started(store, Journal(fault))
    assert keep(keeper, 1, Checkpoint(1, 0, b"", b"")).result(5) is None
    assert keep(keeper, 2).result(5) is None
    assert store.kept == [1, 2]
    assert keeper.alive


def test_a_store_that_is_away_for_a_moment_is_asked_again(started):
    store = Store(Unavailable("telemetry.log", "no space"))
    assert keep(started(store, Journal()), 1).result(5) is None
    assert store.kept == [1]


def test_after_a_batch_that_is_refused_for_good_no_later_one_is_stored(started):
    store = Store(Invalid("telemetry.value", "cannot be stored"))
    keeper = started(store, Journal())
    answers = [keep(keeper, number) for number in (1, 2, 3)]
    for answer in answers:
        assert isinstance(answer.exception(5), Invalid)
    assert store.kept == []
    assert keeper.failing is not None


class Fatal(BaseException):
    """Not an Exception: what ends a thread for certain."""


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_keeper_that_ends_says_so_and_leaves_nobody_waiting(started):
    failures, told = [], threading.Event()

    def on_failure(error):
        failures.append(error)
        told.set()

    fatal = Fatal("the end")
    keeper = started(Store(fatal), Journal(), on_failure=on_failure)
    assert keep(keeper, 1).exception(5) is fatal
    assert told.wait(5)
    assert failures == [fatal]
    assert keeper.trouble is not None


def test_trouble_is_told_once_when_it_begins_and_once_when_it_is_over(started):
    told = []
    store = Store(Unavailable("telemetry.log", "no space"), Unavailable("telemetry.log", "still none"))
    keeper = started(store, Journal(), on_trouble=told.append)
    assert keep(keeper, 1).result(5) is None
    assert keep(keeper, 2).result(5) is None
    assert told == ["no space", None]
    assert (keeper.trouble, keeper.behind) == (None, False)


def test_a_disk_that_does_not_answer_is_first_slow_and_then_in_trouble(started):
    clock, asked, go = [0.0], threading.Event(), threading.Event()

    class Hanging(Store):
        def append(self, number, readings):
            asked.set()
            assert go.wait(10)

    keeper = started(Hanging(), Journal(), monotonic=lambda: clock[0])
    answer = keep(keeper, 1)
    assert asked.wait(5)
    assert (keeper.behind, keeper.trouble) == (False, None)
    clock[0] = SLOW_S + 0.1
    assert (keeper.behind, keeper.trouble) == (True, None)
    clock[0] = HANGS_S + 0.1
    assert keeper.behind
    assert "not answered" in keeper.trouble
    go.set()
    assert answer.result(5) is None
    keeper.stop()
    assert (keeper.behind, keeper.trouble) == (False, None)
