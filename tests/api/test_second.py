"""What one person alone may not do: the second one exists, may act, is there and agrees."""

import json

import pytest

from alerts.alert import AlertState
from domain.limits import SIGN_IN_FAILURES_MAX
from tests.support.ports import PASSWORD, START_MS

LATER = "2025-11-22T15:36:08+08:00"
SECRET = "李的口令 battery staple"


@pytest.fixture
def li(house):
    house.database.users.create("li", SECRET, ["operator"], START_MS)
    house.database.users.create("guest", SECRET, ["viewer"], START_MS)
    return house.database.users.create_token("li", "phone", START_MS)


@pytest.fixture
def holding(house):
    """A life-safety alert of level 2 whose condition readings still speak for."""
    alert = house.raised(rule="EL-01", life_safety=True)
    slot = house.state.slots[alert.rule, alert.target]
    slot.watched, slot.memory = True, "on"
    return alert


def shelve(client, alert, **more):
    return client.post(f"/api/v1/alerts/{alert.id}/shelve", json={"until": LATER, "reason": "work"} | more)


def resolve(client, alert, **more):
    return client.post(f"/api/v1/alerts/{alert.id}/resolve", json={"reason": "false_alarm"} | more)


def journalled(house):
    return [row for row in house.database.journal.rows() if row.kind != "alert.raised"]


@pytest.mark.parametrize("do", [shelve, resolve])
@pytest.mark.parametrize(
    "second",
    [
        {"second": "nobody-at-all"},
        {"second": "nobody-at-all", "second_password": SECRET},
        {"second": "li"},
        {"second": "li", "second_password": PASSWORD},
        {"second": "li", "second_token": "anju_wrong"},
        {"second": "guest", "second_password": SECRET},
        {"second": "wxy", "second_password": PASSWORD},
        {"second": " WXY ", "second_password": PASSWORD},
        {"second_password": SECRET},
        {"second_token": "anju_wrong"},
    ],
)
async def test_a_second_person_who_is_not_there_is_refused_and_nothing_happens(house, client, li, holding, do, second):
    answer = await do(client, holding, **second)
    assert (answer.status_code, answer.json()["code"]) == (403, "second.refused")
    after = house.database.history.alert(holding.id)
    assert (after.state, after.suppressed) == (AlertState.UNACKNOWLEDGED, [])


async def test_the_token_of_somebody_else_does_not_confirm(house, client, li, holding, token):
    answer = await shelve(client, holding, second="li", second_token=token)
    assert answer.json()["code"] == "second.refused"
    assert (await shelve(client, holding, second="li", second_token=li)).status_code == 200


@pytest.mark.parametrize("do", [shelve, resolve])
async def test_one_person_alone_cannot_silence_life_safety(client, li, holding, do):
    answer = await do(client, holding)
    assert (answer.status_code, answer.json()["code"]) == (400, "alert.second_person_required")


async def test_two_people_shelve_life_safety_and_the_record_names_both(house, client, li, holding):
    assert (await shelve(client, holding, second="li", second_password=SECRET)).status_code == 200
    (found,) = house.database.history.alert(holding.id).suppressed
    assert (found.actor, found.second) == ("wxy", "li")


@pytest.mark.parametrize("way", ["second_password", "second_token"])
async def test_two_people_call_life_safety_a_false_alarm_and_the_journal_names_both(house, client, li, holding, way):
    proof = {"second_password": SECRET, "second_token": li}[way]
    answer = await resolve(client, holding, second="li", **{way: proof})
    assert (answer.status_code, answer.json()["state"]) == (200, "closed")
    last = house.database.journal.rows()[-1]
    assert (last.actor, last.event.reason, last.event.second) == ("wxy", "false_alarm", "li")


async def test_what_is_no_life_safety_needs_no_second_person(house, client):
    alert = house.raised()
    assert (await resolve(client, alert)).status_code == 200


async def test_a_refused_confirmation_is_in_the_journal_without_the_password(house, client, li, holding, caplog):
    await shelve(client, holding, second="li", second_password="letmein-7f3a")
    await resolve(client, holding, second="li", second_password=SECRET)
    failed = next(row for row in journalled(house) if row.kind == "session.signed_in")
    assert (failed.actor, failed.event.user, failed.event.ok, failed.event.detail) == (
        "wxy",
        "li",
        False,
        {"by": "second"},
    )
    kept = json.dumps([repr(row) for row in house.database.journal.rows()], ensure_ascii=False) + caplog.text
    assert "letmein" not in kept
    assert SECRET not in kept


async def test_guessing_the_second_persons_password_is_throttled_like_signing_in(client, li, holding):
    for _ in range(SIGN_IN_FAILURES_MAX):
        assert (await shelve(client, holding, second="li", second_password="guess")).status_code == 403
    answer = await shelve(client, holding, second="li", second_password=SECRET)
    assert (answer.status_code, answer.json()["code"]) == (429, "session.throttled")
    answer = await shelve(client, holding, second="li", second_token=li)
    assert answer.status_code == 429, "nor by the other door"
