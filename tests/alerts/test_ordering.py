"""Alerts become orders that somebody answers for; time and the signal have their effect on them."""

import msgspec
import pytest

from alerts import ordering
from alerts.inputs import Acknowledge, Tick, answered
from alerts.orders.commands import OpenOrder, StepOrder
from alerts.orders.events import OrderEvent, OrderOpened
from domain.errors import Conflict, Invalid, NotFound, Rejected
from domain.orders import Evidence, OrderState, OrderStep
from domain.organisations import Contract, Organisation
from domain.places import Name
from domain.registry import Registry
from tests.support.rulebook import T0, Bell, Book, Hot, batch, info, port, reading
from tests.support.rulebook import registry as bare_registry
from tests.support.station import LittleStation

SECOND = 1_000
FIRM = Organisation("pf", "property_firm", Name("恒安物业"))
STREET = Organisation("st", "street", Name("街道"))


def registry(*devices, contracts=True):
    bare = bare_registry(*devices)
    contract = Contract("c", "pf", ["c1"], "2020-01-01")
    return Registry(
        bare.places.values(), [FIRM, STREET], [contract] if contracts else [], bare.devices.values(), version=1
    )


@pytest.fixture
def station():
    return made()


def made(**how):
    station = LittleStation(registry(port("p1"), port("p2"), **how), Book(Hot(info("EB-03"))))
    station.state.book.wanted = True
    return station


def lived(station, until_s, from_s=0):
    for second in range(from_s, until_s + 1):
        station.take(Tick(), T0 + second * SECOND)


def only(station):
    (order,) = station.state.book.open.values()
    return order


def steps(station):
    return [
        "opened" if isinstance(entry.event, OrderOpened) else str(entry.event.step)
        for entry in station.entries
        if isinstance(entry.event, OrderOpened | OrderEvent)
    ]


def test_an_alert_that_rings_gets_an_order_within_its_time_and_the_firm_is_told(station):
    station.take(batch(reading("p1", T0, temp_socket=75.0)))  # severity 2
    lived(station, 29)
    assert station.state.book.open == {}
    lived(station, 30, 30)
    order = only(station)
    assert (order.state, order.organisation, order.severity) == (OrderState.DISPATCHED, "pf", 2)
    assert order.no == "GD-20261118-0001"
    assert order.alerts == (station.only().id,)
    assert steps(station) == ["opened", "dispatch"]
    told = [one for one in station.intents if one.about == "order"]
    assert [one.key for one in told] == [f"{order.id}:1:mqtt", f"{order.id}:2:mqtt"]
    assert told[-1].body["organisation"]["id"] == "pf"


def test_the_gravest_waits_ten_seconds_only(station):
    station.take(batch(reading("p1", T0, temp_socket=85.0)))
    lived(station, 10)
    assert only(station).severity == 1


def test_an_alert_that_is_over_in_time_calls_nobody(station):
    station.take(batch(reading("p1", T0, temp_socket=75.0), reading("p1", T0 + 1, temp_socket=20.0)))
    lived(station, 60)
    assert station.state.book.open == {}


def test_an_acknowledged_alert_still_gets_its_order(station):
    station.take(batch(reading("p1", T0, temp_socket=75.0)))
    station.take(Acknowledge(alert_id=station.only().id, actor="wang"), T0 + 1)
    lived(station, 30)
    assert only(station).state is OrderState.DISPATCHED


def test_two_ports_of_one_shed_are_one_errand_and_a_graver_one_is_its_own(station):
    station.take(batch(reading("p1", T0, temp_socket=75.0)))
    lived(station, 30)
    station.take(batch(reading("p2", T0 + 31 * SECOND, temp_socket=76.0)))
    lived(station, 61, 31)
    assert len(only(station).alerts) == 2
    assert steps(station)[-1] == "join"


