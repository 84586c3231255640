"""Work orders at the door: made by hand, worked on, refused, and found again."""

import httpx
import pytest

from api.app import create_app
from domain.limits import EVIDENCE_BYTES_MAX
from domain.people import Person
from tests.storage.test_evidence import with_exif
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


@pytest.fixture
def people(house, app):
    """Name → a client that speaks for it."""
    clients = {}

    def client(name, *roles, **bound):
        if name not in clients:
            if roles:
                house.database.users.save(Person(name, roles=roles, **bound), PASSWORD, START_MS)
            token = house.database.users.create_token(name, "tests", START_MS)
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            headers = {"Authorization": f"Bearer {token}"}
            clients[name] = httpx.AsyncClient(transport=transport, base_url="http://anju.test", headers=headers)
        return clients[name]

    return client


@pytest.fixture
def boss(people):
    return people("boss")


def of(house, name):
    return next(one for one in house.database.orders.recent() if f"{one.compound}-{one.kind}" == name)


async def step(client, order, name, status=200, **body):
    answer = await client.post(f"/api/v1/orders/{order}/steps/{name}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def by_hand(client, **changes):
    case = {"severity": 3, "place": "c1-b1", "subject": "冒烟", "kind": "fire"} | changes
    return (await client.post("/api/v1/orders", json=case)).json()["id"]


async def test_what_an_alert_still_says_is_not_verified_and_nobody_is_called_twice_for_it(house, people, boss):
    order = of(house, "c1-fire")
    twice = await boss.post(
        "/api/v1/orders", json={"severity": 1, "place": "c1-b1", "subject": "又", "alert": "ac1-fire"}
    )  # fmt: skip
    assert (twice.status_code, twice.json()["code"]) == (409, "order.exists")
    assert twice.json()["params"]["no"] == order.no
    for name in ("accept", "arrive", "handle"):
        await step(boss, order.id, name)
    await attached(boss, order.id, with_exif())
    await step(boss, order.id, "submit", note="好")
    stands = await step(people("second", "admin"), order.id, "verify", 400)
    assert (stands["code"], stands["params"]["alert"]) == ("order.alert_stands", "ac1-fire")


def call(**changes):
    case = {"severity": 3, "place": "c2-b1", "subject": "楼道充电", "source": "hotline", "reporter": "138 0013 8000"}
    return case | changes


async def test_a_hotline_case_goes_to_who_answers_and_its_caller_is_never_shown(house, boss):
    answer = await boss.post("/api/v1/orders", json=call(note="三单元门口"))
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["state"], made["source"], made["organisation"]["id"]) == ("dispatched", "hotline", "f2")
    assert made["no"].startswith("GD-")
    assert made["compound"]["id"] == "c2"
    assert made["call_back_due_at"] is None, "the caller is asked once somebody has looked"
    kept = house.database.orders.order(made["id"])
    assert len(kept.reporter) == 32
    told = [made, (await boss.get(f"/api/v1/orders/{made['id']}/journal")).json()]
    assert "138" not in str(told).replace(kept.reporter, "")
    again = (await boss.post("/api/v1/orders", json=call(reporter="13800138000"))).json()
    assert house.database.orders.order(again["id"]).reporter == kept.reporter, "the same caller, written otherwise"


async def test_a_hotline_case_without_a_caller_is_refused(boss):
    answer = await boss.post("/api/v1/orders", json=call(reporter=""))
    assert (answer.status_code, answer.json()["code"]) == (422, "order.reporter_required")


async def test_the_same_command_makes_one_order(house, boss):
    bodies = [(await boss.post("/api/v1/orders", json=call(cmd="c-1"))).json() for _ in range(2)]
    assert bodies[0]["id"] == bodies[1]["id"]
    other = await boss.post("/api/v1/orders", json=call(cmd="c-1", subject="别的"))
    assert (other.status_code, other.json()["code"]) == (422, "command.reused")


async def test_an_order_is_worked_on_by_the_firm_checked_by_somebody_else_and_found_in_its_journal(house, people, boss):
    firm = people("wang", "property_manager", organisation="f1")
    order = await by_hand(boss)
    accepted = await step(firm, order, "accept", cmd="a-1")
    assert (accepted["state"], accepted["handler"]) == ("accepted", "wang")
    assert await step(firm, order, "accept", cmd="a-1") == accepted, "a repeat has no second effect"
    await step(firm, order, "arrive")
    await step(firm, order, "handle")
    empty = await step(firm, order, "submit", 422)
    assert empty["code"] == "order.note_required"
    await step(firm, order, "submit", note="已清理")
    closed = await step(boss, order, "verify", note="好")
    assert (closed["state"], closed["close_reason"], closed["verified_by"]) == ("closed", "done", "boss")
    lines = (await firm.get(f"/api/v1/orders/{order}/journal")).json()["items"]
    steps = [line["event"].get("step") or "open" for line in lines]
    assert steps == ["open", "dispatch", "accept", "arrive", "handle", "submit", "verify", "close"]
    assert [line["actor"] for line in lines][2:] == ["wang"] * 4 + ["boss"] * 2


async def test_somebody_who_saw_an_older_order_is_told_what_it_is_now(house, boss):
    order = of(house, "c1-fire")
    await step(boss, order.id, "accept", rev=order.rev)
    moved = await step(boss, order.id, "arrive", 409, rev=order.rev)
    assert moved["code"] == "order.moved"
    assert (moved["current"]["state"], moved["current"]["rev"]) == ("accepted", order.rev + 1)


async def test_a_step_that_has_no_meaning_now_is_a_conflict(house, boss):
    await step(boss, of(house, "c1-fire").id, "verify", 409)


