"""People and programs that may sign in. Passwords are kept as argon2id hashes, tokens as SHA-256 digests."""

import hashlib
import secrets as randomness
import threading
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import case, delete, exists, func, select, update

from alerts.ports import Standing
from domain.errors import Invalid, NotFound, Rejected
from domain.limits import (
    LABEL_CHARS_MAX,
    PASSWORD_CHARS_MAX,
    SESSIONS_ENDED_MAX,
    SIGN_INS_AT_ONCE_MAX,
    TOKENS_PER_USER_MAX,
)
from domain.people import Person
from storage.access import Access
from storage.schema import ended_sessions, secrets, tokens, users
from storage.upsert import insert_or_ignore, upsert

__all__ = ["SqlUsers"]

HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)
"""OWASP Password Storage Cheat Sheet, argon2id: 19 MiB, 2 passes, 1 lane. 64 MiB would be felt in a small service."""
NAME_CHARS: Final = 128
SECRET_BYTES: Final = 32
BRAND: Final = "anju_"
"""Lets scanners for leaked secrets know a token when they see one: every token begins so."""

_PROFILE: Final = tuple(name for name in Person.__struct_fields__ if name not in {"id", "roles"})
_ACCOUNT: Final = select(users.c.name, users.c.roles, users.c.profile)


