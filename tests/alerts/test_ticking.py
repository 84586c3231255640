"""What time alone leads to."""

import pytest

from alerts.alert import AlertState
from alerts.inputs import Acknowledge, Resolve, Tick
from domain.devices import Device
from domain.kinds import KINDS, ElevatorValues, FireValues, GatewayValues
from domain.places import Name
from domain.readings import DeviceEvent, Quality, Reading, StateReport
from runtime.packs import load_rulebook
from tests.support.rulebook import (
    T0,
    Bell,
    Book,
    Hasty,
    Share,
    Silent,
    batch,
    gateway,
    info,
    port,
    reading,
    registry,
)
from tests.support.station import LittleStation

MINUTE = 60_000


def live(station, device):
    return station.state.watches[device].live


def will(device, at_ms, *, online=False):
    return StateReport(device, online=online, ts_ms=at_ms, received_ms=at_ms)


def test_silent_device_is_overdue_after_two_and_a_half_periods_and_offline_after_five_minutes():
    station = LittleStation(registry(port("p1")), Book())
    station.take(Tick(), T0)
    assert live(station, "p1") == "unknown"
    station.take(batch(reading("p1", T0, power=1.0)))
    assert live(station, "p1") == "online"
    seen = {}
    for second in range(0, 400, 10):
        station.take(Tick(), T0 + second * 1000)
        seen.setdefault(live(station, "p1"), second)
    assert seen == {"online": 0, "overdue": 160, "offline": 310}
    assert station.kinds() == ["liveness.changed"] * 3


def test_last_will_takes_a_device_offline_at_once_and_data_brings_it_back():
    station = LittleStation(registry(port("p1"), port("p2")), Book())
    station.take(batch(reading("p1", T0, power=1.0), reading("p2", T0, power=1.0)))
    assert station.entries[-1].event.devices == ["p1", "p2"]
    station.take(batch(states=(will("p1", T0 + 1),)))
    assert live(station, "p1") == "offline"
    assert station.entries[-1].event.why == "lwt"
    station.take(batch(reading("p1", T0 + 2, power=1.0)))
    assert live(station, "p1") == "online"


def test_reading_that_the_broker_kept_proves_nothing_of_the_device():
    station = LittleStation(registry(port("p1")), Book())
    station.take(batch(reading("p1", T0, power=1.0, quality=int(Quality.RETAINED))))
    assert live(station, "p1") == "unknown"
    station.take(batch(reading("p1", T0 + 1, power=1.0)))
    assert live(station, "p1") == "online"


def test_data_that_arrived_after_the_last_will_outweighs_it():
    station = LittleStation(registry(port("p1")), Book())
    station.take(batch(reading("p1", T0 + 5, power=1.0), states=(will("p1", T0),)))
    assert live(station, "p1") == "online"


def test_our_own_downtime_is_nobodys_silence():
    station = LittleStation(registry(port("p1")), Book(Silent(info("EB-14"))))
    station.take(batch(reading("p1", T0, power=1.0)))
    station.take(Tick(), T0 + 1_000)
    station.checkpoint()
    station.crash(T0 + 3_600_000)
    station.take(Tick(), T0 + 3_600_000)
    station.take(Tick(), T0 + 3_600_000 + 299_000)
    assert (live(station, "p1"), station.alerts) == ("overdue", {})
    station.take(Tick(), T0 + 3_600_000 + 301_000)
    assert live(station, "p1") == "offline"
    assert station.only().rule == "EB-14"


def test_silence_raises_once_and_only_data_clears_it():
    station = LittleStation(registry(port("p1")), Book(Silent(info("EB-14"))))
    station.take(batch(reading("p1", T0, power=1.0)))
    for minute in range(60):
        station.take(Tick(), T0 + minute * MINUTE)
    assert (station.only().state, station.only().occurrences) == ("unacked", 1)
    station.take(batch(reading("p1", T0 + 60 * MINUTE, power=1.0)))
    assert station.only().state is AlertState.RETURNED_UNACKNOWLEDGED


