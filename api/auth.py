"""Who is asking: signed cookies for people, bearer tokens for programs, and what each may do."""

import asyncio
import hashlib
import hmac
import secrets
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from itsdangerous import BadSignature, URLSafeSerializer
from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import Response

from alerts.ports import Standing
from alerts.times import local_date
from api.errors import NotSignedIn
from api.ports import ApiPorts
from api.throttle import Throttle
from domain.access import CHANGING, Right, Scope, rights_of, scope_of
from domain.errors import Forbidden, Unavailable
from domain.limits import SESSION_HOURS, SIGN_INS_AT_ONCE_MAX, SIGN_INS_WAITING_MAX
from domain.people import Person

__all__ = [
    "COOKIE",
    "CSRF_COOKIE",
    "CSRF_HEADER",
    "Caller",
    "Door",
    "Principal",
    "Signed",
    "address_of",
    "needing",
    "principal",
]

COOKIE: Final = "anju_session"
CSRF_COOKIE: Final = "anju_csrf"
CSRF_HEADER: Final = "X-Anju-CSRF"
SESSION_MS: Final = SESSION_HOURS * 3_600_000
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Principal(Struct, frozen=True):
    """Somebody who has proved who it is. Every route but a short, listed few depends on one."""

    person: Person
    rights: frozenset[Right]
    scope: Scope
    """Where it may look and act now."""
    session: str | None = None
    """Id of the cookie session; None for a bearer token."""
    expires_ms: int | None = None
    changed_ms: int = 0
    """The state of the account that the session was opened with, see `alerts.ports.Standing`."""

    @property
    def name(self) -> str:
        """What is journalled."""
        return self.person.id

    @property
    def may_act(self) -> bool:
        """True unless all it may do is look."""
        return not CHANGING.isdisjoint(self.rights)

    def need(self, right: Right) -> None:
        """Raises `Forbidden` where it may not do this anywhere."""
        if right not in self.rights:
            code = "right.missing" if self.may_act else "session.read_only"
            text = f"{self.name} may not do this: it takes the right {right}"
            raise Forbidden(code, text, right=str(right), roles=", ".join(self.person.roles))


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
        return self._as(standing, secrets.token_urlsafe(16), expires)

    def _as(self, standing: Standing, session: str | None = None, expires_ms: int | None = None) -> Principal:
        """The person as it may act from now on."""
        person, ports = standing.person, self._ports
        scope = scope_of(person, ports.registry(), local_date(ports.clock_ms()))
        return Principal(person, rights_of(standing.roles), scope, session, expires_ms, standing.changed_ms)

    async def confirm(self, name: str, password: str | None, token: str | None, address: str) -> Principal | None:
        """`name`, when it has proved, by its password or a token of its own, to be there and to agree; else None.

        Counts as a sign-in against guessing; raises like `verify`.
        """
        if token is not None:
            self._throttle.check(name, address, self._ports.clock_ms())
            right = await run_in_threadpool(self._ports.users.token_user, token) == name
            if not right:
                self._throttle.failed(name, address, self._ports.clock_ms())
        else:
            right = password is not None and await self._right(name, password, address)
        standing = await run_in_threadpool(self._ports.users.standing, name) if right else None
        return None if standing is None or not standing.roles else self._as(standing)

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
        standing = self._ports.users.standing(name)
        if standing is None or not standing.roles:
            raise NotSignedIn("session.no_user", "the user may no longer sign in")
        return self._as(standing)

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
        return self._as(standing, session, expires_ms)


def principal(request: Request) -> Principal:
    """Dependency: the caller, or 401."""
    door: Door = request.app.state.api.door
    who = door.identify(request, request.method)
    request.state.who = who  # a refusal further in is journalled under this name
    return who


def address_of(request: Request) -> str:
    """Where a request comes from, as far as the server believes it."""
    return request.client.host if request.client is not None else "unknown"


def needing(right: Right) -> Any:
    """Dependency: the caller, who has `right`, or 403."""

    def allowed(who: Annotated[Principal, Depends(principal)]) -> Principal:
        who.need(right)
        return who

    allowed.right = right  # type: ignore[attr-defined] # a test holds every route to the right it takes
    return Depends(allowed)


Signed = Annotated[Principal, Depends(principal)]
"""Anybody who has signed in, whatever it may do."""
Caller = Annotated[Principal, needing(Right.LOOK)]
"""Who may look."""
