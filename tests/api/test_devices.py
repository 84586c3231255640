"""Devices, places, rules, dead letters and maintenance as the API shows them."""

from base64 import b64decode

from domain.kinds import EbikeValues
from domain.readings import DeadLetter, DeviceEvent, Reading
from tests.support.ports import PASSWORD, START_MS

FROM = "2025-11-22T14:00:00+08:00"
UNTIL = "2025-11-22T18:00:00+08:00"


async def test_devices_come_by_id_with_liveness_and_last_values(house, client):
    now = house.clock()
    house.store([Reading("e0001", "ebike", now - 5_000, now, EbikeValues(temp_socket=31.5, smoke=False))])
    page = (await client.get("/api/v1/devices", params={"compound": "c1", "kind": "ebike", "limit": 2})).json()
    assert [device["id"] for device in page["items"]] == ["e0001", "e0003"]
    first = page["items"][0]
    assert first["liveness"]["state"] == "online"
    assert first["values"]["temp_socket"] == {"value": 31.5, "at": "2025-11-22T14:36:03.112+08:00"}
    assert first["values"]["smoke"]["value"] is False
    assert [place["id"] for place in first["path"]] == ["c1-b1", "c1", "s1", "d1"]
    rest = (await client.get("/api/v1/devices", params={"compound": "c1", "cursor": page["cursor"]})).json()
    assert rest["items"][0]["id"] == "e0005"
    assert rest["items"][-1]["id"] == "lift1"
    assert rest["cursor"] is None
    assert (await client.get("/api/v1/devices", params={"status": "offline"})).json()["items"] == []


async def test_one_device_describes_its_signals_and_names_its_open_alerts(house, client):
    alert = house.raised()
    device = (await client.get(f"/api/v1/devices/{alert.device}")).json()
    assert device["signals"]["temp_socket"]["unit"] == "℃"
    assert [wire["id"] for wire in device["alerts"]] == [alert.id]
    missing = await client.get("/api/v1/devices/nobody")
    assert (missing.status_code, missing.json()["code"]) == (404, "device.unknown")


async def test_series_of_a_device_has_the_signals_asked_for_and_null_where_silent(house, client):
    now = house.clock()
    house.store([
        Reading("e0001", "ebike", now - 2_000, now, EbikeValues(temp_socket=30.0)),
        Reading("e0001", "ebike", now - 1_000, now, EbikeValues(power=120.0)),
    ])  # fmt: skip
    url = "/api/v1/devices/e0001/series"
    body = (await client.get(url, params={"signal": ["temp_socket", "power"]})).json()
    assert body["t"] == [now - 2_000, now - 1_000]
    assert body["v"] == {"temp_socket": [30.0, None], "power": [None, 120.0]}
    assert body["sampled"] is False
    wrong = await client.get(url, params={"signal": "temperature"})
    assert (wrong.status_code, wrong.json()["code"]) == (404, "signal.unknown")
    backwards = await client.get(url, params={"from": UNTIL, "until": FROM})
    assert (backwards.status_code, backwards.json()["code"]) == (422, "series.window")
    assert (await client.get(url, params={"points": 1_501})).status_code == 422
    ancient = await client.get(url, params={"from": "0001-01-01T00:00:00+08:00"})
    assert (ancient.status_code, ancient.json()["code"]) == (422, "time.out_of_range")


async def test_events_of_a_device_keep_scheme_and_code_together(house, client):
    now = house.clock()
    event = DeviceEvent("over_temp", "gb", "17", "4040")
    house.store([Reading("e0001", "ebike", now - 1_000, now, event=event)])
    (row,) = (await client.get("/api/v1/devices/e0001/events")).json()["items"]
    assert (row["at"], row["event"]["scheme"], row["event"]["code"]) == ("2025-11-22T14:36:07.112+08:00", "gb", "17")


async def test_places_are_a_tree_in_depth_first_order(house, client):
    house.raised()
    items = (await client.get("/api/v1/places")).json()["items"]
    assert [(place["id"], place["depth"]) for place in items] == [
        ("d1", 0), ("s1", 1), ("c1", 2), ("c1-b1", 3), ("c2", 2),
    ]  # fmt: skip
    compound = items[2]
    assert compound["responsible"]["name"]["zh"] == "恒信物业"
    assert (compound["devices"], compound["alerts"]) == (11, {"2": 1})
    under = (await client.get("/api/v1/places", params={"under": "c1"})).json()["items"]
    assert [place["id"] for place in under] == ["c1", "c1-b1"]
    assert (await client.get("/api/v1/places", params={"under": "x"})).json()["code"] == "place.unknown"


async def test_organisations_come_with_their_contracts(client):
    (firm,) = (await client.get("/api/v1/organisations")).json()["items"]
    assert (firm["id"], firm["contracts"][0]["compounds"]) == ("f1", ["c1"])


