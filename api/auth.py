"""Who is asking: signed cookies for people, bearer tokens for programs, and what each may do."""

import asyncio
import hashlib
import hmac
import secrets
from typing import Annotated, Final

from fastapi import Depends, Request
from itsdangerous import BadSignature, URLSafeSerializer
from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import Response

from api.errors import NotSignedIn
from api.ports import ApiPorts
from api.throttle import Throttle
from domain.errors import Forbidden, Unavailable
from domain.limits import SESSION_HOURS, SIGN_INS_AT_ONCE_MAX, SIGN_INS_WAITING_MAX

__all__ = [
    "COOKIE",
    "CSRF_COOKIE",
    "CSRF_HEADER",
    "ROLES",
    "Actor",
    "Caller",
    "Door",
    "Principal",
    "acting",
    "address_of",
    "principal",
]

COOKIE: Final = "anju_session"
CSRF_COOKIE: Final = "anju_csrf"
CSRF_HEADER: Final = "X-Anju-CSRF"
SESSION_MS: Final = SESSION_HOURS * 3_600_000
ACTING_ROLES: Final = ("admin", "operator")
READ_ONLY_ROLES: Final = ("viewer", "display")
"""Accounts of guests and walls: they see everything in their scope and change nothing."""
ROLES: Final = (*ACTING_ROLES, *READ_ONLY_ROLES)
"""All there are; any other name gives no right to act."""
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def may_act(roles: tuple[str, ...]) -> bool:
    """True when one of `roles` is more than looking."""
    return any(role in ACTING_ROLES for role in roles)


class Principal(Struct, frozen=True):
    """Somebody who has proved who it is. Every route but a short, listed few depends on one."""

    name: str
    roles: tuple[str, ...]
    scope: tuple[str, ...] = ()
    """Places it may see; empty means all. The seam for streets and firms: nothing narrows it yet."""
    session: str | None = None
    """Id of the cookie session; None for a bearer token."""
    expires_ms: int | None = None
    changed_ms: int = 0
    """The user's password and roles that the session was opened with, see `alerts.ports.Standing`."""

    @property
    def may_act(self) -> bool:
        """True unless all its roles only look."""
        return may_act(self.roles)


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

    # --- signing in and out -------------------------------------------------------------------------------------

    async def verify(self, name: str, password: str, address: str) -> Principal | None:
        """The principal of a new session, or None when name and password do not match.

        Raises `TooManyRequests` after repeated failures, `Unavailable` when too many are being checked already.
        """
        # Before the password is looked at: one that is changed meanwhile leaves a session that is over already.
        standing = await run_in_threadpool(self._ports.users.standing, name)
        if not await self._right(name, password, address) or standing is None or not standing.roles:
            return None
        expires = self._ports.clock_ms() + SESSION_MS
        session = secrets.token_urlsafe(16)
        return Principal(name, standing.roles, session=session, expires_ms=expires, changed_ms=standing.changed_ms)

    async def confirm(self, name: str, password: str | None, token: str | None, address: str) -> bool:
        """True when `name` may act and has proved, by its password or a token of its own, to be there and to agree.

        Counts as a sign-in against guessing; raises like `verify`.
        """
        if token is not None:
            self._throttle.check(name, address, self._ports.clock_ms())
            right = await run_in_threadpool(self._ports.users.token_user, token) == name
            if not right:
                self._throttle.failed(name, address, self._ports.clock_ms())
        else:
            right = password is not None and await self._right(name, password, address)
        return right and may_act(await run_in_threadpool(self._ports.users.roles, name))

    async def _right(self, name: str, password: str, address: str) -> bool:
        self._throttle.check(name, address, self._ports.clock_ms())
        if self._waiting >= SIGN_INS_WAITING_MAX:
            raise Unavailable("session.busy", "too many sign-ins at once")
        self._waiting += 1
        try:
            async with self._checking:
                # Again: a burst of guesses passes the first check together while the first of them is being hashed.
                self._throttle.check(name, address, self._ports.clock_ms())
                right = await run_in_threadpool(self._ports.users.verify, name, password)
                note = self._throttle.succeeded if right else self._throttle.failed
                note(name, address, self._ports.clock_ms())
                return right
        finally:
            self._waiting -= 1

    def open(self, response: Response, who: Principal) -> str:
        """Sets the session's cookies on `response`. Returns its CSRF value."""
        cookie = self._signer.dumps([who.name, who.session, who.expires_ms, who.changed_ms])
        csrf = self.csrf(who)
        for key, value, hidden in ((COOKIE, str(cookie), True), (CSRF_COOKIE, csrf, False)):
            response.set_cookie(
                key, value, max_age=SESSION_MS // 1_000, httponly=hidden, secure=self._https, samesite="strict"
            )
        return csrf

    async def close(self, response: Response, who: Principal) -> None:
        """Ends the session of `who` for good, also for anybody who has kept a copy of its cookie."""
        if who.session is not None and who.expires_ms is not None:
            now_ms = self._ports.clock_ms()
            await run_in_threadpool(self._ports.users.end_session, who.session, who.expires_ms, now_ms)
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
        roles = self._ports.users.roles(name)
        if not roles:
            raise NotSignedIn("session.no_user", "the user may no longer sign in")
        return Principal(name, roles)

    def _by_cookie(self, cookie: str | None) -> Principal:
        if cookie is None:
            raise NotSignedIn("session.required", "sign in, or send a bearer token")
        try:
            name, session, expires_ms, changed_ms = self._signer.loads(cookie)
        except (BadSignature, ValueError, TypeError) as error:
            raise NotSignedIn("session.bad_cookie", "the session cookie is not ours") from error
        if self._ports.clock_ms() >= expires_ms:
            raise NotSignedIn("session.expired", "the session has ended")
        # Asked anew each time: what is taken away must be gone before the cookie ends, whichever process took it.
        standing = self._ports.users.standing(name, session)
        if standing is None or not standing.roles:
            raise NotSignedIn("session.no_user", "the user may no longer sign in")
        if standing.ended or standing.changed_ms != changed_ms:
            raise NotSignedIn("session.expired", "the session has ended")
        return Principal(name, standing.roles, session=session, expires_ms=expires_ms, changed_ms=changed_ms)


def principal(request: Request) -> Principal:
    """Dependency: the caller, or 401."""
    door: Door = request.app.state.api.door
    return door.identify(request, request.method)


def address_of(request: Request) -> str:
    """Where a request comes from, as far as the server believes it."""
    return request.client.host if request.client is not None else "unknown"


def acting(who: "Caller") -> Principal:
    """Dependency: the caller, who may change things, or 403."""
    if not who.may_act:
        raise Forbidden("session.read_only", f"{who.name} may look, not act", roles=", ".join(who.roles))
    return who


Caller = Annotated[Principal, Depends(principal)]
Actor = Annotated[Principal, Depends(acting)]
