"""Any order of readings, silence, people and time keeps the promises of design.md §3."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from alerts.engine import decide
from alerts.inputs import (
    Acknowledge,
    AddNote,
    DeclareMaintenance,
    EndMaintenance,
    Resolve,
    Shelve,
    Tick,
    Unshelve,
)
from alerts.lifecycle import suppressed_by
from domain.kinds import GatewayValues
from domain.readings import StateReport
from tests.support.purity import frozen
from tests.support.rulebook import T0, Bell, Book, Hot, Silent, batch, gateway, info, port, reading, registry
from tests.support.station import LittleStation

PEOPLE = st.sampled_from(["wang", "li"])
DEVICES = st.sampled_from(["p1", "p2"])
GAPS = st.sampled_from([1, 1_000, 61_000, 400_000, 3_700_000])


class Shift(RuleBasedStateMachine):
    """A day at the desk. `LittleStation` itself asserts one open alert per slot and that `rev` rises by one."""

    @initialize()
    def begin(self):
        devices = [gateway("g1"), port("p1", gateway="g1", zone="z"), port("p2", gateway="g1", zone="z")]
        rules = [
            Hot(info("EB-03")),
            Hot(info("EB-05", latching=True, life_safety=True)),
            Bell(info("FC-01", scope="zone", verify_s=180, verify_severity=1, life_safety=True)),
            Bell(info("EB-13", clear="manual")),
            Silent(info("EB-14", symptom_of=("FC-18",))),
            Silent(info("FC-18", kind="gateway", signal=None)),
        ]
        self.station = LittleStation(registry(*devices), Book(*rules))
        self.now = T0
        self.windows = 0

    def take(self, entry):
        before = frozen(self.station.state)
        decide(self.station.state, entry, self.now)
        assert frozen(self.station.state) == before, "decide changed the state"
        return self.station.take(entry, self.now)

    def later(self, gap):
        self.now += gap

    @rule(device=DEVICES, gap=GAPS, value=st.sampled_from([20.0, 65.0, 75.0, 85.0]), lag=st.sampled_from([0, 90_000]))
    def measures(self, device, gap, value, lag):
        self.later(gap)
        self.take(batch(reading(device, self.now - lag, temp_socket=value, received_ms=self.now)))

    @rule(device=DEVICES, gap=GAPS, event=st.sampled_from(["smoke", "zone_clear"]))
    def reports(self, device, gap, event):
        self.later(gap)
        self.take(batch(reading(device, self.now, event=event)))

    @rule(gap=GAPS)
    def gateway_speaks(self, gap):
        self.later(gap)
        self.take(batch(reading("g1", self.now, values=GatewayValues(uptime_s=1.0))))

    @rule(device=st.sampled_from(["p1", "p2", "g1"]), gap=GAPS)
    def dies(self, device, gap):
        self.later(gap)
        self.take(batch(states=(StateReport(device, online=False, ts_ms=self.now, received_ms=self.now),)))

    @rule(gap=GAPS)
    def waits(self, gap):
        self.later(gap)
        cleared = {a.id for a in self.station.alerts.values() if a.cleared_ms is not None}
        self.take(Tick())
        now_cleared = {a.id for a in self.station.alerts.values() if a.cleared_ms is not None}
        assert now_cleared <= cleared, "time alone cleared an alert"

    @rule(data=st.data(), who=PEOPLE, wish=st.sampled_from([Acknowledge, Unshelve, AddNote]), seen=st.booleans())
    def wishes(self, data, who, wish, seen):
        alert = self.pick(data)
        if alert is not None:
            rev = alert.rev if seen else None
            self.take(wish(alert_id=alert.id, actor=who, note="n", rev=rev))

    @rule(data=st.data(), who=PEOPLE, reason=st.sampled_from(["resolved", "false_alarm"]))
    def resolves(self, data, who, reason):
        alert = self.pick(data)
        if alert is not None:
            self.take(Resolve(alert_id=alert.id, actor=who, reason=reason))

    @rule(data=st.data(), who=PEOPLE, second=st.sampled_from([None, "wang", "li"]), hours=st.integers(0, 9))
    def shelves(self, data, who, second, hours):
        alert = self.pick(data)
        if alert is not None:
            until = self.now + hours * 3_600_000
            self.take(Shelve(alert_id=alert.id, actor=who, second=second, until_ms=until, reason="work"))

    @rule(
        who=PEOPLE,
        where=st.sampled_from(["p1", "b1", "c1"]),
        second=st.sampled_from([None, "wang", "li"]),
        rules=st.sampled_from([[], ["EB-03"], ["EB-05", "FC-01"]]),
        hours=st.integers(0, 3),
    )
    def declares(self, who, where, second, rules, hours):
        self.windows += 1
        end = self.now + hours * 3_600_000
        window = f"w{self.windows}"
        wish = DeclareMaintenance(
            window=window, target=where, from_ms=self.now, until_ms=end, reason="work", actor=who, second=second,
            rules=rules,
        )  # fmt: skip
        self.take(wish)

    @rule(number=st.integers(1, 5))
    def ends_work(self, number):
        self.take(EndMaintenance(window=f"w{number}", actor="wang"))

    @rule()
    def restarts(self):
        self.station.checkpoint()
        self.station.crash(self.now)

    def pick(self, data):
        found = list(self.station.alerts.values())[-6:]
        return data.draw(st.sampled_from(found)) if found else None

    @invariant()
    def each_device_knows_how_many_of_its_rules_remember_something(self):
        for watch in self.station.state.watches.values():
            assert watch.awake == sum(one.slot.memory is not None for one in watch.rules)

    @invariant()
    def life_safety_is_suppressed_by_two_people_or_not_at_all(self):
        for alert in self.station.alerts.values():
            if alert.life_safety:
                for reason in alert.suppressed:
                    assert reason.by in ("shelved", "maintenance")
                    assert reason.second
                    assert reason.actor
                    assert reason.second != reason.actor

    @invariant()
    def nobody_shelves_what_is_critical(self):
        for alert in self.station.alerts.values():
            assert not (alert.severity == 1 and suppressed_by(alert, "shelved"))

    @invariant()
    def memory_and_journal_tell_the_same_alerts(self):
        opened = {alert.id: alert.rev for alert in self.station.alerts.values() if alert.open}
        assert {alert.id: alert.rev for alert in self.station.state.alerts.values()} == opened

    @invariant()
    def closed_is_closed(self):
        for alert in self.station.alerts.values():
            if not alert.open:
                assert alert.closed_ms is not None
                assert alert.close_reason
                assert not alert.suppressed


Shift.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestShift = Shift.TestCase
