"""What holds for every answer: security headers and a bound on what a request may carry."""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.limits import EVIDENCE_BYTES_MAX, REQUEST_BYTES_MAX

__all__ = ["HEADERS", "Guard"]

CSP: Final = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS: Final = (
    ("Content-Security-Policy", CSP),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
"""Sent with every answer."""


PHOTOS: Final = "/evidence"
"""How addresses that take photos end."""


class Guard:
    """ASGI middleware: adds the headers, refuses bodies beyond `REQUEST_BYTES_MAX` announced or not.

    Photos may have `EVIDENCE_BYTES_MAX`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        taken, limit = 0, EVIDENCE_BYTES_MAX if scope["path"].endswith(PHOTOS) else REQUEST_BYTES_MAX

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                if taken > limit:
                    raise HTTPException(413, f"A request may carry at most {limit} bytes.")
            return message

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS:
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, bounded, guarded)
