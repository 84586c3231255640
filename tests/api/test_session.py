"""Who may come in, and what keeps others out."""

import asyncio

import httpx
import pytest

from alerts.inputs import Record
from api.app import OPEN_ROUTES, create_app
from api.auth import COOKIE, CSRF_HEADER, principal
from domain.access import CHANGING, ROLES
from domain.limits import SESSION_HOURS, SIGN_IN_FAILURES_MAX
from tests.support.ports import PASSWORD, START_MS

CONSOLE = {"/", "/login", "/a/{id}", "/orders", "/c", "/c/{id}", "/sup", "/rules", "/drill", "/wall", "/m", "/m/o/{id}",
           "/assets/{version}/{path:path}", "/favicon.ico"}  # fmt: skip

BY_ITSELF = {"/api/v1/session", "/api/v1/session/password", "/api/v1/tokens", "/api/v1/orders/{order}/steps/{step}"}
"""One's own session and tokens; and a route that asks for another right at each step."""


async def sign_in(client, name="wxy", password=PASSWORD):
    return await client.post("/api/v1/session", json={"name": name, "password": password})


def dependencies(dependant):
    for found in dependant.dependencies:
        yield found.call
        yield from dependencies(found)


def all_routes(router, prefix=""):
    for route in router.routes:
        nested = getattr(route, "original_router", None)
        if nested is not None:
            yield from all_routes(nested, prefix + route.include_context.prefix)
        else:
            yield prefix + route.path, route


def test_no_route_is_open_by_accident(app):
    seen = 0
    for path, route in all_routes(app.router):
        methods = set(route.methods or ()) - {"HEAD"}
        if path in CONSOLE:
            assert methods == {"GET"}
            continue
        for method in methods:
            seen += 1
            asks = hasattr(route, "dependant") and principal in set(dependencies(route.dependant))
            assert asks or (method, path) in OPEN_ROUTES, f"{method} {path} asks nobody who they are"
            if asks and method != "GET" and path not in BY_ITSELF:
                rights = {getattr(one, "right", None) for one in dependencies(route.dependant)} - {None}
                assert rights & CHANGING, f"{method} {path} lets a display account write"
    assert seen >= 30


async def test_every_documented_route_really_answers_401_to_a_stranger(app, anonymous):
    refused = 0
    for path, operations in app.openapi()["paths"].items():
        for method in operations:
            if (method.upper(), path) in OPEN_ROUTES:
                continue
            url = path.replace("{", "x").replace("}", "x")
            answer = await anonymous.request(method, url, json={} if method == "post" else None)
            assert answer.status_code == 401, (method, path, answer.text)
            assert answer.json()["code"] == "session.required"
            assert answer.headers["www-authenticate"].startswith("Bearer")
            refused += 1
    assert refused >= 25


async def test_signing_in_opens_a_session_by_cookie(anonymous):
    answer = await sign_in(anonymous)
    assert answer.status_code == 200
    cookies = {c.partition("=")[0]: c.lower() for c in answer.headers.get_list("set-cookie")}
    assert "httponly" in cookies[COOKIE]
    assert "samesite=strict" in cookies[COOKIE]
    assert "httponly" not in cookies["anju_csrf"]
    who = (await anonymous.get("/api/v1/session")).json()
    assert {name: who["user"][name] for name in ("name", "roles", "may_act", "compounds", "kinds")} == {
        "name": "wxy", "roles": ["operator"], "may_act": True, "compounds": None, "kinds": None
    }  # fmt: skip
    assert set(who["user"]["rights"]) == ROLES["operator"]
    assert who["csrf"] == answer.json()["csrf"]
    assert who["expires_at"] == "2025-11-23T02:36:08.112+08:00"


async def test_the_console_may_call_the_name_user(anonymous):
    answer = await anonymous.post("/api/v1/session", json={"user": "wxy", "password": PASSWORD})
    assert answer.status_code == 200


async def test_behind_tls_the_cookie_is_secure(house):
    transport = httpx.ASGITransport(create_app(house.ports(), https=True))
    async with httpx.AsyncClient(transport=transport, base_url="https://anju.test") as client:
        answer = await sign_in(client)
    assert all("secure" in cookie.lower() for cookie in answer.headers.get_list("set-cookie"))


async def test_every_sign_in_is_in_the_journal_with_its_outcome_and_origin(house, anonymous):
    await sign_in(anonymous)
    await sign_in(anonymous, password="wrong")
    await sign_in(anonymous, name="nobody")
    rows = [row for row in house.database.journal.rows() if row.kind == "session.signed_in"]
    assert [(row.event.user, row.event.ok, row.event.origin) for row in rows] == [
        ("wxy", True, "127.0.0.1"), ("wxy", False, "127.0.0.1"), ("nobody", False, "127.0.0.1"),
    ]  # fmt: skip
    assert all(isinstance(entry, Record) for entry in house.submitted)


