"""The table of condition kinds, and what each says about itself."""

import json
from pathlib import Path

from alerts.rules import kinds

FILES = {path.stem for path in Path(kinds.__file__).parent.glob("*.py")} - {"__init__", "base"}


def test_every_file_of_a_condition_kind_is_in_the_table():
    modules = {kind.read.__module__.rpartition(".")[2] for kind in kinds.KINDS}
    assert modules == FILES


def test_every_kind_describes_itself_in_both_languages():
    types = {"signal", "number", "integer", "boolean", "seconds", "text", "events", "choice", "types", "condition",
             "conditions"}  # fmt: skip
    for kind in kinds.KINDS:
        assert kind.zh
        assert kind.en
        assert kind.marks
        assert kind.fields
        for field in (*kind.fields, *kinds.COMMON):
            assert field.type in types
            assert field.zh
            assert field.en
            assert (field.type == "choice") == bool(field.choices)


def test_no_two_kinds_are_recognised_by_the_same_key():
    marks = [mark for kind in kinds.KINDS for mark in kind.marks]
    assert len(marks) == len(set(marks))


def test_the_description_is_ready_for_json():
    told = json.loads(json.dumps(kinds.described(), ensure_ascii=False))
    assert [kind["name"] for kind in told] == [kind.name for kind in kinds.KINDS]
    assert all(field["name"] and field["type"] for kind in told for field in kind["fields"])
