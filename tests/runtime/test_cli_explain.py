"""The explanation of an alert in a terminal: what was seen, what it was compared with, who was told, what is due."""

import json

from click.testing import CliRunner

from alerts.explain import explain
from alerts.inputs import Shelve
from runtime.cli import anju
from runtime.cli_explain import explained
from runtime.packs import load_rulebook
from tests.support.house import Living
from tests.support.rulebook import T0, batch, port, reading, registry
from tests.support.station import LittleStation

HOUR = 3_600_000


def lines_of(station, rule):
    [alert] = [one for one in station.alerts.values() if one.rule == rule]
    book = load_rulebook()
    told = explain(alert, station.rows(alert.id), book.rules[rule], station.registry, T0 + 1_000)
    return list(explained(told))


def test_reader_finds_values_units_labels_and_origins():
    device = port("p1", overrides={"EB-03": {"warn": 62}})
    station = LittleStation(registry(device), load_rulebook())
    station.take(batch(reading("p1", T0, temp_socket=85.0)))
    text = "\n".join(lines_of(station, "EB-03"))
    assert "temp_socket                85.0 ℃" in text or "85.0 ℃" in text
    assert "预警温度 (warn) = 62 ℃  ← 本设备 device p1" in text
    assert "危急温度 (critical) = 80 ℃  ← 规则包 pack" in text
    assert "通知 notifications" in text
    assert "ack_due" in text


def test_shelving_and_its_note_are_told():
    station = LittleStation(registry(port("p1")), load_rulebook())
    station.take(batch(reading("p1", T0, temp_socket=72.0)))
    station.take(batch(reading("p1", T0 + 10_000, temp_socket=72.0)))
    [alert] = station.alerts.values()
    wish = Shelve(alert_id=alert.id, actor="wang", until_ms=T0 + HOUR, reason="fan", note="waiting for a part")
    station.take(wish, T0 + 11_000)
    text = "\n".join(lines_of(station, "EB-03"))
    assert "不响铃 does not ring: shelved fan wang until" in text
    assert "note=waiting for a part" in text


def test_terminal_explains_and_acknowledges_by_the_number_that_people_say(tmp_path):
    def run(*words):
        place = {"ANJU_DATA": str(tmp_path), "ANJU_URL": living.house.server.url}
        done = CliRunner().invoke(anju, words, env=place | {"ANJU_TOKEN": token})
        assert done.exit_code == 0, done.output
        return done.stdout

    with Living(tmp_path) as living:
        token = ""
        token = run("users", "token", "wang", "--label", "terminal").strip()
        living.say("smoke1", values={"fire": True})
        alert = living.alert("FC-01")
        assert run("alerts", "ls").split()[0] == alert["no"]
        text = run("alerts", "explain", alert["no"])
        assert text.startswith(f"{alert['no']}  2  ")
        assert "为何告警 why  FC-01" in text
        assert "✓" in text
        raw = json.loads(run("alerts", "explain", alert["no"], "--json"))
        assert raw["alert"]["id"] == alert["id"]
        assert run("alerts", "ack", alert["no"], "--note", "I go") == f"{alert['no']}  acked\n"
        assert "alert.acked" in run("journal", "show", "--alert", alert["no"])