async def test_wrong_password_and_unknown_name_look_the_same(anonymous):
    wrong = await sign_in(anonymous, password="wrong")
    unknown = await sign_in(anonymous, name="nobody")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert "set-cookie" not in wrong.headers


async def test_guessing_is_throttled_for_the_name_and_opens_again_with_time(house, anonymous):
    for _ in range(SIGN_IN_FAILURES_MAX):
        assert (await sign_in(anonymous, password="wrong")).status_code == 401
    blocked = await sign_in(anonymous)
    assert (blocked.status_code, blocked.json()["code"]) == (429, "session.throttled")
    assert int(blocked.headers["retry-after"]) == 600
    house.clock.advance(601)
    assert (await sign_in(anonymous)).status_code == 200


async def test_a_burst_of_guesses_is_counted_although_they_come_together(anonymous):
    answers = await asyncio.gather(*(sign_in(anonymous, password=f"wrong{n}") for n in range(SIGN_IN_FAILURES_MAX + 6)))
    codes = [answer.status_code for answer in answers]
    # As many checks as run at once may be past the second look when the limit is reached.
    assert codes.count(401) <= SIGN_IN_FAILURES_MAX + 1
    assert codes.count(429) >= 5


async def test_writes_with_a_cookie_need_the_csrf_value_of_their_own_session(house, anonymous):
    alert = house.raised()
    csrf = (await sign_in(anonymous)).json()["csrf"]
    url = f"/api/v1/alerts/{alert.id}/ack"
    for headers in ({}, {CSRF_HEADER: "guess"}, {CSRF_HEADER: "é".encode("latin-1").decode("latin-1")}):
        answer = await anonymous.post(url, json={}, headers={k: v.encode("latin-1") for k, v in headers.items()})
        assert (answer.status_code, answer.json()["code"]) == (403, "session.csrf")
    await sign_in(anonymous)
    assert (await anonymous.post(url, json={}, headers={CSRF_HEADER: csrf})).status_code == 403, "of another session"
    fresh = (await anonymous.get("/api/v1/session")).json()["csrf"]
    assert (await anonymous.post(url, json={}, headers={CSRF_HEADER: fresh})).status_code == 200


async def test_another_sites_form_cannot_sign_its_visitor_in(anonymous):
    body = {"name": "wxy", "password": PASSWORD}
    answer = await anonymous.post("/api/v1/session", json=body, headers={"Origin": "http://evil.test"})
    assert (answer.status_code, answer.json()["code"]) == (403, "session.origin")
    same = await anonymous.post("/api/v1/session", json=body, headers={"Origin": "http://anju.test"})
    assert same.status_code == 200


async def test_a_signed_out_cookie_is_worth_nothing_to_whoever_kept_it(anonymous):
    csrf = (await sign_in(anonymous)).json()["csrf"]
    kept = anonymous.cookies[COOKIE]
    assert (await anonymous.delete("/api/v1/session", headers={CSRF_HEADER: csrf})).status_code == 204
    assert COOKIE not in anonymous.cookies
    anonymous.cookies.set(COOKIE, kept)
    answer = await anonymous.get("/api/v1/session")
    assert (answer.status_code, answer.json()["code"]) == (401, "session.expired")


async def test_signing_out_holds_over_a_restart_and_leaves_the_persons_other_sessions_alone(house, anonymous):
    await sign_in(anonymous)
    other = anonymous.cookies[COOKIE]
    csrf = (await sign_in(anonymous)).json()["csrf"]
    kept = anonymous.cookies[COOKIE]
    await anonymous.delete("/api/v1/session", headers={CSRF_HEADER: csrf})
    restarted = httpx.ASGITransport(create_app(house.ports()))
    async with httpx.AsyncClient(transport=restarted, base_url="http://anju.test") as client:
        answer = await client.get("/api/v1/session", headers={"Cookie": f"{COOKIE}={kept}"})
        assert (answer.status_code, answer.json()["code"]) == (401, "session.expired")
        assert (await client.get("/api/v1/session", headers={"Cookie": f"{COOKIE}={other}"})).status_code == 200


@pytest.mark.parametrize("roles", [["operator"], ["display"]])
async def test_a_new_password_or_other_roles_end_every_session(house, anonymous, roles):
    await sign_in(anonymous)
    assert (await anonymous.get("/api/v1/board")).status_code == 200
    house.database.users.create("wxy", PASSWORD, roles, START_MS)
    assert (await anonymous.get("/api/v1/board")).json()["code"] == "session.expired"