def test_an_order_becomes_as_grave_as_its_alert(station):
    station.take(batch(reading("p1", T0, temp_socket=75.0)))
    lived(station, 30)
    station.take(batch(reading("p1", T0 + 31 * SECOND, temp_socket=85.0)))
    lived(station, 32, 32)
    order = only(station)
    assert (order.severity, steps(station)[-1]) == (1, "worsen")
    assert order.clock("accept").due_ms == T0 + 32 * SECOND + 180 * SECOND


def test_nobody_comes_and_the_order_climbs_by_itself(station):
    station.take(batch(reading("p1", T0, temp_socket=85.0)))
    lived(station, 700)
    order = only(station)
    assert (order.level, order.phone) == (3, True)
    assert steps(station).count("escalate") == 3
    assert station.state.book.open[order.id] is order


def test_a_signal_that_recovers_is_noted_and_the_order_stays(station):
    station.take(batch(reading("p1", T0, temp_socket=75.0)))
    lived(station, 30)
    station.take(batch(reading("p1", T0 + 31 * SECOND, temp_socket=20.0)))
    lived(station, 32, 31)
    assert only(station).recovered_ms == T0 + 31 * SECOND
    station.take(batch(reading("p1", T0 + 33 * SECOND, temp_socket=75.0)))
    lived(station, 34, 33)
    assert only(station).recovered_ms is None


def test_where_nobody_answers_for_the_compound_the_order_waits_to_be_given():
    station = made(contracts=False)
    station.take(batch(reading("p1", T0, temp_socket=85.0)))
    lived(station, 10)
    order = only(station)
    assert order.state is OrderState.CREATED
    given = StepOrder(order_id=order.id, actor="disp", step=OrderStep.DISPATCH, organisation="st", cmd="c1")
    decision = station.take(given, T0 + 11 * SECOND)
    assert (decision.answer.state, decision.answer.lead) == (OrderState.DISPATCHED, "st")
    again = station.take(given, T0 + 12 * SECOND)
    assert again.entries == []
    assert again.answer.rev == decision.answer.rev
    other = station.take(StepOrder(order_id=order.id, actor="li", step=OrderStep.ACCEPT, cmd="c1"), T0 + 13 * SECOND)
    assert isinstance(other.refusal, Invalid)


def test_wishes_that_cannot_be_are_refused_by_name(station):
    station.take(batch(reading("p1", T0, temp_socket=85.0)))
    lived(station, 10)
    order = only(station)

    def refused(**wish):
        return station.take(StepOrder(**{"order_id": order.id, "actor": "li", **wish}), T0 + 11 * SECOND).refusal

    assert isinstance(refused(order_id="w-none", step=OrderStep.ACCEPT), NotFound)
    assert isinstance(refused(step=OrderStep.TRANSFER, organisation="nobody", reason="x"), NotFound)
    assert isinstance(refused(step=OrderStep.ACCEPT, rev=1), Conflict)
    assert isinstance(refused(step=OrderStep.VERIFY), Conflict)


def test_a_call_to_the_hotline_becomes_an_order_that_asks_for_a_call_back(station):
    wish = OpenOrder(
        actor="disp", severity=3, compound="c1", place="b1", subject="三号楼楼道停放电动车", source="hotline",
        reporter="d41d8c", cmd="h1",
    )  # fmt: skip
    order = station.take(wish, T0).answer
    assert (order.state, order.organisation, order.source) == (OrderState.DISPATCHED, "pf", "hotline")
    assert station.take(wish, T0 + 1).entries == []
    elsewhere = OpenOrder(actor="d", severity=3, compound="c2", place="b1", subject="x")
    assert isinstance(station.take(elsewhere, T0).refusal, NotFound)


def test_nothing_of_it_happens_where_orders_are_not_wanted():
    station = LittleStation(registry(port("p1")), Book(Hot(info("EB-03"))))
    station.take(batch(reading("p1", T0, temp_socket=85.0)))
    lived(station, 60)
    assert station.state.book.open == {}


