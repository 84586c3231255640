"""Packs on disk: the good ones load, each bad one is told by file, line, what is wrong and what to write."""

import re
from pathlib import Path

import pytest

from alerts.rules.testing import run_case
from runtime.packs import PackErrors, load_packs, load_rulebook, load_suite

FOLDER = Path(__file__).parent / "examples"
BAD = sorted((FOLDER / "bad").glob("*.yml"))
GOOD = sorted(path for path in (FOLDER / "good").glob("*.yml") if not path.stem.endswith("_test"))


def test_there_are_plenty_of_bad_examples():
    assert len(BAD) >= 50


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_pack_is_told_by_line_and_with_advice(path):
    expected = re.findall(r"^# expect: (\d+): (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert expected, "the example must say what it expects"
    _, errors = load_packs([path])
    told = [(error.line, f"{error.what}; {error.write}") for error in errors]
    for line, fragment in expected:
        assert any(at == int(line) and fragment in text for at, text in told), (line, fragment, told)
    assert all(error.file == str(path) and error.write for error in errors)
    with pytest.raises(PackErrors) as refused:
        load_rulebook([path])
    assert refused.value.errors == errors


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_good_pack_loads(path):
    book = load_rulebook([path])
    assert book.rules
    assert all(info.card is None or info.card in book.cards for info in book.rules.values())


def test_tests_beside_a_pack_of_ones_own_run_against_it():
    book = load_rulebook([FOLDER / "good" / "everything.yml"])
    outcomes = [run_case(book, case) for case in load_suite(FOLDER / "good" / "everything_test.yml").cases]
    assert len(outcomes) == 2
    assert all(outcome.passed for outcome in outcomes), outcomes
