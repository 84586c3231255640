"""The test runner must not be fooled: a test that looks beyond its data, or expects nothing, fails."""

import pytest

from alerts.rules.testing import run_case
from alerts.rules.timeline import read_suite
from runtime.packs import load_rulebook, parse_tree

BOOK = load_rulebook()


def run(steps: str, expect: str, rule: str = "EB-06", device: str = "{type: shed}"):
    text = f"tests:\n  - name: t\n    rule: {rule}\n    device: {device}\n    steps: {steps}\n    expect: {expect}\n"
    suite, errors = read_suite(parse_tree(text.encode(), "t_test.yml"), "t_test.yml")
    assert not errors, [str(error) for error in errors]
    return run_case(BOOK, suite.cases[0]).failures


def test_an_instant_beyond_the_data_fails_unless_silence_is_said():
    (failure,) = run("[{at: 0, values: {smoke: false}}]", "[{at: 600, not_raised: true}]")
    assert "beyond the data, which ends at 0 s" in failure
    assert run("[{at: 0, values: {smoke: false}}, {at: 1, silence: true}]", "[{at: 600, not_raised: true}]") == ()


def test_data_after_the_silence_fails():
    (failure,) = run("[{at: 5, silence: true}, {at: 10, values: {smoke: true}}]", "[{at: 10, raised: 1}]")
    assert "after the silence" in failure


@pytest.mark.parametrize(
    ("steps", "expect", "told"),
    [
        ("[{at: 0, values: {smoke: true}}]", "[{at: 0, not_raised: true}]", "is open with severity 1"),
        ("[{at: 0, values: {smoke: true}}]", "[{at: 0, raised: 2}]", "expected severity 2"),
        ("[{at: 0, values: {smoke: false}}]", "[{at: 0, raised: 1}]", "is not raised"),
        ("[{at: 0, values: {smoke: true}}]", "[{at: 0, cleared: true}]", "expected to have cleared"),
        ("[{at: 0, values: {smoke: false}}]", "[{at: 0, cleared: true}]", "expected to have cleared"),
    ],
)
def test_a_wrong_expectation_fails_and_says_how_it_was(steps, expect, told):
    (failure,) = run(steps, expect)
    assert told in failure


def test_steps_that_do_not_fit_their_device_fail():
    assert "does not fit" in run("[{at: 0, values: {temp_socket: hot_is_text}}]".replace("hot_is_text", "true"),
                                 "[{at: 0, not_raised: true}]")[0]  # fmt: skip
    assert "does not fit" in run("[{at: 0, event: fire_alarm}]", "[{at: 0, not_raised: true}]")[0]


def test_an_unknown_rule_fails():
    assert run("[{at: 0, values: {smoke: true}}]", "[{at: 0, raised: 1}]", rule="XX-99") == ("there is no rule XX-99",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tests: []", "the file has no tests"),
        ("tests: [{name: a, rule: EB-06, device: {type: shed}, steps: [], expect: []}]", "the test expects nothing"),
        ("tests: [{name: a, rule: EB-06, steps: [], expect: [{at: 0, raised: 1}]}]", "one of 'device' and 'devices'"),
        ("tests: [{name: a, rule: r, device: {}, steps: [{at: 0}], expect: [{at: 0, raised: 1}]}]", "nothing happens"),
        (
            "tests: [{name: a, rule: r, device: {}, start: today, steps: [], expect: [{at: 0, raised: 1}]}]",
            "start 'today' is no instant",
        ),
        ("tests: [{name: a, rule: r, device: {}, steps: [], expect: [{at: 0, rased: 1}]}]", "did you mean 'raised'?"),
        (
            "tests: [{name: a, rule: r, device: {}, steps: [{at: 0, until: 1e7, every: 1, values: {}}], expect: []}]",
            "repeats 10000001 times",
        ),
    ],
)
def test_a_broken_test_file_is_told(text, told):
    _, errors = read_suite(parse_tree(text.encode(), "t_test.yml"), "t_test.yml")
    assert any(told in str(error) for error in errors), [str(error) for error in errors]
