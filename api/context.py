"""What a route works with: the ports, the door, the hub, and the few things several routes do."""

import asyncio
import logging
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Annotated, Any

from fastapi import Depends, Header, Request

from alerts.alert import Alert
from alerts.decision import Answer
from alerts.inputs import Input
from alerts.wire import to_wire
from api.auth import Door
from api.live import Hub
from api.ports import ApiPorts
from api.schemas import COMMAND_PATTERN
from domain.errors import Invalid, Unavailable
from domain.limits import COMMAND_WAIT_S_MAX

__all__ = ["Api", "CommandKey", "Context", "command_id"]

log = logging.getLogger("anju.api")

CommandKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", pattern=COMMAND_PATTERN, description="Other name for `cmd` in the body."),
]


class Api:
    """One app's rooms."""

    def __init__(self, ports: ApiPorts, *, https: bool, metrics_open: bool) -> None:
        self.ports = ports
        self.door = Door(ports, https=https)
        self.hub = Hub(ports)
        self.metrics_open = metrics_open

    def wire(self, alert: Alert) -> Mapping[str, Any]:
        """The alert as shown. An open one comes with its newest value and curve."""
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

        self.ports.desk.submit(entry).add_done_callback(told)
        try:
            async with asyncio.timeout(COMMAND_WAIT_S_MAX):
                return await answer
        except TimeoutError as error:
            raise Unavailable("station.slow", f"no answer within {COMMAND_WAIT_S_MAX:g} s") from error


def _context(request: Request) -> Api:
    api: Api = request.app.state.api
    return api


Context = Annotated[Api, Depends(_context)]


def command_id(body: str | None, header: str | None) -> str | None:
    """The client's id of a command from either place. Raises `Invalid` if both are given and differ."""
    if body is not None and header is not None and body != header:
        raise Invalid("command.two_ids", "cmd and Idempotency-Key name different commands")
    return body or header
