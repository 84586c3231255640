"""Runs the app: uvicorn on a thread of its own, with streams that end when the service does."""

import asyncio
import contextlib
import socket
import threading
from typing import Final

import uvicorn
from fastapi import FastAPI

from domain.errors import Unavailable

__all__ = ["ApiServer"]

START_S: Final = 15.0
GRACE_S: Final = 2
"""How long open requests may take to finish when the service stops."""
BACKLOG: Final = 512


class ApiServer:
    """One listening server. `start` returns when it answers; `stop` when it has let go of the port."""

    def __init__(
        self,
        app: FastAPI,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        behind_proxy: bool = False,
        forwarded_allow_ips: str = "127.0.0.1",
    ) -> None:
        """`port` 0 picks a free one, see `port`. `behind_proxy`: believe X-Forwarded headers of `forwarded_allow_ips`.

        Those are addresses or networks of proxies, joined by commas; what anybody else says of itself is ignored.
        """
        self.port = port
        self._app = app
        self._host = host
        self._loop: asyncio.AbstractEventLoop | None = None
        self._started = threading.Event()
        self._failure: BaseException | None = None
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            proxy_headers=behind_proxy,
            forwarded_allow_ips=forwarded_allow_ips,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
            backlog=BACKLOG,
            ws="none",
        )
        self._server = _Quiet(config, self._started)
        self._thread = threading.Thread(target=self._run, name="api", daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    @property
    def alive(self) -> bool:
        """True while it serves."""
        return self._thread.is_alive() and self._server.started

    def start(self) -> int:
        """Listens. Returns the bound port. Raises `Unavailable` when the address cannot be had."""
        try:
            listener = self._bind()
        except OSError as error:
            raise Unavailable("api.address", f"cannot listen on {self._host}:{self.port}: {error}") from error
        self.port = int(listener.getsockname()[1])
        self._listener = listener
        self._thread.start()
        if not self._started.wait(START_S) or self._failure is not None or not self._server.started:
            self.stop()
            raise Unavailable("api.start", f"the HTTP server did not start: {self._failure}")
        return self.port

    def stop(self, reason: str = "restart") -> None:
        """Says bye to the streams, lets requests finish for `GRACE_S` seconds, ends. Harmless when not running."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            # The loop may end between the question and the call.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._leave, reason)
        if self._thread.is_alive():
            self._thread.join(2 * GRACE_S + 1)

    def _leave(self, reason: str) -> None:
        self._app.state.api.hub.close(reason)
        self._server.should_exit = True

    def _bind(self) -> socket.socket:
        family, kind, protocol, _, address = socket.getaddrinfo(
            self._host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
        return listener

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - told to whoever waits in `start`; the thread has no other caller
            self._failure = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve(sockets=[self._listener])


class _Quiet(uvicorn.Server):
    """A server that leaves signals to the process and says when it is up."""

    def __init__(self, config: uvicorn.Config, up: threading.Event) -> None:
        super().__init__(config)
        self._up = up

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Runs until `should_exit`."""
        await self._serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Tells `up` once it listens."""
        await super().startup(sockets)
        self._up.set()