def test_a_storm_joins_one_order_in_one_step_and_an_order_holds_so_many(monkeypatch):
    monkeypatch.setattr(ordering, "ORDER_ALERTS_MAX", 30)
    ports = [f"p{number}" for number in range(100)]
    station = LittleStation(registry(*map(port, ports)), Book(Hot(info("EB-03"))))
    station.state.book.wanted = True
    station.take(batch(*(reading(one, T0, temp_socket=75.0) for one in ports)))
    lived(station, 40)
    orders = list(station.state.book.open.values())
    assert [len(one.alerts) for one in orders] == [30, 30, 30, 10]
    assert len({alert for one in orders for alert in one.alerts}) == 100
    assert steps(station).count("join") == 4


def test_an_order_is_looked_at_when_one_of_its_alerts_changes_and_not_each_second(station):
    station.take(batch(reading("p1", T0, temp_socket=75.0)))
    lived(station, 30)
    order, book = only(station), station.state.book
    assert book.due(T0 + 31 * SECOND) == []
    assert book.due(T0 + 60 * 60 * SECOND) == [order.id]
    station.take(Acknowledge(alert_id=station.only().id, actor="wang"), T0 + 31 * SECOND)
    assert book.due(T0 + 31 * SECOND) == [order.id]


PHOTO = Evidence("e1", "0" * 64, "image/jpeg", 1000, "after", "li", T0 + 900 * SECOND)


def went(station, *steps, actor="li", at_s=40, **more):
    """Lets the only order take steps; returns the last refusal."""
    refusal = None
    for step in steps:
        wish = StepOrder(order_id=only(station).id, actor=actor, step=step, **more)
        refusal = station.take(wish, T0 + at_s * SECOND).refusal
    return refusal


def submitted_one(station, temp=75.0):
    station.take(batch(reading("p1", T0, temp_socket=temp)))
    lived(station, 30)
    went(station, OrderStep.ACCEPT, OrderStep.ARRIVE)
    assert went(station, OrderStep.SUBMIT, note="好了", evidence=(PHOTO,)) is None
    return only(station)


def test_what_still_holds_is_not_verified(station):
    submitted_one(station)
    refusal = went(station, OrderStep.VERIFY, actor="wang", at_s=50)
    assert (type(refusal), refusal.code) == (Rejected, "order.alert_stands")
    station.take(batch(reading("p1", T0 + 55 * SECOND, temp_socket=20.0)))
    assert went(station, OrderStep.VERIFY, actor="wang", at_s=60) is None
    assert station.state.book.open == {}


def closed_as_false(station):
    station.take(batch(reading("p1", T0, temp_socket=75.0)))
    lived(station, 30)
    went(station, OrderStep.ACCEPT, OrderStep.ARRIVE)
    went(station, OrderStep.FALSE_ALARM, note="探头坏了", evidence=(PHOTO,))
    assert went(station, OrderStep.VERIFY, actor="wang", at_s=50) is None
    assert station.state.book.open == {}
    lived(station, 200, 51)
    assert station.state.book.open == {}, "nothing new was heard: nobody is called again"


def test_an_alert_that_was_called_false_and_becomes_graver_calls_again(station):
    closed_as_false(station)
    station.take(batch(reading("p1", T0 + 201 * SECOND, temp_socket=85.0)))
    lived(station, 230, 202)
    order = only(station)
    assert (order.severity, order.reopened, order.state) == (1, 1, OrderState.DISPATCHED)
    assert steps(station)[-2:] == ["reopen", "worsen"]


def test_an_alert_that_comes_again_calls_again_also_when_its_order_is_no_longer_at_hand(station):
    closed_as_false(station)
    (old,) = station.state.book.closed
    station.state.book.closed.clear()
    station.take(batch(reading("p1", T0 + 201 * SECOND, temp_socket=85.0)))
    lived(station, 230, 202)
    assert only(station).id != old
    assert only(station).alerts == (station.only().id,)
    lived(station, 240, 231)
    assert len(station.state.book.open) == 1


