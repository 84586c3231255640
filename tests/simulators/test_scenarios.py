"""Every shipped scenario, through the real engine on virtual time, raises what is owed for it and nothing else."""

import pytest

from domain.errors import Invalid, NotFound
from domain.registry import Registry
from simulators.incidents import INCIDENTS, Incident
from simulators.incidents.base import owe
from simulators.kernel import Message
from simulators.scenarios import SCENARIOS, Raised, begin, expectations, load_scenario, problems
from simulators.world import World
from tests.simulators.playing import BOOK, Story

PROMISED = {
    "entrapment_child_at_night",
    "smoke_from_cooking",
    "fire_alarm_storm",
    "pump_room_freeze",
    "hydrant_leak_six_hours",
    "ebike_into_home",
    "charging_shed_runaway",
    "gateway_flapping",
    "district_power_cut",
    "elevator_under_maintenance",
    "sensor_stuck",
    "quarterly_drill",
    "cold_night",
    "quiet_day",
    "monday_morning",
    "overspeed_at_noon",
    "door_open_running",
    "charging_overtime",
    "relay_stuck",
    "use_without_session",
    "duty_check_unanswered",
    "lane_blocked_during_fire",
    "insulation_decay",
    "camera_false_positives",
    "wrong_clock",
    "bad_wire",
    "two_lifts_one_cut",
    "tank_empties",
    "float_charge",
}
MINUTE = 60_000

pytestmark = pytest.mark.timeout(300)


def shipped(name):
    return load_scenario(SCENARIOS[name])


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_raises_what_is_owed_and_nothing_else(name):
    story = Story(shipped(name))
    assert story.run() == []
    if story.door is not None:
        counted = story.door.counters.outcomes
        assert not [outcome for outcome in counted if outcome.value == "internal_error" and counted[outcome]]


def test_what_was_promised_is_shipped():
    assert SCENARIOS.keys() >= PROMISED
    assert len(SCENARIOS) >= 25


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_speaks_of_rules_that_exist_and_tells_people_what_it_is(name):
    scenario = shipped(name)
    rules = {one.rule for one in (*scenario.must, *scenario.may, *scenario.must_not)}
    assert rules <= BOOK.rules.keys()
    for text in (scenario.title.zh, scenario.about.zh):
        assert any("\u4e00" <= letter <= "\u9fff" for letter in text)
    for text in (scenario.title.en, scenario.about.en):
        assert text.isascii()
    assert scenario.steps or scenario.declares or not scenario.must


def test_storm_brings_alarms_of_five_hundred_devices_within_two_minutes():
    world = begin(shipped("fire_alarm_storm"))
    alarms = {
        item.device: item.ts_ms
        for item in world.advance(world.end_ms)
        if isinstance(item, Message) and item.event is not None and item.event["kind"] == "fire_alarm"
    }
    assert len(alarms) >= 500
    assert max(alarms.values()) - min(alarms.values()) <= 120_000


def said(scenario, **how):
    world = begin(scenario, **how)
    return list(world.advance(world.end_ms))


def test_same_scenario_and_seed_say_the_same_another_seed_something_else():
    scenario = shipped("doors_stay_shut_at_a_landing")
    assert said(scenario) == said(scenario)
    assert said(scenario) != said(scenario, seed=4711)


def test_whole_lets_everything_of_its_parts_happen():
    scenario = shipped("all_at_once")
    whole = {truth.what for truth in begin_and_end(scenario).truths.values()}
    assert whole == {"entrapment", "residual_current", "charging_overheat"}


def begin_and_end(scenario):
    world = begin(scenario)
    for _ in world.advance(world.end_ms):
        pass
    return world


# --- the judge itself ------------------------------------------------------------------------------------------------
def written(tmp_path, timeline, expect="{}", lasts="30m"):
    path = tmp_path / "sketch.yml"
    path.write_text(
        "scenario: sketch\ntitle: {zh: 例, en: Example}\nabout: {zh: 例, en: Example}\n"
        f"start: 2026-01-15T09:00:00+08:00\nlasts: {lasts}\ncompounds: [js-ml]\n"
        f"timeline: {timeline}\nexpect: {expect}\n",
        encoding="utf-8",
    )
    return load_scenario(path)


LEAK = "[{at: 1m, what: residual_current, where: {device: js-ml-b1-rcd}, as: damp}]"


def judged(world, *alerts):
    return problems(world, [Raised(rule, where, world.start_ms + s * 1000, n) for rule, where, s, n in alerts])


def test_judge_is_content_with_what_is_owed_in_time(tmp_path):
    world = begin_and_end(written(tmp_path, LEAK))
    assert judged(world, ("FC-11", "js-ml-b1-rcd", 200, 2)) == []


@pytest.mark.parametrize(
    ("alerts", "word"),
    [
        ([], "FC-11 js-ml-b1-rcd (residual_current) was not raised"),
        ([("FC-11", "js-ml-b1-rcd", 900, 2)], "was raised at 900 s, due at"),
        ([("FC-11", "js-ml-b1-rcd", 30, 2)], "was raised at 30 s: nobody asked for it"),
        ([("FC-11", "js-ml-b2-rcd", 200, 2)], "FC-11 js-ml-b2-rcd was raised at 200 s: nobody asked for it"),
        ([("FC-12", "js-ml-b1-rcd", 200, 2)], "must not be (residual_current)"),
    ],
)
def test_judge_tells_what_is_missing_late_false_or_forbidden(tmp_path, alerts, word):
    world = begin_and_end(written(tmp_path, LEAK))
    found = judged(world, *alerts)
    assert any(word in line for line in found), found


