"""Reading alerts and commanding them."""

import asyncio

import pytest

from alerts.alert import AlertState
from alerts.inputs import Acknowledge
from alerts.intents import Notify
from alerts.times import rfc3339
from domain.errors import Unavailable
from domain.kinds import EbikeValues
from domain.readings import Reading
from tests.support.ports import PASSWORD, START_MS

LATER = "2025-11-22T16:00:00+08:00"


async def test_board_is_the_open_alerts_at_one_line_of_the_journal(house, client):
    house.raised(3)
    house.closed(house.raised())
    answer = await client.get("/api/v1/board")
    board = answer.json()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert board["store"] == house.database.store
    assert board["seq"] == house.database.journal.seq == 5
    assert board["now"] == "2025-11-22T14:36:08.112+08:00"
    assert [alert["no"][-1] for alert in board["alerts"]] == ["1", "2", "3"]
    assert board["counts"]["levels"]["2"] == {"n": 3, "unacked": 3}
    assert board["health"]["rate10"] == 4
    assert board["health"]["online"] == 18


async def test_board_is_the_same_pressed_and_plain(house, client):
    house.raised(30)
    pressed = await client.get("/api/v1/board", headers={"Accept-Encoding": "gzip"})
    plain = await client.get("/api/v1/board", headers={"Accept-Encoding": "identity"})
    assert pressed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert pressed.json() == plain.json()


async def test_list_filters_by_everything_the_contract_names(house, client):
    raised = house.raised(6)
    house.raised(rule="EL-01", severity=1, kind="elevator", device="lift1", compound="c1")
    house.closed(raised[0])

    async def numbers(**query):
        answer = await client.get("/api/v1/alerts", params=query)
        assert answer.status_code == 200, answer.text
        return {int(alert["no"][-2:]) for alert in answer.json()["items"]}

    assert await numbers() == {1, 2, 3, 4, 5, 6, 7}
    assert await numbers(open=True) == {2, 3, 4, 5, 6, 7}
    assert await numbers(status="closed") == {1}
    assert await numbers(severity=[1]) == {7}
    assert await numbers(kind="elevator") == {7}
    assert await numbers(compound="c2") == {2, 4, 6}
    assert await numbers(rule="EL-01") == {7}
    assert await numbers(device="lift1") == {7}
    assert await numbers(since="2025-11-22T14:36:08.113+08:00") == set()
    assert await numbers(since="2025-11-22T06:36:08.112Z", limit=500) == {1, 2, 3, 4, 5, 6, 7}


async def test_a_misspelt_or_repeated_filter_is_refused_instead_of_showing_everything(client):
    wrong = await client.get("/api/v1/alerts", params={"sevrity": 1})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "query.unknown")
    assert "severity" in wrong.json()["params"]["known"]
    twice = await client.get("/api/v1/alerts", params={"rule": ["EB-03", "EL-01"]})
    assert (twice.status_code, twice.json()["code"]) == (422, "query.repeated")
    assert (await client.get("/api/v1/alerts", params={"severity": [1, 2]})).status_code == 200


async def test_pages_join_without_gap_or_repeat(house, client):
    for _ in range(7):
        house.raised()
        house.clock.advance(1)
    seen, cursor = [], None
    while True:
        query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/api/v1/alerts", params=query)).json()
        seen += [alert["no"][-1] for alert in page["items"]]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert seen == ["7", "6", "5", "4", "3", "2", "1"]


async def test_a_cursor_that_we_did_not_make_is_refused_with_a_code(client):
    answer = await client.get("/api/v1/alerts", params={"cursor": "nonsense"})
    assert (answer.status_code, answer.json()["code"]) == (422, "cursor.malformed")


async def test_one_alert_comes_with_its_live_value_and_a_closed_one_without_curve(house, client):
    alert = house.raised()
    house.value(alert, 70.25)
    live = (await client.get(f"/api/v1/alerts/{alert.id}")).json()
    assert (live["value"], live["trend"]) == (70.25, [60.5, 61.8, 70.25])
    house.closed(alert)
    closed = (await client.get(f"/api/v1/alerts/{alert.id}")).json()
    assert (closed["state"], closed["trend"]) == ("closed", [])


