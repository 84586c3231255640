"""`anju journal` as a person or a cron job meets it."""

import json
import sqlite3
from contextlib import closing

import pytest
from click.testing import CliRunner

from runtime.cli_journal import journal
from storage.database import open_database
from tests.contracts.builders import NOW_MS, acked, an_alert, raised


@pytest.fixture
def data(tmp_path):
    database = open_database(tmp_path / "anju.db")
    alert = an_alert()
    database.journal.commit([raised(alert), acked(alert, cmd="c-1"), raised(an_alert(target="p-2"))], (), (), NOW_MS)
    database.close()
    return tmp_path


def run(*words):
    return CliRunner().invoke(journal, [str(word) for word in words])


def test_verify_says_that_all_is_well_and_exits_with_0(data):
    answer = run("verify", "--data", data)
    assert answer.exit_code == 0
    assert "3 lines, unbroken" in answer.stdout
    told = json.loads(run("verify", "--json", "--data", data).stdout)
    assert told["ok"] is True
    assert told["lines"] == 3


def test_verify_names_the_first_bad_line_and_exits_with_1(data):
    with closing(sqlite3.connect(data / "anju.db")) as connection, connection:
        connection.execute("DROP TRIGGER journal_no_update")
        connection.execute("UPDATE journal SET actor = 'mallory' WHERE seq = 2")
    answer = run("verify", "--data", data)
    assert answer.exit_code == 1
    assert "broken at line 2" in answer.stderr
    answer = run("verify", "--json", "--data", data)
    assert answer.exit_code == 1
    assert json.loads(answer.stdout)["seq"] == 2


def test_verify_works_beside_a_running_service(data):
    service = open_database(data / "anju.db")
    service.journal.commit([raised(an_alert(target="p-3"))], (), (), NOW_MS)
    assert run("verify", "--data", data).exit_code == 0
    service.journal.commit([raised(an_alert(target="p-4"))], (), (), NOW_MS)
    assert service.journal.verify() == (5, None)
    service.close()


def test_show_begins_with_the_newest_lines_and_pages_both_ways(data):
    newest = run("show", "--limit", 1, "--data", data)
    assert [line.split()[0] for line in newest.stdout.splitlines()] == ["3"]
    assert "-- earlier: --from 2" in newest.stderr
    answer = run("show", "--limit", 2, "--from", 1, "--data", data)
    assert [line.split()[0] for line in answer.stdout.splitlines()] == ["1", "2"]
    assert "-- more: --from 3" in answer.stderr
    rest = run("show", "--limit", 2, "--from", 3, "--data", data)
    assert [line.split()[0] for line in rest.stdout.splitlines()] == ["3"]
    assert "more" not in rest.stderr


def test_show_prints_json_lines_with_the_whole_event(data):
    lines = [json.loads(line) for line in run("show", "--json", "--data", data).stdout.splitlines()]
    assert [line["seq"] for line in lines] == [1, 2, 3]
    assert [line["kind"] for line in lines] == ["alert.raised", "alert.acked", "alert.raised"]
    assert lines[1]["cmd"] == "c-1"
    assert lines[0]["event"]["alert"]["target"] == "port-1"


@pytest.mark.parametrize("name", [an_alert().id, an_alert().no])
def test_show_can_be_narrowed_to_one_alert_by_id_or_number(data, name):
    answer = run("show", "--alert", name, "--data", data)
    assert [line.split()[0] for line in answer.stdout.splitlines()] == ["1", "2"]


def test_an_unknown_alert_is_named(data):
    answer = run("show", "--alert", "GJ-20200101-0001", "--data", data)
    assert answer.exit_code == 1
    assert answer.exception.code == "alert.unknown"


def test_a_folder_without_a_database_is_an_error_and_stays_empty(tmp_path):
    answer = run("verify", "--data", tmp_path)
    assert answer.exit_code == 1
    assert list(tmp_path.iterdir()) == []