def test_slow_device_clock_does_not_keep_an_offline_alert_open():
    station = LittleStation(registry(port("p1")), Book(Silent(info("EB-14"))))
    station.take(batch(reading("p1", T0, power=1.0)))
    station.take(Tick(), T0 + 10 * MINUTE)
    station.take(Tick(), T0 + 16 * MINUTE)
    station.take(batch(reading("p1", T0 + 13 * MINUTE, power=1.0, received_ms=T0 + 17 * MINUTE)))
    assert station.only().state is AlertState.RETURNED_UNACKNOWLEDGED


def test_alert_is_not_cleared_because_its_device_fell_silent_even_if_a_rule_says_so():
    station = LittleStation(registry(port("p1")), Book(Hasty(info("EB-14"))))
    station.take(batch(reading("p1", T0, power=1.0)))
    station.take(Tick(), T0 + 1_000)
    station.take(Tick(), T0 + 10 * MINUTE)
    assert station.only().state is AlertState.UNACKNOWLEDGED
    station.checkpoint()
    station.crash(T0 + 20 * MINUTE)
    station.take(Tick(), T0 + 20 * MINUTE)
    station.take(Tick(), T0 + 20 * MINUTE + 1_000)
    assert (station.only().state, station.only().occurrences) == ("unacked", 1)


def test_unverified_alert_becomes_critical_after_its_time_and_says_why():
    rule = Bell(info("FC-01", verify_s=180, verify_severity=1))
    station = LittleStation(registry(port("p1")), Book(rule))
    station.take(batch(reading("p1", T0, event="smoke")))
    assert station.only().verify_ms == T0 + 180_000
    station.take(Tick(), T0 + 179_999)
    assert station.only().severity == 2
    decision = station.take(Tick(), T0 + 180_000)
    alert = station.only()
    assert (alert.severity, alert.flags, alert.verify_ms, alert.due_ms) == (1, ["unverified"], None, T0 + 240_000)
    assert station.entries[-1].event.why == "unverified"
    assert decision.intents[0].ring
    station.take(batch(reading("p1", T0 + 200_000, event="smoke")))
    station.take(Tick(), T0 + 900_000)
    assert (station.only().severity, station.only().occurrences) == (1, 2)


def test_acknowledged_alert_is_verified():
    rule = Bell(info("FC-01", verify_s=180, verify_severity=1))
    station = LittleStation(registry(port("p1")), Book(rule))
    station.take(batch(reading("p1", T0, event="smoke")))
    station.take(Acknowledge(alert_id=station.only().id, actor="wang"), T0 + 170_000)
    station.take(Tick(), T0 + 300_000)
    assert station.only().severity == 2


def test_verification_clock_survives_a_restart():
    rule = Bell(info("FC-01", verify_s=180, verify_severity=1))
    station = LittleStation(registry(port("p1")), Book(rule))
    station.take(batch(reading("p1", T0, event="smoke")))
    station.crash(T0 + 100_000)
    station.take(Tick(), T0 + 180_000)
    assert station.only().severity == 1


def test_mass_disconnection_counts_the_devices_of_every_kind_behind_the_gateway():
    about = info("SY-03", kind="gateway", scope="gateway", surveys=True)
    devices = [gateway("g1"), *(port(f"p{n}", gateway="g1") for n in range(4))]
    station = LittleStation(registry(*devices), Book(Share(about)))
    station.take(batch(*(reading(f"p{n}", T0, power=1.0) for n in range(4))))
    station.take(batch(states=(will("p0", T0 + 1),)))
    station.take(Tick(), T0 + 2)
    assert station.alerts == {}
    station.take(batch(states=(will("p1", T0 + 3),)))
    station.take(Tick(), T0 + 4)
    assert (station.only().target, station.only().value) == ("g1", 2.0)
    station.take(batch(reading("p0", T0 + 1_000, power=1.0), reading("p1", T0 + 1_000, power=1.0)))
    station.take(Tick(), T0 + 2_000)
    assert station.only().state is AlertState.RETURNED_UNACKNOWLEDGED


def kept(device, at_ms, *, online):
    return StateReport(device, online=online, ts_ms=at_ms, received_ms=at_ms, retained=True)


