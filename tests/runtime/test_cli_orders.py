"""Work orders from a terminal, on a running house."""

import io
import json

import pytest
from click.testing import CliRunner
from PIL import Image

from domain.organisations import Contract, Organisation
from domain.people import Person
from domain.places import Name
from domain.registry import Registry
from runtime.cli import anju
from runtime.wiring import wall_clock_ms
from tests.support import house
from tests.support.house import Living

FIRM = Organisation("pf", "property_firm", Name("恒安物业", "Heng'an"), phone="0477-555-0130")


@pytest.fixture
def living(tmp_path, monkeypatch):
    bare = house.compound()
    contract = Contract("k", "pf", ["c"], "2020-01-01")
    places, devices = bare.places.values(), bare.devices.values()
    whole = Registry(places=places, devices=devices, organisations=[FIRM], contracts=[contract])
    monkeypatch.setattr(house, "compound", lambda: whole)
    with Living(tmp_path) as running:
        running.house.database.users.save(Person("boss", roles=("admin",)), "correct horse battery", wall_clock_ms())
        running.house.database.users.save(Person("li", roles=("operator",)), "correct horse battery", wall_clock_ms())
        yield running


def terminal(living, name, tmp_path):
    token = CliRunner().invoke(anju, ["users", "token", name, "--label", "t", "--data", str(tmp_path)]).stdout.strip()

    def run(*words, code=0):
        place = {"ANJU_URL": living.house.server.url, "ANJU_TOKEN": token}
        done = CliRunner().invoke(anju, ["orders", *words], env=place)
        assert done.exit_code == code, done.output
        return done.output + str(done.exception or "")

    return run


def photo(path):
    raw = io.BytesIO()
    Image.new("RGB", (40, 30), (10, 80, 10)).save(raw, "JPEG")
    path.write_bytes(raw.getvalue())
    return str(path)


def test_an_order_goes_its_way_from_a_terminal(living, tmp_path):
    wang, li = terminal(living, "wang", tmp_path), terminal(living, "li", tmp_path)
    case = {"severity": 2, "place": "b", "subject": "水管漏水", "kind": "fire"}
    order = living.http.post("/orders", json=case).json()
    (line,) = wang("ls").splitlines()
    assert line.startswith(f"{order['no']}  2  dispatched")
    for words in ("accept 20", "水管漏水", "和泰雅苑", "恒安物业"):
        assert words in line
    assert wang("step", order["no"], "accept") == f"{order['no']}  accepted\n"
    wang("step", order["no"], "arrive")
    assert "photo" in wang("step", order["no"], "submit", "--note", "已关阀", code=1)
    told = wang("step", order["no"], "submit", "--note", "已关阀", "--photo", photo(tmp_path / "p.jpg"))
    assert told == f"{order['no']}  submitted\n"
    assert "somebody else" in wang("step", order["no"], "verify", code=1)
    assert li("step", order["no"], "verify") == f"{order['no']}  closed\n"
    text = li("show", order["no"])
    for words in ("恒安物业 0477-555-0130", "物业 firm", "handle     due", "submit", "已关阀", "verify"):
        assert words in text
    assert [line.split()[2] for line in text.splitlines()[-2:]] == ["verify", "close"]
    assert wang("ls") == ""
    assert order["no"] in wang("ls", "--closed")
    raw = json.loads(wang("show", order["no"], "--json"))
    assert raw["evidence"][0]["phase"] == "after"
    assert [one["event"].get("step") for one in raw["journal"]][-1] == "close"


def test_supervision_names_a_leader_and_a_local_time(living, tmp_path):
    wang = terminal(living, "wang", tmp_path)
    order = living.http.post("/orders", json={"severity": 3, "place": "b", "subject": "灯不亮"}).json()
    boss = terminal(living, "boss", tmp_path)
    assert "leader" in boss("step", order["no"], "supervise", code=1)
    told = boss("step", order["no"], "supervise", "--leader", "赵主任", "--until", "2099-01-01T08:00", "--json")
    assert json.loads(told)["supervised_by"] == "赵主任"
    assert "right" in wang("step", order["no"], "supervise", "--leader", "x", code=1)


def test_an_order_nobody_knows_is_named(living, tmp_path):
    assert "no order" in terminal(living, "wang", tmp_path)("show", "GD-20200101-0001", code=1)
