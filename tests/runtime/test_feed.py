"""The board in memory: what the API may rely on."""

import json
import threading

import pytest
from msgspec.structs import replace

from alerts.alert import AlertState, Suppression
from alerts.decision import Entry, ValueUpdate
from alerts.events import (
    AlertAcknowledged,
    AlertClosed,
    AlertRaised,
    AlertUnsuppressed,
    RegistryImported,
    RulesLoaded,
    SignedIn,
)
from alerts.ports import Raised
from alerts.times import rfc3339
from alerts.wire import STALE_MS
from api.ports import Position
from domain.access import Scope
from domain.limits import STREAM_BACKLOG_MAX, TREND_POINTS_MAX
from domain.organisations import Contract, Organisation
from domain.places import Name, Place
from runtime import feed as feed_module
from runtime.feed import LiveFeed
from tests.support.ports import START_MS, House, Rules, registry


@pytest.fixture
def maker(tmp_path):
    house = House(tmp_path)
    yield house
    house.close()


def feed_of(alerts=(), seq=0, **given):
    return LiveFeed(seq=seq, alerts=alerts, registry=registry, rulebook=Rules, now_ms=START_MS, **given)


def entry(event, alert=None, cmd=None, at_ms=START_MS):
    return Entry(event, "wxy", at_ms, alert, cmd)


def raised(alert, at_ms=START_MS):
    return entry(AlertRaised(alert), alert, at_ms=at_ms)


def changes(delta):
    return [json.loads(change.body) for change in delta.changes]


def test_lines_of_one_commit_are_numbered_up_to_its_seq(maker):
    feed = feed_of(seq=10)
    one, two = maker.alert(), maker.alert()
    feed.publish(13, [raised(one), entry(SignedIn("x", True, "::1")), raised(two)], [], START_MS)
    delta = feed.since(Position(10, 0))
    assert [(c["s"], c["t"], c["a"]["id"]) for c in changes(delta)] == [
        (11, "alert.raised", one.id), (13, "alert.raised", two.id),
    ]  # fmt: skip
    assert delta.position == Position(13, 0)
    assert feed.since(delta.position).changes == []


def test_a_change_carries_only_what_differs_and_the_command_that_caused_it(maker):
    feed = feed_of()
    alert = maker.alert()
    feed.publish(1, [raised(alert)], [], START_MS)
    after = replace(alert, rev=2, state=AlertState.ACKNOWLEDGED, acked_by="wxy", acked_ms=START_MS)
    feed.publish(2, [entry(AlertAcknowledged(alert.id), after, "c-91")], [], START_MS)
    (change,) = changes(feed.since(Position(1, 0)))
    assert change["t"] == "alert.set"
    assert (change["id"], change["rev"], change["cmd"]) == (alert.id, 2, "c-91")
    assert change["p"] == {
        "state": "acked", "acked_by": "wxy", "acked_at": "2025-11-22T14:36:08.112+08:00", "rev": 2,
    }  # fmt: skip


def test_a_closed_alert_is_gone_with_its_reason(maker):
    alert = maker.alert()
    feed = feed_of([alert], seq=5)
    after = replace(alert, rev=2, state=AlertState.CLOSED, closed_ms=START_MS)
    feed.publish(6, [entry(AlertClosed(alert.id, "false_alarm"), after, "c-1")], [], START_MS)
    assert changes(feed.since(Position(5, 0))) == [
        {"s": 6, "t": "alert.gone", "id": alert.id, "why": "false_alarm", "cmd": "c-1"}
    ]
    assert list(feed.board().alerts) == []
    assert feed.row(alert.id) is None


def test_values_do_not_advance_the_sequence_and_only_the_newest_is_told(maker):
    alert = maker.alert()
    feed = feed_of([alert], seq=7)
    for value in range(40):
        feed.publish(7, [], [ValueUpdate(alert.id, float(value), START_MS)], START_MS)
    delta = feed.since(Position(7, 0))
    (change,) = changes(delta)
    assert change["live"] is True
    assert (change["s"], change["rev"], change["cmd"]) == (7, 1, None)
    assert change["p"]["value"] == 39.0
    assert change["p"]["trend"] == [float(v) for v in range(40 - TREND_POINTS_MAX, 40)]
    assert set(change["p"]) == {"value", "trend"}
    assert delta.position.seq == 7
    assert feed.since(delta.position).changes == []