def test_a_kept_online_is_no_word_of_the_device_and_ends_no_alert():
    station = LittleStation(registry(port("p1")), Book(Hasty(info("FC-18", life_safety=False))))
    station.take(Tick(), T0)
    station.take(batch(reading("p1", T0, power=1.0)))
    station.take(Tick(), T0 + 10 * MINUTE)
    assert live(station, "p1") == "offline"
    station.take(batch(states=(kept("p1", T0 + 11 * MINUTE, online=True),)))
    station.take(Tick(), T0 + 11 * MINUTE)
    assert live(station, "p1") == "offline"
    assert station.state.watches["p1"].heard_ms == T0
    assert station.only().cleared_ms is None


def test_a_kept_online_fills_in_the_unknown_until_silence_says_otherwise():
    station = LittleStation(registry(port("p1")), Book())
    station.take(Tick(), T0)
    station.take(batch(states=(kept("p1", T0, online=True),)))
    assert live(station, "p1") == "online"
    assert station.state.watches["p1"].heard_ms is None
    station.take(Tick(), T0 + 6 * MINUTE)
    assert live(station, "p1") == "offline"


def test_a_kept_offline_counts_only_for_who_has_not_spoken_lately():
    station = LittleStation(registry(port("p1"), port("p2")), Book())
    station.take(batch(reading("p1", T0, power=1.0)))
    station.take(batch(states=(kept("p1", T0 + 5, online=False), kept("p2", T0 + 5, online=False))))
    assert (live(station, "p1"), live(station, "p2")) == ("online", "offline")


def test_an_online_report_is_as_fresh_as_it_says():
    station = LittleStation(registry(port("p1")), Book())
    station.take(batch(reading("p1", T0, power=1.0)))
    station.take(batch(states=(will("p1", T0 + 1),)))
    old = StateReport("p1", online=True, ts_ms=T0 + MINUTE, received_ms=T0 + 20 * MINUTE)
    station.take(batch(states=(old,)))
    assert live(station, "p1") == "offline"
    station.take(batch(states=(StateReport("p1", online=True, ts_ms=T0 + MINUTE, received_ms=T0 + MINUTE + 9),)))
    assert live(station, "p1") == "online"
    assert station.state.watches["p1"].heard_ms == T0 + MINUTE