async def test_rules_come_with_cards_and_one_rule_with_who_overrides_it(house, client):
    rules = (await client.get("/api/v1/rules")).json()
    assert [rule["id"] for rule in rules["items"]] == ["EB-03", "EL-01"]
    assert rules["cards"]["card-hot"]["title"]["en"] == "Charger too hot"
    house.registry.overrides["c1"] = {"EB-03": {"limit": 55}}
    one = (await client.get("/api/v1/rules/EB-03")).json()
    assert one["overrides"]["compounds"] == {"c1": {"limit": 55}}
    assert (await client.get("/api/v1/rules/XX-99")).json()["code"] == "rule.unknown"


async def test_kinds_describe_themselves(client):
    kinds = {kind["id"]: kind for kind in (await client.get("/api/v1/kinds")).json()["items"]}
    assert set(kinds) >= {"elevator", "fire", "ebike", "gateway"}
    assert kinds["ebike"]["signals"]["temp_socket"]["range"] == [-60, 400]


async def test_dead_letters_show_the_bytes_as_they_came(house, client):
    raw = b"\xff\x00{bad"
    letter = DeadLetter("anju/v1/c1/ebike/e1/telemetry", "bad_json", "not JSON", raw, house.clock(), "e1")
    house.database.journal.commit((), (), [letter, letter], house.clock())
    page = (await client.get("/api/v1/dead-letters")).json()
    (row,) = page["items"]
    assert b64decode(row["raw"]) == raw
    assert (row["hex"], row["count"], row["reason"]) == (raw.hex(), 2, "bad_json")
    assert page["counts"] == {"bad_json": 2}
    assert (await client.get("/api/v1/dead-letters", params={"reason": "late"})).json()["items"] == []


async def test_a_maintenance_window_is_declared_once_listed_and_ended(house, client):
    body = {"target": "c1", "from": FROM, "until": UNTIL, "reason": "电梯年检", "cmd": "m-1"}
    first = await client.post("/api/v1/maintenance", json=body)
    again = await client.post("/api/v1/maintenance", json=body)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    listed = (await client.get("/api/v1/maintenance")).json()["items"]
    assert listed == [first.json()]
    assert listed[0]["from"] == "2025-11-22T14:00:00.000+08:00"
    url = f"/api/v1/maintenance/{listed[0]['window']}/end"
    assert (await client.post(url, json={})).status_code == 200
    assert (await client.get("/api/v1/maintenance")).json()["items"] == []
    gone = await client.post(url, json={})
    assert (gone.status_code, gone.json()["code"]) == (404, "maintenance.unknown")


async def test_a_command_id_used_before_neither_declares_nor_ends_another_window(house, client):
    body = {"target": "c1", "from": FROM, "until": UNTIL, "reason": "电梯年检", "cmd": "m-1"}
    first, other = [
        (await client.post("/api/v1/maintenance", json=body | {"cmd": cmd})).json()["window"] for cmd in ("m-1", "m-2")
    ]
    for change in ({"target": "e0001"}, {"reason": "别的"}, {"rules": ["EB-03"]}):
        refused = await client.post("/api/v1/maintenance", json=body | change)
        assert (refused.status_code, refused.json()["code"]) == (422, "command.reused")
    same = await client.post("/api/v1/maintenance", json=body)
    assert (same.status_code, same.json()["window"], same.json()["target"]) == (201, first, "c1")
    refused = await client.post(f"/api/v1/maintenance/{first}/end", json={"cmd": "m-1"})
    assert (refused.status_code, refused.json()["code"]) == (422, "command.reused")
    assert (await client.post(f"/api/v1/maintenance/{first}/end", json={"cmd": "e-1"})).status_code == 200
    refused = await client.post(f"/api/v1/maintenance/{other}/end", json={"cmd": "e-1"})
    assert (refused.status_code, refused.json()["code"]) == (422, "command.reused")
    assert [row["window"] for row in (await client.get("/api/v1/maintenance")).json()["items"]] == [other]
    again = await client.post("/api/v1/maintenance", json=body)
    assert (again.status_code, again.json()["code"]) == (409, "maintenance.ended")


async def test_life_safety_is_not_muted_by_one_person(house, client):
    body = {"target": "c1", "from": FROM, "until": UNTIL, "reason": "x", "rules": ["EL-01"]}
    answer = await client.post("/api/v1/maintenance", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "maintenance.second_person_required")
    answer = await client.post("/api/v1/maintenance", json=body | {"second": "nobody-at-all"})
    assert (answer.status_code, answer.json()["code"]) == (403, "second.refused")
    house.database.users.create("李建国", PASSWORD, ["operator"], START_MS)
    agreed = body | {"second": "李建国", "second_password": PASSWORD}
    answer = await client.post("/api/v1/maintenance", json=agreed)
    assert (answer.status_code, answer.json()["second"]) == (201, "李建国")
