"""Scenario files: what is right is read, and what is wrong is told by file, line, fault and remedy."""

import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.limits import SCENARIO_BYTES_MAX, SCENARIO_ERRORS_MAX
from simulators.cli import simulate
from simulators.incidents import INCIDENTS
from simulators.scenarios import SCENARIOS, ScenarioErrors, begin, find_scenario, load_scenario

FILES = Path(__file__).parent / "scenario_files"
GOOD = sorted((FILES / "good").glob("*.yml"))
BAD = sorted((FILES / "bad").glob("*.yml"))
ERROR = re.compile(r"^# error (?:(\S+\.yml):)?(\d+): (.+)$", re.MULTILINE)


def stem(path):
    return path.stem


def faults_of(path):
    with pytest.raises(ScenarioErrors) as caught:
        load_scenario(path)
    return caught.value.faults


@pytest.mark.parametrize("path", GOOD, ids=stem)
def test_good_file_is_read(path):
    assert load_scenario(path).name == path.stem


@pytest.mark.parametrize("path", BAD, ids=stem)
def test_bad_file_is_refused_with_every_fault_its_line_and_what_to_write(path):
    text = path.read_text(encoding="utf-8", errors="replace")
    wanted = [(file or path.name, int(line), words) for file, line, words in ERROR.findall(text)]
    assert wanted
    found = faults_of(path)
    for file, line, words in wanted:
        assert any(words in f"{one.what}; {one.write}" and (one.file, one.line) == (file, line) for one in found), (
            f"{file}:{line}: {words}\nfound:\n" + "\n".join(map(str, found))
        )
    assert len(found) == len(wanted), "\n".join(map(str, found))
    assert all(one.write for one in found)


def test_parts_bring_their_timeline_and_expectations_under_their_name_from_their_time():
    scenario = load_scenario(FILES / "good" / "everything.yml")
    leak = next(step for step in scenario.steps if step.what == "hydrant_leak")
    assert (leak.label, leak.at_s, leak.file) == ("one_leak/leak", 360, "one_leak.yml")
    assert {owed.label for owed in scenario.must if owed.rule == "FC-05"} == {"one_leak/leak"}
    assert scenario.wire.loss == 0.01
    assert scenario.seed == 5


def test_declared_work_is_data_with_targets_and_times():
    scenario = load_scenario(FILES / "good" / "everything.yml")
    visit = scenario.declares[0]
    assert (visit.label, visit.purpose, visit.target) == ("visit", "maintenance", "tj-hty-b1-lift1")
    assert (visit.from_s, visit.until_s) == (0, 1800), "a stop ends the window early"
    assert (visit.actor, visit.second, visit.rules) == ("李师傅", "王师傅", ("EL-01",))
    assert [one.target for one in scenario.declares[1:4]] == ["tj-hty-b1-lift2", "tj-hty-b1-zb1", "tj-hty-b1"]
    assert (scenario.declares[4].purpose, scenario.declares[4].target) == ("drill", "js-ml")


def test_file_that_is_not_there_too_large_or_of_no_known_name_is_told(tmp_path):
    assert "cannot be read" in str(faults_of(tmp_path / "nothing.yml")[0])
    large = tmp_path / "large.yml"
    large.write_bytes(b"#" * (SCENARIO_BYTES_MAX + 1))
    assert "split it" in str(faults_of(large)[0])
    with pytest.raises(Invalid, match="did you mean 'quiet_day'"):
        find_scenario("quiet_dai")
    assert find_scenario("quiet_day") == SCENARIOS["quiet_day"]
    assert find_scenario(str(GOOD[0])) == GOOD[0]


def test_a_file_of_a_thousand_faults_tells_the_first_hundred(tmp_path):
    path = tmp_path / "many.yml"
    path.write_text("timeline:\n" + "  - {at: x}\n" * 1000, encoding="utf-8")
    assert len(faults_of(path)) == SCENARIO_ERRORS_MAX


def test_check_by_command_prints_faults_as_editors_read_them_and_ends_with_one():
    good, bad = str(FILES / "good" / "one_leak.yml"), str(FILES / "bad" / "no_such_district.yml")
    result = CliRunner().invoke(simulate, ["--check", good, "--check", bad])
    assert result.exit_code == 1
    assert f"{good}: ok, 1 incidents in 120 min" in result.output
    assert "no_such_district.yml:6: there is no district 'smal'; did you mean 'small'?" in result.output
    assert CliRunner().invoke(simulate, ["--check", good]).exit_code == 0


# --- fuzz ------------------------------------------------------------------------------------------------------------
WORDS = st.sampled_from(
    ["scenario", "title", "about", "start", "lasts", "seed", "include", "wire", "timeline", "expect", "at", "what",
     "where", "with", "as", "stop", "repeat", "times", "every", "must", "may", "rule", "target", "within", "device",
     "type", "nth", "like", "zh", "en", "maintenance", "drill", "entrapment", "hydrant_leak", "lift", "fuzz", "5m",
     "EL-01", "2026-01-15T02:10:00+08:00", "quiet_day", "tj-hty-b1-lift1", "small", "lasts_s", "persons", "loss"]
)  # fmt: skip
SCALARS = WORDS | st.none() | st.booleans() | st.integers(-10, 10**18) | st.floats() | st.text(max_size=8)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=5), max_leaves=30
)
KEYS = {
    "title": {"zh": "例", "en": "Example"},
    "about": {"zh": "例", "en": "Example"},
    "start": "2026-01-15T02:10:00+08:00",
    "lasts": "10m",
    "compounds": ["js-ml"],
}


def read(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "fuzz.yml"
    path.write_bytes(data)
    faults, scenario = [], None
    try:
        scenario = load_scenario(path)
    except ScenarioErrors as error:
        faults = error.faults
    assert bool(faults) == (scenario is None)
    assert all(one.line >= 1 and one.what and one.write for one in faults)
    return scenario


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused_by_name(tmp_path_factory, data):
    read(tmp_path_factory, data)


@settings(max_examples=150, deadline=None)
@given(key=st.sampled_from(["timeline", "expect", "wire", "include", "start", "lasts", "title", "seed"]), tree=TREES)
def test_any_tree_is_read_or_refused_by_name(tmp_path_factory, key, tree):
    text = yaml.safe_dump({"scenario": "fuzz", **KEYS, key: tree}, allow_unicode=True)
    read(tmp_path_factory, text.encode("utf-8", "replace"))


@st.composite
def plausible_steps(draw):
    name = draw(st.sampled_from(sorted(INCIDENTS)))
    params = {}
    for key, default in INCIDENTS[name].params.items():
        if isinstance(default, int | float) and not isinstance(default, bool) and draw(st.booleans()):
            params[key] = draw(st.integers(0, 400) | st.floats(0.001, 4000))
    step = {"at": draw(st.integers(0, 400)), "what": name, "with": params}
    if draw(st.booleans()):
        step["where"] = {"nth": draw(st.integers(0, 40))}
    if draw(st.booleans()):
        step["repeat"] = {"times": draw(st.integers(1, 3)), "every": draw(st.integers(1, 60))}
    return step


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(plausible_steps(), min_size=1, max_size=3))
def test_whatever_is_read_can_be_played(tmp_path_factory, steps):
    scenario = read(tmp_path_factory, yaml.safe_dump({"scenario": "fuzz", **KEYS, "timeline": steps}).encode())
    if scenario is not None:
        world = begin(scenario)
        for _ in world.advance(world.end_ms):
            pass
        happened = sum(len(truths) for truths in world.by_label.values())
        assert happened + len(world.missed) == sum(step.times for step in scenario.steps)