def test_numbers_never_go_back_a_day():
    station = LittleStation(registry(port("p1"), port("p2"), port("p3")), Book(Bell(info("EB-13"))))
    midnight = (T0 // 86_400_000 + 1) * 86_400_000 - 8 * 3_600_000
    for name, at in (("p1", midnight - 2), ("p2", midnight + 1), ("p3", midnight - 1)):
        station.take(batch(reading(name, at, event="smoke")))
    numbers = [alert.no for alert in station.alerts.values()]
    assert len(set(numbers)) == 3
    assert [number[-4:] for number in numbers] == ["0001", "0001", "0002"]


def silent_house():
    """A gateway and a device behind it, judged by the shipped rules; both heard once."""
    devices = [gateway("g1"), port("p1", gateway="g1")]
    station = LittleStation(registry(*devices), load_rulebook())
    station.take(Tick(), T0)
    speak(station, T0)
    return station


def speak(station, at):
    values = GatewayValues(uptime_s=1.0)
    station.take(batch(reading("g1", at, values=values), reading("p1", at, power=1.0)))


def minutes(station, begin, count, *, spoken):
    for minute in range(count):
        at = begin + minute * MINUTE
        if spoken:
            speak(station, at)
        station.take(Tick(), at)


def standing(station):
    return {alert.rule for alert in station.alerts.values() if alert.open and alert.cleared_ms is None}


def test_alert_about_silence_returns_after_a_crash_that_forgot_it():
    station = silent_house()
    station.checkpoint()
    minutes(station, T0 + MINUTE, 20, spoken=False)
    assert "FC-18" in standing(station)
    station.crash(T0 + 21 * MINUTE)
    minutes(station, T0 + 21 * MINUTE, 20, spoken=True)
    assert standing(station) == set()
    assert all(not alert.suppressed for alert in station.alerts.values() if alert.open)


def test_silence_after_a_crash_that_forgot_the_last_return_is_noticed():
    station = silent_house()
    minutes(station, T0 + MINUTE, 20, spoken=False)
    station.checkpoint()
    minutes(station, T0 + 21 * MINUTE, 20, spoken=True)
    assert standing(station) == set()
    station.crash(T0 + 41 * MINUTE)
    minutes(station, T0 + 41 * MINUTE, 20, spoken=False)
    assert "FC-18" in standing(station)


def test_silence_is_noticed_although_the_clock_was_set_back():
    station = silent_house()
    ahead = T0 + 120 * MINUTE
    speak(station, ahead)
    minutes(station, ahead, 20, spoken=False)
    assert "FC-18" in standing(station)
    speak(station, ahead + 20 * MINUTE)
    minutes(station, ahead + 20 * MINUTE, 20, spoken=True)
    assert standing(station) == set()
    minutes(station, T0 + MINUTE, 30, spoken=False)
    assert live(station, "g1") == "offline"
    assert "FC-18" in standing(station)


# --- silence and the shipped rules, all of them, with nothing but the journal -----------------------------------------

HOUR = 60 * MINUTE


def device_of(name, kind, kind_type):
    return Device(name, kind, "c1", "b1", Name(name), type=kind_type, gateway="g1")


def whole_house():
    """A gateway, a lift, a fire terminal and ports, of which four make more than the share that `SY-03` allows."""
    found = [gateway("g1"), device_of("l1", "elevator", "lift"), device_of("f1", "fire", "uitd")]
    return LittleStation(registry(*found, *(port(f"p{n}", gateway="g1") for n in range(6))), load_rulebook())


def say_all(station, at):
    said = {"gateway": GatewayValues(uptime_s=1.0), "elevator": ElevatorValues(main_power=True),
            "fire": FireValues(battery=90.0)}  # fmt: skip
    devices = [watch.device for watch in station.state.watches.values()]
    station.take(
        batch(*(
            Reading(device.id, device.kind, at, at, said.get(device.kind) or KINDS["ebike"].values(power=1.0))
            for device in devices
        ))
    )  # fmt: skip


def pass_time(station, begin, count, *, spoken):
    for minute in range(count):
        if spoken:
            say_all(station, begin + minute * MINUTE)
        station.take(Tick(), begin + minute * MINUTE)


def test_every_shipped_alert_about_silence_returns_though_nothing_but_the_journal_is_left_of_it():
    station = whole_house()
    station.take(Tick(), T0)
    pass_time(station, T0, 3, spoken=True)
    pass_time(station, T0 + 3 * MINUTE, 30, spoken=False)
    assert {"FC-18", "FC-18U", "EL-18", "SY-03"} <= standing(station)
    assert any(alert.suppressed for alert in station.alerts.values())
    station.stored.clear()
    station.crash(T0 + 33 * MINUTE)
    pass_time(station, T0 + 33 * MINUTE, 20, spoken=True)
    assert standing(station) == set()
    assert all(not alert.suppressed for alert in station.alerts.values() if alert.open)


def test_silence_that_a_person_dismissed_is_not_told_again_by_every_restart():
    station = silent_house()
    minutes(station, T0 + MINUTE, 20, spoken=False)
    (alert,) = station.of("FC-18")
    wish = Resolve(alert_id=alert.id, actor="wang", reason="maintenance", second="li")
    assert station.take(wish, T0 + 21 * MINUTE).refusal is None
    station.checkpoint()
    station.crash(T0 + 22 * MINUTE)
    minutes(station, T0 + 22 * MINUTE, 20, spoken=False)
    assert len(station.of("FC-18")) == 1
    minutes(station, T0 + 42 * MINUTE, 20, spoken=True)
    minutes(station, T0 + 62 * MINUTE, 20, spoken=False)
    assert len(station.of("FC-18")) == 2, "it spoke in between: a new silence"


@pytest.mark.parametrize("silent_before", [False, True])
def test_silence_is_noticed_and_ends_although_the_clock_was_set_back_while_we_were_away(silent_before):
    station = silent_house()
    ahead = T0 + 2 * HOUR
    speak(station, ahead)
    station.take(Tick(), ahead)
    if silent_before:
        minutes(station, ahead + MINUTE, 20, spoken=False)
        assert "FC-18" in standing(station)
    station.checkpoint()
    station.crash(T0 + MINUTE)
    minutes(station, T0 + MINUTE, 20, spoken=silent_before)
    assert standing(station) == set() if silent_before else "FC-18" in standing(station)


# --- what was told for good -------------------------------------------------------------------------------------------


def lift_house():
    station = LittleStation(registry(Device("l1", "elevator", "c1", "b1", Name("l1"), type="lift")), load_rulebook())
    station.take(Tick(), T0 - MINUTE)
    return station


def tell(at, event=None, *, received=None, quality=0, **values):
    said = ElevatorValues(**values) if values else None
    kind = None if event is None else DeviceEvent(event)
    return Reading("l1", "elevator", at, received or at, said, kind, quality=quality)


def seconds(station, begin, count):
    for second in range(count):
        station.take(Tick(), begin + second * 1000)


def test_our_own_downtime_completes_no_hold():
    station = lift_house()
    station.take(batch(tell(T0, "power_loss")))
    seconds(station, T0, 10)
    station.checkpoint()
    station.crash(T0 + HOUR)
    seconds(station, T0 + HOUR, 29)
    assert station.of("EL-13") == [], "what it said meanwhile may still be waiting at the broker"
    station.take(batch(tell(T0 + 15_000, "no_fault", received=T0 + HOUR + 29_000)))
    seconds(station, T0 + HOUR + 30_000, 60)
    assert station.of("EL-13") == []


def test_a_mains_failure_is_raised_after_our_own_downtime_if_it_lasts():
    station = lift_house()
    station.take(batch(tell(T0, "power_loss")))
    station.checkpoint()
    station.crash(T0 + HOUR)
    seconds(station, T0 + HOUR, 32)
    assert len(station.of("EL-13")) == 1


def test_words_that_it_is_online_do_not_keep_a_hold_from_its_end():
    station = lift_house()
    station.take(batch(tell(T0, "power_loss")))
    for at in range(T0 + 10_000, T0 + 50_000, 10_000):
        station.take(batch(states=(will("l1", at, online=True),)))
        station.take(Tick(), at)
    assert [alert.onset_ms for alert in station.of("EL-13")] == [T0 + 30_000]


def test_an_event_that_comes_late_begins_its_hold_when_it_comes():
    station = lift_house()
    station.take(batch(tell(T0, speed=0.0)))
    station.take(batch(tell(T0 - 2_000, "power_loss", received=T0 + 5_000, quality=int(Quality.LATE))))
    seconds(station, T0 + 5_000, 30)
    assert station.of("EL-13") == []
    seconds(station, T0 + 35_000, 3)
    assert len(station.of("EL-13")) == 1


@pytest.mark.parametrize("crash", [False, True])
def test_an_end_that_was_long_on_its_way_still_ends_what_time_had_raised(crash):
    station = lift_house()
    station.take(batch(tell(T0, "power_loss")))
    station.checkpoint()
    seconds(station, T0, 35)
    assert standing(station) == {"EL-13"}
    if crash:
        station.crash(T0 + 36_000)
        station.take(Tick(), T0 + 36_000)
    station.take(batch(tell(T0 + 25_000, "no_fault", received=T0 + 40_000)))
    assert standing(station) == set()
    seconds(station, T0 + 41_000, 60)
    assert len(station.of("EL-13")) == 1
    station.take(batch(tell(T0 + 200_000, "power_loss")))
    seconds(station, T0 + 200_000, 32)
    assert standing(station) == {"EL-13"}


def test_a_reading_that_the_broker_kept_does_not_outweigh_a_last_will():
    station = LittleStation(registry(port("p1")), Book())
    kept = StateReport("p1", online=False, ts_ms=T0, received_ms=T0, retained=True)
    word = reading("p1", T0 - 1, received_ms=T0 + 1, power=1.0, quality=int(Quality.RETAINED))
    station.take(batch(word, states=(kept,)))
    assert live(station, "p1") == "offline"