async def test_unknown_alert_is_a_problem_with_a_stable_code(client):
    for path in ("", "/explain", "/series", "/journal"):
        answer = await client.get(f"/api/v1/alerts/nobody{path}")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "alert.unknown"
        assert answer.json()["status"] == 404


async def test_acknowledging_answers_with_the_new_alert_once_it_is_durable(house, client):
    alert = house.raised()
    answer = await client.post(f"/api/v1/alerts/{alert.id}/ack", json={"rev": 1, "cmd": "c-91", "note": "在看"})
    body = answer.json()
    assert answer.status_code == 200
    assert (body["state"], body["acked_by"], body["rev"]) == ("acked", "wxy", 2)
    row = house.database.journal.rows(alert_id=alert.id)[-1]
    assert (row.kind, row.actor, row.cmd, row.event.note) == ("alert.acked", "wxy", "c-91", "在看")


async def test_the_same_command_twice_has_the_effect_of_once(house, client):
    alert = house.raised()
    url = f"/api/v1/alerts/{alert.id}/ack"
    first = await client.post(url, json={"rev": 1, "cmd": "c-1"})
    second = await client.post(url, json={"rev": 1}, headers={"Idempotency-Key": "c-1"})
    assert first.status_code == second.status_code == 200
    assert first.json()["rev"] == second.json()["rev"] == 2
    assert len(house.database.journal.rows(alert_id=alert.id)) == 2


async def test_a_command_id_of_another_alert_is_refused(house, client):
    one, other = house.raised(2)
    await client.post(f"/api/v1/alerts/{one.id}/ack", json={"cmd": "c-1"})
    answer = await client.post(f"/api/v1/alerts/{other.id}/ack", json={"cmd": "c-1"})
    assert (answer.status_code, answer.json()["code"]) == (422, "command.reused")
    assert house.database.history.alert(other.id).state is AlertState.UNACKNOWLEDGED


