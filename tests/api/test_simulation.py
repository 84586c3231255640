"""The drill panel: only where something is simulated, only for those who may act, and every act has a name."""

import contextlib

import httpx
import pytest

from api.app import create_app
from domain.errors import Conflict, NotFound
from tests.support.ports import PASSWORD, START_MS


class World:
    """Plays the part of the simulator: says what it was asked, as the real one does over its pipe."""

    def __init__(self):
        self.asked = []
        self.target = "nowhere"
        self.refuse = None

    def offer(self):
        return {"scenarios": [{"name": "quiet_day"}], "incidents": [{"name": "entrapment", "params": {"lasts_s": 900}}]}

    def inject(self, incident, device, params):
        if self.refuse:
            raise self.refuse
        self.asked.append((incident, device, dict(params)))
        return {"id": "b-1", "what": incident, "device": device or "lift-1", "must_raise": []}

    def play(self, scenario):
        self.asked.append(scenario)
        drill = {
            "purpose": "drill", "target": self.target, "from_ms": START_MS - 60_000, "until_ms": START_MS + 3_600_000,
            "reason": "quarterly drill", "rules": [],
        }  # fmt: skip
        return {"id": "run-1", "scenario": scenario, "state": "running", "declares": [drill]}

    def stop(self, run):
        if run != "run-1":
            raise NotFound("simulation.run", f"no run {run!r}")
        return {"id": run, "scenario": "quiet_day", "state": "stopped"}

    def runs(self):
        return [{"id": "run-1", "scenario": "quiet_day", "state": "running", "truths": []}]


@pytest.fixture
def world(house):
    return World()


@pytest.fixture
async def signed_in(house):
    """Opens the API with other ports, as a person of some role."""
    async with contextlib.AsyncExitStack() as stack:

        async def enter(role="operator", *, simulation):
            house.database.users.create(role, PASSWORD, [role], START_MS)
            token = house.database.users.create_token(role, "tests", START_MS)
            app = create_app(house.ports(simulation=lambda: simulation))
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            client = httpx.AsyncClient(transport=transport, base_url="http://anju.test")
            client.headers["Authorization"] = f"Bearer {token}"
            return await stack.enter_async_context(client)

        yield enter


@pytest.fixture
async def panel(house, world, signed_in):
    return await signed_in(simulation=world)


def last_line(house):
    return house.database.journal.rows(after=house.database.journal.seq - 1)[0]


async def test_nothing_is_simulated_in_a_real_house(client):
    for path in ("", "/runs"):
        answer = await client.get(f"/api/v1/simulation{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "simulation.off")
    answer = await client.post("/api/v1/simulation/incidents", json={"incident": "entrapment"})
    assert answer.status_code == 404


async def test_offer_names_scenarios_and_incidents(panel):
    offer = (await panel.get("/api/v1/simulation")).json()
    assert offer["incidents"][0]["params"] == {"lasts_s": 900}


async def test_incident_begins_and_the_journal_says_who_let_it(house, panel, world):
    body = {"incident": "entrapment", "device": "lift-9", "params": {"lasts_s": 60}}
    answer = await panel.post("/api/v1/simulation/incidents", json=body)
    assert (answer.status_code, answer.json()["device"]) == (201, "lift-9")
    assert world.asked == [("entrapment", "lift-9", {"lasts_s": 60})]
    line = last_line(house)
    assert (line.kind, line.actor, line.event.what, line.event.device) == (
        "simulation.commanded", "operator", "inject", "lift-9",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("error", "status"),
    [(NotFound("incident.unknown", "no incident"), 404), (Conflict("incident.no_target", "no device is free"), 409)],
)
async def test_what_the_simulator_refuses_is_told_and_not_journalled(house, panel, world, error, status):
    world.refuse, before = error, house.database.journal.seq
    answer = await panel.post("/api/v1/simulation/incidents", json={"incident": "entrapment"})
    assert (answer.status_code, answer.json()["code"]) == (status, error.code)
    assert house.database.journal.seq == before


async def test_run_is_begun_watched_and_ended(house, panel):
    begun = await panel.post("/api/v1/simulation/runs", json={"scenario": "quiet_day"})
    assert (begun.status_code, last_line(house).event.run) == (201, "run-1")
    assert [one["id"] for one in (await panel.get("/api/v1/simulation/runs")).json()["items"]] == ["run-1"]
    assert (await panel.post("/api/v1/simulation/runs/run-1/stop")).json()["state"] == "stopped"
    assert (await panel.post("/api/v1/simulation/runs/run-2/stop")).status_code == 404


async def test_drill_of_a_scenario_is_declared_with_it(house, panel, world):
    refused = (await panel.post("/api/v1/simulation/runs", json={"scenario": "drill"})).json()["not_declared"]
    assert [one["code"] for one in refused] == ["maintenance.target_unknown"]
    world.target = next(iter(house.registry.devices))
    answer = (await panel.post("/api/v1/simulation/runs", json={"scenario": "drill"})).json()
    assert answer["not_declared"] == []
    [window] = (await panel.get("/api/v1/maintenance")).json()["items"]
    assert (window["purpose"], window["target"], window["actor"]) == ("drill", world.target, "operator")


async def test_who_may_only_look_lets_nothing_happen(house, world, signed_in):
    viewer = await signed_in("viewer", simulation=world)
    assert (await viewer.get("/api/v1/simulation")).status_code == 200
    answer = await viewer.post("/api/v1/simulation/incidents", json={"incident": "entrapment"})
    assert (answer.status_code, world.asked) == (403, [])