class SqlUsers:
    """`alerts.ports.Users` over SQL. Thread-safe."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._at_once = threading.Semaphore(SIGN_INS_AT_ONCE_MAX)
        self._nobody = HASHER.hash(randomness.token_urlsafe(SECRET_BYTES))

    def verify(self, name: str, password: str) -> bool:
        """See `alerts.ports.Users`. At most `SIGN_INS_AT_ONCE_MAX` are computed at once; others wait."""
        kept: str | None = None
        if _nameable(name):
            with self._access.read() as connection:
                kept = connection.scalar(select(users.c.password).where(users.c.name == name))
        # One character more than a password can have is enough to be wrong.
        given = password[: PASSWORD_CHARS_MAX + 1].encode("utf-8", "surrogatepass")
        with self._at_once:
            try:
                right = HASHER.verify(kept or self._nobody, given)
            except (VerificationError, InvalidHashError):
                return False
            stronger = HASHER.hash(given) if kept and HASHER.check_needs_rehash(kept) else None
        if stronger is not None:
            with self._access.write() as connection:
                same = users.c.name == name, users.c.password == kept
                connection.execute(update(users).where(*same).values(password=stronger))
        return right and kept is not None

    def exists_any(self) -> bool:
        """See `alerts.ports.Users`."""
        with self._access.read() as connection:
            return bool(connection.scalar(select(exists().select_from(users))))

    def create(self, name: str, password: str, roles: Sequence[str], at_ms: int) -> None:
        """See `alerts.ports.Users`. Tokens stay. Raises `Invalid` for a name or password that is empty or too long."""
        if not _nameable(name):
            raise Invalid("user.name", f"a user name has 1–{NAME_CHARS} printable characters")
        row = {
            "name": name,
            "password": _hashed(password),
            "roles": list(roles),
            "created_ms": at_ms,
            "changed_ms": at_ms,
            "profile": {},
        }
        with self._access.write() as connection:
            upsert(
                connection,
                users,
                [row],
                key=("name",),
                update=lambda new: {
                    "password": new.password,
                    "roles": new.roles,
                    "changed_ms": _later(new.changed_ms),
                },
            )

    def save(self, person: Person, password: str | None, at_ms: int) -> None:
        """See `alerts.ports.Users`. Tokens stay, sessions end."""
        if not _nameable(person.id):
            raise Invalid("user.name", f"a user name has 1–{NAME_CHARS} printable characters")
        written = msgspec.to_builtins(person)
        known: dict[str, Any] = {"roles": list(person.roles), "profile": {k: written[k] for k in _PROFILE}}
        if password is not None:
            known["password"] = _hashed(password)
        here = users.c.name == person.id
        with self._access.write() as connection:
            old = update(users).where(here).values(**known, changed_ms=_later(at_ms))
            if connection.execute(old).rowcount:
                return
            if password is None:
                raise NotFound("user.unknown", f"there is no user {person.id!r}", user=person.id)
            connection.execute(users.insert(), {"name": person.id, "created_ms": at_ms, "changed_ms": at_ms} | known)

    def person(self, name: str) -> Person | None:
        """See `alerts.ports.Users`."""
        with self._access.read() as connection:
            row = connection.execute(_ACCOUNT.where(users.c.name == name)).one_or_none()
        return None if row is None else _person(row)

    def people(self) -> list[Person]:
        """See `alerts.ports.Users`."""
        with self._access.read() as connection:
            return [_person(row) for row in connection.execute(_ACCOUNT.order_by(users.c.name))]

    def roles(self, name: str) -> tuple[str, ...]:
        """See `alerts.ports.Users`."""
        standing = self.standing(name)
        return () if standing is None else standing.roles

    def standing(self, name: str, session: str | None = None) -> Standing | None:
        """See `alerts.ports.Users`."""
        ended = exists().where(ended_sessions.c.id == (session or ""))
        wanted = _ACCOUNT.add_columns(users.c.changed_ms, ended.label("ended")).where(users.c.name == name)
        with self._access.read() as connection:
            row = connection.execute(wanted).one_or_none()
        return None if row is None else Standing(_person(row), row.changed_ms, bool(row.ended))

    def end_session(self, session: str, until_ms: int, at_ms: int) -> None:
        """See `alerts.ports.Users`. Beyond `SESSIONS_ENDED_MAX` those that expire soonest are forgotten."""
        kept = select(ended_sessions.c.id).order_by(ended_sessions.c.until_ms.desc(), ended_sessions.c.id)
        with self._access.write() as connection:
            connection.execute(delete(ended_sessions).where(ended_sessions.c.until_ms <= at_ms))
            insert_or_ignore(connection, ended_sessions, [{"id": session, "until_ms": until_ms}])
            if (connection.scalar(select(func.count()).select_from(ended_sessions)) or 0) > SESSIONS_ENDED_MAX:
                newest = kept.limit(SESSIONS_ENDED_MAX)
                connection.execute(delete(ended_sessions).where(ended_sessions.c.id.not_in(newest)))

    def remove(self, name: str) -> None:
        """See `alerts.ports.Users`."""
        with self._access.write() as connection:
            if not connection.execute(delete(users).where(users.c.name == name)).rowcount:
                raise NotFound("user.unknown", f"there is no user {name!r}", user=name)

    def revoke(self, name: str, at_ms: int) -> int:
        """Ends all sessions and tokens of a user; returns how many tokens there were. Password and roles stay.

        Raises `NotFound` for an unknown user.
        """
        with self._access.write() as connection:
            ended = update(users).where(users.c.name == name).values(changed_ms=_later(at_ms))
            if not connection.execute(ended).rowcount:
                raise NotFound("user.unknown", f"there is no user {name!r}", user=name)
            return connection.execute(delete(tokens).where(tokens.c.name == name)).rowcount

    def names(self) -> list[str]:
        """All users, in order of name."""
        with self._access.read() as connection:
            return list(connection.scalars(select(users.c.name).order_by(users.c.name)))

    def secret(self, purpose: str) -> bytes:
        """See `alerts.ports.Users`. 32 bytes."""
        wanted = select(secrets.c.value).where(secrets.c.purpose == purpose)
        with self._access.read() as connection:
            found: bytes | None = connection.scalar(wanted)
        if found is not None:
            return found
        with self._access.write() as connection:
            made = {"purpose": purpose, "value": randomness.token_bytes(SECRET_BYTES)}
            insert_or_ignore(connection, secrets, [made])
            kept: bytes = connection.execute(wanted).scalar_one()  # another process may have been first
        return kept

    def token_user(self, token: str) -> str | None:
        """See `alerts.ports.Users`."""
        with self._access.read() as connection:
            return connection.scalar(select(tokens.c.name).where(tokens.c.digest == _digest(token)))

    def create_token(self, name: str, label: str, at_ms: int) -> str:
        """See `alerts.ports.Users`.

        Raises `NotFound` for an unknown user, `Invalid` for a label that is empty or too long, `Rejected` beyond
        `TOKENS_PER_USER_MAX`.
        """
        if not 0 < len(label) <= LABEL_CHARS_MAX:
            raise Invalid("token.label", f"a label has 1–{LABEL_CHARS_MAX} characters")
        token = BRAND + randomness.token_urlsafe(SECRET_BYTES)
        with self._access.write() as connection:
            if not connection.scalar(select(exists().where(users.c.name == name))):
                raise NotFound("user.unknown", f"there is no user {name!r}", user=name)
            held = connection.scalar(select(func.count()).select_from(tokens).where(tokens.c.name == name)) or 0
            if held >= TOKENS_PER_USER_MAX:
                raise Rejected("token.too_many", f"{name} has {held} tokens: revoke one first", limit=held)
            row = {"digest": _digest(token), "name": name, "label": label, "created_ms": at_ms}
            connection.execute(tokens.insert(), row)
        return token

    def tokens(self, name: str) -> list[tuple[str, int]]:
        """(label, made at, epoch ms) of each token of a user, oldest first."""
        wanted = select(tokens.c.label, tokens.c.created_ms).where(tokens.c.name == name)
        with self._access.read() as connection:
            rows = connection.execute(wanted.order_by(tokens.c.created_ms, tokens.c.label))
            return [(row.label, row.created_ms) for row in rows]

    def revoke_tokens(self, name: str, label: str) -> int:
        """Ends the tokens of a user with this label; returns how many there were."""
        with self._access.write() as connection:
            ended = delete(tokens).where(tokens.c.name == name, tokens.c.label == label)
            return connection.execute(ended).rowcount


def _person(row: Any) -> Person:
    return msgspec.convert({"id": row.name, "roles": row.roles, **(row.profile or {})}, Person)


def _hashed(password: str) -> str:
    if not 0 < len(password) <= PASSWORD_CHARS_MAX:
        raise Invalid("user.password", f"a password has 1–{PASSWORD_CHARS_MAX} characters")
    return HASHER.hash(password.encode("utf-8", "surrogatepass"))


def _later(at_ms: Any) -> Any:
    """An instant after the last change even when the clock stood still or was set back: sessions are bound to it."""
    return case((users.c.changed_ms < at_ms, at_ms), else_=users.c.changed_ms + 1)


def _nameable(name: str) -> bool:
    return 0 < len(name) <= NAME_CHARS and name.isprintable()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
