"""What a route works with: the ports, the door, the hub, and the few things several routes do."""

import asyncio
import logging
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from starlette.concurrency import run_in_threadpool

from alerts.alert import Alert
from alerts.decision import Answer
from alerts.events import AccessRefused
from alerts.inputs import Input, Record
from alerts.orders.wire import to_wire as order_to_wire
from alerts.wire import to_wire
from api.auth import Door, Principal, Signed, address_of
from api.live import Hub
from api.narrow import Hidden, Views
from api.ports import ApiPorts
from api.schemas import COMMAND_PATTERN
from api.throttle import Refusals
from domain.errors import AnjuError, Forbidden, Invalid, Unavailable
from domain.limits import ADDRESS_CHARS_MAX, COMMAND_WAIT_S_MAX, PHOTOS_AT_ONCE_MAX
from domain.orders import WorkOrder

__all__ = ["Api", "CommandKey", "Context", "Lobby", "Open", "command_id"]

log = logging.getLogger("anju.api")

CommandKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", pattern=COMMAND_PATTERN, description="Other name for `cmd` in the body."),
]


class Lobby:
    """One app's rooms: what there is before anybody is known."""

    def __init__(self, ports: ApiPorts, *, https: bool, metrics_open: bool) -> None:
        self.ports = ports
        self.door = Door(ports, https=https)
        self.views = Views(ports)
        self.hub = Hub(ports, self.views)
        self._refusals = Refusals()
        self.unfolding = asyncio.Semaphore(PHOTOS_AT_ONCE_MAX)
        """Held while a photo is looked at: it takes much more memory than it has bytes."""
        self.metrics_open = metrics_open

    async def refused(self, who: Principal, request: Request, error: AnjuError) -> None:
        """Journals that `who` was refused something. Raises `TooManyRequests` for one who is refused all the time."""
        if not isinstance(error, Forbidden | Hidden):
            return
        self._refusals.another(who.name, self.ports.clock_ms())
        code = "scope.hidden" if isinstance(error, Hidden) else error.code
        what = f"{request.method} {request.url.path}"[:ADDRESS_CHARS_MAX]
        try:
            await self.api().submit(Record(AccessRefused(what, code, address_of(request)), who.name))
        except Unavailable:
            log.warning("%s was refused %s (%s), which could not be journalled", who.name, what, code)

    def api(self, who: Principal | None = None) -> "Api":
        """What a route works with on behalf of `who`; None: the service itself."""
        return Api(self, self.ports if who is None else self.views.of(who.scope))


class Api:
    """What a route works with: everything, as far as its caller has to do with it."""

    def __init__(self, lobby: Lobby, ports: ApiPorts) -> None:
        self.ports = ports
        """Narrowed to the caller."""
        self.door = lobby.door
        self.hub = lobby.hub
        self.views = lobby.views
        self.unfolding = lobby.unfolding

    def wire(self, alert: Alert | WorkOrder) -> Mapping[str, Any]:
        """The alert or order as shown. An open alert comes with its newest value and curve."""
        if isinstance(alert, WorkOrder):
            return order_to_wire(alert, self.ports.registry())
        live = self.ports.board.row(alert.id)
        if live is not None and live["rev"] == alert.rev:
            return live
        rule = self.ports.rulebook().rules.get(alert.rule)
        wire = to_wire(alert, self.ports.registry(), self.ports.clock_ms(), rule)
        return wire | {"trend": live["trend"] if live else [], "children": live["children"] if live else 0}

    async def submit(self, entry: Input) -> Answer:
        """Hands `entry` to the station and waits until all that follows is durable. Raises its refusal.

        A client that goes away meanwhile does not take its command back: the station may be at it already.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()

        def settle(done: "Future[Answer]") -> None:
            if answer.done():
                return
            error = done.exception()
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(done.result())

        def told(done: "Future[Answer]") -> None:
            try:
                loop.call_soon_threadsafe(settle, done)
            except RuntimeError:
                log.info("an input was answered after the server had stopped")

        submit = self.ports.desk.submit
        # Whoever has to do with some places only has the database asked where its wish leads.
        sent = submit(entry) if self.ports.desk is self.views.whole.desk else await run_in_threadpool(submit, entry)
        sent.add_done_callback(told)
        try:
            async with asyncio.timeout(COMMAND_WAIT_S_MAX):
                return await answer
        except TimeoutError as error:
            raise Unavailable("station.slow", f"no answer within {COMMAND_WAIT_S_MAX:g} s") from error


def _lobby(request: Request) -> Lobby:
    lobby: Lobby = request.app.state.api
    return lobby


def _context(lobby: Annotated[Lobby, Depends(_lobby)], who: Signed) -> Api:
    return lobby.api(who)


Open = Annotated[Lobby, Depends(_lobby)]
"""For the few routes that nobody needs to sign in for."""
Context = Annotated[Api, Depends(_context)]


def command_id(body: str | None, header: str | None) -> str | None:
    """The client's id of a command from either place. Raises `Invalid` if both are given and differ."""
    if body is not None and header is not None and body != header:
        raise Invalid("command.two_ids", "cmd and Idempotency-Key name different commands")
    return body or header
