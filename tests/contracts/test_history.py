"""What every history promises."""

import pytest

from alerts.ports import AlertQuery
from domain.errors import Invalid, NotFound
from domain.limits import PAGE_ROWS_MAX, TOPIC_BYTES_MAX
from tests.contracts.builders import NOW_MS, a_rich_alert, acked, an_alert, closed, dead_letter, raised


def store(database, *alerts):
    database.journal.commit([raised(alert) for alert in alerts], (), (), NOW_MS)
    return list(alerts)


def found(database, **query):
    return [alert.target for alert in database.history.alerts(AlertQuery(**query)).items]


def test_one_alert_comes_back_with_everything_it_had(database):
    [alert] = store(database, a_rich_alert())
    assert database.history.alert(alert.id) == alert
    with pytest.raises(NotFound):
        database.history.alert("a-nobody")


def test_alerts_come_newest_onset_first(database):
    store(database, *(an_alert(target=f"p{n}", onset_ms=NOW_MS + at) for n, at in enumerate((5, 9, 1))))
    assert found(database) == ["p1", "p0", "p2"]


def test_each_restriction_narrows_and_all_hold_together(database):
    a = an_alert("EB-03", "a", NOW_MS + 1, severity=1)
    b = an_alert("FI-01", "b", NOW_MS + 2, kind="fire", compound="c-02", device=None)
    c = an_alert("FI-02", "c", NOW_MS + 3, kind="fire", severity=3)
    store(database, a, b, c)
    database.journal.commit([acked(a), closed(c, NOW_MS + 9)], (), (), NOW_MS)
    assert found(database, open=True) == ["b", "a"]
    assert found(database, open=False) == ["c"]
    assert found(database, states=("acked", "closed")) == ["c", "a"]
    assert found(database, severities=(1, 3)) == ["c", "a"]
    assert found(database, kinds=("fire",)) == ["c", "b"]
    assert found(database, compounds=("c-02", "c-09")) == ["b"]
    assert found(database, rule="EB-03") == ["a"]
    assert found(database, target="b") == ["b"]
    assert found(database, device="b") == []
    assert found(database, device="c") == ["c"]
    assert found(database, since_ms=NOW_MS + 2) == ["c", "b"]
    assert found(database, until_ms=NOW_MS + 2) == ["a"]
    assert found(database, kinds=("fire",), open=True, severities=(2,)) == ["b"]
    assert found(database, kinds=("elevator",)) == []


def test_pages_follow_each_other_without_gap_or_double_even_among_equal_onsets(database):
    store(database, *(an_alert(target=f"p{n:02d}", onset_ms=NOW_MS + n // 4) for n in range(25)))
    seen, cursor = [], None
    while True:
        page = database.history.alerts(AlertQuery(limit=7, cursor=cursor))
        seen += page.items
        if len(seen) == 7:  # what comes in above meanwhile shifts nothing
            store(database, an_alert(target="new", onset_ms=NOW_MS + 999))
        cursor = page.cursor
        if cursor is None:
            break
        assert len(page.items) == 7
    assert len({alert.id for alert in seen}) == len(seen) == 25
    assert seen == sorted(seen, key=lambda alert: (alert.onset_ms, alert.id), reverse=True)


def test_a_page_that_just_fits_has_no_next(database):
    store(database, *(an_alert(target=f"p{n}") for n in range(3)))
    assert database.history.alerts(AlertQuery(limit=3)).cursor is None


@pytest.mark.parametrize(
    "cursor", ["", "x", "!!!", "W10", "WzEsMl0", "WyJhIiwiYiJd", "é", "WzFlNDAwLCJhIl0", "A" * 4000]
)
def test_a_cursor_that_is_none_of_ours_is_invalid(database, cursor):
    with pytest.raises(Invalid):
        database.history.alerts(AlertQuery(cursor=cursor))
    with pytest.raises(Invalid):
        database.history.dead_letters(reason=None, cursor=cursor + "~", limit=5)


def test_a_page_is_bounded_whatever_is_asked_for(database):
    store(database, *(an_alert(target=f"p{n}") for n in range(PAGE_ROWS_MAX + 5)))
    page = database.history.alerts(AlertQuery(limit=10**9))
    assert len(page.items) == PAGE_ROWS_MAX
    assert page.cursor is not None
    assert len(database.history.alerts(AlertQuery(limit=-5)).items) == 1


def keep(database, *letters):
    database.journal.commit((), (), letters, NOW_MS)


def test_equal_packets_are_one_row_with_a_count(database):
    keep(database, dead_letter(b"{", at_ms=5), dead_letter(b"{", at_ms=3, detail="again"), dead_letter(b"[", at_ms=4))
    keep(database, dead_letter(b"{", at_ms=9, detail="later", device=None), dead_letter(b"{", "oversize", at_ms=8))
    rows = database.history.dead_letters(reason=None, cursor=None, limit=10).items
    assert [(row.raw, row.reason, row.count, row.first_ms, row.last_ms) for row in rows] == [
        (b"{", "bad_json", 3, 3, 9),
        (b"{", "oversize", 1, 8, 8),
        (b"[", "bad_json", 1, 4, 4),
    ]
    assert rows[0].detail == "later"
    assert database.history.dead_letter_counts() == {"bad_json": 4, "oversize": 1}


def test_dead_letters_can_be_paged_by_reason(database):
    keep(database, *(dead_letter(bytes([n]), "odd" if n % 2 else "even", at_ms=n // 3) for n in range(20)))
    seen, cursor = [], None
    while True:
        page = database.history.dead_letters(reason="odd", cursor=cursor, limit=3)
        seen += page.items
        cursor = page.cursor
        if cursor is None:
            break
    assert sorted(row.raw[0] for row in seen) == list(range(1, 20, 2))
    assert [row.last_ms for row in seen] == sorted((row.last_ms for row in seen), reverse=True)


def test_a_hostile_packet_is_kept_within_bounds(database):
    topic = "anju/\x00/\ud800/" + "å" * 10_000
    keep(database, dead_letter(b"\xff" * 100_000, topic=topic, detail="d" * 10_000, device="\x00" * 500))
    [row] = database.history.dead_letters(reason=None, cursor=None, limit=1).items
    assert len(row.raw) == 4_096
    assert len(row.topic) <= TOPIC_BYTES_MAX
    assert row.topic.startswith("anju/\\x00/\\ud800/å")
    assert "\x00" not in row.topic + row.detail + (row.device or "")


def test_alerts_raised_between_two_instants_are_told_with_where_and_without_drills(database):
    store(database, *(an_alert(target=f"p{n}", raised_ms=at) for n, at in enumerate((5000, 1999, 1000, 4500))))
    store(database, an_alert(target="p8", raised_ms=2000, compound="c-02"))
    store(database, an_alert(target="p9", raised_ms=2500, flags=["drill"]))
    found = database.history.raised(1000, 5000)
    assert [one.at_ms for one in found] == [1000, 1999, 2000, 4500]
    assert found[2].compound == "c-02"
    assert {one.kind for one in found} == {an_alert().kind}
    assert database.history.raised(5001, 9000) == []


def test_open_alerts_are_counted_by_what_people_group_them_by(database):
    store(database, an_alert(target="a"), an_alert(target="b", severity=1, compound="c-02"), an_alert(target="c"))
    database.journal.commit([closed(an_alert(target="c"), NOW_MS)], (), (), NOW_MS)
    assert database.history.counts() == {
        "severity": {"1": 1, "2": 1},
        "state": {"unacked": 2},
        "kind": {"ebike": 2},
        "compound": {"c-01": 1, "c-02": 1},
    }
