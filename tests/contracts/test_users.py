"""What every list of users promises."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from domain.errors import Invalid, NotFound, Rejected
from domain.limits import PASSWORD_CHARS_MAX, TOKENS_PER_USER_MAX


def test_the_right_password_and_only_that_is_accepted(database):
    users = database.users
    assert not users.exists_any()
    users.create("li", "correct horse 安居", ("operator", "supervisor"), 1)
    assert users.exists_any()
    assert users.verify("li", "correct horse 安居")
    assert not users.verify("li", "correct horse")
    assert not users.verify("li", "")
    assert not users.verify("wang", "correct horse 安居")
    assert users.roles("li") == ("operator", "supervisor")
    assert users.roles("wang") == ()
    assert users.names() == ["li"]


def test_creating_again_replaces_password_and_roles_but_keeps_tokens(database):
    users = database.users
    users.create("li", "one", ("operator",), 1)
    token = users.create_token("li", "script", 1)
    users.create("li", "two", ("admin",), 2)
    assert users.verify("li", "two")
    assert not users.verify("li", "one")
    assert users.roles("li") == ("admin",)
    assert users.token_user(token) == "li"


@pytest.mark.parametrize(
    ("name", "password"), [("", "x"), ("x" * 129, "x"), ("a\x00b", "x"), ("li", ""), ("li", "x" * 9999)]
)
def test_names_and_passwords_without_sense_are_refused(database, name, password):
    with pytest.raises(Invalid):
        database.users.create(name, password, (), 1)
    assert not database.users.exists_any()


@pytest.mark.parametrize("name", ["", "\x00", "\ud800", "x" * 100_000, "li' OR '1'='1"])
def test_a_hostile_name_or_password_is_wrong_and_nothing_worse(database, name):
    database.users.create("li", "x" * PASSWORD_CHARS_MAX, (), 1)
    assert not database.users.verify(name, "x")
    assert not database.users.verify("li", name)
    assert not database.users.verify("li", "x" * (PASSWORD_CHARS_MAX + 1))


def test_no_password_or_token_is_kept_in_the_clear(database):
    database.users.create("li", "s3cret-password", (), 1)
    token = database.users.create_token("li", "script", 1)
    with database._access.read() as connection:
        kept = connection.execute(sa.text("SELECT password FROM users")).scalar_one()
        digests = connection.execute(sa.text("SELECT digest FROM tokens")).scalars().all()
    assert kept.startswith("$argon2id$")
    assert "s3cret" not in kept
    assert all(token.encode() not in bytes(digest) for digest in digests)


def test_an_unknown_name_takes_as_long_as_a_wrong_password(database):
    database.users.create("li", "right", (), 1)

    def spent(name):
        samples = []
        for _ in range(7):
            began = time.thread_time()
            assert not database.users.verify(name, "wrong")
            samples.append(time.thread_time() - began)
        return statistics.median(samples)

    known, unknown = spent("li"), spent("nobody")
    assert 0.5 < unknown / known < 2.0


def test_a_hash_with_older_parameters_is_renewed_when_the_password_is_known(database):
    from argon2 import PasswordHasher

    database.users.create("li", "right", (), 1)
    old = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash("right")
    with database._access.write() as connection:
        connection.execute(sa.text("UPDATE users SET password = :old"), {"old": old})
    assert not database.users.verify("li", "wrong")
    assert database.users.verify("li", "right")
    with database._access.read() as connection:
        renewed = connection.execute(sa.text("SELECT password FROM users")).scalar_one()
    assert "m=19456" in renewed
    assert database.users.verify("li", "right")


def test_tokens_name_their_user_until_they_are_revoked(database):
    users = database.users
    users.create("li", "x", (), 1)
    one, two = users.create_token("li", "script", 1), users.create_token("li", "phone", 2)
    assert one != two
    assert users.token_user(one) == users.token_user(two) == "li"
    assert users.token_user(one + "x") is None
    assert users.token_user("\ud800") is None
    assert users.tokens("li") == [("script", 1), ("phone", 2)]
    assert users.revoke_tokens("li", "script") == 1
    assert users.token_user(one) is None
    assert users.token_user(two) == "li"


def test_tokens_need_a_user_a_label_and_have_a_limit(database):
    users = database.users
    with pytest.raises(NotFound):
        users.create_token("nobody", "script", 1)
    users.create("li", "x", (), 1)
    for label in ("", "x" * 1000):
        with pytest.raises(Invalid):
            users.create_token("li", label, 1)
    for number in range(TOKENS_PER_USER_MAX):
        users.create_token("li", f"t{number}", number)
    with pytest.raises(Rejected):
        users.create_token("li", "one more", 1)


def test_a_secret_is_made_once_for_each_purpose_by_whoever_asks_first(database):
    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(database.users.secret, ["cookies"] * 12))
    assert len(made) == 1
    assert len(made.pop()) >= 32
    assert database.users.secret("cookies") != database.users.secret("links")


def test_every_change_of_a_user_has_an_instant_of_its_own_even_when_the_clock_stands_still(database):
    users = database.users
    seen = []
    for at_ms in (5, 5, 3, 9):
        users.create("li", "x", ("operator",), at_ms)
        seen.append(users.standing("li").changed_ms)
    users.revoke("li", 9)
    seen.append(users.standing("li").changed_ms)
    assert seen == sorted(set(seen))
    assert users.standing("wang") is None


def test_a_new_hash_of_the_same_password_is_no_change(database):
    from argon2 import PasswordHasher

    database.users.create("li", "right", (), 1)
    old = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash("right")
    with database._access.write() as connection:
        connection.execute(sa.text("UPDATE users SET password = :old"), {"old": old})
    assert database.users.verify("li", "right")
    assert database.users.standing("li").changed_ms == 1


def test_an_ended_session_is_remembered_until_it_would_have_ended_anyway(database):
    users = database.users
    users.create("li", "x", ("operator",), 1)
    users.end_session("one", 100, 1)
    users.end_session("one", 100, 2)
    assert users.standing("li", "one").ended
    assert not users.standing("li", "two").ended
    assert not users.standing("li").ended
    users.end_session("two", 300, 100)
    assert not users.standing("li", "one").ended
    assert users.standing("li", "two").ended


def test_ended_sessions_are_bounded_and_those_that_expire_first_go_first(database, monkeypatch):
    monkeypatch.setattr("storage.users.SESSIONS_ENDED_MAX", 3)
    users = database.users
    users.create("li", "x", ("operator",), 1)
    for number in range(5):
        users.end_session(f"s{number}", 1_000 + number, 1)
    assert [users.standing("li", f"s{number}").ended for number in range(5)] == [False, False, True, True, True]


def test_a_removed_user_takes_its_tokens_along(database):
    users = database.users
    users.create("li", "x", ("operator",), 1)
    token = users.create_token("li", "script", 1)
    users.remove("li")
    assert users.names() == []
    assert users.token_user(token) is None
    assert not users.verify("li", "x")
    with pytest.raises(NotFound):
        users.remove("li")


def test_revoking_ends_all_tokens_of_one_user_only(database):
    users = database.users
    for name in ("li", "wang"):
        users.create(name, "x", ("operator",), 1)
    mine = [users.create_token("li", label, 1) for label in ("a", "b")]
    other = users.create_token("wang", "a", 1)
    assert users.revoke("li", 2) == 2
    assert [users.token_user(token) for token in (*mine, other)] == [None, None, "wang"]
    assert users.verify("li", "x")
    with pytest.raises(NotFound):
        users.revoke("nobody", 2)
