"""The life of an order: every step from every state, what people may ask, and what time leads to."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from alerts.orders.calendar import WorkCalendar
from alerts.orders.clocks import next_look, overdue
from alerts.orders.commands import BY_HAND, StepOrder, steps_for
from alerts.orders.events import OrderEvent
from alerts.orders.lifecycle import TABLE, apply, clocks_from
from domain.errors import AnjuError, Conflict, Rejected
from domain.limits import ORDER_RESTARTS_MAX
from domain.orders import Evidence, OrderState, OrderStep, WorkOrder

MINUTE = 60_000
HOUR = 60 * MINUTE
T0 = 1_795_399_200_000
"""2026-11-23T10:00 in China, a Monday."""
CALENDAR = WorkCalendar()
PHOTO = Evidence("e1", "0" * 64, "image/jpeg", 1000, "after", "li", T0)


def order(severity=1, **more):
    base = {
        "id": "o1", "no": "GD-20261123-0001", "state": OrderState.CREATED, "rev": 1, "severity": severity,
        "kind": "elevator", "compound": "tj-hty", "place": "tj-hty-b1-u1", "subject": "EL-01", "source": "alert",
        "created_ms": T0, "changed_ms": T0, "level_ms": T0, "alerts": ("a1",),
    }  # fmt: skip
    return WorkOrder(**base | more)


def event(step, **more):
    return OrderEvent("o1", step, **more)


def after(one, *steps, at=T0, actor="li", **more):
    for step in steps:
        wish = step if isinstance(step, OrderEvent) else event(step, **more)
        one = apply(one, wish, actor, at, CALENDAR)
    return one


def dispatched(severity=1, **more):
    return after(order(severity, **more), event(OrderStep.DISPATCH, organisation="pf"), actor="clock")


def ask(one, step, actor="li", at=T0, **more):
    """What `steps_for` says, applied."""
    for follows in steps_for(one, StepOrder(order_id="o1", actor=actor, step=step, **more), at):
        one = apply(one, follows, actor, at, CALENDAR)
    return one


def lived(one, until_ms, step_ms=1000, from_ms=T0):
    """[(minutes since T0, step, level or clock, reason)] of what time alone leads to."""
    found = []
    for now_ms in range(from_ms, until_ms + 1, step_ms):
        while (due := overdue(one, now_ms)) is not None:
            one = apply(one, due, "clock", now_ms, CALENDAR)
            found.append((round((now_ms - T0) / MINUTE, 1), due.step.value, due.level or due.clock, due.reason))
    return one, found


# --- the table ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "step"), list(product(OrderState, OrderStep)))
def test_a_step_without_meaning_is_a_conflict_and_every_other_raises_the_revision(state, step):
    one = order(state=state)
    wish = event(step, organisation="st", level=2, until_ms=T0 + HOUR, alerts=("a2",))
    if step in TABLE[state]:
        moved = apply(one, wish, "li", T0 + 1, CALENDAR)
        assert (moved.state, moved.rev) == (TABLE[state][step], 2)
    else:
        with pytest.raises(Conflict):
            apply(one, wish, "li", T0 + 1, CALENDAR)


def test_the_whole_way_stops_one_clock_after_another_and_closes():
    one = dispatched()
    assert {clock.name for clock in one.clocks} == {"accept", "arrive", "handle", "close"}
    one = ask(one, OrderStep.ACCEPT, at=T0 + MINUTE)
    assert (one.handler, one.clock("accept").done_ms, one.clock("arrive").done_ms) == ("li", T0 + MINUTE, None)
    one = ask(one, OrderStep.ARRIVE, at=T0 + 2 * MINUTE)
    one = ask(one, OrderStep.HANDLE, at=T0 + 3 * MINUTE)
    one = ask(one, OrderStep.SUBMIT, at=T0 + 9 * MINUTE, note="已救出", evidence=(PHOTO,))
    assert (one.state, one.clock("handle").done_ms) == (OrderState.SUBMITTED, T0 + 9 * MINUTE)
    with pytest.raises(Rejected, match="somebody else"):
        ask(one, OrderStep.VERIFY)
    one = ask(one, OrderStep.VERIFY, actor="wang", at=T0 + 20 * MINUTE)
    assert (one.state, one.verified_by, one.close_reason) == (OrderState.CLOSED, "wang", "done")
    assert all(clock.done_ms is not None for clock in one.clocks)
    assert lived(one, T0 + 48 * HOUR, step_ms=HOUR)[1] == []


def test_what_was_rejected_goes_back_to_the_handler_and_its_clock_runs_on():
    one = ask(ask(dispatched(), OrderStep.ACCEPT), OrderStep.ARRIVE)
    one = ask(one, OrderStep.SUBMIT, note="好了", evidence=(PHOTO,), at=T0 + 10 * MINUTE)
    one = ask(one, OrderStep.REJECT, actor="wang", reason="门仍关不严", at=T0 + 20 * MINUTE)
    assert (one.state, one.clock("handle").done_ms) == (OrderState.HANDLING, None)
    assert ("breach", "handle") in [(step, what) for _, step, what, _ in lived(one, T0 + 61 * MINUTE)[1]]


# --- what people may ask --------------------------------------------------------------------------------------------


def test_the_grave_is_handled_on_site_and_shown_by_a_photo():
    one = ask(dispatched(2), OrderStep.ACCEPT)
    for step in (OrderStep.HANDLE, OrderStep.SUBMIT):
        with pytest.raises(Rejected, match="arrive first"):
            ask(one, step, note="好了")
    one = ask(one, OrderStep.ARRIVE)
    with pytest.raises(Rejected, match="photo"):
        ask(one, OrderStep.SUBMIT, note="好了")
    assert ask(one, OrderStep.SUBMIT, note="好了", evidence=(PHOTO,)).state is OrderState.SUBMITTED


def test_a_false_alarm_needs_evidence_and_another_person():
    one = ask(dispatched(3), OrderStep.ACCEPT)
    with pytest.raises(Rejected):
        ask(one, OrderStep.FALSE_ALARM, note="没有烟")
    one = ask(one, OrderStep.FALSE_ALARM, note="没有烟", evidence=(PHOTO,))
    with pytest.raises(Rejected, match="somebody else"):
        ask(one, OrderStep.VERIFY)
    assert ask(one, OrderStep.VERIFY, actor="wang").close_reason == "false_alarm"


def test_an_order_is_returned_twice_at_most_and_its_next_holder_has_the_time_to_accept_anew():
    one = dispatched()
    for times in (1, 2):
        one = ask(one, OrderStep.RETURN, reason="非本单位电梯", at=T0 + times * MINUTE)
        assert (one.state, one.organisation, one.returns, one.lead) == (OrderState.CREATED, None, times, "pf")
        one = ask(one, OrderStep.DISPATCH, organisation="pf2", actor="disp", at=T0 + times * 2 * MINUTE)
        assert one.clock("accept").due_ms == T0 + times * 2 * MINUTE + 3 * MINUTE
        assert one.clock("handle").due_ms == T0 + HOUR
    with pytest.raises(Rejected, match="returned 2 times"):
        ask(one, OrderStep.RETURN, reason="还是不归我们")


def test_who_had_it_first_leads_after_a_transfer():
    one = ask(dispatched(), OrderStep.TRANSFER, organisation="me", reason="维保单位处理", actor="disp")
    assert (one.state, one.organisation, one.lead) == (OrderState.DISPATCHED, "me", "pf")
    with pytest.raises(AnjuError, match="instead"):
        ask(one, OrderStep.TRANSFER, organisation="me", reason="again")


def test_life_safety_never_stands_still():
    for one in (dispatched(1), dispatched(2, life_safety=True)):
        with pytest.raises(Rejected, match="never stand still"):
            ask(ask(one, OrderStep.ACCEPT), OrderStep.ASK_SUSPENSION, reason="等配件", until_ms=T0 + HOUR)


def test_clocks_stand_still_while_suspended_and_the_pause_is_recorded():
    one = ask(ask(dispatched(2), OrderStep.ACCEPT), OrderStep.ARRIVE)
    one = ask(one, OrderStep.ASK_SUSPENSION, reason="等配件", until_ms=T0 + 10 * HOUR)
    assert one.clock("handle").due_ms == T0 + 4 * HOUR, "asking alone stops nothing"
    with pytest.raises(Rejected, match="somebody else"):
        ask(one, OrderStep.SUSPEND)
    one = ask(one, OrderStep.SUSPEND, actor="boss", at=T0 + HOUR)
    with pytest.raises(Rejected, match="resume"):
        ask(one, OrderStep.SUBMIT, note="好了", evidence=(PHOTO,))
    one, found = lived(one, T0 + 10 * HOUR, step_ms=MINUTE)
    assert found == [(600.0, "resume", None, "expired")]
    assert one.suspended_ms == 9 * HOUR
    assert one.clock("handle").due_ms == T0 + 13 * HOUR


def test_what_began_during_a_pause_stood_still_for_the_rest_of_it_only():
    one = ask(dispatched(3), OrderStep.ACCEPT)
    one = ask(one, OrderStep.ASK_SUSPENSION, reason="等", until_ms=T0 + 4 * HOUR)
    one = ask(one, OrderStep.SUSPEND, actor="boss")
    one = ask(one, OrderStep.SUPERVISE, leader="zhao", until_ms=T0 + 6 * HOUR, at=T0 + HOUR)
    one = ask(one, OrderStep.REFUSED_ADVICE, at=T0 + 3 * HOUR)
    one, found = lived(one, T0 + 4 * HOUR, step_ms=HOUR, from_ms=T0 + 4 * HOUR)
    assert [step for _, step, _, _ in found] == ["resume"]
    assert one.clock("supervise").due_ms == T0 + 6 * HOUR
    assert one.level_ms == T0 + 4 * HOUR


def test_that_there_was_nothing_is_seen_on_site():
    one = ask(dispatched(1), OrderStep.ACCEPT)
    with pytest.raises(Rejected, match="on site"):
        ask(one, OrderStep.FALSE_ALARM, note="没有烟", evidence=(PHOTO,))


def test_a_suspension_nobody_approves_lapses():
    one = ask(ask(dispatched(3), OrderStep.ACCEPT), OrderStep.ASK_SUSPENSION, reason="等", until_ms=T0 + HOUR)
    one, found = lived(one, T0 + HOUR, step_ms=MINUTE)
    assert found[-1][1:] == ("resume", None, "not_approved")
    assert one.suspended_ms == 0


def test_a_hotline_case_is_closed_only_when_its_caller_was_called_back():
    one = ask(dispatched(3, source="hotline", alerts=()), OrderStep.ACCEPT)
    one = ask(one, OrderStep.SUBMIT, note="已劝离")
    one = ask(one, OrderStep.VERIFY, actor="wang")
    assert one.state is OrderState.VERIFIED
    one = ask(one, OrderStep.CALL_BACK, actor="wang", note="满意")
    assert one.state is OrderState.CLOSED


def test_failed_dissuasion_goes_to_the_competent_department_at_once():
    one = ask(ask(dispatched(3), OrderStep.ACCEPT), OrderStep.REFUSED_ADVICE, note="拒不挪车")
    assert (one.refused_advice, one.level) == (True, 3)


def test_reopening_begins_again_and_counts():
    one = ask(ask(dispatched(3), OrderStep.ACCEPT), OrderStep.SUBMIT, note="好了")
    one = ask(one, OrderStep.VERIFY, actor="wang", at=T0 + HOUR)
    one = ask(one, OrderStep.REOPEN, actor="wang", reason="又漏水", at=T0 + 2 * HOUR)
    assert (one.state, one.organisation, one.reopened) == (OrderState.DISPATCHED, "pf", 1)
    assert one.clock("accept").done_ms is None
    assert one.clock("accept").from_ms == T0 + 2 * HOUR


def test_a_step_on_an_older_revision_is_a_conflict():
    with pytest.raises(Conflict):
        ask(dispatched(), OrderStep.ACCEPT, rev=1)


def test_nobody_escalates_or_closes_by_hand():
    for step in set(OrderStep) - BY_HAND:
        with pytest.raises(Rejected):
            ask(dispatched(), step)


# --- what time leads to ---------------------------------------------------------------------------------------------


def test_four_hours_in_which_nobody_comes_to_an_entrapment_climb_to_a_telephone():
    one, found = lived(dispatched(), T0 + 4 * HOUR)
    assert found == [
        (1.5, "urge", "accept", "clock"),
        (2.4, "urge", "accept", "clock"),
        (3.0, "breach", "accept", ""),
        (3.0, "escalate", 2, "accept"),
        (5.0, "urge", "arrive", "clock"),
        (8.0, "urge", "arrive", "clock"),
        (10.0, "breach", "arrive", ""),
        (10.0, "escalate", 3, "arrive"),
        (10.0, "escalate", 3, "phone"),
        (30.0, "urge", "handle", "clock"),
        (48.0, "urge", "handle", "clock"),
        (60.0, "breach", "handle", ""),
        (60.0, "escalate", 4, "handle"),
    ]
    assert one.phone
    assert one.level == 4


def test_who_accepts_in_time_and_does_not_come_is_as_late_as_who_never_accepts():
    one = ask(dispatched(), OrderStep.ACCEPT, at=T0 + MINUTE)
    one, found = lived(one, T0 + 59 * MINUTE, from_ms=T0 + MINUTE)
    assert [(at, what) for at, step, what, _ in found if step == "escalate"] == [(10.0, 2), (10.0, 3), (10.0, 3)]
    assert one.phone
    one, found = lived(ask(dispatched(2), OrderStep.ACCEPT, at=T0 + MINUTE), T0 + 2 * HOUR)
    assert [(at, what) for at, step, what, _ in found if step == "escalate"] == [(60.0, 2)]


@pytest.mark.parametrize("how", ["returned", "nobody answers for the compound"])
def test_an_order_that_nobody_has_climbs_like_one_that_nobody_accepts(how):
    if how == "returned":
        one = ask(dispatched(), OrderStep.RETURN, reason="非本单位电梯")
    else:
        one = replace(order(), clocks=clocks_from(order(), T0, CALENDAR, maintenance=False))
    assert one.state is OrderState.CREATED
    one, found = lived(one, T0 + HOUR)
    assert [(at, what) for at, step, what, _ in found if step == "escalate"] == [
        (3.0, 2), (10.0, 3), (10.0, 3), (60.0, 4),
    ]  # fmt: skip
    assert one.phone


def test_an_order_that_is_passed_round_and_round_is_late_at_some_time():
    one = dispatched()
    for number in range(20):
        to = ("me", "pf")[number % 2]
        one = ask(
            one, OrderStep.TRANSFER, organisation=to, reason="不归我们", actor="disp", at=T0 + number * 2 * MINUTE
        )
    assert one.restarts == ORDER_RESTARTS_MAX
    last = T0 + (ORDER_RESTARTS_MAX - 1) * 2 * MINUTE
    assert last <= one.clock("accept").due_ms - 3 * MINUTE < T0 + 38 * MINUTE
    assert [what for _, step, what, _ in lived(one, T0 + 38 * MINUTE, from_ms=T0 + 38 * MINUTE)[1] if step == "breach"]


def test_what_becomes_grave_waits_for_nothing_that_was_asked_or_allowed_before():
    asked = ask(ask(dispatched(2), OrderStep.ACCEPT), OrderStep.ASK_SUSPENSION, reason="等配件", until_ms=T0 + 9 * HOUR)
    stands = ask(asked, OrderStep.SUSPEND, actor="boss")
    for one in (asked, stands):
        worse = after(one, event(OrderStep.WORSEN, severity=1), at=T0 + HOUR)
        assert worse.suspension is None
        assert worse.clock("arrive").due_ms <= T0 + HOUR + 10 * MINUTE
        vital = after(one, event(OrderStep.JOIN, alerts=("a2",), life_safety=True), at=T0 + HOUR)
        assert (vital.life_safety, vital.standing) == (True, False)
    vital = after(asked, event(OrderStep.JOIN, alerts=("a2",), life_safety=True))
    with pytest.raises(Rejected, match="asked"):
        ask(vital, OrderStep.SUSPEND, actor="boss")
    late = replace(asked, life_safety=True)  # as an earlier version left it
    with pytest.raises(Rejected, match="never stand still"):
        ask(late, OrderStep.SUSPEND, actor="boss")


def test_graver_limits_know_who_comes_from_afar_and_what_is_behind():
    one = after(order(4), event(OrderStep.DISPATCH, organisation="me"))
    one = ask(ask(one, OrderStep.ACCEPT), OrderStep.HANDLE)
    worse = apply(one, event(OrderStep.WORSEN, severity=1), "clock", T0 + HOUR, CALENDAR, maintenance=True)
    assert worse.clock("arrive").done_ms == T0 + HOUR, "whoever handles it is there"
    one = after(order(4), event(OrderStep.DISPATCH, organisation="me"))
    worse = apply(one, event(OrderStep.WORSEN, severity=1), "clock", T0 + HOUR, CALENDAR, maintenance=True)
    assert worse.clock("arrive").due_ms == T0 + HOUR + 30 * MINUTE
    assert worse.clock("accept").due_ms == T0 + HOUR + 3 * MINUTE


def test_a_clock_set_back_makes_no_deadline_later():
    one = after(order(), event(OrderStep.DISPATCH, organisation="pf"), at=T0 + 10 * HOUR)
    one, found = lived(replace(one, level_ms=T0 + 10 * HOUR), T0 + 3 * MINUTE)
    assert found[0] == (0.0, "worsen", None, "clock_set_back")
    assert (3.0, "breach", "accept", "") in found
    one = ask(dispatched(3, life_safety=False), OrderStep.ACCEPT, at=T0)
    supervised = ask(one, OrderStep.SUPERVISE, leader="zhao", until_ms=T0 + 20 * HOUR, at=T0 + 9 * HOUR)
    assert len(lived(supervised, T0 + 2, step_ms=1)[1]) == 0, "and says so once"


def test_suspensions_have_seven_days_altogether_and_our_absence_adds_nothing():
    one = ask(ask(dispatched(2), OrderStep.ACCEPT), OrderStep.ARRIVE)
    one = ask(one, OrderStep.ASK_SUSPENSION, reason="等配件", until_ms=T0 + 100 * HOUR)
    one = ask(one, OrderStep.SUSPEND, actor="boss")
    one, found = lived(one, T0 + 300 * HOUR, from_ms=T0 + 300 * HOUR)
    assert found[0][1:] == ("resume", None, "expired")
    assert one.suspended_ms == 100 * HOUR
    with pytest.raises(AnjuError, match=r"at most 2\.8 days"):
        ask(one, OrderStep.ASK_SUSPENSION, reason="还等", until_ms=T0 + 370 * HOUR, at=T0 + 300 * HOUR)


def test_whoever_worked_on_it_verifies_nothing():
    one = ask(ask(dispatched(), OrderStep.ACCEPT, actor="li", handler="wang"), OrderStep.ARRIVE, actor="zhao")
    one = ask(one, OrderStep.SUBMIT, actor="sun", note="好了", evidence=(PHOTO,))
    assert (one.handler, one.worked_by) == ("li", ("li", "zhao", "sun"))
    for actor in ("li", "zhao", "sun"):
        with pytest.raises(Rejected, match="somebody else"):
            ask(one, OrderStep.VERIFY, actor=actor)
    assert ask(one, OrderStep.VERIFY, actor="wang").verified_by == "wang"


def test_handling_says_that_somebody_has_come():
    one = ask(ask(dispatched(3), OrderStep.ACCEPT), OrderStep.HANDLE, at=T0 + MINUTE)
    assert one.clock("arrive").done_ms == T0 + MINUTE


def test_evidence_that_did_not_do_before_does_not_do_again():
    one = ask(ask(dispatched(), OrderStep.ACCEPT), OrderStep.ARRIVE)
    one = ask(one, OrderStep.SUBMIT, note="好了", evidence=(PHOTO,), at=T0 + MINUTE)
    one = ask(one, OrderStep.REJECT, actor="wang", reason="没修好", at=T0 + 2 * MINUTE)
    with pytest.raises(Rejected, match="photo"):
        ask(one, OrderStep.SUBMIT, note="好了", at=T0 + 3 * MINUTE)
    newer = replace(PHOTO, id="e2", at_ms=T0 + 3 * MINUTE)
    assert ask(one, OrderStep.SUBMIT, note="好了", evidence=(newer,), at=T0 + 3 * MINUTE).submitted_by == "li"


def test_supervision_and_calling_back_have_deadlines_that_are_watched():
    one = ask(dispatched(2), OrderStep.SUPERVISE, leader="zhao", until_ms=T0 + 5 * MINUTE, actor="street")
    assert ("breach", "supervise") in [(step, what) for _, step, what, _ in lived(one, T0 + 5 * MINUTE)[1]]
    one = ask(dispatched(3, source="hotline", alerts=()), OrderStep.ACCEPT)
    one = ask(one, OrderStep.SUBMIT, note="已劝离")
    with pytest.raises(Rejected, match="once somebody has looked"):
        ask(one, OrderStep.CALL_BACK, actor="wang", note="满意")
    one = ask(one, OrderStep.VERIFY, actor="wang")
    assert one.call_back_due_ms == one.clock("call_back").due_ms == T0 + 24 * HOUR
    assert ("breach", "call_back") in [(step, what) for _, step, what, _ in lived(one, T0 + 24 * HOUR, MINUTE)[1]]
    back = ask(one, OrderStep.REJECT, actor="wang", reason="来电人说车还在")
    assert (back.state, back.verified_by, back.clock("call_back")) == (OrderState.HANDLING, None, None)


def test_maintenance_units_have_half_an_hour_to_arrive():
    one = apply(order(), event(OrderStep.DISPATCH, organisation="me"), "clock", T0, CALENDAR, maintenance=True)
    assert one.clock("arrive").due_ms == T0 + 30 * MINUTE


def test_an_order_that_was_accepted_in_time_climbs_only_for_what_is_late():
    one = ask(dispatched(), OrderStep.ACCEPT, at=T0 + MINUTE)
    one = ask(one, OrderStep.ARRIVE, at=T0 + 9 * MINUTE)
    one, found = lived(one, T0 + 2 * HOUR, from_ms=T0 + 9 * MINUTE)
    assert [(step, what) for _, step, what, _ in found] == [
        ("urge", "handle"), ("urge", "handle"), ("breach", "handle"),
        ("escalate", 2), ("escalate", 3), ("escalate", 4), ("escalate", 4),
    ]  # fmt: skip
    assert one.phone


def test_lesser_orders_wait_for_working_hours():
    one = after(order(3), event(OrderStep.DISPATCH, organisation="pf"), at=T0 + 7 * HOUR)  # 17:00
    assert one.clock("accept").due_ms == T0 + 23 * HOUR, "09:00 the next day"


def test_nothing_is_made_up_for_after_a_long_time_away():
    one, found = lived(dispatched(), T0 + 4 * HOUR, step_ms=1, from_ms=T0 + 4 * HOUR)
    assert [step for _, step, _, _ in found] == ["breach"] * 3 + ["escalate"] * 4
    assert (one.level, one.phone) == (4, True)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_people_and_time_do_an_order_keeps_its_promises(data):
    severity = data.draw(st.integers(1, 4))
    one, now_ms = dispatched(severity), T0
    for _ in range(data.draw(st.integers(1, 25))):
        now_ms += data.draw(st.integers(0, 40 * HOUR))
        while (due := overdue(one, now_ms)) is not None:
            before = one
            one = apply(one, due, "clock", now_ms, CALENDAR)
            assert one.rev == before.rev + 1
        step = data.draw(st.sampled_from(sorted(BY_HAND)))
        wish = {
            "actor": data.draw(st.sampled_from(["li", "wang", "boss"])), "reason": "r", "note": "n",
            "organisation": data.draw(st.sampled_from(["pf", "me", None])), "leader": "zhao",
            "until_ms": now_ms + data.draw(st.integers(1, 200 * HOUR)),
            "evidence": data.draw(st.sampled_from([(), (PHOTO,)])),
        }  # fmt: skip
        try:
            one = ask(one, step, at=now_ms, **wish)
        except AnjuError:
            continue
        assert one.returns <= 2
        assert not (one.standing and (severity == 1 or one.life_safety))
        assert one.lead == "pf"
        assert one.level <= 4
        if not one.open:
            assert one.verified_by is not None
            assert severity > 2 or one.verified_by not in {one.handler, one.submitted_by, *one.worked_by}
        names = [clock.name for clock in one.clocks]
        assert len(names) == len(set(names))


@pytest.mark.parametrize(("severity", "hours"), [(1, 3), (2, 12), (3, 12), (4, 12)])
@pytest.mark.parametrize("state", [OrderState.DISPATCHED, OrderState.ACCEPTED, OrderState.HANDLING])
def test_nothing_is_due_before_the_next_look(severity, hours, state):
    one, now_ms = dispatched(severity), T0
    steps = {OrderState.ACCEPTED: 1, OrderState.HANDLING: 3}.get(state, 0)
    one = after(one, *(OrderStep.ACCEPT, OrderStep.ARRIVE, OrderStep.HANDLE)[:steps])
    while now_ms < T0 + hours * HOUR:
        while (due := overdue(one, now_ms)) is not None:
            one = apply(one, due, "clock", now_ms, CALENDAR)
        look_ms = next_look(one, now_ms)
        assert now_ms < look_ms <= now_ms + MINUTE
        assert all(overdue(one, at_ms) is None for at_ms in range(now_ms, look_ms, 1_000))
        assert overdue(one, look_ms - 1) is None
        now_ms = look_ms