def test_a_value_of_an_alert_that_is_gone_is_dropped(maker):
    feed = feed_of(seq=7)
    feed.publish(7, [], [ValueUpdate("nobody", 1.0, START_MS)], START_MS)
    assert feed.since(Position(7, 0)).changes == []


def test_the_curve_begins_with_the_evidence_and_survives_changes(maker):
    alert = maker.alert()
    feed = feed_of()
    feed.publish(1, [raised(alert)], [ValueUpdate(alert.id, 70.0, START_MS)], START_MS)
    feed.publish(2, [entry(AlertAcknowledged(alert.id), replace(alert, rev=2, value=70.0))], [], START_MS)
    assert feed.row(alert.id)["trend"] == [60.5, 61.8, 70.0]


def test_a_client_beyond_the_ring_must_fetch_anew_and_one_within_it_need_not(maker):
    feed = feed_of()
    alert = maker.alert()
    feed.publish(1, [raised(alert)], [], START_MS)
    for rev in range(2, STREAM_BACKLOG_MAX + 2):
        alert = replace(alert, rev=rev)
        feed.publish(rev, [entry(AlertAcknowledged(alert.id), alert)], [], START_MS)
    assert feed.since(Position(0, 0)) is None
    assert len(feed.since(Position(1, 0)).changes) == STREAM_BACKLOG_MAX


def test_new_names_make_every_client_fetch_the_board_anew(maker):
    alert = maker.alert(2)
    current = registry()
    feed = LiveFeed(seq=3, alerts=[alert], registry=lambda: current, rulebook=Rules, now_ms=START_MS)
    feed.publish(4, [entry(RulesLoaded("d1", 2, "the same rules"))], [], START_MS)
    assert feed.since(Position(3, 0)) is not None
    current = registry()
    current.version, current.places["c2"] = 4, Place("c2", "compound", Name("晨曦新苑"), "s1")
    feed.publish(5, [entry(RegistryImported(4, 0, 1, 0, "test"))], [], START_MS)
    assert feed.since(Position(3, 0)) is None
    assert feed.row(alert.id)["compound"]["name"]["zh"] == "晨曦新苑"
    assert feed.since(feed.position()) is not None


def test_rows_handed_out_never_change_under_the_reader(maker):
    alert = maker.alert()
    feed = feed_of([alert])
    before = feed.board().alerts[0]
    feed.publish(0, [], [ValueUpdate(alert.id, 99.0, START_MS)], START_MS)
    assert before["value"] == 61.8
    assert feed.board().alerts[0]["value"] == 99.0


def test_a_cause_counts_its_children_live(maker):
    cause = maker.alert()
    child = replace(maker.alert(), cause=cause.id)
    feed = feed_of([cause])
    feed.publish(1, [raised(child)], [], START_MS)
    live = [c for c in changes(feed.since(Position(0, 0))) if c.get("live")]
    assert [(c["id"], c["p"]) for c in live] == [(cause.id, {"children": 1})]
    gone = replace(child, state=AlertState.CLOSED, rev=2)
    feed.publish(2, [entry(AlertClosed(child.id, "returned"), gone)], [], START_MS)
    assert feed.row(cause.id)["children"] == 0


def test_a_child_whose_explanation_ends_is_no_longer_counted(maker):
    cause = maker.alert()
    child = replace(maker.alert(), cause=cause.id)
    feed = feed_of([cause, child])
    assert feed.row(cause.id)["children"] == 1
    feed.publish(1, [entry(AlertUnsuppressed(child.id, "inhibited", "source_back"), replace(child, cause=None, rev=2))],
                 [], START_MS)  # fmt: skip
    assert feed.row(cause.id)["children"] == 0


def test_a_child_that_ends_together_with_its_explanation_is_no_longer_counted(maker):
    cause = maker.alert()
    child = replace(maker.alert(), cause=cause.id)
    feed = feed_of([cause, child])
    ended = replace(child, cause=None, state=AlertState.CLOSED, rev=2)
    feed.publish(1, [entry(AlertClosed(child.id, "returned"), ended)], [], START_MS)
    assert feed.row(cause.id)["children"] == 0
    assert feed._kin == {}


