"""``anju score`` as people use it."""

import json
import re
import shutil
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from runtime.cli import anju
from scoring.live import Ear, heard_from, records_of
from scoring.matching import claims_of
from simulators.broker import Broker
from simulators.truth import Expectation, Truth

SCENARIO = "entrapment_told_by_code"


def run(*words, code=0):
    result = CliRunner().invoke(anju, ["score", *words])
    assert result.exit_code == code, result.output
    return result


def test_scenario_gives_tables_by_rule_and_incident():
    out = run(SCENARIO, "--jobs", "1").stdout
    assert re.search(r"entrapment_code.*电梯困人.* 100 ", out)
    assert re.search(r"EL-01 ● .*电梯困人", out)
    assert "device-days" in out


def test_json_is_whole_and_html_needs_nothing_else(tmp_path):
    page = tmp_path / "score.html"
    found = json.loads(run(SCENARIO, "--jobs", "1", "--json", "--html", str(page)).stdout)
    assert {row["what"]: row["in_time"] for row in found["kinds"]}["entrapment_code"] == 1
    text = page.read_text(encoding="utf-8")
    assert "<svg" in text
    assert not re.search(r"""(src|href)=|url\(|@import|https?://""", text)
    assert "电梯困人" in text
    assert "By incident" in text


def test_markdown_names_the_command_that_made_it():
    out = run(SCENARIO, "--jobs", "1", "--markdown").stdout
    assert f"`anju score {SCENARIO} --jobs 1 --markdown`" in out
    assert "| EL-01 ● |" in out


def test_second_rule_set_is_compared_and_the_difference_named(tmp_path):
    for pack in Path(str(files("alerts.packs"))).glob("*.yml"):
        shutil.copy(pack, tmp_path / pack.name)
    lift = tmp_path / "elevator.yml"
    text = lift.read_text(encoding="utf-8")
    assert text.count("- event: entrapment\n") >= 1
    lift.write_text(text.replace("- event: entrapment\n", "- event: overspeed\n"), encoding="utf-8")
    result = run(SCENARIO, "--jobs", "1", "--compare", str(tmp_path))
    assert "rule EL-01" in result.stdout
    assert re.search(r"newly (late|missed)", result.stdout)


@pytest.mark.parametrize(
    "words",
    [(), (SCENARIO, "--all"), ("--days", "1", SCENARIO), ("--days", "1", "--seed", "x"),
     ("--days", "1", "--start", "yesterday"), (SCENARIO, "--json", "--markdown"), ("--url", "http://x")],
)  # fmt: skip
def test_wrong_use_is_told(words):
    result = CliRunner().invoke(anju, ["score", *words], env={"ANJU_TOKEN": "", "ANJU_URL": ""})
    assert result.exit_code == 2
    assert "Error" in result.output


def test_unknown_scenario_is_told_without_a_trace():
    assert "no scenario" in run("entrapmint", code=1).output


def test_month_is_played(tmp_path):
    words = ("--days", "0.05", "--district", "small", "--seed", "1,2", "--incidents-per-day", "200", "--jobs", "1")
    found = json.loads(run(*words, "--json").stdout)
    assert found["overall"]["device_days"] > 10
    assert found["overall"]["cases"] > 0


def test_ear_keeps_the_newest_word_about_each_truth_and_passes_other_things_over():
    ear = Ear(Broker("127.0.0.1"))
    begun = Truth(id="a", what="entrapment", device="l", compound="c", from_ms=1_000)
    ear.hear(msgspec.json.encode(begun), 2_500)
    ear.hear(b"{not json", 3_000)
    ear.hear(msgspec.json.encode(msgspec.structs.replace(begun, to_ms=9_000)), 9_000)
    assert [truth.to_ms for truth in ear.truths.values()] == [9_000]
    assert ear.behind_ms == 1_500


def test_event_time_of_the_journal_counts_where_the_simulator_is_behind():
    alert = {"id": "a", "rule": "EL-01", "target": "l", "compound": "c", "onset_ms": 5_000, "severity": 1,
             "suppressed": [], "device": "l"}  # fmt: skip
    lines = [{"at": "1970-01-01T00:01:40+00:00", "kind": "alert.raised", "event": {"alert": alert}, "alert": "a"}]
    assert records_of(lines, by_event_time=False)[0].raised_ms == 100_000
    assert records_of(lines, by_event_time=True)[0].raised_ms == 5_000


def test_what_began_before_we_listened_explains_but_owes_nothing():
    truth = Truth(
        id="a", what="x", device="l", compound="c", from_ms=1_000, must_raise=[Expectation("EL-01", "l", 60.0)]
    )
    case = claims_of(truth, 90_000)
    assert [claim.role for claim in heard_from(case, 500, by_event_time=False).claims] == ["must"]
    assert [claim.role for claim in heard_from(case, 1_500, by_event_time=False).claims] == ["may"]
    assert [claim.role for claim in heard_from(case, 1_500, by_event_time=True).claims] == ["must"]
