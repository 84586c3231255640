"""What holds for every answer: problems, headers, limits, health, metrics, pages and the committed contract."""

import json
import time
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from api.app import create_app
from api.ports import Measure
from domain.limits import REQUEST_BYTES_MAX
from tests.support.ports import START_MS

ROOT = Path(__file__).resolve().parents[2]


def is_problem(answer, status, code):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["code"] == code
    assert body["type"] == f"urn:anju:problem:{code}"
    assert {"title", "detail", "params"} <= set(body)
    return body


async def test_unknown_address_and_wrong_method_are_problems(client):
    is_problem(await client.get("/api/v1/nothing"), 404, "http.not_found")
    answer = await client.put("/api/v1/board")
    is_problem(answer, 405, "http.method_not_allowed")
    assert answer.headers["allow"] == "GET"


async def test_a_wrong_field_is_named_without_echoing_its_value(client):
    answer = await client.post("/api/v1/alerts/a1/ack", json={"rev": "secret", "extra": 1})
    body = is_problem(answer, 422, "request.invalid")
    assert {error["at"] for error in body["errors"]} == {"body.rev", "body.extra"}
    assert "secret" not in answer.text


async def test_a_body_that_is_not_json_is_400(client):
    for body in (b"{", b"\xff\xfe", b"[1,"):
        headers = {"Content-Type": "application/json"}
        is_problem(await client.post("/api/v1/alerts/a1/ack", content=body, headers=headers), 400, "request.malformed")


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_beyond_the_limit_is_413_announced_or_not(client, announced):
    async def chunks():
        for _ in range(REQUEST_BYTES_MAX // 65_536 + 1):
            yield b" " * 65_536

    content = b" " * (REQUEST_BYTES_MAX + 1) if announced else chunks()
    headers = {"Content-Type": "application/json"}
    answer = await client.post("/api/v1/alerts/a1/ack", content=content, headers=headers)
    is_problem(answer, 413, "http.too_large")


async def test_a_fault_of_ours_is_500_without_a_word_of_the_inside(house, token):
    def broken():
        raise RuntimeError("secret detail")

    app = create_app(house.ports(registry=broken))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://anju.test") as client:
        answer = await client.get("/api/v1/places", headers={"Authorization": f"Bearer {token}"})
    is_problem(answer, 500, "internal")
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/api/v1/board", "/api/v1/nothing", "/-/ready", "/assets/x/y.js"])
async def test_every_answer_forbids_framing_sniffing_and_inline_script(client, path):
    headers = (await client.get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "img-src 'self' data: blob:" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


async def test_health_and_readiness_say_what_is_wrong(house, anonymous):
    assert (await anonymous.get("/-/healthy")).status_code == 200
    assert (await anonymous.get("/healthz")).status_code == 200
    ready = await anonymous.get("/-/ready")
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    house.status = replace(house.status, broker_connected=False)
    ready = await anonymous.get("/-/ready")
    assert ready.status_code == 503
    assert ready.json()["parts"] == {"station": True, "broker": False, "storage": True}
    assert (await anonymous.get("/-/healthy")).status_code == 200, "a restart would not bring the broker back"
    house.status = replace(house.status, station_alive=False)
    assert (await anonymous.get("/-/healthy")).status_code == 503


def measures():
    yield Measure(
        "anju_messages_received_total", "counter", "Packets.", [({"system": "ebike"}, 5), ({"system": "fire"}, 2)]
    )
    yield Measure("anju_outbox_depth", "gauge", "Owed.", [({}, 3)])
    yield Measure(
        "anju_event_lag_seconds", "histogram", "Lag.", buckets=[(0.1, 4), (1.0, 6), (float("inf"), 7)], total=9.5
    )


async def test_metrics_follow_the_conventions_and_name_no_device(house, token):
    house.raised(3)
    app = create_app(house.ports(measures=measures))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://anju.test") as client:
        is_problem(await client.get("/metrics"), 401, "session.required")
        answer = await client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert all(name.startswith("anju_") for name in families)
    values = {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families.values() for s in f.samples}
    assert values["anju_alerts", (("severity", "2"), ("state", "unacked"))] == 3
    assert values["anju_messages_received_total", (("system", "ebike"),)] == 5
    assert values["anju_event_lag_seconds_bucket", (("le", "+Inf"),)] == 7
    assert values["anju_event_lag_seconds_sum", ()] == 9.5
    assert values["anju_outbox_depth", ()] == 3
    assert "e0001" not in answer.text


async def test_metrics_can_be_opened(house):
    transport = httpx.ASGITransport(create_app(house.ports(), metrics_open=True))
    async with httpx.AsyncClient(transport=transport, base_url="http://anju.test") as client:
        assert (await client.get("/metrics")).status_code == 200


@pytest.fixture
def console(tmp_path):
    folder = tmp_path / "console"
    (folder / "app").mkdir(parents=True)
    (folder / "icons").mkdir()
    (folder / "index.html").write_text('<script type="module" src="{{assets}}/app/main.js"></script>', encoding="utf-8")
    (folder / "app" / "main.js").write_text("export const a = 1;\n", encoding="utf-8")
    (folder / "icons" / "favicon.svg").write_text("<svg/>", encoding="utf-8")
    (folder / "notes.txt").write_text("private", encoding="utf-8")
    (tmp_path / "secret.js").write_text("secret", encoding="utf-8")
    return folder


async def test_pages_are_never_cached_and_their_assets_for_ever(house, console):
    transport = httpx.ASGITransport(create_app(house.ports(), console=console))
    async with httpx.AsyncClient(transport=transport, base_url="http://anju.test") as client:
        for path in ("/", "/login", "/a/a123", "/orders", "/wall", "/m/o/7"):
            page = await client.get(path)
            assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
            assert page.headers["content-type"] == "text/html; charset=utf-8"
        address = page.text.split('src="')[1].split('"')[0]
        asset = await client.get(address)
        assert asset.text == "export const a = 1;\n"
        assert asset.headers["content-type"] == "text/javascript; charset=utf-8"
        assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
        icon = await client.get("/favicon.ico", follow_redirects=True)
        assert icon.headers["content-type"] == "image/svg+xml"
        (console / "app" / "main.js").write_text("export const a = 22;\n", encoding="utf-8")
        stale = await client.get(address)
        is_problem(stale, 404, "asset.unknown")
        assert "immutable" not in stale.headers.get("cache-control", "")
        assert address not in (await client.get("/")).text


async def test_nothing_outside_the_console_is_served(house, console):
    transport = httpx.ASGITransport(create_app(house.ports(), console=console))
    async with httpx.AsyncClient(transport=transport, base_url="http://anju.test") as client:
        base = (await client.get("/")).text.split('src="')[1].split("/app/")[0]
        for path in (
            "notes.txt",
            "../secret.js",
            "%2e%2e/secret.js",
            "..%2fsecret.js",
            "app",
            "",
            "index.html",
            "a%00.js",
        ):
            answer = await client.get(f"{base}/{path}")
            assert answer.status_code in {404, 422}, path
            assert "secret" not in answer.text.replace("secret.js", "")


def test_the_committed_contract_is_the_one_that_is_served(app):
    committed = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
    assert committed == app.openapi(), "run: python -m api.contract docs/openapi.json"
    assert committed["openapi"].startswith("3.1")
    assert set(committed["components"]["securitySchemes"]) == {"bearer", "cookie"}


async def test_a_board_of_two_thousand_alerts_fits_the_budget(house, client):
    house.raised(2_000)
    began = time.perf_counter()
    answer = await client.get("/api/v1/board", headers={"Accept-Encoding": "gzip"})
    took = time.perf_counter() - began
    size = int(answer.headers["content-length"])
    assert len(answer.json()["alerts"]) == 2_000
    assert size <= 250_000, f"{size} bytes"
    assert took < 2.0, f"{took:.2f} s"


async def test_two_apps_live_side_by_side(house, tmp_path, token):
    from tests.support.ports import House

    (tmp_path / "b").mkdir()
    other = House(tmp_path / "b")
    house.raised()
    boards = []
    for one in (house, other):
        made = one.database.users.create_token("wxy", "x", START_MS) if one is house else None
        if made is None:
            one.database.users.create("b", "b", ["operator"], START_MS)
            made = one.database.users.create_token("b", "x", START_MS)
        transport = httpx.ASGITransport(create_app(one.ports()))
        async with httpx.AsyncClient(transport=transport, base_url="http://anju.test") as client:
            boards.append((await client.get("/api/v1/board", headers={"Authorization": f"Bearer {made}"})).json())
    other.close()
    assert [len(board["alerts"]) for board in boards] == [1, 0]
    assert boards[0]["store"] != boards[1]["store"]
