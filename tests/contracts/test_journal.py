"""What every journal promises."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from alerts.alert import AlertState
from alerts.decision import Entry
from alerts.events import LivenessChanged, MaintenanceDeclared, MaintenanceEnded, NoteAdded, SignedIn
from alerts.inputs import answered
from alerts.ports import Checkpoint
from domain.errors import Conflict
from storage.database import open_database
from tests.contracts.builders import NOW_MS, a_rich_alert, acked, an_alert, closed, notify, raised, returned


def note(alert, text, cmd=None):
    after = replace(alert, rev=alert.rev + 1, notes=alert.notes + 1)
    return Entry(NoteAdded(alert.id, text), "li", NOW_MS + 9, after, cmd)


def test_an_empty_journal_ends_at_zero_and_verifies(database):
    journal = database.journal
    assert journal.seq == 0
    assert journal.verify() == (0, None)
    assert journal.open_alerts() == journal.slot_marks() == journal.rows() == journal.maintenance() == []
    assert journal.last_number("20261118") == 0
    assert journal.latest_checkpoint() is None


def test_store_id_is_short_plain_and_kept_over_a_restart(database, where):
    store = database.journal.store
    assert 4 <= len(store) <= 8
    assert store.isalnum()
    assert store == store.lower()
    if where != "sqlite://":
        again = open_database(where)
        assert again.journal.store == store
        again.close()


def test_lines_are_numbered_without_gaps_and_read_back_as_they_were(database):
    alert = a_rich_alert()
    entries = [raised(alert), acked(alert, cmd="c-91"), note(replace(alert, rev=2), "看过了 \x00 'quoted' -- ; DROP")]
    assert database.journal.commit(entries, [notify(alert)], (), NOW_MS) == 3
    liveness = LivenessChanged("offline", ["port-1", "port-2"], "silent", NOW_MS)
    assert database.journal.commit([Entry(liveness, "clock", NOW_MS + 10)], (), (), NOW_MS) == 4

    rows = database.journal.rows()
    assert [row.seq for row in rows] == [1, 2, 3, 4] == list(range(1, database.journal.seq + 1))
    assert [row.event for row in rows] == [*(entry.event for entry in entries), liveness]
    assert [row.actor for row in rows] == ["rule:EB-03", "li", "li", "clock"]
    assert [row.at_ms for row in rows] == [entry.at_ms for entry in entries] + [NOW_MS + 10]
    assert [row.kind for row in rows] == ["alert.raised", "alert.acked", "alert.note", "liveness.changed"]
    assert [row.alert_id for row in rows] == [alert.id] * 3 + [None]
    assert [row.cmd for row in rows] == [None, "c-91", None, None]
    assert database.journal.verify() == (4, None)


def test_changes_of_liveness_are_found_from_an_instant_on_in_order(database):
    changes = [LivenessChanged(state, ["port-1"], "silent", NOW_MS + at) for at, state in enumerate(("a", "b", "c"))]
    for change in changes:
        database.journal.commit([Entry(change, "clock", change.at_ms)], (), (), NOW_MS)
    database.journal.commit([raised(a_rich_alert())], (), (), NOW_MS + 5)
    assert database.journal.liveness_since(0) == changes
    assert database.journal.liveness_since(NOW_MS + 1) == changes[1:]
    assert database.journal.liveness_since(NOW_MS + 9_000_000) == []


def test_changes_after_a_position_carry_the_alert_as_it_stood_right_after_each_line(database):
    alert = a_rich_alert()
    entries = [raised(alert), acked(alert), closed(acked(alert).alert, NOW_MS + 60_000)]
    database.journal.commit(entries, (), (), NOW_MS)
    changes = database.journal.changes_after(0, 10)
    assert [change.alert for change in changes] == [entry.alert for entry in entries]
    assert [change.seq for change in database.journal.changes_after(1, 1)] == [2]
    assert database.journal.changes_after(3, 10) == []


def test_rows_can_be_paged_and_narrowed_to_one_alert(database):
    one, two = an_alert(target="a"), an_alert(target="b")
    database.journal.commit([raised(one), raised(two), acked(one), acked(two)], (), (), NOW_MS)
    assert [row.seq for row in database.journal.rows(after=1, limit=2)] == [2, 3]
    assert [row.seq for row in database.journal.rows(alert_id=two.id)] == [2, 4]
    assert [row.seq for row in database.journal.rows(alert_id=two.id, after=2)] == [4]


def test_open_alerts_are_those_not_closed_as_last_changed(database):
    kept, ended = a_rich_alert(), an_alert(target="port-9")
    entries = [raised(kept), raised(ended), acked(kept), closed(ended, NOW_MS + 5)]
    database.journal.commit(entries, (), (), NOW_MS)
    assert database.journal.open_alerts() == [acked(kept).alert]
    assert database.history.alert(ended.id).state is AlertState.CLOSED


def test_a_second_open_alert_for_one_slot_is_refused_and_nothing_of_it_stays(database):
    database.journal.commit([raised(an_alert())], (), (), NOW_MS)
    other, second = an_alert(target="b"), an_alert(onset_ms=NOW_MS + 1)
    with pytest.raises(Conflict) as refusal:
        database.journal.commit([raised(other), raised(second)], [notify(other)], (), NOW_MS)
    assert refusal.value.code == "alert.already_open"
    assert database.journal.seq == 1
    assert [alert.target for alert in database.journal.open_alerts()] == ["port-1"]
    assert database.outbox.depth() == 0
    assert database.journal.commit([raised(other)], (), (), NOW_MS) == 2
    assert database.journal.verify() == (2, None)


def test_a_slot_may_close_and_open_again_within_one_commit(database):
    first, second = an_alert(), an_alert(onset_ms=NOW_MS + 60_000)
    database.journal.commit([raised(first)], (), (), NOW_MS)
    # The closing is written last, and yet it must free the slot first.
    database.journal.commit([raised(second), closed(first, NOW_MS + 60_000)], (), (), NOW_MS)
    assert database.journal.open_alerts() == [second]


def test_slot_marks_tell_the_last_finding_of_each_slot_and_not_what_people_did(database):
    alert = an_alert()
    back = returned(alert, NOW_MS + 30_000)
    database.journal.commit([raised(alert)], (), (), NOW_MS)
    database.journal.commit([back, acked(back.alert, at_ms=NOW_MS + 90_000)], (), (), NOW_MS)
    database.journal.commit([closed(acked(back.alert).alert, NOW_MS + 99_000)], (), (), NOW_MS)
    [mark] = database.journal.slot_marks()
    assert (mark.rule, mark.target, mark.alert_id, mark.at_ms) == ("EB-03", "port-1", alert.id, NOW_MS + 30_000)
    assert mark.sources == {"port-1": (NOW_MS + 30_000, 1)}

    later = an_alert(onset_ms=NOW_MS + 200_000)
    database.journal.commit([raised(later)], (), (), NOW_MS)
    [mark] = database.journal.slot_marks()
    assert (mark.alert_id, mark.at_ms) == (later.id, NOW_MS + 200_000)


def test_maintenance_lists_windows_that_were_not_ended(database):
    def declared(window, until_ms=NOW_MS + 9):
        return Entry(MaintenanceDeclared(window, "c-01", NOW_MS, until_ms, "检修", ["EB-03"], "wang"), "li", NOW_MS)

    one, two, three = declared("w-1"), declared("w-2"), declared("w-3")
    database.journal.commit([one, two, three, Entry(MaintenanceEnded("w-2", "done"), "li", NOW_MS)], (), (), NOW_MS)
    assert database.journal.maintenance() == [one.event, three.event]
    anew = declared("w-2", NOW_MS + 99)
    database.journal.commit([anew, Entry(MaintenanceEnded("w-1", "expired"), "clock", NOW_MS)], (), (), NOW_MS)
    assert database.journal.maintenance() == [three.event, anew.event]


def test_commands_answer_with_the_alert_they_were_about(database):
    alert = an_alert()
    window = MaintenanceDeclared("w-1", "c-01", NOW_MS, NOW_MS + 9, "检修")
    entries = [raised(alert), acked(alert, cmd="c-1", at_ms=NOW_MS + 5), Entry(window, "li", NOW_MS + 6, cmd="c-2")]
    database.journal.commit(entries, (), (), NOW_MS)
    about, declared = answered(entries[1].event, entries[1].actor), answered(window, "li")
    assert (about.alert_id, about.kind, declared.alert_id) == (alert.id, "alert.acked", "")
    assert database.journal.command_answers(0) == {"c-1": about, "c-2": declared}
    assert database.journal.command_answers(NOW_MS + 6) == {"c-2": declared}


def test_one_command_with_several_lines_answers_with_the_first(database):
    one, two = an_alert(target="a"), an_alert(target="b")
    entries = [raised(one), raised(two), acked(one, cmd="c-1"), acked(two, cmd="c-1")]
    database.journal.commit(entries, (), (), NOW_MS)
    assert database.journal.command_answers(0) == {"c-1": answered(entries[2].event, entries[2].actor)}


def test_numbers_are_counted_for_each_day(database):
    numbers = ["GJ-20261118-0009", "GJ-20261118-0010", "GJ-20261119-0001", "GJ-20261118-12345", "odd"]
    entries = [raised(an_alert(target=f"p-{n}", no=no)) for n, no in enumerate(numbers)]
    database.journal.commit(entries, (), (), NOW_MS)
    assert database.journal.last_number("20261118") == 12_345
    assert database.journal.last_number("20261119") == 1
    assert database.journal.last_number("20261120") == 0


def test_intents_become_owed_work_once_for_each_key(database):
    alert = an_alert()
    database.journal.commit([raised(alert)], [notify(alert)], (), NOW_MS)
    database.journal.commit([Entry(SignedIn("li", ok=True, origin="::1"), "li", NOW_MS)], [notify(alert)], (), NOW_MS)
    assert database.outbox.depth() == 1


def test_a_commit_without_entries_moves_no_line(database):
    assert database.journal.commit((), [notify(an_alert())], (), NOW_MS) == 0
    assert database.journal.verify() == (0, None)


def test_checkpoints_come_back_newest_first_whatever_their_size(database):
    for batch, size in enumerate((0, 10, 300_000, 1_000_000), 1):
        saved = Checkpoint(batch, NOW_MS + batch, bytes([batch]) * size, b"gate" * batch)
        database.journal.save_checkpoint(saved)
        assert database.journal.latest_checkpoint() == saved


def test_two_checkpoints_are_kept_and_a_torn_one_is_passed_over(database):
    for batch in (1, 2, 3):
        database.journal.save_checkpoint(Checkpoint(batch, NOW_MS, b"e" * 600_000, b"g"))
    with database._access.write() as connection:
        kept = connection.execute(sa.text("SELECT id FROM checkpoints ORDER BY id")).scalars().all()
        parts = connection.execute(sa.text("SELECT DISTINCT checkpoint FROM checkpoint_parts")).scalars().all()
        connection.execute(sa.text("DELETE FROM checkpoint_parts WHERE checkpoint = 3 AND part = 1"))
    assert kept == [2, 3]
    assert set(parts) <= {1, 2, 3}
    found = database.journal.latest_checkpoint()
    assert found is not None
    assert found.batch == 2
    database.journal.save_checkpoint(Checkpoint(4, NOW_MS, b"later", b""))
    found = database.journal.latest_checkpoint()
    assert found is not None
    assert found.batch == 4


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET actor = 'nobody' WHERE seq = 1",
        "DELETE FROM journal WHERE seq = 2",
        "DELETE FROM journal",
        "INSERT INTO journal SELECT 9, at_ms, actor, kind, NULL, NULL, body, NULL, prev_hash, hash FROM journal",
    ],
)
def test_the_database_itself_refuses_to_rewrite_history(database, statement):
    alert = an_alert()
    database.journal.commit([raised(alert), acked(alert)], (), (), NOW_MS)
    with pytest.raises(Conflict, match=r"append-only|gapless"), database._access.write() as connection:
        connection.execute(sa.text(statement))
    assert database.journal.verify() == (2, None)


def test_a_second_writer_is_refused(database, where):
    if where == "sqlite://":
        pytest.skip("a database in memory has one owner")
    other = open_database(where)
    database.journal.commit([raised(an_alert(target="a"))], (), (), NOW_MS)
    with pytest.raises(Conflict) as refusal:
        other.journal.commit([raised(an_alert(target="b"))], (), (), NOW_MS)
    assert refusal.value.code == "journal.second_writer"
    other.close()
    assert database.journal.verify() == (1, None)


def test_threads_that_commit_at_once_take_turns(database):
    with ThreadPoolExecutor(4) as pool:
        made = [an_alert(target=f"p{number}") for number in range(40)]
        seqs = list(pool.map(lambda alert: database.journal.commit([raised(alert)], (), (), NOW_MS), made))
    assert sorted(seqs) == list(range(1, 41))
    assert database.journal.verify() == (40, None)


def test_reopening_continues_the_chain(database, where):
    if where == "sqlite://":
        pytest.skip("a database in memory ends with its process")
    alert = a_rich_alert()
    database.journal.commit([raised(alert)], [notify(alert)], (), NOW_MS)
    database.close()
    again = open_database(where)
    assert again.journal.seq == 1
    assert again.journal.commit([acked(alert)], (), (), NOW_MS) == 2
    assert again.journal.verify() == (2, None)
    assert again.outbox.depth() == 1
    again.close()
