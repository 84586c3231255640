"""``anju registry`` from a terminal."""

import fcntl
import json

import pytest
from click.testing import CliRunner

from alerts.events import RegistryImported
from runtime.cli_registry import registry
from storage.database import open_database
from tests.support.house import Living, until

ROWS = {
    "places": "编号,类型,名称,上级\nd1,区,东胜区,\nc1,小区,恒泰苑,d1\n",
    "devices": "编号,类别,小区,位置,名称\nl1,电梯,c1,c1,1号梯\n",
}


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "in"
    path.mkdir()
    for name, text in ROWS.items():
        (path / f"{name}.csv").write_text(text, encoding="gb18030")
    return path


def run(*words):
    return CliRunner().invoke(registry, [str(word) for word in words])


def journalled(data):
    database = open_database(data / "anju.db")
    try:
        return [row for row in database.journal.rows() if row.kind == "registry.imported"], database.registry.load()
    finally:
        database.close()


def test_a_dry_run_reports_and_changes_nothing(folder, data):
    done = run("import", folder, "--dry-run", "--data", data)
    assert done.exit_code == 0, done.output
    assert "3 changes; nothing was changed (--dry-run)" in done.output
    assert "devices + l1" in done.output
    lines, held = journalled(data)
    assert (lines, held.version, held.devices) == ([], 0, {})


def test_an_import_is_applied_journalled_and_the_same_again_changes_nothing(folder, data):
    done = run("import", folder, "--data", data, "--json")
    answer = json.loads(done.stdout)
    assert done.exit_code == 0
    assert (answer["ok"], answer["applied"], answer["version"], answer["reload_needed"]) == (True, True, 1, False)
    assert answer["tables"]["devices"]["added"] == ["l1"]
    lines, held = journalled(data)
    assert list(held.devices) == ["l1"]
    (line,) = lines
    assert line.actor.startswith("cli")
    assert (line.event.version, line.event.added, line.event.source) == (1, 3, "in")
    again = json.loads(run("import", folder, "--data", data, "--json").stdout)
    assert (again["applied"], again["tables"]["places"]["unchanged"]) == (False, 2)
    assert len(journalled(data)[0]) == 1


def test_errors_exit_with_1_name_the_cell_and_change_nothing(folder, data):
    (folder / "devices.csv").write_text("id,kind,compound,place,name\nl1,elevator,c9,c1,x\n", encoding="utf-8")
    done = run("import", folder, "--data", data)
    assert done.exit_code == 1
    assert "error: devices.csv, row 2, column compound: there is no compound 'c9'" in done.output
    assert "nothing was changed" in done.output
    assert journalled(data)[1].version == 0


def test_beside_a_running_service_the_journal_is_left_to_it(folder, data):
    data.mkdir()
    with (data / "anju.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = run("import", folder, "--data", data)
    assert done.exit_code == 0
    assert "send SIGHUP to the running service" in done.output
    lines, held = journalled(data)
    assert lines == []
    assert held.version == 1


def journal_of(living):
    rows = living.house.database.journal.rows(limit=500)
    return [(row.actor.partition(":")[0], row.event) for row in rows if row.kind == "registry.imported"]


def test_running_service_journals_who_imported_what_from_which_file(tmp_path, folder):
    with Living(tmp_path / "data") as living:
        assert run("import", folder, "--data", tmp_path / "data").exit_code == 0
        (folder / "devices.csv").write_text("id,name\nl1,二号梯\n", encoding="utf-8")
        assert run("import", folder / "devices.csv", "--data", tmp_path / "data").exit_code == 0
        assert journal_of(living) == []
        living.house.reload_registry()
        until(lambda: len(journal_of(living)) == 2, what="two lines")
        assert journal_of(living) == [
            ("cli", RegistryImported(version=2, added=3, changed=0, removed=0, source="in")),
            ("cli", RegistryImported(version=3, added=0, changed=1, removed=0, source="devices.csv")),
        ]
        living.house.reload_registry()  # nobody has left word of anything: the service speaks for itself
        until(lambda: len(journal_of(living)) == 3, what="a third line")
        assert journal_of(living)[2] == ("system", RegistryImported(3, 0, 0, 0, "reload"))


def test_an_import_that_only_a_restart_takes_into_use_is_journalled_then(tmp_path, folder):
    with Living(tmp_path / "data"):
        assert run("import", folder, "--data", tmp_path / "data").exit_code == 0
    for _ in range(2):
        with Living(tmp_path / "data") as living:
            assert journal_of(living) == [("cli", RegistryImported(2, 3, 0, 0, "in"))]


def test_pruning_removes_only_when_asked(folder, data):
    run("import", folder, "--data", data)
    (folder / "devices.csv").write_text("id\n", encoding="utf-8")
    assert "l1" in journalled(data)[1].devices
    assert run("import", folder, "--data", data).exit_code == 0
    assert "l1" in journalled(data)[1].devices
    done = run("import", folder, "--prune", "--data", data)
    assert "devices - l1" in done.output
    assert journalled(data)[1].devices == {}


@pytest.mark.parametrize("name", ["out", "out.xlsx", "out.yaml"])
def test_an_export_is_an_import_that_changes_nothing(folder, data, tmp_path, name):
    run("import", folder, "--data", data)
    done = run("export", tmp_path / name, "--data", data)
    assert done.exit_code == 0, done.output
    assert "2 places, 0 organisations, 0 contracts, 1 devices" in done.output
    back = json.loads(run("import", tmp_path / name, "--data", data, "--json").stdout)
    assert (back["ok"], back["applied"]) == (True, False)


def test_wrong_use_exits_with_2(data):
    assert run("import", "nowhere", "--data", data).exit_code == 2
    assert run("export", "x", "--format", "pdf", "--data", data).exit_code == 2


@pytest.mark.parametrize(
    ("overrides", "wrong"),
    [
        ('{"EL-02": {"hold": 90}}', None),
        ('{"EL-02": {"hlod": 90}}', "EL-02: there is no parameter 'hlod' (overridable:"),
        ('{"EL-0Z": {"hold": 90}}', "there is no rule 'EL-0Z' (did you mean EL-"),
        ('{"EL-02": {"hold": "soon"}}', "EL-02: hold must be a number of s"),
        ('{"EL-02": {"hold": -5}}', "EL-02: hold is -5, outside"),
    ],
)
def test_thresholds_of_a_device_are_checked_against_the_rules_in_force(folder, data, overrides, wrong):
    quoted = overrides.replace('"', '""')
    rows = f'id,kind,compound,place,name,overrides\nl1,elevator,c1,c1,x,"{quoted}"\n'
    (folder / "devices.csv").write_text(rows, encoding="utf-8")
    done = run("import", folder, "--dry-run", "--data", data)
    assert done.exit_code == (0 if wrong is None else 1), done.output
    assert wrong is None or f"devices.csv, row 2, column overrides: {wrong}" in done.output
