"""Flags of the wire, of vendors' forms and of a load, over a real broker: what they say is what happens."""

import json
from collections import Counter, defaultdict

import pytest
from click.testing import CliRunner

from ingest.counters import Counters
from ingest.gate import Gate
from ingest.sorter import Draft, Sorter
from runtime.forms import load_wires
from simulators.cli import simulate
from simulators.district import load_district
from simulators.frames import Frames
from simulators.vendors import SPEAKERS, VENDORS
from tests.simulators.ears import Ears

pytestmark = pytest.mark.timeout(120)


def run(*args):
    return CliRunner().invoke(simulate, args)


def calm(mosquitto, *args, seconds=600):
    """A run without incidents, as fast as the broker takes it: its summary."""
    result = run("--broker", mosquitto.url, "--speed", "max", "--duration", str(seconds), "--json", *args)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout.splitlines()[-1])["summary"]


def readings(ears):
    return [
        (packet.topic.split("/")[4], json.loads(packet.payload))
        for packet in ears.heard
        if packet.topic.endswith(("/telemetry", "/event"))
    ]


def all_heard(ears, summary):
    """Waits for every reading and event that left."""
    channels = ("/telemetry", "/event")
    ears.until(
        lambda: sum(packet.topic.endswith(channels) for packet in list(ears.heard)) >= summary["wire"]["sent"],
        "all heard",
    )


@pytest.fixture
def ears(mosquitto):
    listening = Ears(mosquitto.port, "anju/v1/#")
    yield listening
    listening.close()


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (["--held", "1.5"], "--held"),
        (["--held-every", "0"], "'0' is no time at all"),
        (["--held-for", "0s"], "'0s' is no time at all"),
        (["--storm-every", "0"], "'0' is no time at all"),
        (["--drift", "fast"], "write 90s"),
        (["--form", "martian"], "lift_box"),
    ],
)
def test_wrong_flag_of_the_wire_ends_with_two_and_says_what_to_write(args, word):
    result = run(*args)
    assert result.exit_code == 2
    assert word in result.output


@pytest.mark.parametrize("key", ["held_every_s", "held_s"])
def test_scenario_whose_cuts_take_no_time_is_refused_by_line(tmp_path, key):
    path = tmp_path / "cuts.yml"
    path.write_text(
        "scenario: cuts\ntitle: {zh: 断, en: cuts}\nabout: {zh: 断, en: cuts}\nstart: 2026-11-20T17:30:00+08:00\n"
        f"lasts: 10m\nwire: {{held: 0.5, {key}: 0}}\ntimeline:\n  - {{at: 5m, what: door_fault}}\n",
        encoding="utf-8",
    )
    result = run("--check", str(path))
    assert result.exit_code == 1
    assert f"cuts.yml:6: wire {key} is 0" in result.output
    path.write_text(path.read_text(encoding="utf-8").replace(f"{key}: 0", f"{key}: 90s"), encoding="utf-8")
    assert run("--check", str(path)).exit_code == 0


@pytest.mark.e2e
def test_silent_devices_say_nothing_and_the_others_everything(mosquitto, ears):
    summary = calm(mosquitto, "--silent", "0.2")
    all_heard(ears, summary)
    speakers = {device for device, _ in readings(ears)}
    known = load_district().devices
    assert 0.13 * len(known) < len(known.keys() - speakers) < 0.27 * len(known)
    assert summary["wire"]["silent"] > 500
    assert summary["wire"]["sent"] + summary["wire"]["silent"] == summary["messages"]


@pytest.mark.e2e
def test_gateway_that_was_cut_off_sends_late_what_it_kept_and_loses_nothing(mosquitto, ears):
    summary = calm(mosquitto, "--held", "1", "--held-every", "10m", "--held-for", "2m", "--seed", "4")
    held = summary["wire"]["held"]
    assert held > 200
    assert summary["wire"]["sent"] == summary["messages"]
    all_heard(ears, summary)
    numbers = defaultdict(list)
    for device, body in readings(ears):
        numbers[device].append(body["seq"])
    assert all(sorted(seqs) == list(range(1, len(seqs) + 1)) for seqs in numbers.values()), "nothing is missing"
    late = [body for _, body in readings(ears) if body.get("src") == "backfill"]
    assert len(late) >= held


@pytest.mark.e2e
def test_drifting_clocks_go_further_wrong_and_skewed_ones_do_not(mosquitto, ears):
    args = ("--start", "2026-11-20T08:00:00+08:00", "--seed", "3")
    all_heard(ears, calm(mosquitto, *args))
    right = {(device, body["seq"]): body["ts"] for device, body in readings(ears)}
    ears.heard.clear()
    all_heard(ears, calm(mosquitto, *args, "--drifting", "1", "--drift", "1h"))
    off = defaultdict(list)
    for device, body in readings(ears):
        off[device].append(body["ts"] - right[device, body["seq"]])
    lengths = [abs(errors[-1]) for errors in off.values()]
    assert max(lengths) <= 600_000 / 24 + 1, "at most an hour in a day"
    assert max(lengths) > 600_000 / 24 * 0.9
    assert all(abs(errors[0]) <= abs(errors[-1]) + 1 for errors in off.values())


