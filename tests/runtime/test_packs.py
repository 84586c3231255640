"""From files to rules: what the parser refuses, what the command line says."""

import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from alerts.rules.grammar import read_pack
from alerts.rules.nodes import Mapping, Scalar, Sequence
from alerts.rules.timeline import read_suite
from domain.limits import PACK_BYTES_MAX, PACK_DEPTH_MAX, PACK_ERRORS_MAX
from runtime.cli_rules import rules
from runtime.packs import PackErrors, load_rulebook, parse_tree, shipped_packs

EXAMPLES = Path(__file__).parent.parent / "alerts" / "rules" / "examples"


def refusal(data: bytes) -> str:
    with pytest.raises(PackErrors) as refused:
        parse_tree(data, "f.yml")
    (error,) = refused.value.errors
    return str(error)


def test_plain_words_follow_yaml_1_2_and_lines_are_kept():
    tree = parse_tree(b"a: 1\nb: [on, yes, 1:30, 010, true, ~, 1e3, .5, '1', 2024-06-01]\nc:\n  d: .nan\n", "f.yml")
    assert isinstance(tree, Mapping)
    (_, one), (_, many), (key, nested) = tree.entries
    assert one == Scalar(1, 1)
    assert isinstance(many, Sequence)
    assert [item.value for item in many.items] == [
        "on", "yes", "1:30", 10, True, None, 1000.0, 0.5, "1", "2024-06-01",
    ]  # fmt: skip
    assert key.line == 3
    assert isinstance(nested, Mapping)
    assert math.isnan(nested.entries[0][1].value)


def test_a_billion_laughs_are_refused_at_the_first():
    bomb = b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
    assert refusal(bomb) == "f.yml:1: the file uses a YAML anchor or alias; write the value out in each place"


def test_what_is_too_large_too_deep_or_no_text_is_refused():
    assert "split it: at most" in refusal(b" " * (PACK_BYTES_MAX + 1))
    assert "nests more than" in refusal(b"[" * (PACK_DEPTH_MAX + 1))
    assert refusal(b"a: 1\nb: \xff\n").startswith("f.yml:2: the file is not UTF-8")
    assert "no YAML" in refusal(b"a: \x07")
    assert "second document" in refusal(b"a: 1\n---\nb: 2\n")
    assert "the value has the tag" in refusal(b"a: !!python/name:os.system x")
    assert "a key is a list" in refusal(b"? [a]\n: 1\n")


def test_errors_of_one_file_are_capped():
    text = "pack: a\nversion: 1\nrules:\n" + "  - 1\n" * 1_000
    _, errors = read_pack(parse_tree(text.encode(), "f.yml"), "f.yml")
    assert len(errors) == PACK_ERRORS_MAX


def test_a_missing_file_and_an_empty_folder_are_told(tmp_path):
    with pytest.raises(PackErrors, match="cannot be read"):
        load_rulebook([tmp_path / "none.yml"])
    with pytest.raises(PackErrors, match="holds no packs"):
        load_rulebook([tmp_path])


SEEDS = [path.read_text(encoding="utf-8") for path in sorted(EXAMPLES.rglob("*.yml"))]


@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 4_000), st.integers(0, 6), st.text(max_size=8)), max_size=6),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_damaged_pack_breaks_the_parser(text, cuts):
    for at, length, put in cuts:
        text = text[:at] + put + text[at + length :]
    read_anything(text.encode("utf-8", errors="surrogatepass"))


@given(st.binary(max_size=300))
@example(b"\xef\xbb\xbfpack: x")
@example(b"pack: {" * 30)
@example(b"version: 1e999\npack: x\nrules: [{id: a, version: 9999999999999999999999}]")
@settings(max_examples=200, deadline=None)
def test_no_bytes_break_the_parser(data):
    read_anything(data)


scalar = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6),
                   st.sampled_from(["$warn", "temp_socket", "10m", "manual", "X-01", "ebike", "smoke"]))  # fmt: skip
