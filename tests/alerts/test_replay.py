"""Nothing lost, nothing doubled: a crash anywhere and any portions afterwards give the alerts of a quiet run."""

from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from alerts.inputs import Acknowledge, Resolve
from domain.readings import Quality
from tests.support.purity import frozen
from tests.support.rulebook import T0, Bell, Book, Hot, Pair, batch, info, port, reading, registry
from tests.support.station import LittleStation

PLENTY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

one = st.one_of(
    st.fixed_dictionaries({"temp_socket": st.sampled_from([20.0, 65.0, 75.0, 76.0, 85.0])}),
    st.fixed_dictionaries({"event": st.sampled_from(["smoke", "zone_clear"])}),
    st.fixed_dictionaries({"temp_socket": st.sampled_from([20.0, 75.0]), "event": st.just("smoke")}),
)
steps = st.lists(st.tuples(st.sampled_from(["p1", "p2", "p3"]), st.integers(0, 2), one), min_size=1, max_size=40)


def station():
    devices = [port("p1", zone="z"), port("p2", zone="z"), port("p3")]
    rules = [
        Hot(info("EB-03")),
        Hot(info("EB-05", latching=True)),
        Bell(info("EB-06", scope="zone", life_safety=True, severities=(1,)), severity=1),
        Bell(info("EB-13")),
        Pair(info("FC-02", scope="zone", clear="manual")),
    ]
    return LittleStation(registry(*devices), Book(*rules))


def readings_of(plan):
    """Device clocks run on unevenly, and p2's is an hour slow; several readings may share an instant."""
    made, clock = [], {"p1": T0, "p2": T0 - 500_000, "p3": T0}
    for number, (device, gap, said) in enumerate(plan):
        clock[device] += gap
        made.append(reading(device, clock[device], received_ms=T0 + number, **said))
    return made


def cut(items, cuts):
    """The items in portions that end where `cuts` says."""
    edges = sorted({0, len(items), *(c % (len(items) + 1) for c in cuts)})
    return [items[a:b] for a, b in pairwise(edges)]


def outcome(station):
    return {
        alert.id: (alert.occurrences, str(alert.state), alert.severity, alert.rev, alert.flags, alert.marks,
                   [reason.by for reason in alert.suppressed], alert.previous, alert.no)
        for alert in station.alerts.values()
    }  # fmt: skip


@PLENTY
@given(steps, st.lists(st.integers(0, 40)), st.lists(st.integers(0, 40)), st.integers(0, 39), st.booleans(), st.data())
def test_crash_anywhere_and_any_portions_give_the_same_alerts(plan, cuts, cuts_after, at, stored, data):
    readings = readings_of(plan)
    quiet = station()
    for part in cut(readings, []):
        quiet.take(batch(*part))
    bumpy = station()
    parts = cut(readings, cuts)
    at %= len(parts)
    save_at = data.draw(st.integers(-1, at))
    done = 0
    for number, part in enumerate(parts[: at + 1]):
        if number == save_at:
            bumpy.checkpoint()
        keep = number < at or stored
        bumpy.take(batch(*part), store=keep)
        done += len(part) if keep else 0
    bumpy.crash(T0 + 1_000)
    for part in cut(readings[done:], cuts_after):
        bumpy.take(batch(*part))
    assert outcome(bumpy) == outcome(quiet)
    memories = {key: slot.memory for key, slot in quiet.state.slots.items()}
    assert {key: slot.memory for key, slot in bumpy.state.slots.items()} == memories


@PLENTY
@given(steps, st.lists(st.integers(0, 40)), st.integers(0, 40), st.booleans())
def test_crash_after_a_persons_command_keeps_its_effect(plan, cuts, at, acknowledge):
    readings = readings_of(plan)
    at %= len(readings) + 1

    def run(crash):
        found = station()
        for part in cut(readings[:at], cuts):
            found.take(batch(*part))
        for alert in [a for a in found.alerts.values() if a.open]:
            wish = (
                Acknowledge(alert_id=alert.id, actor="wang")
                if acknowledge
                else Resolve(alert_id=alert.id, actor="wang", reason="false_alarm")
            )
            found.take(wish, T0 + 100)
        if crash:
            found.checkpoint()
            found.crash(T0 + 200)
        for part in cut(readings[at:], cuts):
            found.take(batch(*part))
        return outcome(found)

    assert run(crash=True) == run(crash=False)


@PLENTY
@given(steps)
def test_stored_telemetry_judged_again_from_nothing_has_no_effect(plan):
    found = station()
    for item in readings_of(plan):
        found.take(batch(item))
    before = outcome(found)
    found.crash(T0 + 1_000)
    assert outcome(found) == before


@PLENTY
@given(steps, st.lists(st.integers(0, 40)))
def test_deciding_never_changes_the_state(plan, cuts):
    from alerts.engine import decide

    found = station()
    for part in cut(readings_of(plan), cuts):
        entry = batch(*part)
        before = frozen(found.state)
        decide(found.state, entry, entry.received_ms)
        assert frozen(found.state) == before
        found.take(entry)


backs = st.sampled_from([0, 0, 0, 0, 0, 0, 3, 50])
clocks = st.lists(
    st.tuples(st.sampled_from(["p1", "p2", "p3"]), st.integers(0, 2), backs, one), min_size=1, max_size=40
)


def readings_by_clocks_set_back(plan):
    """As `readings_of`, and now and then a device's clock is set back, by less or more than it has run."""
    made, clock = [], {"p1": T0, "p2": T0 - 500_000, "p3": T0}
    for number, (device, gap, back, said) in enumerate(plan):
        clock[device] += gap - back
        quality = int(Quality.CLOCK_SET) if back else 0
        item = reading(device, clock[device], received_ms=T0 + number, quality=quality, **said)
        made.append(replace(item, seq=number))
    return made


@PLENTY
@given(clocks, st.lists(st.integers(0, 40)), st.lists(st.integers(0, 40)), st.integers(0, 39), st.booleans(), st.data())
def test_crash_anywhere_is_harmless_though_clocks_are_set_back(plan, cuts, cuts_after, at, stored, data):
    readings = readings_by_clocks_set_back(plan)
    quiet = station()
    for item in readings:
        quiet.take(batch(item))
    bumpy = station()
    parts = cut(readings, cuts)
    at %= len(parts)
    save_at = data.draw(st.integers(-1, at))
    done = 0
    for number, part in enumerate(parts[: at + 1]):
        if number == save_at:
            bumpy.checkpoint()
        keep = number < at or stored
        bumpy.take(batch(*part), store=keep)
        done += len(part) if keep else 0
    bumpy.crash(T0 + 1_000)
    for part in cut(readings[done:], cuts_after):
        bumpy.take(batch(*part))
    assert outcome(bumpy) == outcome(quiet)
    memories = {key: slot.memory for key, slot in quiet.state.slots.items()}
    assert {key: slot.memory for key, slot in bumpy.state.slots.items()} == memories
    assert {name: watch.clock for name, watch in bumpy.state.watches.items()} == {
        name: watch.clock for name, watch in quiet.state.watches.items()
    }
