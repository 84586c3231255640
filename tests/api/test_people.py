"""Accounts: made with a password that is shown once, bound, changed and ended; every change in the journal."""

import httpx
import pytest

from api.app import create_app
from domain.people import Person
from tests.support.borders import district
from tests.support.ports import PASSWORD, START_MS


@pytest.fixture
def house(tmp_path):
    house = district(tmp_path)
    yield house
    house.close()


@pytest.fixture
def app(house):
    return create_app(house.ports())


def speaking(house, app, name):
    token = house.database.users.create_token(name, "tests", START_MS)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(transport=transport, base_url="http://anju.test", headers=headers)


@pytest.fixture
def boss(house, app):
    return speaking(house, app, "boss")


WANG = {
    "roles": ["property_manager"], "organisation": "f1", "name": {"zh": "王经理"}, "phone": "0477-0000001",
    "contacts": {"email": "wang@example.org"},
}  # fmt: skip


async def signs_in(app, name, password):
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://anju.test") as client:
        answer = await client.post("/api/v1/session", json={"name": name, "password": password})
        return answer.status_code == 200


async def test_an_account_is_made_with_a_password_that_is_shown_once(house, app, boss):
    made = await boss.put("/api/v1/people/wang", json=WANG)
    assert made.status_code == 201, made.text
    password = made.json()["password"]
    assert await signs_in(app, "wang", password)
    shown = (await boss.get("/api/v1/people/wang")).json()
    assert "password" not in shown
    assert (shown["organisation"], shown["contacts"], shown["name"]["zh"]) == (
        "f1", {"email": "wang@example.org"}, "王经理",
    )  # fmt: skip
    (line,) = house.database.journal.rows(after=house.database.journal.seq - 2)[:1]
    assert (line.kind, line.actor, line.event.person, line.event.what) == ("person.changed", "boss", "wang", "made")
    everything = str([row.event for row in house.database.journal.rows(limit=500)])
    assert password not in everything
    assert "wang@example.org" not in everything


async def test_a_change_ends_sessions_and_keeps_the_password(house, app, boss):
    password = (await boss.put("/api/v1/people/wang", json=WANG)).json()["password"]
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://anju.test") as wang:
        await wang.post("/api/v1/session", json={"name": "wang", "password": password})
        assert (await wang.get("/api/v1/session")).json()["user"]["compounds"] == ["c1"]
        changed = await boss.put("/api/v1/people/wang", json=WANG | {"organisation": "f2"})
        assert (changed.status_code, changed.json()["password"]) == (200, None)
        assert (await wang.get("/api/v1/session")).status_code == 401
        await wang.post("/api/v1/session", json={"name": "wang", "password": password})
        assert (await wang.get("/api/v1/session")).json()["user"]["compounds"] == ["c2", "c3"]


async def test_an_account_that_is_not_active_is_nobody(house, app, boss):
    password = (await boss.put("/api/v1/people/wang", json=WANG)).json()["password"]
    wang = speaking(house, app, "wang")
    assert (await wang.get("/api/v1/board")).status_code == 200
    await boss.put("/api/v1/people/wang", json=WANG | {"active": False})
    assert (await wang.get("/api/v1/board")).status_code == 401
    assert not await signs_in(app, "wang", password)


async def test_people_change_their_own_password_by_the_old_one(house, app, boss):
    old = (await boss.put("/api/v1/people/wang", json=WANG)).json()["password"]
    wang = speaking(house, app, "wang")
    wrong = await wang.put("/api/v1/session/password", json={"old": "guess", "new": "a longer secret"})
    assert (wrong.status_code, wrong.json()["code"]) == (403, "password.wrong")
    short = await wang.put("/api/v1/session/password", json={"old": old, "new": "short"})
    assert short.status_code == 422
    assert (await wang.put("/api/v1/session/password", json={"old": old, "new": "a longer secret"})).status_code == 204
    assert not await signs_in(app, "wang", old)
    assert await signs_in(app, "wang", "a longer secret")


async def test_a_new_password_by_the_administrator_ends_the_old_one(app, boss):
    old = (await boss.put("/api/v1/people/wang", json=WANG)).json()["password"]
    new = (await boss.post("/api/v1/people/wang/password")).json()["password"]
    assert not await signs_in(app, "wang", old)
    assert await signs_in(app, "wang", new)


async def test_an_account_ends_but_not_ones_own(house, app, boss):
    await boss.put("/api/v1/people/wang", json=WANG)
    wang = speaking(house, app, "wang")
    assert (await boss.delete("/api/v1/people/wang")).status_code == 204
    assert (await wang.get("/api/v1/board")).status_code == 401
    assert (await boss.get("/api/v1/people/wang")).status_code == 404
    assert (await boss.delete("/api/v1/people/boss")).json()["code"] == "person.self"


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"roles": ["king"]}, 422),
        ({"roles": ["viewer"], "places": ["atlantis"]}, 422),
        ({"roles": ["viewer"], "organisation": "ghosts"}, 422),
        ({"roles": ["viewer"], "kinds": ["rocket"]}, 422),
        ({"roles": ["viewer"], "secret": 1}, 422),
        ({}, 422),
    ],
)
async def test_what_no_account_can_have_is_refused(house, boss, wish, status):
    assert (await boss.put("/api/v1/people/li", json=wish)).status_code == status
    assert house.database.users.person("li") is None


async def test_an_administrator_who_is_bound_gives_no_more_than_it_has(house, app, boss):
    house.database.users.save(Person("local", roles=("admin",), places=("s1",)), PASSWORD, START_MS)
    local = speaking(house, app, "local")
    made = await local.put("/api/v1/people/wang", json=WANG)
    assert made.status_code == 201, made.text
    for wish in (
        {"roles": ["viewer"]},  # everywhere
        {"roles": ["viewer"], "places": ["s2"]},
        {"roles": ["viewer"], "places": ["d1"]},
        {"roles": ["property_manager"], "organisation": "f2"},  # has a compound in the other street
    ):
        answer = await local.put("/api/v1/people/li", json=wish)
        assert answer.status_code in {403, 422}, (wish, answer.text)
        assert house.database.users.person("li") is None
    assert (await local.put("/api/v1/people/boss", json={"roles": ["viewer"], "places": ["c1"]})).status_code == 404
    assert house.database.users.person("boss").roles == ("admin",)
    assert (await local.delete("/api/v1/people/boss")).status_code == 404
    assert [one["id"] for one in (await local.get("/api/v1/people")).json()["items"]] == ["local", "wang"]
    assert {one["id"] for one in (await boss.get("/api/v1/people")).json()["items"]} == {"boss", "local", "wang"}


async def test_somebody_who_is_refused_all_the_time_waits(house, app):
    house.database.users.save(Person("eve", roles=("viewer",)), PASSWORD, START_MS)
    eve = speaking(house, app, "eve")
    answers = [(await eve.get("/api/v1/people")).status_code for _ in range(35)]
    assert answers == [403] * 30 + [429] * 5
    kept = [row for row in house.database.journal.rows(limit=500) if row.kind == "access.refused"]
    assert len(kept) == 30
    assert (await eve.get("/api/v1/board")).status_code == 200, "what it may do it still may"
    house.clock.advance(61)
    assert (await eve.get("/api/v1/people")).status_code == 403