keys = st.sampled_from(
    [
        "pack",
        "version",
        "rules",
        "cards",
        "id",
        "title",
        "zh",
        "en",
        "kind",
        "levels",
        "clear",
        "severity",
        "when",
        "signal",
        "ge",
        "for",
        "rise",
        "within",
        "event",
        "count",
        "of",
        "at_least",
        "together",
        "then",
        "first",
        "next",
        "missing",
        "due",
        "attr",
        "all",
        "any",
        "not",
        "recipients",
        "basis",
        "params",
        "tests",
        "steps",
        "at",
    ]
)
trees = st.recursive(
    scalar.map(lambda value: Scalar(value, 1)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: Sequence(tuple(items), 1)),
        st.lists(st.tuples(keys.map(lambda key: Scalar(key, 1)), inner), max_size=6).map(
            lambda entries: Mapping(tuple(entries), 1)
        ),
    ),
    max_leaves=30,
)


@given(trees, trees)
@settings(max_examples=200, deadline=None)
def test_no_tree_breaks_the_grammar(rule, condition):
    whole = {
        "pack": Scalar("p", 1), "version": Scalar(1, 1),
        "rules": Sequence((rule, _rule_with(condition)), 1),
    }  # fmt: skip
    read_pack(Mapping(tuple((Scalar(key, 1), value) for key, value in whole.items()), 1), "f.yml")
    read_pack(rule, "f.yml")
    read_suite(Mapping(((Scalar("tests", 1), Sequence((rule, condition), 1)),), 1), "f.yml")


def _rule_with(condition):
    base = parse_tree((EXAMPLES / "good" / "minimal.yml").read_bytes(), "f.yml")
    (rule,) = next(value for key, value in base.entries if key.value == "rules").items
    level = Mapping(((Scalar("severity", 1), Scalar(4, 1)), (Scalar("when", 1), condition)), 1)
    entries = [(key, Sequence((level,), 1) if key.value == "levels" else value) for key, value in rule.entries]
    return Mapping(tuple(entries), 1)


def read_anything(data: bytes) -> None:
    try:
        tree = parse_tree(data, "f.yml")
    except PackErrors:
        return  # refused by name: any other exception would fail the test
    read_pack(tree, "f.yml")
    read_suite(tree, "f.yml")


def run(*args: str):
    return CliRunner().invoke(rules, list(args))


def test_check_and_test_of_the_shipped_packs_pass():
    assert run("check").exit_code == 0
    tested = run("test")
    assert tested.exit_code == 0, tested.output
    assert tested.output.endswith(" 0 failed\n")


def test_check_tells_errors_with_exit_code_1_and_without_colour():
    path = EXAMPLES / "bad" / "unknown_signal.yml"
    told = run("check", str(path))
    assert told.exit_code == 1
    assert f"{path}:" in told.output
    assert "did you mean 'temp_socket'?" in told.output
    assert "\x1b" not in told.output
    answer = json.loads(run("check", "--json", str(path)).output)
    assert answer["ok"] is False
    assert answer["errors"][0]["write"] == "did you mean 'temp_socket'?"


def test_test_fails_with_exit_code_1_when_an_expectation_is_wrong(tmp_path):
    suite = tmp_path / "mine_test.yml"
    body = (
        "tests: [{name: n, rule: EB-06, device: {type: shed}, steps: [{at: 0, values: {smoke: true}}], "
        "expect: [EXPECT]}]"
    )
    suite.write_text(body.replace("EXPECT", "{at: 0, not_raised: true}"), encoding="utf-8")
    told = run("test", str(suite))
    assert told.exit_code == 1
    assert "0 passed, 1 failed" in told.output
    suite.write_text(body.replace("EXPECT", "{at: 0, raised: 1}"), encoding="utf-8")
    assert run("test", str(suite)).exit_code == 0
    assert json.loads(run("test", "--json", str(suite)).output)["tests"][0]["passed"] is True


def test_a_pack_of_ones_own_is_tested_by_the_file_beside_it():
    told = run("test", str(EXAMPLES / "good"))
    assert told.exit_code == 0
    assert told.output == "2 passed, 0 failed\n"


def test_wrong_use_is_exit_code_2():
    assert run("check", "no-such-file.yml").exit_code == 2
    assert run("check", "--colour").exit_code == 2


def test_a_pack_without_tests_beside_it_is_a_problem_of_rules_test():
    told = run("test", str(EXAMPLES / "good" / "minimal.yml"))
    assert told.exit_code == 1
    assert "cannot be read" in told.output


def test_shipped_packs_are_found_without_their_tests():
    assert [path.name for path in shipped_packs()] == ["ebike.yml", "elevator.yml", "fire.yml", "system.yml"]
