"""Compiling for devices: sharing, overrides and where they came from."""

from alerts.rules.book import Book
from runtime.packs import load_rulebook

RULE = """
signal: temp_socket
params: {warn: {default: 60, ge: 40, le: 100}, hold: 1m}
levels: [{severity: 3, when: {signal: temp_socket, ge: $warn, for: $hold}}]
clear: {for: 60}
"""


def test_twenty_thousand_devices_share_their_compiled_rules(device_of):
    book = load_rulebook()
    made = {id(book.for_device(device_of(f"d-{n}", zone=f"z-{n}", gateway=f"g-{n}"), {})) for n in range(20_000)}
    assert len(made) == 1


def test_due_dates_make_their_own_rule_and_share_the_rest(device_of):
    book = load_rulebook()
    one, two = (
        {rule.info.id: rule for rule in book.for_device(device_of(day, "elevator", attrs={"last_visit": day}), {})}
        for day in ("2024-05-01", "2024-05-02")
    )
    assert {name for name in one if one[name] is not two[name]} == {"EL-16"}


def test_a_device_override_beats_its_compounds_and_both_are_told(book_of, device_of):
    book = book_of(RULE)
    plain, compound, both = (
        book.for_device(device_of(overrides=own), shared)[0]
        for own, shared in (
            ({}, {}),
            ({}, {"T": {"warn": 50, "hold": "2m"}}),
            ({"T": {"warn": 45}}, {"T": {"warn": 50, "hold": "2m"}}),
        )
    )
    assert plain.params == {"warn": 60.0, "hold": 60.0}
    assert compound.params == {"warn": 50.0, "hold": 120.0}
    assert both.params == {"warn": 45.0, "hold": 120.0}
    assert {name: one.default for name, one in both.info.overridable.items()} == {"warn": 60.0, "hold": 60.0}


def test_two_devices_with_the_same_override_each_tell_their_own(book_of, device_of):
    book = book_of(RULE)
    one, two = (book.for_device(device_of(name, overrides={"T": {"warn": 45}}), {})[0] for name in ("one", "two"))
    assert one.params == two.params
    assert (one._provenance, two._provenance) == ({"warn": "device:one"}, {"warn": "device:two"})


def test_an_override_that_makes_no_sense_is_told_and_passed_over(book_of, device_of):
    book = book_of(RULE)
    wrong = {
        "T": {"wran": 5, "warn": "hot", "hold": -1},
        "NO": {"x": 1},
        "X": 3,
    }
    told = book.override_problems(wrong)
    assert told == [
        "T: there is no parameter 'wran' (overridable: warn, hold)",
        "T: warn must be a number of ℃, not 'hot'",
        "T: hold is -1, outside 0…",
        "there is no rule 'NO'",
        "there is no rule 'X'",
    ]
    assert book.override_problems({"T": {"warn": 120}}) == ["T: warn is 120, outside 40…100"]
    assert book.override_problems({"T": {"warn": True}}) == ["T: warn must be a number of ℃, not True"]
    assert book.override_problems({"T": 5}) == ["T: an override is parameters and values, like {warn: 65}"]
    assert book.for_device(device_of(overrides=wrong), {"T": {"warn": float("nan")}})[0].params["warn"] == 60.0


def test_rules_apply_by_kind_and_type(device_of):
    book = load_rulebook()

    def ids(**about):
        return {rule.info.id for rule in book.for_device(device_of(**about), {})}

    assert "FC-03" in ids(kind="fire", type="manual_call_point")
    assert "FC-03" not in ids(kind="fire", type="smoke")
    assert ids(kind="gateway") == {"FC-18", "SY-01", "SY-03"}


def test_the_digest_changes_with_the_rules_and_only_with_them(book_of):
    assert book_of(RULE).digest == book_of(RULE).digest
    assert book_of(RULE).digest != book_of(RULE.replace("60, ge", "61, ge")).digest
    assert Book([]).rules == {}
