"""``anju users`` and the second person of ``anju alerts`` from a terminal."""

import json

import pytest
from click.testing import CliRunner

from domain.errors import NotFound
from runtime import cli_alerts
from runtime.cli_users import users
from storage.database import open_database


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def run(*words, data=None):
    return CliRunner().invoke(users, [*words, *(() if data is None else ("--data", str(data)))])


def kept(data, question):
    database = open_database(data / "anju.db")
    try:
        return question(database.users)
    finally:
        database.close()


def test_a_new_password_keeps_the_roles_unless_others_are_named(data):
    assert run("passwd", "boss", "--role", "admin", "--role", "viewer", data=data).exit_code == 0
    made = run("passwd", "boss", "--json", data=data)
    assert kept(data, lambda found: found.roles("boss")) == ("admin", "viewer")
    password = json.loads(made.output)["password"]
    assert kept(data, lambda found: found.verify("boss", password))
    run("passwd", "boss", "--role", "display", data=data)
    assert kept(data, lambda found: found.roles("boss")) == ("display",)


def test_a_new_user_is_an_operator_and_one_whose_roles_were_taken_does_not_get_them_back(data):
    run("passwd", "li", data=data)
    assert kept(data, lambda found: found.roles("li")) == ("operator",)
    kept(data, lambda found: found.create("li", "x", (), 1))
    run("passwd", "li", data=data)
    assert kept(data, lambda found: found.roles("li")) == ()


def test_an_account_is_bound_to_an_organisation_places_and_kinds_and_stays_so(data):
    run("passwd", "wang", "--role", "property_manager", "--organisation", "f1", data=data)
    run("passwd", "wang", "--place", "c1", "--place", "c2", "--kind", "fire", data=data)
    known = kept(data, lambda found: found.person("wang"))
    assert (known.roles, known.organisation) == (("property_manager",), "f1")
    assert (known.places, known.kinds) == (("c1", "c2"), ("fire",))
    assert run("ls", data=data).output == "wang  property_manager  f1,c1,c2,fire\n"


def test_an_unknown_role_is_refused_with_the_list_of_known_ones(data):
    answer = run("passwd", "li", "--role", "superviser", data=data)
    assert answer.exit_code != 0
    assert all(role in answer.output for role in ("admin", "operator", "viewer", "display"))
    assert not (data / "anju.db").exists()


def test_users_are_listed_with_roles_and_labels_but_no_secrets(data):
    run("passwd", "li", data=data)
    token = run("token", "li", "--label", "phone", data=data).output.strip()
    answer = run("ls", "--json", data=data)
    (shown,) = json.loads(answer.output)
    assert (shown["user"], shown["roles"], shown["tokens"]) == ("li", ["operator"], ["phone"])
    assert token not in answer.output
    assert run("ls", data=data).output == "li  operator  phone\n"


def test_revoking_by_label_ends_that_token_and_no_session(data):
    run("passwd", "li", data=data)
    phone, script = (run("token", "li", "--label", one, data=data).output.strip() for one in ("phone", "script"))
    before = kept(data, lambda found: found.standing("li").changed_ms)
    assert run("revoke", "li", "--label", "phone", data=data).exit_code == 0
    assert kept(data, lambda found: (found.token_user(phone), found.token_user(script))) == (None, "li")
    assert kept(data, lambda found: found.standing("li").changed_ms) == before
    assert isinstance(run("revoke", "li", "--label", "phone", data=data).exception, NotFound)
    run("revoke", "li", data=data)
    assert kept(data, lambda found: found.token_user(script)) is None
    assert kept(data, lambda found: found.standing("li").changed_ms) > before


def test_a_removed_user_is_gone_and_an_unknown_one_is_told(data):
    run("passwd", "li", data=data)
    assert run("rm", "li", data=data).exit_code == 0
    assert kept(data, lambda found: found.names()) == []
    assert isinstance(run("rm", "li", data=data).exception, NotFound)


@pytest.mark.parametrize(("environment", "typed"), [({"ANJU_SECOND_TOKEN": "anju_li"}, ""), ({}, "anju_li\n")])
def test_the_second_persons_token_is_asked_for_and_never_shown(monkeypatch, environment, typed):
    sent = []

    def call(client, method, path, body=None):
        sent.append(body)
        return {"id": "a1", "rev": 3, "state": "unacked"}

    monkeypatch.setattr(cli_alerts.Client, "call", call)
    words = ["--token", "anju_me", "shelve", "a1", "--minutes", "5", "--reason", "work", "--second", "li"]
    answer = CliRunner().invoke(cli_alerts.alerts, words, input=typed, env={"ANJU_SECOND_TOKEN": None, **environment})
    assert answer.exit_code == 0, answer.output
    assert (sent[-1]["second"], sent[-1]["second_token"]) == ("li", "anju_li")
    assert "anju_li" not in answer.output