@pytest.mark.e2e
def test_storm_drops_all_connections_and_all_come_back_without_loss(mosquitto, ears):
    result = run("--broker", mosquitto.url, "--speed", "60", "--duration", "6m", "--storm-every", "2s", "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout.splitlines()[-1])["summary"]
    gateways = sum(device.type == "gateway" for device in load_district().devices.values())
    assert summary["wire"]["storms"] >= 2
    assert summary["connects"] >= gateways * (1 + summary["wire"]["storms"] / 2)
    assert summary["acked"] == summary["sent"] > 1_000
    assert summary["unacked"] == summary["dropped"] == 0


# --- vendors' forms ---------------------------------------------------------------------------------------------------


def district_of(tmp_path, *args):
    path = tmp_path / "district.yaml"
    path.write_text(run("--print-district", "demo", *args).output, encoding="utf-8")
    return load_district(path)


def test_printed_district_says_which_devices_speak_a_form_and_is_otherwise_the_same(tmp_path):
    plain = load_district().devices
    spoken = district_of(tmp_path, "--form", "water_nb").devices
    assert spoken.keys() == plain.keys()
    for name, device in spoken.items():
        form = "water_nb" if device.type in SPEAKERS["water_nb"] else None
        assert device.attrs.get("form") == form
        assert {key: value for key, value in device.attrs.items() if key != "form"} == plain[name].attrs


def sorted_in(ears, registry):
    """What ingestion makes of everything that was heard, by the shipped mapping files."""
    counters, draft = Counters(), Draft()
    sorter = Sorter(load_wires(), registry.devices, Gate(), counters)
    packets = [(at, one.topic.encode(), one.payload, 0) for at, one in enumerate(ears.heard, 1)]
    newest = max(body["ts"] for _, body in readings(ears) if "ts" in body)
    found, at = [], 0
    while at < len(packets):
        draft.readings.clear()
        at = sorter.sort(packets, at, newest + 1_000, draft, len(packets))
        found += draft.readings
    return found, draft.dead


@pytest.mark.e2e
def test_vendor_forms_are_spoken_by_all_who_can_and_understood_by_the_shipped_mappings(mosquitto, ears, tmp_path):
    summary = calm(
        mosquitto, "--vendor-forms", "--incident", "entrapment_code@60s", "--incident", "smoke_then_second_detector@90s"
    )
    all_heard(ears, summary)
    ears.until(lambda: not any(ears.states.values()), "all offline")
    registry = district_of(tmp_path, "--vendor-forms")
    found, dead = sorted_in(ears, registry)
    assert dead == []
    forms = Counter(registry.devices[one.device].attrs.get("form") for one in found)
    assert all(forms[name] > 100 for name in VENDORS)
    assert len(found) == summary["messages"]
    kinds = Counter(one.event.kind for one in found if one.event is not None)
    assert kinds["entrapment"] == 1
    assert kinds["fire_alarm"] == 2
    assert {one.event.scheme for one in found if one.event and one.event.kind == "entrapment"} == {"vendor_mx"}
    canonical = [device for device, body in readings(ears) if "values" in body or "event" in body]
    assert not {registry.devices[device].attrs.get("form") for device in canonical} - {None}


@pytest.mark.e2e
def test_who_does_not_know_of_the_forms_keeps_all_of_it_aside(mosquitto, ears):
    summary = calm(mosquitto, "--form", "water_nb", seconds=400)
    all_heard(ears, summary)
    registry = load_district()
    found, dead = sorted_in(ears, registry)
    types = {registry.devices[one.device].type for one in dead}
    assert types == SPEAKERS["water_nb"]
    assert not {registry.devices[one.device].type for one in found} & types


# --- a load -----------------------------------------------------------------------------------------------------------


@pytest.mark.e2e
def test_load_reports_what_was_sent_and_acknowledged_and_its_own_cost(mosquitto, ears):
    result = run("--broker", mosquitto.url, "--load", "10000", "--load-devices", "500", "--seed", "9", "--json")
    assert result.exit_code == 0, result.output
    load = json.loads(result.stdout)["load"]
    assert load["sent"] == load["acked"] == sum(load["per_s"]) == 10_000
    assert (load["resent"], load["connects"]) == (0, 1)
    assert load["acked_per_s"] == pytest.approx(10_000 / load["wall_s"])
    assert 0 < load["cpu_us_per_message"] == pytest.approx(load["cpu_s"] / 10_000 * 1e6)
    assert load["cpu_us_per_message"] < 60
    ears.until(lambda: len(ears.heard) == 10_000, "everything heard", 30)
    heard = Counter((device, body["seq"]) for device, body in readings(ears))
    frames = Frames(500, 10_000, start_ms=0, seed=9)
    assert heard == Counter(frames.key(number) for number in range(10_000)), "each once"


@pytest.mark.e2e
def test_paced_load_takes_its_time_and_is_told_in_one_line(mosquitto):
    args = ("--load", "1500", "--load-devices", "10", "--load-rate", "1000")
    result = run("--broker", mosquitto.url, *args)
    assert result.exit_code == 0, result.output
    [line] = result.stdout.splitlines()
    assert line.startswith("10 devices: 1500 sent, 1500 acknowledged in ")
    assert "own cost " in line
    seconds = float(line.split("acknowledged in ")[1].split(" s")[0])
    assert 1.3 <= seconds < 5


def test_printed_load_district_knows_every_device_of_the_load(tmp_path):
    path = tmp_path / "load.yaml"
    path.write_text(run("--print-load-district", "--load-devices", "300").output, encoding="utf-8")
    assert load_district(path).devices == Frames(300, 0, start_ms=0).registry().devices