@pytest.mark.parametrize("name", ["open", "breach", "escalate", "close", "recover", "join", "worsen"])
async def test_what_follows_from_something_else_is_nobodys_to_ask_for(house, boss, name):
    assert (await step(boss, of(house, "c1-fire").id, name, 422))["code"] == "order.not_by_hand"


async def test_a_step_nobody_has_heard_of_is_refused(house, boss):
    await step(boss, of(house, "c1-fire").id, "fly", 422)


async def test_the_order_of_another_organisation_is_not_ones_own_to_work_on(house, people):
    street = people("zhao", "street_officer", organisation="street1")
    order = of(house, "c1-fire").id
    assert (await step(street, order, "accept", 403))["code"] == "order.not_yours"
    await step(street, order, "urge")
    line = house.database.journal.rows(after=house.database.journal.seq - 3)
    assert "access.refused" in {one.kind for one in line}


async def test_a_transferred_order_is_seen_by_who_has_it_and_by_who_leads(house, people, boss):
    lifts = people("gong", "maint_engineer", organisation="lifts")
    firm = people("wang", "property_manager", organisation="f2")
    order = of(house, "c2-elevator").id  # the lift company has no contract there
    assert (await lifts.get(f"/api/v1/orders/{order}")).status_code == 404
    await step(boss, order, "transfer", organisation="lifts", reason="要维保")
    assert (await lifts.get(f"/api/v1/orders/{order}")).json()["organisation"]["id"] == "lifts"
    assert (await firm.get(f"/api/v1/orders/{order}")).json()["lead"]["id"] == "f2"
    await step(lifts, order, "accept")
    assert (await step(firm, order, "arrive", 403))["code"] == "order.not_yours"
    assert (await lifts.get("/api/v1/alerts/ac2-elevator")).status_code == 404, "the order only"


async def test_nobody_is_named_who_does_not_exist(house, boss):
    order = of(house, "c1-fire").id
    assert (await step(boss, order, "dispatch", 404, handler="ghost"))["code"] == "person.unknown"
    unknown = await step(boss, order, "transfer", 404, organisation="ghosts", reason="x")
    assert unknown["code"] == "organisation.unknown"


async def test_orders_are_found_by_filter_and_page(house, boss):
    async def found(**query):
        answer = await boss.get("/api/v1/orders", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert len((await found())["items"]) == 12
    assert {one["compound"]["id"] for one in (await found(compound="c2"))["items"]} == {"c2"}
    assert len((await found(alert="ac2-fire"))["items"]) == 1
    assert len((await found(organisation=["f1", "street2"]))["items"]) == 6
    assert (await found(state="closed"))["items"] == []
    assert (await found(open=False))["items"] == []
    seen, cursor = [], None
    while True:
        page = await found(limit=5, **({"cursor": cursor} if cursor else {}))
        seen += [one["id"] for one in page["items"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 12
    number = of(house, "c3-ebike").no
    assert (await boss.get(f"/api/v1/orders/{number}")).json()["no"] == number


async def test_an_order_that_left_the_memory_is_closed_not_unknown(house, boss):
    order = await by_hand(boss)
    for name in ("accept", "arrive", "handle"):
        await step(boss, order, name)
    await step(boss, order, "submit", note="好")
    await step(boss, order, "verify")
    house.state.book.closed.clear()
    again = await step(boss, order, "reopen", 409, reason="又坏了")
    assert (again["code"], again["current"]["state"]) == ("order.closed", "closed")
    assert (await step(boss, "wunknown", "note", 404, note="x"))["code"] == "order.unknown"


async def attached(client, order, raw, status=201, phase="after"):
    answer = await client.post(f"/api/v1/orders/{order}/evidence", params={"phase": phase}, content=raw)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_grave_order_ends_with_a_photo_of_how_it_is_now(house, people, boss):
    firm = people("wang", "property_manager", organisation="f1")
    order = await by_hand(boss, severity=1)
    for name in ("accept", "arrive", "handle"):
        await step(firm, order, name)
    bare = await step(firm, order, "submit", 400, note="已扑灭")
    assert bare["code"] == "order.evidence_required"
    told = await attached(firm, order, with_exif())
    (shown,) = told["evidence"]
    assert (shown["media_type"], shown["phase"], shown["by"]) == ("image/jpeg", "after", "wang")
    assert await attached(firm, order, with_exif()) == told, "sent twice, kept once"
    await step(firm, order, "submit", note="已扑灭")
    assert (await step(firm, order, "verify", 400))["code"] == "order.second_person_required"
    picture = await boss.get(f"/api/v1/orders/{order}/evidence/{shown['id']}")
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")
    assert picture.headers["x-content-type-options"] == "nosniff"
    assert b"Secret" not in picture.content
    assert len(picture.content) == shown["size"]
    await step(boss, order, "verify")
    assert (await attached(firm, order, with_exif(), 409))["code"] == "order.closed"


async def test_what_is_no_photo_is_refused_and_leaves_nothing(house, boss):
    order = of(house, "c1-fire").id
    assert (await attached(boss, order, b"<html>", 422))["code"] == "evidence.no_photo"
    await attached(boss, order, b"x" * (EVIDENCE_BYTES_MAX + 1), 413)
    assert len(house.database.orders.order(order).evidence) == 1
    assert (await boss.get(f"/api/v1/orders/{order}/evidence/p2")).status_code == 404


async def test_a_photo_is_given_out_with_its_own_order_only(house, people, boss):
    one, other = of(house, "c1-fire").id, of(house, "c2-fire").id
    photo = (await attached(boss, one, with_exif()))["evidence"][1]["id"]
    assert (await boss.get(f"/api/v1/orders/{other}/evidence/{photo}")).status_code == 404
    firm = people("zhang", "property_manager", organisation="f2")
    assert (await firm.get(f"/api/v1/orders/{one}/evidence/{photo}")).status_code == 404