async def test_a_removed_user_is_out_at_once_and_stays_out_under_a_new_account_of_the_name(house, anonymous):
    users = house.database.users
    token = users.create_token("wxy", "script", START_MS)
    await sign_in(anonymous)
    users.remove("wxy")
    assert (await anonymous.get("/api/v1/board")).json()["code"] == "session.no_user"
    users.create("wxy", PASSWORD, ["operator"], START_MS + 1)
    assert (await anonymous.get("/api/v1/board")).json()["code"] == "session.expired"
    answer = await anonymous.get("/api/v1/board", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["code"] == "session.bad_token"


async def test_a_token_of_a_user_without_roles_opens_nothing(house, client):
    assert (await client.get("/api/v1/board")).status_code == 200
    house.database.users.create("wxy", PASSWORD, [], START_MS)
    answer = await client.get("/api/v1/board")
    assert (answer.status_code, answer.json()["code"]) == (401, "session.no_user")


async def test_a_user_without_roles_cannot_sign_in(house, anonymous):
    house.database.users.create("wxy", PASSWORD, [], START_MS)
    answer = await sign_in(anonymous)
    assert (answer.status_code, answer.json()["code"]) == (401, "session.wrong")


async def test_a_role_that_is_not_known_gives_no_right_to_act(house, client):
    house.database.users.create("wxy", PASSWORD, ["superviser"], START_MS)
    alert = house.raised()
    answer = await client.post(f"/api/v1/alerts/{alert.id}/ack", json={})
    assert (answer.status_code, answer.json()["code"]) == (403, "session.read_only")


@pytest.mark.parametrize("stranger", ["10.9.9.9", "127.0.0.1"])
async def test_wrong_guesses_of_a_stranger_do_not_keep_the_control_room_out(app, anonymous, stranger):
    """Nor those at other names from the very address of the control room, behind one router."""
    assert (await sign_in(anonymous)).status_code == 200
    transport = httpx.ASGITransport(app, client=(stranger, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://anju.test") as client:
        name = "wxy" if stranger != "127.0.0.1" else "admin"
        for _ in range(SIGN_IN_FAILURES_MAX):
            await sign_in(client, name=name, password="guess")
        assert (await sign_in(client, name=name, password="guess")).status_code == 429
    assert (await sign_in(anonymous)).status_code == 200


async def test_a_session_ends_by_itself(house, anonymous):
    await sign_in(anonymous)
    house.clock.advance(SESSION_HOURS * 3_600 + 1)
    assert (await anonymous.get("/api/v1/session")).json()["code"] == "session.expired"


@pytest.mark.parametrize("cookie", ["", "x", "a.b.c", "WyJhZG1pbiIsInMiLDk5OTk5OTk5OTk5OTk5XQ.forged", "é"])
async def test_a_forged_cookie_is_refused(anonymous, cookie):
    answer = await anonymous.get("/api/v1/board", headers={"Cookie": f"{COOKIE}={cookie}".encode("latin-1")})
    assert answer.status_code == 401


async def test_a_cookie_of_another_deployment_is_refused(house, anonymous, tmp_path):
    from tests.support.ports import House

    (tmp_path / "other").mkdir()
    other = House(tmp_path / "other")
    other.database.users.create("wxy", PASSWORD, ["operator"], START_MS)
    transport = httpx.ASGITransport(create_app(other.ports()))
    async with httpx.AsyncClient(transport=transport, base_url="http://anju.test") as client:
        await sign_in(client)
        anonymous.cookies.set(COOKIE, client.cookies[COOKIE])
    other.close()
    assert (await anonymous.get("/api/v1/board")).json()["code"] == "session.bad_cookie"


async def test_taking_a_users_roles_away_ends_what_the_cookie_allowed(house, anonymous):
    await sign_in(anonymous)
    house.database.users.create("wxy", PASSWORD, [], START_MS)
    assert (await anonymous.get("/api/v1/board")).json()["code"] == "session.no_user"


async def test_a_display_account_sees_and_does_not_act(house, anonymous):
    house.database.users.create("wall", PASSWORD, ["display"], START_MS)
    alert = house.raised()
    csrf = (await sign_in(anonymous, "wall")).json()["csrf"]
    assert (await anonymous.get("/api/v1/board")).status_code == 200
    answer = await anonymous.post(f"/api/v1/alerts/{alert.id}/ack", json={}, headers={CSRF_HEADER: csrf})
    assert (answer.status_code, answer.json()["code"]) == (403, "session.read_only")


async def test_a_token_is_shown_once_works_and_needs_no_csrf(house, client, anonymous):
    made = await client.post("/api/v1/tokens", json={"label": "脚本"})
    assert made.status_code == 201
    headers = {"Authorization": f"Bearer {made.json()['token']}"}
    assert (await anonymous.get("/api/v1/session", headers=headers)).json()["user"]["name"] == "wxy"
    alert = house.raised()
    answer = await anonymous.post(f"/api/v1/alerts/{alert.id}/ack", json={}, headers=headers)
    assert answer.json()["acked_by"] == "wxy"


@pytest.mark.parametrize("given", ["Bearer", "Bearer ", "Bearer wrong", "bearer wrong"])
async def test_a_wrong_token_is_refused_even_beside_a_good_cookie(anonymous, given):
    await sign_in(anonymous)
    answer = await anonymous.get("/api/v1/board", headers={"Authorization": given})
    assert (answer.status_code, answer.json()["code"]) == (401, "session.bad_token")
