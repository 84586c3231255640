"""The packs that come with Anju: complete, documented and proven by the tests beside them."""

import msgspec
import pytest

from alerts.rules.testing import run_case
from domain.kinds import KINDS
from runtime.packs import load_rulebook, load_suite, shipped_packs, suites_in

CORE = [
    "EL-01",
    "EL-02",
    "EL-03",
    "EL-04",
    "EL-05",
    "EL-06",
    "EL-07",
    "EL-08",
    "EL-09",
    "EL-10",
    "EL-13",
    "EL-15",
    "EL-16",
    "EL-17",
    "EL-18",
    "EL-19",
    "FC-01",
    "FC-02",
    "FC-03",
    "FC-04",
    "FC-05",
    "FC-06",
    "FC-09",
    "FC-11",
    "FC-12",
    "FC-14",
    "FC-15",
    "FC-16",
    "FC-17",
    "FC-18",
    "FC-19",
    "EB-01",
    "EB-03",
    "EB-06",
    "EB-08",
    "EB-09",
    "EB-10",
    "EB-12",
    "EB-13",
    "SY-01",
    "SY-03",
    "FC-10",
    "EB-04",
    "EB-11",
]
BOOK = load_rulebook()
CASES = [case for suite in suites_in(shipped_packs()) for case in load_suite(suite).cases]


def thaw(memory):
    return msgspec.json.decode(msgspec.json.encode(memory))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}-{case.line}")
def test_shipped_rule_test_passes(case):
    assert run_case(BOOK, case).failures == ()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}-{case.line}")
def test_shipped_rule_test_passes_when_memory_goes_through_json_each_time(case):
    assert run_case(BOOK, case, thaw).failures == ()


@pytest.mark.parametrize("rule", sorted(BOOK.rules))
def test_every_rule_has_a_test_that_raises_and_one_that_does_not(rule):
    mine = [case for case in CASES if case.rule == rule]
    assert any(item.what == "raised" for case in mine for item in case.expect)
    assert any(all(item.what == "not_raised" for item in case.expect) for case in mine)


def test_the_suggested_core_of_the_reference_is_there():
    assert set(CORE) <= set(BOOK.rules)


@pytest.mark.parametrize("rule", sorted(BOOK.rules))
def test_every_rule_names_its_clause_its_people_and_its_card(rule):
    info = BOOK.rules[rule]
    assert info.basis
    assert info.recipients
    assert info.title.zh
    assert info.title.en
    assert info.severities == tuple(sorted(info.severities))
    if min(info.severities) < 4:
        assert info.card in BOOK.cards


def test_every_card_is_used_and_has_its_steps_in_both_languages():
    assert {info.card for info in BOOK.rules.values()} - {None} == set(BOOK.cards)
    for card in BOOK.cards.values():
        assert len(card["steps"]["zh"]) == len(card["steps"]["en"]) >= 3
        assert card["title"]["zh"]
        assert card["title"]["en"]
        assert card["edition"]


def test_fire_and_entrapment_are_never_symptoms_and_confirmed_fire_never_clears_by_itself():
    for info in BOOK.rules.values():
        if info.life_safety:
            assert info.symptom_of == ()
    assert BOOK.rules["FC-02"].clear == "manual"
    assert BOOK.rules["FC-02"].scope == "zone"
    assert BOOK.rules["FC-02"].latching
    assert (BOOK.rules["FC-01"].verify_s, BOOK.rules["FC-01"].verify_severity) == (180, 1)
    assert (BOOK.rules["FC-03"].verify_s, BOOK.rules["FC-03"].verify_severity) == (60, 1)


def test_suspected_entrapment_alone_yields_and_only_to_one_that_stays_until_a_person_has_looked():
    yielding = {name: (info.yields_to, info.yields_within_s) for name, info in BOOK.rules.items() if info.yields_to}
    assert yielding == {"EL-02": ("EL-01", 600.0), "EL-03": ("EL-01", 600.0)}
    told = BOOK.rules["EL-01"]
    assert told.latching
    assert told.life_safety
    assert told.severities == (1,)
    for name in yielding:
        assert set(BOOK.rules[name].recipients) <= set(told.recipients)


def test_gateway_silence_explains_the_silence_of_its_devices():
    assert BOOK.rules["EL-18"].symptom_of == ("FC-18",)
    assert BOOK.rules["FC-18U"].symptom_of == ("FC-18",)
    assert BOOK.rules["FC-18"].kind == "gateway"


def test_main_signals_exist_in_their_kind():
    for info in BOOK.rules.values():
        assert info.signal is None or info.signal in KINDS[info.kind].signals


def test_every_reading_of_a_quiet_device_leaves_every_rule_idle_but_for_rate_queues(player_of, device_of):
    device = device_of(kind="ebike", type="port")
    rules = BOOK.for_device(device, {})
    player = player_of("levels: [{severity: 4, when: {event: smoke}}]\nclear: {for: 1}")
    reading = player.reading(
        0, session=True, power=180.0, current=0.8, temp_socket=25.0, relay_closed=True, smoke=False, session_s=60.0
    )
    assert {rule.info.id for rule in rules if rule.screen(reading)} == {"EB-04"}