def test_nobody_joins_an_order_that_stands_still_and_life_safety_rings_for_itself():
    station = LittleStation(registry(port("p1"), port("p2")), Book(Hot(info("EB-03")), Hot(info("EB-04"))))
    station.state.book.wanted = True
    station.take(batch(reading("p1", T0, temp_socket=75.0)))
    lived(station, 40)
    first = next(iter(station.state.book.open.values()))
    assert len(first.alerts) == 2, "two rules about one port: one errand"
    went_on = StepOrder(order_id=first.id, actor="li", step=OrderStep.ACCEPT)
    station.take(went_on, T0 + 41 * SECOND)
    ask = StepOrder(
        order_id=first.id, actor="li", step=OrderStep.ASK_SUSPENSION, reason="等", until_ms=T0 + 3600 * SECOND
    )
    assert station.take(ask, T0 + 42 * SECOND).refusal is None
    station.take(batch(reading("p2", T0 + 43 * SECOND, temp_socket=75.0)))
    lived(station, 80, 43)
    assert len(station.state.book.open) == 2


def test_the_same_alert_twice_by_hand_is_refused_and_the_note_is_kept(station):
    station.take(batch(reading("p1", T0, temp_socket=75.0)))
    lived(station, 30)
    alert = station.only()
    wish = OpenOrder(
        actor="disp", severity=4, compound="c1", place="b1", subject="高温", alert_id=alert.id, note="快去"
    )
    refusal = station.take(wish, T0 + 31 * SECOND).refusal
    assert (type(refusal), refusal.code) == (Conflict, "order.exists")
    early = made()
    early.take(batch(reading("p1", T0, temp_socket=75.0)))
    wish = msgspec.structs.replace(wish, alert_id=early.only().id)
    order = early.take(wish, T0 + SECOND).answer
    assert (order.severity, order.device, order.notes) == (2, "p1", 1)
    opened = next(one.event for one in early.entries if isinstance(one.event, OrderOpened))
    assert opened.note == "快去"
    lived(early, 60)
    assert list(early.state.book.open) == [order.id], "the alert has its order"
    refusal = early.take(msgspec.structs.replace(wish, alert_id="a-none"), T0 + SECOND).refusal
    assert isinstance(refusal, NotFound)


def test_a_command_is_the_same_after_a_restart(station):
    wish = OpenOrder(actor="disp", severity=3, compound="c1", place="b1", subject="x", cmd="h1")
    station.take(wish, T0)
    opened = next(entry for entry in station.entries if isinstance(entry.event, OrderOpened))
    assert answered(opened.event, "disp") == station.state.answers["h1"]
    other = msgspec.structs.replace(wish, kind="fire")
    assert isinstance(station.take(other, T0).refusal, Invalid)


def test_a_clock_set_back_calls_nobody_later(station):
    station.take(batch(reading("p1", T0, temp_socket=85.0)))
    lived(station, 1)
    station.take(Tick(), T0 - 3600 * SECOND)
    assert only(station).severity == 1


@pytest.mark.parametrize(("accepted", "orders"), [(False, 1), (True, 2)])
def test_what_is_graver_goes_along_until_somebody_has_accepted_and_then_rings_for_itself(accepted, orders):
    smoke = info("EB-09", severities=(1,), signal=None)
    station = LittleStation(registry(port("p1")), Book(Hot(info("EB-03")), Bell(smoke, severity=1)))
    station.state.book.wanted = True
    station.take(batch(reading("p1", T0, temp_socket=75.0)))
    lived(station, 30)
    first = only(station)
    if accepted:
        station.take(StepOrder(order_id=first.id, actor="li", step=OrderStep.ACCEPT), T0 + 31 * SECOND)
    station.take(batch(reading("p1", T0 + 32 * SECOND, event="smoke")))
    lived(station, 50, 32)
    found = list(station.state.book.open.values())
    assert len(found) == orders
    assert found[-1].severity == 1
    assert found[-1].clock("accept").due_ms <= T0 + (50 + 180) * SECOND
    assert (found[0].severity, len(found[0].alerts)) == ((2, 1) if accepted else (1, 2))


