"""Who is asking: signed cookies for people, bearer tokens for programs, and what each may do."""

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from typing import Annotated, Final

from fastapi import Depends, Request
from itsdangerous import BadSignature, URLSafeSerializer
from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import Response

from api.errors import NotSignedIn, TooManyRequests
from api.ports import ApiPorts
from domain.errors import Forbidden, Unavailable
from domain.limits import (
    SESSION_HOURS,
    SESSIONS_ENDED_MAX,
    SIGN_IN_FAILURES_MAX,
    SIGN_IN_SUSPECTS_MAX,
    SIGN_IN_WINDOW_MS,
    SIGN_INS_AT_ONCE_MAX,
    SIGN_INS_WAITING_MAX,
)

__all__ = [
    "COOKIE",
    "CSRF_COOKIE",
    "CSRF_HEADER",
    "Actor",
    "Caller",
    "Door",
    "Principal",
    "Throttle",
    "acting",
    "principal",
]

COOKIE: Final = "anju_session"
CSRF_COOKIE: Final = "anju_csrf"
CSRF_HEADER: Final = "X-Anju-CSRF"
SESSION_MS: Final = SESSION_HOURS * 3_600_000
READ_ONLY_ROLES: Final = frozenset({"display", "viewer"})
"""Accounts of walls and guests: they see everything in their scope and change nothing."""
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Principal(Struct, frozen=True):
    """Somebody who has proved who it is. Every route but a short, listed few depends on one."""

    name: str
    roles: tuple[str, ...]
    scope: tuple[str, ...] = ()
    """Places it may see; empty means all. The seam for streets and firms: nothing narrows it yet."""
    session: str | None = None
    """Id of the cookie session; None for a bearer token."""
    expires_ms: int | None = None

    @property
    def may_act(self) -> bool:
        """True unless all its roles only look."""
        return not self.roles or any(role not in READ_ONLY_ROLES for role in self.roles)