def test_judge_holds_the_file_to_severity_muting_and_targets(tmp_path):
    expect = (
        "{must: [{rule: FC-11, target: damp, severity: 1}, {rule: SY-03, target: damp.compound, muted: true}, "
        "{rule: FC-18, target: damp.gateway}], must_not: [{rule: FC-09}]}"
    )
    world = begin_and_end(written(tmp_path, LEAK, expect))
    found = judged(
        world, ("FC-11", "js-ml-b1-rcd", 200, 2), ("SY-03", "js-ml", 300, 2), ("FC-09", "js-ml-pool", 300, 2)
    )
    text = "\n".join(found)
    assert "reached severity 2, not 1" in text
    assert "SY-03 js-ml (sketch.yml:8) was not muted" in text
    assert "FC-18 js-ml-gw-fire (sketch.yml:8) was not raised" in text
    assert "FC-09 js-ml-pool was raised, and must not be" in text


def test_judge_says_when_a_scenario_ends_before_its_alert_is_due(tmp_path):
    world = begin_and_end(written(tmp_path, LEAK, lasts="2m"))
    assert "let the scenario last longer" in judged(world)[0]


def test_step_that_finds_no_device_is_told_instead_of_passing_for_a_quiet_day(tmp_path):
    twice = "[{at: 1m, what: residual_current, where: {device: js-ml-b1-rcd}, repeat: {times: 2, every: 10s}}]"
    world = begin_and_end(written(tmp_path, twice))
    assert len(world.missed) == 1
    assert any("found no device to happen to" in line for line in problems(world, []))


def test_repeated_step_goes_from_device_to_device_in_order(tmp_path):
    world = begin_and_end(
        written(
            tmp_path, "[{at: 1m, what: door_fault, where: {type: lift, nth: 1}, repeat: {times: 2, every: 5s}, as: d}]"
        )
    )
    lifts = [device.id for device in world.registry.devices.values() if device.type == "lift"]
    assert [truth.device for truth in world.by_label["d"]] == lifts[1:3]


def test_step_can_happen_to_the_device_of_an_earlier_one(tmp_path):
    again = (
        "[{at: 1m, what: residual_current, with: {lasts_s: 60}, as: first}, "
        "{at: 20m, what: residual_current, where: {like: first}, with: {lasts_s: 60}, as: again}]"
    )
    world = begin_and_end(written(tmp_path, again))
    assert world.by_label["first"][0].device == world.by_label["again"][0].device


def test_expectations_carry_the_time_by_which_each_is_due(tmp_path):
    world = begin_and_end(written(tmp_path, LEAK, "{must: [{rule: FC-11, target: damp, within: 3m}]}"))
    truth = world.by_label["damp"][0]
    due = expectations(world).must[-1]
    assert (due.target, due.from_ms, due.by_ms) == ("js-ml-b1-rcd", truth.from_ms, truth.from_ms + 180_000)


# --- ending early ----------------------------------------------------------------------------------------------------
class Drip(Incident):
    """A made-up incident that can be stopped."""

    stoppable = True
    life_safety = True

    def __init__(self):
        super().__init__("drip", "滴水", "a drip", {"lasts_s": 3600.0}, {})

    def fits(self, site, model):
        return model.device.type == "tank" and model.busy is None

    def owe(self, site, model, truth):
        truth.must_raise.append(owe("FC-09", model.device.id, 60))

    def start(self, site, model, chronicle):
        def course():
            chronicle.begin()
            yield from chronicle.lasting(chronicle.truth.params["lasts_s"])
            yield 5.0
            chronicle.end()

        site.kernel.spawn(course())


@pytest.fixture
def drip(monkeypatch):
    monkeypatch.setitem(INCIDENTS, "drip", Drip())


def test_stop_ends_an_incident_early_where_it_can_be_stopped(tmp_path, drip):
    world = begin_and_end(written(tmp_path, "[{at: 1m, what: drip, as: it}, {at: 5m, stop: it}]"))
    truth = world.by_label["it"][0]
    assert (truth.from_ms - world.start_ms, truth.to_ms - world.start_ms) == (60_000, 305_000)
    assert truth.life_safety


def test_incident_that_nobody_stops_takes_its_time(tmp_path, drip):
    world = begin_and_end(written(tmp_path, "[{at: 1m, what: drip, as: it}]", lasts="2h"))
    assert world.by_label["it"][0].to_ms - world.start_ms == 60_000 + 3_605_000


def test_stopping_by_hand_what_is_unknown_or_cannot_be_stopped_is_refused(small, drip, monkeypatch):
    world = World(small, 1, 1_768_435_200_000)
    with pytest.raises(NotFound):
        world.stop("no-such")
    monkeypatch.setattr(Drip, "stoppable", False)
    truth = world.inject("drip")
    with pytest.raises(Invalid, match="cannot be stopped"):
        world.stop(truth.id)


def test_another_district_can_be_given(tmp_path):
    scenario = written(tmp_path, "[]")
    empty = Registry(version=1)
    assert begin(scenario, empty).models == {}