def test_flood_begins_above_ten_and_ends_below_five_in_ten_minutes(maker):
    feed = feed_of()
    seq = 0

    def raise_one(at_ms):
        nonlocal seq
        seq += 1
        feed.publish(seq, [raised(maker.alert(), at_ms)], [], at_ms)

    for n in range(10):
        raise_one(START_MS + n * 60_000)
    at = START_MS + 9 * 60_000
    assert (feed.health(at)["rate10"], feed.health(at)["flood"]) == (10, False)
    raise_one(at)
    assert feed.health(at)["flood"] is True
    at = START_MS + 600_000 + 5 * 60_000
    assert (feed.health(at)["rate10"], feed.health(at)["flood"]) == (5, True)
    at += 60_000
    assert (feed.health(at)["rate10"], feed.health(at)["flood"]) == (4, False)


def test_the_strip_counts_ten_minutes_a_bar_and_survives_a_restart():
    feed = feed_of(raised=[Raised(START_MS - before, "c1", "ebike") for before in (3_600_000, 3_600_000, 1_000)])
    assert feed.health(START_MS)["rate_strip"] == [0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 1]


def test_figures_of_the_strip_are_of_what_the_asker_may_see(maker):
    mine = maker.alert(raised_ms=START_MS - 60_000, compound="c1")
    other = maker.alert(raised_ms=START_MS - 90_000, compound="c2")
    before = [
        Raised(START_MS - 1_000, compound, kind)
        for compound, kind in (("c1", "ebike"), ("c1", "fire"), ("c2", "ebike"))
    ]
    feed = feed_of([mine, other], raised=before)
    health = feed.health(START_MS, Scope(frozenset({"c1"}), frozenset({"ebike"})))
    assert health["oldest_unacked"] == rfc3339(START_MS - 60_000)
    assert health["rate10"] == 1
    assert feed.health(START_MS)["rate10"] == 3


def test_health_tells_the_longest_waiting_alert_that_may_ring(maker):
    early = maker.alert(raised_ms=START_MS - 60_000)
    hidden = maker.alert(raised_ms=START_MS - 90_000, suppressed=[Suppression("shelved", "x")])
    taken = maker.alert(raised_ms=START_MS - 95_000, state=AlertState.ACKNOWLEDGED)
    counts = {"online": 5, "overdue": 1, "offline": 2, "unknown": 3}
    health = feed_of([early, hidden, taken], liveness=lambda: counts).health(START_MS)
    assert health["oldest_unacked"] == "2025-11-22T14:35:08.112+08:00"
    assert (health["online"], health["offline"], health["devices"]) == (6, 2, 11)


def test_an_alert_that_stands_for_a_day_becomes_stale_without_a_journal_line(maker):
    alert = maker.alert()
    feed = feed_of([alert], seq=1)
    later = START_MS + 25 * 3_600_000
    feed.health(later)
    (change,) = changes(feed.since(Position(1, 0)))
    assert change["p"] == {"flags": ["stale"]}


def test_ten_thousand_alerts_of_age_become_stale_a_bounded_number_at_a_time(maker, monkeypatch):
    feed = feed_of([maker.alert(raised_ms=START_MS + n) for n in range(10_000)], seq=1)
    looked = []
    real = feed_module.aging
    monkeypatch.setattr(feed_module, "aging", lambda *given: looked.append(1) or real(*given))
    feed.health(START_MS + 60_000)
    assert looked == []  # neither of age nor on another day
    rounds = 0
    while True:
        del looked[:]
        feed.health(START_MS + STALE_MS + 20_000)
        if not looked:
            break
        assert len(looked) <= feed_module.AGED_AT_ONCE
        rounds += 1
    # Once for the new day and once for its age: then nothing is looked at again.
    assert rounds == 2 * 10_000 / feed_module.AGED_AT_ONCE
    assert all(row["flags"] == ["stale"] for row in feed.board().alerts)


def test_an_alert_raised_while_others_are_old_becomes_stale_in_its_own_time(maker):
    old, new = maker.alert(), maker.alert(raised_ms=START_MS + 3_600_000)
    feed = feed_of([old], seq=1)
    feed.publish(2, [raised(new)], [], START_MS + 3_600_000)
    feed.health(START_MS + STALE_MS + 1)
    assert [row["flags"] for row in feed.board().alerts] == [["stale"], []]
    feed.health(START_MS + 3_600_000 + STALE_MS + 1)
    assert [row["flags"] for row in feed.board().alerts] == [["stale"], ["stale"]]


