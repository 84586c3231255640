"""What a rule sees where the reading is silent."""

from hypothesis import given
from hypothesis import strategies as st

from alerts.state import Watch
from alerts.view import BatchView, remember
from domain.kinds import EbikeValues
from domain.readings import Quality
from tests.support.rulebook import T0, port, reading

PERIOD = 60_000


def seen(history, batch, at, signal):
    watch = Watch(port("p1"), 60.0)
    for item in history:
        remember({watch.device.id: watch}, [item])
    view = BatchView(batch)
    view.move(at, batch[at], watch)
    return view.value(signal)


def test_value_of_this_reading_comes_first():
    assert seen([reading("p1", T0, power=1.0)], [reading("p1", T0 + 1, power=2.0)], 0, "power") == 2.0


def test_last_value_stands_in_for_two_reporting_periods_of_event_time():
    last = [reading("p1", T0, power=1.0)]
    assert seen(last, [reading("p1", T0 + 2 * PERIOD, current=1.0)], 0, "power") == 1.0
    assert seen(last, [reading("p1", T0 + 2 * PERIOD + 1, current=1.0)], 0, "power") is None


def test_false_and_zero_are_values_and_not_unknown():
    last = [reading("p1", T0, smoke=False, power=0.0)]
    assert seen(last, [reading("p1", T0 + 1, event="smoke")], 0, "smoke") is False
    assert seen(last, [reading("p1", T0 + 1, event="smoke")], 0, "power") == 0.0


def test_signals_that_come_in_turns_are_all_remembered():
    history = [reading("p1", T0, power=1.0), reading("p1", T0 + 1, current=2.0), reading("p1", T0 + 2, voltage=3.0)]
    now = [reading("p1", T0 + 3, energy=4.0)]
    assert [seen(history, now, 0, name) for name in ("power", "current", "voltage")] == [1.0, 2.0, 3.0]


def test_earlier_readings_of_the_same_batch_count_and_later_ones_do_not():
    now = [
        reading("p1", T0, power=1.0),
        reading("p2", T0, power=9.0),
        reading("p1", T0 + 1, current=1.0),
        reading("p1", T0 + 2, power=2.0),
    ]
    assert seen([], now, 2, "power") == 1.0
    assert seen([], now, 0, "current") is None


def test_late_reading_does_not_become_the_last_value_and_stale_ones_never_count():
    history = [
        reading("p1", T0, power=1.0),
        reading("p1", T0 - 10, power=5.0, current=7.0, quality=Quality.LATE),
        reading("p1", T0 - 20, voltage=9.0, quality=Quality.STALE),
    ]
    now = [reading("p1", T0 + 1, energy=1.0)]
    assert [seen(history, now, 0, name) for name in ("power", "current", "voltage")] == [1.0, 7.0, None]


def test_late_reading_does_not_see_what_was_said_after_it():
    late = [reading("p1", T0 - 5, event="smoke", quality=Quality.LATE)]
    assert seen([reading("p1", T0, power=1.0)], late, 0, "power") is None


parts = st.lists(
    st.tuples(
        st.integers(0, 30_000),
        st.fixed_dictionaries(
            {}, optional={name: st.floats(0, 9, width=16) for name in ("power", "current", "voltage")}
        ),
    ),
    min_size=1,
    max_size=12,
)


@given(parts, st.integers(0, 12))
def test_where_the_batch_begins_makes_no_difference_to_what_is_seen(steps, edge):
    items, at = [], T0
    for gap, signals in steps:
        at += gap
        items.append(reading("p1", at, values=EbikeValues(**signals)))
    edge = min(edge, len(items) - 1)
    known = {}
    for item in items[:-1]:
        for name in ("power", "current", "voltage"):
            if getattr(item.values, name) is not None:
                known[name] = (getattr(item.values, name), item.ts_ms)
    for name in ("power", "current", "voltage"):
        value, when = known.get(name, (None, at))
        own = getattr(items[-1].values, name)
        expected = own if own is not None else value if at - when <= 2 * PERIOD else None
        assert seen(items[:edge], items[edge:], len(items) - edge - 1, name) == expected
