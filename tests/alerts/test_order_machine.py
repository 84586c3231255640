"""Whatever is measured, done by people, or lost by a crash: who is needed is called, once, and missed in time."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from alerts.inputs import Acknowledge, Resolve, Tick
from alerts.ordering import _HOLDS
from alerts.orders.clocks import overdue
from alerts.orders.commands import BY_HAND, OpenOrder, StepOrder
from alerts.times import local_day
from domain.orders import Evidence, OrderState, OrderStep
from tests.alerts.test_ordering import registry
from tests.support.rulebook import T0, Bell, Book, Hot, batch, info, port, reading
from tests.support.station import LittleStation

SECOND, MINUTE = 1_000, 60_000
PEOPLE = st.sampled_from(["li", "wang", "boss"])
DEVICES = st.sampled_from(["p1", "p2"])
GAPS = st.sampled_from([SECOND, 31 * SECOND, 4 * MINUTE, 12 * MINUTE, 70 * MINUTE, 26 * 60 * MINUTE])
STEPS = sorted(BY_HAND)
SETTLED = frozenset({OrderState.SUBMITTED, OrderState.VERIFIED, OrderState.CLOSED})


class Dispatch(RuleBasedStateMachine):
    """The desk, the firm and the street, for days."""

    @initialize(answers=st.booleans())
    def begin(self, answers):
        rules = [Hot(info("EB-03")), Bell(info("EB-09", severities=(1,), signal=None, life_safety=True), severity=1)]
        self.station = LittleStation(registry(port("p1"), port("p2"), contracts=answers), Book(*rules))
        self.station.state.book.wanted = True
        self.now, self.commands = T0, 0
        self.looked = False

    @property
    def orders(self):
        return {entry.order.id: entry.order for entry in self.station.entries if entry.order is not None}

    def take(self, entry):
        self.now += 7  # nothing happens twice in one millisecond
        self.looked = False
        return self.station.take(entry, self.now)

    def tick(self):
        self.take(Tick())
        self.looked = True

    @rule(device=DEVICES, value=st.sampled_from([20.0, 75.0, 85.0]))
    def measures(self, device, value):
        self.take(batch(reading(device, self.now + 7, temp_socket=value)))

    @rule(device=DEVICES, kind=st.sampled_from(["smoke", "zone_clear"]))
    def tells(self, device, kind):
        self.take(batch(reading(device, self.now + 7, event=kind)))

    @rule(gap=GAPS)
    def waits(self, gap):
        self.now += gap
        self.tick()

    @rule(back=st.sampled_from([1_013, 2 * 60 * MINUTE + 11]))
    def clock_is_set_back(self, back):
        self.now -= back
        self.tick()
        self.tick()

    @rule(data=st.data(), actor=PEOPLE, step=st.sampled_from(STEPS))
    def works(self, data, actor, step):
        orders = sorted(self.orders)
        if not orders:
            return
        order = self.orders[data.draw(st.sampled_from(orders))]
        photo = Evidence(f"e{self.now}", "0" * 64, "image/jpeg", 9, "after", actor, self.now)
        wish = StepOrder(
            order_id=order.id, actor=actor, step=step, note="n", reason="r", leader="zhao",
            organisation="st" if order.organisation == "pf" else "pf", until_ms=self.now + 3 * 60 * MINUTE,
            evidence=data.draw(st.sampled_from([(), (photo,)])),
        )  # fmt: skip
        decision = self.take(wish)
        if decision.refusal is None and step is OrderStep.VERIFY:
            after = self.orders[order.id]
            assert order.false_alarm or not self.standing(after), "what holds was taken off the ledger"

    @rule(data=st.data(), until=st.sampled_from([1, 2, 3, 4]), ends=st.sampled_from(["submit", "false_alarm"]))
    def firm_comes(self, data, until, ends):
        """Along the way that most orders go, as far as `until`."""
        orders = sorted(self.station.state.book.open)
        if not orders:
            return
        self.goes(data.draw(st.sampled_from(orders)), until, ends)

    @rule(device=DEVICES)
    def what_is_hot_is_called_false(self, device):
        """The sensor is to blame, everybody thinks."""
        self.measures(device, 75.0)
        self.waits(31 * SECOND)
        for order in sorted(self.station.state.book.open):
            self.goes(order, 4, "false_alarm")

    def goes(self, order, until, ends):
        photo = Evidence(f"e{self.now}", "0" * 64, "image/jpeg", 9, "after", "li", self.now + 1_000)
        way = (
            ("boss", OrderStep.DISPATCH, {"organisation": "pf"}), ("li", OrderStep.ACCEPT, {}),
            ("li", OrderStep.ARRIVE, {}), ("li", OrderStep(ends), {"note": "n", "evidence": (photo,)}),
            ("wang", OrderStep.VERIFY, {}),
        )  # fmt: skip
        for actor, step, more in way[: until + 1]:
            self.take(StepOrder(order_id=order, actor=actor, step=step, **more))

    @rule(data=st.data(), actor=PEOPLE, resolves=st.booleans())
    def desk(self, data, actor, resolves):
        alerts = sorted(self.station.state.alerts)
        if alerts:
            alert = data.draw(st.sampled_from(alerts))
            if resolves:
                wish = Resolve(alert_id=alert, actor=actor, reason="false_alarm", second="wang", note="n")
            else:
                wish = Acknowledge(alert_id=alert, actor=actor)
            self.take(wish)

    @rule(data=st.data())
    def by_hand(self, data):
        alerts = sorted(self.station.state.alerts)
        if alerts:
            alert = data.draw(st.sampled_from(alerts))
            self.commands += 1
            self.take(OpenOrder(
                actor="boss", severity=3, compound="c1", place="b1", subject="x", alert_id=alert,
                cmd=f"c{self.commands}",
            ))  # fmt: skip

    @rule()
    def crashes(self):
        before = self.station.state.book
        self.station.checkpoint()
        self.station.crash(self.now)
        book, orders = self.station.state.book, self.orders.values()
        closed = sorted((one for one in orders if not one.open), key=lambda one: (one.closed_ms, one.id))
        live = sorted((one for one in orders if one.open), key=lambda one: (one.created_ms, one.id))
        still = self.station.state.alerts
        ordered = {alert for one in orders for alert in one.alerts if alert in still}
        book.begin([*closed, *live], ordered, local_day(self.now), before.last_number)
        book.day = before.day
        assert book.open == before.open
        assert book.unordered.keys() == before.unordered.keys()
        assert book.settled.keys() == before.settled.keys()

    def standing(self, order):
        found = map(self.station.state.alerts.get, order.alerts)
        return [one for one in found if one is not None and one.open and one.state in _HOLDS]

    @invariant()
    def nobody_is_called_twice_for_one_alert(self):
        if hasattr(self, "station"):
            named = [alert for one in self.orders.values() if one.open for alert in one.alerts]
            assert len(named) == len(set(named))

    @invariant()
    def nothing_waits_that_is_due(self):
        if hasattr(self, "station") and self.looked:
            for one in self.orders.values():
                assert overdue(one, self.now) is None

    @invariant()
    def whoever_is_needed_was_called(self):
        if not hasattr(self, "station") or not self.looked:
            return
        for alert in self.station.state.alerts.values():
            waited = self.now - alert.raised_ms
            if alert.suppressed or alert.state not in _HOLDS or 0 <= waited < 30 * SECOND:
                continue
            mine = [one for one in self.orders.values() if alert.id in one.alerts]
            assert mine, f"nobody was called for {alert.id}"
            if not any(one.open for one in mine):
                last = max(mine, key=lambda one: one.closed_ms)
                assert last.false_alarm or last.closed_ms >= alert.last_occurrence_ms
                assert last.severity <= alert.severity

    @invariant()
    def the_gravest_end_at_a_telephone(self):
        if not hasattr(self, "station") or not self.looked:
            return
        for one in self.orders.values():
            late = [clock for clock in one.clocks if clock.name == "handle" and clock.due_ms <= self.now]
            if one.severity == 1 and one.state not in SETTLED and any(clock.done_ms is None for clock in late):
                assert (one.level, one.phone) == (4, True)
            if one.severity == 1 or one.life_safety:
                assert not one.standing
            if one.open and one.severity == 1 and any(clock.breached_ms for clock in one.clocks[:2]):
                assert one.level >= 2 + bool(one.clock("arrive").breached_ms)


TestDispatch = Dispatch.TestCase
TestDispatch.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