def test_nobody_is_called_twice_when_an_old_order_would_open_again(station):
    station.take(batch(reading("p1", T0, temp_socket=75.0), reading("p2", T0, temp_socket=75.0)))
    lived(station, 30)
    went(station, OrderStep.ACCEPT, OrderStep.ARRIVE)
    went(station, OrderStep.FALSE_ALARM, note="探头坏了", evidence=(PHOTO,))
    went(station, OrderStep.VERIFY, actor="wang", at_s=50)
    (old,) = station.state.book.closed
    first, second = (one for one in station.alerts.values())
    wish = OpenOrder(actor="disp", severity=2, compound="c1", place="b1", subject="再看看", alert_id=first.id)
    mine = station.take(wish, T0 + 60 * SECOND).answer
    assert first.device == "p1"
    again = StepOrder(order_id=old, actor="wang", step=OrderStep.REOPEN, reason="还热")
    refusal = station.take(again, T0 + 61 * SECOND).refusal
    assert (refusal.code, refusal.params["order"]) == ("order.exists", mine.id)
    station.take(batch(reading("p2", T0 + 70 * SECOND, temp_socket=85.0)))
    lived(station, 90, 71)
    named = [alert for order in station.state.book.open.values() for alert in order.alerts]
    assert sorted(named) == sorted([first.id, second.id])


def test_what_was_said_to_be_done_and_becomes_graver_goes_back_to_the_handler(station):
    submitted_one(station)
    station.take(batch(reading("p1", T0 + 60 * SECOND, temp_socket=85.0)))
    lived(station, 62, 61)
    order = only(station)
    assert (order.state, order.severity, order.submitted_by) == (OrderState.HANDLING, 1, None)
    assert order.clock("handle").due_ms == T0 + (61 + 3600) * SECOND
    lived(station, 3700, 3600)
    assert (only(station).level, only(station).phone) == (4, True)


def test_a_false_alarm_that_comes_again_before_it_is_verified_is_not_closed(station):
    station.take(batch(reading("p1", T0, temp_socket=75.0)))
    lived(station, 30)
    went(station, OrderStep.ACCEPT, OrderStep.ARRIVE)
    went(station, OrderStep.FALSE_ALARM, note="探头坏了", evidence=(PHOTO,))
    station.take(batch(reading("p1", T0 + 50 * SECOND, temp_socket=20.0)))
    lived(station, 51, 51)
    station.take(batch(reading("p1", T0 + 52 * SECOND, temp_socket=85.0)))
    lived(station, 53, 53)
    assert isinstance(went(station, OrderStep.VERIFY, actor="wang", at_s=54), Conflict)
    assert (only(station).state, only(station).severity) == (OrderState.HANDLING, 1)


def test_a_note_on_an_older_order_opens_nothing(station):
    closed_as_false(station)
    (old,) = station.state.book.closed.values()
    wish = OpenOrder(actor="disp", severity=2, compound="c1", place="b1", subject="看", alert_id=old.alerts[0])
    station.take(wish, T0 + 210 * SECOND)
    went(station, OrderStep.ACCEPT, OrderStep.ARRIVE, at_s=211)
    went(station, OrderStep.FALSE_ALARM, note="n", evidence=(PHOTO,), at_s=212)
    went(station, OrderStep.VERIFY, actor="wang", at_s=213)
    last = station.state.book.settled[old.alerts[0]]
    station.take(StepOrder(order_id=old.id, actor="disp", step=OrderStep.NOTE, note="记"), T0 + 220 * SECOND)
    assert station.state.book.settled[old.alerts[0]] == last != (old.id, old.closed_ms, old.severity)