def test_an_alert_that_has_ended_is_not_waited_for(maker):
    alert = maker.alert()
    feed = feed_of([alert], seq=1)
    after = replace(alert, rev=2, state=AlertState.CLOSED, closed_ms=START_MS)
    feed.publish(2, [entry(AlertClosed(alert.id, "returned"), after)], [], START_MS)
    feed.health(START_MS + 2 * STALE_MS)
    assert feed.board().alerts == []


def test_the_firm_changes_with_the_day_on_which_its_contract_begins(maker):
    alert = maker.alert()
    today, tomorrow = (rfc3339(START_MS + ms)[:10] for ms in (0, STALE_MS))
    current = registry()
    current.organisations |= {name: Organisation(name, "property_firm", Name(name)) for name in ("old", "new")}
    current.contracts = {
        "k1": Contract("k1", "old", [alert.compound], "2020-01-01", today),
        "k2": Contract("k2", "new", [alert.compound], tomorrow),
    }
    feed = LiveFeed(seq=1, alerts=[alert], registry=lambda: current, rulebook=Rules, now_ms=START_MS)
    assert feed.row(alert.id)["firm"]["id"] == "old"
    feed.health(START_MS + STALE_MS)
    assert feed.row(alert.id)["firm"]["id"] == "new"


def test_a_look_at_the_strip_between_an_import_and_its_news_does_not_hide_the_new_names(maker):
    alert = maker.alert(2)
    current = registry()
    feed = LiveFeed(seq=3, alerts=[alert], registry=lambda: current, rulebook=Rules, now_ms=START_MS)
    current = registry()
    current.version, current.places["c2"] = 4, Place("c2", "compound", Name("晨曦新苑"), "s1")
    feed.health(START_MS + STALE_MS)
    feed.publish(4, [entry(RegistryImported(4, 0, 1, 0, "test"))], [], START_MS + STALE_MS)
    assert feed.since(Position(3, 0)) is None
    assert feed.row(alert.id)["compound"]["name"]["zh"] == "晨曦新苑"


def test_listeners_are_told_until_they_stop_listening(maker):
    feed = feed_of()
    told = []
    stop = feed.listen(lambda: told.append(1))
    feed.publish(1, [raised(maker.alert())], [], START_MS)
    stop()
    feed.publish(2, [raised(maker.alert())], [], START_MS)
    assert told == [1]


def test_recent_values_can_be_asked_for_again(maker):
    old, new = maker.alert(), maker.alert()
    feed = feed_of([old, new])
    feed.publish(0, [], [ValueUpdate(old.id, 1.0, START_MS)], START_MS)
    feed.publish(0, [], [ValueUpdate(new.id, 2.0, START_MS + 9_000)], START_MS + 9_000)
    delta = feed.since(feed.position(START_MS + 5_000))
    assert [c["id"] for c in changes(delta)] == [new.id]


def test_readers_beside_the_station_always_see_a_consistent_whole(maker):
    feed = feed_of()
    alerts = [maker.alert() for _ in range(400)]
    stop = threading.Event()
    wrong = []

    def read():
        while not stop.is_set():
            board = feed.board()
            if len(board.alerts) != board.seq:
                wrong.append((len(board.alerts), board.seq))

    reader = threading.Thread(target=read)
    reader.start()
    for seq, alert in enumerate(alerts, 1):
        feed.publish(seq, [raised(alert)], [], START_MS)
    stop.set()
    reader.join()
    assert wrong == []


def test_a_new_value_does_not_draw_the_whole_row_anew(maker, monkeypatch):
    alerts = [maker.alert() for _ in range(20)]
    feed = feed_of(alerts)
    drawn = []
    monkeypatch.setattr(feed_module, "to_wire", lambda alert, *_: drawn.append(alert.id))
    feed.publish(0, [], [ValueUpdate(alert.id, 1.0, START_MS) for alert in alerts], START_MS)
    assert drawn == []
    assert {row["value"] for row in feed.board().alerts} == {1.0}