class Throttle:
    """Counts failed sign-ins for each address and name within a window; too many must wait."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, list[int]] = OrderedDict()

    def check(self, keys: tuple[str, ...], now_ms: int) -> None:
        """Raises `TooManyRequests` when one of `keys` has failed too often lately."""
        for key in keys:
            recent = self._recent(key, now_ms)
            if len(recent) >= SIGN_IN_FAILURES_MAX:
                wait_s = max(1, -(-(recent[0] + SIGN_IN_WINDOW_MS - now_ms) // 1_000))
                raise TooManyRequests(
                    "session.throttled", f"too many failed sign-ins; try again in {wait_s} s", retry_after_s=wait_s
                )

    def failed(self, keys: tuple[str, ...], now_ms: int) -> None:
        """Remembers a failure."""
        for key in keys:
            self._failures[key] = [*self._recent(key, now_ms), now_ms][-SIGN_IN_FAILURES_MAX:]
            self._failures.move_to_end(key)
        while len(self._failures) > SIGN_IN_SUSPECTS_MAX:
            self._failures.popitem(last=False)

    def forgive(self, keys: tuple[str, ...]) -> None:
        """A right password clears what was held against the name that gave it."""
        for key in keys:
            self._failures.pop(key, None)

    def _recent(self, key: str, now_ms: int) -> list[int]:
        return [at for at in self._failures.get(key, ()) if at > now_ms - SIGN_IN_WINDOW_MS]


class Door:
    """Opens and checks sessions of one app."""

    def __init__(self, ports: ApiPorts, *, https: bool) -> None:
        self._ports = ports
        self._https = https
        secret = ports.users.secret("session")
        self._signer = URLSafeSerializer(
            secret, salt="anju.session", signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"}
        )
        self._csrf_key = ports.users.secret("csrf")
        self._throttle = Throttle()
        self._checking = asyncio.Semaphore(SIGN_INS_AT_ONCE_MAX)
        self._waiting = 0
        self._ended: OrderedDict[str, int] = OrderedDict()

    # --- signing in and out -------------------------------------------------------------------------------------

    async def verify(self, name: str, password: str, address: str) -> Principal | None:
        """The principal of a new session, or None when name and password do not match.

        Raises `TooManyRequests` after repeated failures, `Unavailable` when too many are being checked already.
        """
        keys = (f"address:{address}", f"name:{name}")
        self._throttle.check(keys, self._ports.clock_ms())
        if self._waiting >= SIGN_INS_WAITING_MAX:
            raise Unavailable("session.busy", "too many sign-ins at once")
        self._waiting += 1
        try:
            async with self._checking:
                # Again: a burst of guesses passes the first check together while the first of them is being hashed.
                self._throttle.check(keys, self._ports.clock_ms())
                right = await run_in_threadpool(self._ports.users.verify, name, password)
                if not right:
                    self._throttle.failed(keys, self._ports.clock_ms())
                    return None
        finally:
            self._waiting -= 1
        self._throttle.forgive(keys[1:])
        roles = await run_in_threadpool(self._ports.users.roles, name)
        expires = self._ports.clock_ms() + SESSION_MS
        return Principal(name, roles, session=secrets.token_urlsafe(16), expires_ms=expires)

    def open(self, response: Response, who: Principal) -> str:
        """Sets the session's cookies on `response`. Returns its CSRF value."""
        cookie = self._signer.dumps([who.name, who.session, who.expires_ms])
        csrf = self.csrf(who)
        for key, value, hidden in ((COOKIE, str(cookie), True), (CSRF_COOKIE, csrf, False)):
            response.set_cookie(
                key, value, max_age=SESSION_MS // 1_000, httponly=hidden, secure=self._https, samesite="strict"
            )
        return csrf

    def close(self, response: Response, who: Principal) -> None:
        """Ends the session of `who`, also for anybody who has kept a copy of its cookie."""
        if who.session is not None and who.expires_ms is not None:
            self._ended[who.session] = who.expires_ms
            while len(self._ended) > SESSIONS_ENDED_MAX:
                self._ended.popitem(last=False)
        for key in (COOKIE, CSRF_COOKIE):
            response.delete_cookie(key, secure=self._https, httponly=key == COOKIE, samesite="strict")

    def csrf(self, who: Principal) -> str:
        """The value that writes of this session must carry in `CSRF_HEADER`: bound to the session, unguessable."""
        return hmac.new(self._csrf_key, (who.session or "").encode(), hashlib.sha256).hexdigest()[:32]

    # --- every request ------------------------------------------------------------------------------------------

    def identify(self, connection: HTTPConnection, method: str) -> Principal:
        """Who sends this request. Raises `NotSignedIn`, or `Forbidden` for a write that another site may have forged.

        Reads the database: call it off the event loop.
        """
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._by_token(token.strip())
        who = self._by_cookie(connection.cookies.get(COOKIE))
        if method not in _SAFE:
            sent = connection.headers.get(CSRF_HEADER, "")
            if not hmac.compare_digest(sent.encode(), self.csrf(who).encode()):
                raise Forbidden("session.csrf", f"writes with a cookie must carry the session's {CSRF_HEADER}")
        return who

    def _by_token(self, token: str) -> Principal:
        name = self._ports.users.token_user(token) if token else None
        if name is None:
            raise NotSignedIn("session.bad_token", "the bearer token is not known")
        return Principal(name, self._ports.users.roles(name))

    def _by_cookie(self, cookie: str | None) -> Principal:
        if cookie is None:
            raise NotSignedIn("session.required", "sign in, or send a bearer token")
        try:
            name, session, expires_ms = self._signer.loads(cookie)
        except (BadSignature, ValueError, TypeError) as error:
            raise NotSignedIn("session.bad_cookie", "the session cookie is not ours") from error
        if self._ports.clock_ms() >= expires_ms or session in self._ended:
            raise NotSignedIn("session.expired", "the session has ended")
        # Roles are read anew: taking them away must work before the cookie ends. Without any, the user is gone.
        roles = self._ports.users.roles(name)
        if not roles:
            raise NotSignedIn("session.no_user", "the user no longer exists")
        return Principal(name, roles, session=session, expires_ms=expires_ms)


def principal(request: Request) -> Principal:
    """Dependency: the caller, or 401."""
    door: Door = request.app.state.api.door
    return door.identify(request, request.method)


def acting(who: "Caller") -> Principal:
    """Dependency: the caller, who may change things, or 403."""
    if not who.may_act:
        raise Forbidden("session.read_only", f"{who.name} may look, not act", roles=", ".join(who.roles))
    return who


Caller = Annotated[Principal, Depends(principal)]
Actor = Annotated[Principal, Depends(acting)]