async def test_two_ids_for_one_command_are_refused(house, client):
    alert = house.raised()
    headers = {"Idempotency-Key": "c-2"}
    answer = await client.post(f"/api/v1/alerts/{alert.id}/ack", json={"cmd": "c-1"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "command.two_ids")


async def test_of_two_people_who_acknowledge_at_once_one_wins_and_the_other_sees_who(house, client):
    alert = house.raised()
    url = f"/api/v1/alerts/{alert.id}/ack"
    answers = await asyncio.gather(*(client.post(url, json={"rev": 1, "cmd": f"c-{n}"}) for n in range(8)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200] + [409] * 7
    loser = next(answer for answer in answers if answer.status_code == 409).json()
    assert loser["code"] == "alert.already_acked"
    assert loser["params"]["by"] == "wxy"
    assert loser["current"]["state"] == "acked"
    assert loser["current"]["rev"] == 2
    acks = [row for row in house.database.journal.rows(alert_id=alert.id) if row.kind == "alert.acked"]
    assert len(acks) == 1


async def test_a_command_on_an_old_revision_gets_the_alert_as_it_is(house, client):
    alert = house.again(house.raised())
    answer = await client.post(f"/api/v1/alerts/{alert.id}/note", json={"rev": 1, "note": "?"})
    assert (answer.status_code, answer.json()["code"]) == (409, "alert.changed")
    assert answer.json()["current"]["rev"] == 2


async def test_a_command_on_an_alert_closed_long_ago_says_closed_and_not_unknown(house, client):
    alert = house.closed(house.raised())
    house.state.closed.clear()  # the engine keeps only the latest closed ones in mind
    answer = await client.post(f"/api/v1/alerts/{alert.id}/ack", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "alert.closed")
    assert answer.json()["current"]["state"] == "closed"


async def test_shelving_needs_a_reason_and_an_end_with_an_offset(house, client):
    alert = house.raised()
    url = f"/api/v1/alerts/{alert.id}/shelve"
    assert (await client.post(url, json={"until": LATER})).status_code == 422
    for until in ("2025-11-22T16:00:00", "1763800000", "2025-11-22", 1_763_800_000):
        assert (await client.post(url, json={"until": until, "reason": "x"})).status_code == 422, until
    answer = await client.post(url, json={"until": LATER, "reason": "maintenance", "rev": 1})
    assert answer.status_code == 200, answer.text
    assert answer.json()["shelved_until"] == "2025-11-22T16:00:00.000+08:00"
    back = await client.post(f"/api/v1/alerts/{alert.id}/unshelve", json={})
    assert back.json()["shelved_until"] is None


async def test_the_first_level_cannot_be_shelved(house, client):
    alert = house.raised(severity=1, rule="EL-01", life_safety=True)
    house.database.users.create("李建国", PASSWORD, ["operator"], START_MS)
    body = {"until": LATER, "reason": "x", "second": "李建国", "second_password": PASSWORD}
    answer = await client.post(f"/api/v1/alerts/{alert.id}/shelve", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "alert.critical_not_shelvable")


async def test_resolving_ends_the_record_and_the_board_forgets_it(house, client):
    alert = house.raised()
    url = f"/api/v1/alerts/{alert.id}/resolve"
    assert (await client.post(url, json={"reason": "because"})).status_code == 422
    answer = await client.post(url, json={"reason": "false_alarm", "note": "传感器", "cmd": "c-7"})
    assert (answer.status_code, answer.json()["state"]) == (200, "closed")
    assert (await client.get("/api/v1/board")).json()["alerts"] == []


async def test_a_note_needs_words(house, client):
    alert = house.raised()
    url = f"/api/v1/alerts/{alert.id}/note"
    assert (await client.post(url, json={"note": "  "})).json()["code"] == "note.empty"
    assert (await client.post(url, json={"note": "已电话通知物业"})).json()["notes"] == 1


async def test_a_station_that_cannot_write_is_503_with_a_time_to_try_again(house, client):
    alert = house.raised()
    house.refuse = Unavailable("station.stopped", "the station is stopping")
    answer = await client.post(f"/api/v1/alerts/{alert.id}/ack", json={})
    assert (answer.status_code, answer.json()["code"]) == (503, "station.stopped")
    assert int(answer.headers["retry-after"]) > 0


async def test_a_client_that_goes_away_does_not_take_its_command_back(house, app):
    waiting = []

    class Slow:
        def submit(self, entry):
            from concurrent.futures import Future

            waiting.append(Future())
            return waiting[-1]

    object.__setattr__(app.state.api.ports, "desk", Slow())
    task = asyncio.create_task(app.state.api.api().submit(Acknowledge(alert_id="a1", actor="wxy")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert waiting[0].set_running_or_notify_cancel(), "the station must still be able to answer"
    waiting[0].set_result(None)


async def test_explain_has_rule_inputs_window_and_every_line_of_the_journal(house, client):
    alert = house.again(house.raised())
    told = (await client.get(f"/api/v1/alerts/{alert.id}/explain")).json()
    why = told["why"]
    assert why["rule_now"]["levels"] == "2: temp_socket >= 60"
    assert why["rule_now"]["basis"] == "GB 42296"
    assert why["inputs"] == {"temp_socket": 61.8}
    assert [(one["name"], one["value"], one["from"]) for one in why["params"]] == [("limit", 60, "pack")]
    assert why["window"]["until"] == "2025-11-22T14:36:08.112+08:00"
    assert told["card"]["title"]["zh"] == "充电过热"
    assert [line["kind"] for line in told["timeline"]] == ["alert.raised", "alert.reoccurred"]
    assert told["next"][0] == {"at": "2025-11-22T14:38:08.112+08:00", "what": "ack_due", "overdue": False}


async def test_explain_says_what_became_of_each_notification(house, client):
    alert = house.raised()
    outbox = house.database.outbox
    one = Notify(f"{alert.id}:1:mqtt", "mqtt", alert.id, 1, 2, "raised", ring=True, body={})
    house.database.journal.commit((), [one], (), house.clock())
    url = f"/api/v1/alerts/{alert.id}/explain"
    assert (await client.get(url)).json()["notifications"][0]["status"] == "owed"
    outbox.settle(one.key, house.clock() + 5)
    [told] = (await client.get(url)).json()["notifications"]
    assert (told["status"], told["for"], told["settled_at"]) == ("done", "alert.raised", rfc3339(house.clock() + 5))


async def test_explain_tells_why_a_notification_fails_to_those_who_may_act_only(house, client, anonymous):
    alert, outbox = house.raised(), house.database.outbox
    one = Notify(f"{alert.id}:1:mqtt", "mqtt", alert.id, 1, 2, "raised", ring=False, body={})
    house.database.journal.commit((), [one], (), house.clock())
    outbox.claim(house.clock(), 1)
    outbox.give_back(one.key, house.clock() + 7_000, "broker.inside:8883 refused")
    url = f"/api/v1/alerts/{alert.id}/explain"
    [told] = (await client.get(url)).json()["notifications"]
    assert told["recipients"] == alert.recipients
    assert (told["status"], told["ring"], told["failed_attempts"]) == ("owed", False, 1)
    assert (told["settled_at"], told["next_attempt_at"]) == (None, rfc3339(house.clock() + 7_000))
    assert told["detail"] == "broker.inside:8883 refused"
    for name, role in (("guest", "viewer"), ("wall", "display")):
        house.database.users.create(name, "long enough 1", [role], house.clock())
        token = house.database.users.create_token(name, "x", house.clock())
        answer = await anonymous.get(url, headers={"Authorization": f"Bearer {token}"})
        assert "broker.inside" not in answer.text
        assert answer.json()["notifications"] == [told | {"detail": ""}]


async def test_explain_keeps_notifications_that_the_outbox_has_forgotten_as_done(house, client):
    alert = house.again(house.raised())
    told = (await client.get(f"/api/v1/alerts/{alert.id}/explain")).json()["notifications"]
    assert [(one["for"], one["status"], one["ring"], one["next_attempt_at"]) for one in told] == [
        ("alert.raised", "done", None, None), ("alert.reoccurred", "done", None, None),
    ]  # fmt: skip


async def test_alert_is_found_by_the_number_that_people_say(house, client):
    alert = house.raised()
    assert (await client.get(f"/api/v1/alerts/{alert.no}")).json()["id"] == alert.id
    assert (await client.get("/api/v1/alerts/GJ-20251122-9999")).status_code == 404


async def test_commands_take_the_number_that_people_say(house, client):
    alert = house.raised()
    answer = await client.post(f"/api/v1/alerts/{alert.no}/ack", json={"rev": alert.rev, "note": "I go"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["id"], answer.json()["state"]) == (alert.id, "acked")
    unknown = await client.post("/api/v1/alerts/GJ-20251122-9999/ack", json={"rev": 1})
    assert unknown.status_code == 404


async def test_journal_of_one_alert_and_of_all_go_on_after_a_line(house, client):
    one, other = house.raised(2)
    house.again(one)
    lines = (await client.get(f"/api/v1/alerts/{one.id}/journal")).json()["items"]
    assert [(line["seq"], line["kind"]) for line in lines] == [(1, "alert.raised"), (3, "alert.reoccurred")]
    everything = (await client.get("/api/v1/journal", params={"after": 1})).json()
    assert [line["alert"] for line in everything["items"]] == [other.id, one.id]
    assert everything["seq"] == 3


async def test_series_of_an_alert_shows_the_span_before_now_within_the_point_limit(house, client):
    alert = house.raised()
    now = house.clock()
    readings = [
        Reading("e0001", "ebike", now - n * 500, now, EbikeValues(temp_socket=20 + n % 40, power=100.0))
        for n in range(7_000, 0, -1)
    ]
    house.store(readings)
    short = (await client.get(f"/api/v1/alerts/{alert.id}/series", params={"span": "30m"})).json()
    assert 0 < len(short["t"]) <= 1_500
    assert short["sampled"] is True
    assert short["t"][0] >= now - 30 * 60_000
    assert set(short["v"]) == {"temp_socket"}
    assert max(v for v in short["v"]["temp_socket"] if v is not None) == 59
    assert short["signals"]["temp_socket"]["unit"] == "℃"
    assert short["limit"] == 60.0
    assert short["marks"]["raised"] == "2025-11-22T14:36:08.112+08:00"
    long = (await client.get(f"/api/v1/alerts/{alert.id}/series", params={"span": "6h"})).json()
    assert long["t"][0] < short["t"][0]
    assert (await client.get(f"/api/v1/alerts/{alert.id}/series", params={"span": "1y"})).status_code == 422
