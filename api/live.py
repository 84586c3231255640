"""The live stream (console.md §14): one hub for each app, one pump for each client."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from starlette.concurrency import run_in_threadpool

from alerts.events import AlertRaised
from alerts.orders.wire import to_wire as order_to_wire
from alerts.wire import patch, to_wire
from api.auth import Principal
from api.changes import changed, order_changed
from api.encode import to_json
from api.errors import NotSignedIn
from api.narrow import Views
from api.ports import ApiPorts, Change, Delta, Position
from api.times import rfc3339
from domain.access import Scope
from domain.errors import Unavailable
from domain.limits import BATCHES_SHARED_MAX, SCOPES_KEPT_MAX, STREAM_BACKLOG_MAX, STREAM_BATCH_MS, STREAMS_MAX

__all__ = ["Client", "Hub"]

TICK_S: Final = 5.0
HEALTH_S: Final = 10.0
HEALTH_LOOK_S: Final = 1.0
RETRY_MS: Final = 3_000
RESUME_VALUES_MS: Final = 10_000
"""Values this recent are told again to a client that (re)joins: it may have fetched the board just before them."""


class Client:
    """One open stream."""

    def __init__(
        self, principal: Principal, ports: ApiPorts, topics: frozenset[str], recheck: Callable[[], Principal] | None
    ) -> None:
        self.principal = principal
        self.ports = ports
        """Narrowed to what the caller may see."""
        self.topics = topics
        self.recheck = recheck
        """Who the caller is now; raises `NotSignedIn` once it may no longer be here. None: never asked."""
        self.told = 0
        """The newest journal line the client knows to have been told everything up to."""
        self.moved = False
        """True once the caller may see other things than when the stream was opened."""
        self.wakened = asyncio.Event()
        self.bye: str | None = None
        """Why the stream must end; None while it may go on."""

    def end(self, reason: str) -> None:
        """Asks the stream to say bye and end."""
        if self.bye is None:
            self.bye = reason
        self.wakened.set()


class Hub:
    """Knows the open streams of one app, wakes them when the board changes, and ends them at shutdown.

    Lives on the server's event loop; only `_from_station` runs on other threads.
    """

    def __init__(self, ports: ApiPorts, views: Views) -> None:
        self._ports = ports
        self._views = views
        self._clients: set[Client] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop_listening: Callable[[], None] | None = None
        self._waking = False
        self._closing: str | None = None
        self._health: OrderedDict[Scope, tuple[float, dict[str, Any]]] = OrderedDict()
        self._batches: OrderedDict[tuple[Any, ...], bytes] = OrderedDict()
        self.resets = 0
        """Clients told to fetch the board anew since the start."""

    @property
    def streams(self) -> int:
        """Open streams."""
        return len(self._clients)

    def join(
        self, principal: Principal, topics: frozenset[str], recheck: Callable[[], Principal] | None = None
    ) -> Client:
        """Takes a new stream in. Raises `Unavailable` when there are too many or the service is stopping.

        `recheck` is called on another thread every `TICK_S`; when it raises `NotSignedIn` the stream ends, and when the
        caller may look elsewhere than before it begins anew.
        """
        if self._closing is not None:
            raise Unavailable("stream.closing", "the service is stopping")
        if len(self._clients) >= STREAMS_MAX:
            raise Unavailable("stream.too_many", f"{STREAMS_MAX} streams are open", limit=STREAMS_MAX)
        client = Client(principal, self._views.of(principal.scope), topics, recheck)
        self._clients.add(client)
        if self._stop_listening is None:
            self._loop = asyncio.get_running_loop()
            self._stop_listening = self._ports.board.listen(self._from_station)
        return client

    def leave(self, client: Client) -> None:
        """Forgets a stream."""
        self._clients.discard(client)
        if not self._clients and self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None

    def close(self, reason: str = "restart") -> None:
        """Ends all streams with `bye`: uvicorn waits for them otherwise (console.md §1, trap 2)."""
        self._closing = reason
        for client in self._clients:
            client.end(reason)

    def end_session(self, session: str) -> None:
        """Ends the streams of a session that has signed out."""
        for client in self._clients:
            if client.principal.session == session:
                client.end("logout")

    def _from_station(self) -> None:
        # One wake-up is enough for any number of changes: the pumps take all there is.
        if self._waking or self._loop is None:
            return
        self._waking = True
        try:
            self._loop.call_soon_threadsafe(self._wake)
        except RuntimeError:  # the loop has closed: nobody is left to tell
            self._stop_listening = None
            self._clients.clear()

    def _wake(self) -> None:
        self._waking = False
        for client in self._clients:
            client.wakened.set()

    # --- what is sent -------------------------------------------------------------------------------------------

    def health(self, scope: Scope) -> dict[str, Any]:
        """Figures of the strip and of the service for those with `scope`, at most a second old."""
        now = asyncio.get_running_loop().time()
        known = self._health.get(scope)
        if known is not None and now - known[0] < HEALTH_LOOK_S:
            return known[1]
        status = self._ports.status()
        figures = self._views.of(scope).board.health(self._ports.clock_ms())
        figures["broker"] = status.broker_connected
        figures["storing"] = status.storing and status.station_alive
        figures["last_data_at"] = rfc3339(status.last_data_ms)
        self._health[scope] = (now, figures)
        self._health.move_to_end(scope)
        while len(self._health) > SCOPES_KEPT_MAX:
            self._health.popitem(last=False)
        return figures

    def _now(self) -> str:
        return rfc3339(self._ports.clock_ms())

    def _hello(self, seq: int) -> bytes:
        store = self._ports.journal.store
        data = {"store": store, "seq": seq, "now": self._now(), "version": self._ports.version, "tick": int(TICK_S)}
        return b"retry: %d\n%s" % (RETRY_MS, _event("hello", to_json(data)))

    def _batch(self, client: Client, delta: Delta, was: Position | None = None) -> bytes | None:
        """The changes of `delta` that `client` is to be told, None when there are none.

        The same after `was` for all with the same topics and scope is encoded once; None: for this client alone.
        """
        key = (client.told, was, delta.position, client.topics, client.principal.scope)
        if was is not None and key in self._batches:
            client.told = delta.position.seq
            return self._batches[key]
        bodies = [change.body for change in delta.changes if change.topic in client.topics]
        if not bodies:
            return None
        data = b'{"now":"%s","from":%d,"c":[%s]}' % (self._now().encode(), client.told, b",".join(bodies))
        made = _event("batch", data, f"{self._ports.journal.store}-{delta.position.seq}")
        client.told = delta.position.seq
        if was is not None:
            self._batches[key] = made
            if len(self._batches) > BATCHES_SHARED_MAX:
                self._batches.popitem(last=False)
        return made

    def _reset(self, reason: str) -> bytes:
        self.resets += 1
        return _event("reset", to_json({"reason": reason}))

    async def stream(self, client: Client, after: int | None, store: str | None) -> AsyncIterator[bytes]:
        """The events for one client, from its position until it goes, falls behind or must leave."""
        try:
            journal = self._ports.journal
            start = client.ports.board.position(self._ports.clock_ms() - RESUME_VALUES_MS)
            client.told = start.seq if after is None else after
            yield self._hello(start.seq)
            if (store is not None and store != journal.store) or (after is not None and after > start.seq):
                yield self._reset("store")
                return
            if after is not None and after < start.seq:
                missed = await self._missed(client.ports, after, start)
                if missed is None:
                    yield self._reset("behind")
                    return
                batch = self._batch(client, missed)
                if batch is not None:
                    yield batch
                start = missed.position
            async for event in self._follow(client, start):
                yield event
        finally:
            self.leave(client)

    async def _missed(self, ports: ApiPorts, after: int, start: Position) -> Delta | None:
        """Changes after `after`, from memory or from the journal; None when they are too many."""
        if start.seq - after > STREAM_BACKLOG_MAX:
            return None
        recent = ports.board.since(Position(after, start.values))
        if recent is not None:
            return recent
        return await run_in_threadpool(self._from_journal, ports, after, start)

    def _from_journal(self, ports: ApiPorts, after: int, start: Position) -> Delta | None:
        rows = [row for row in ports.journal.changes_after(after, STREAM_BACKLOG_MAX + 1) if row.seq <= start.seq]
        if len(rows) > STREAM_BACKLOG_MAX or not rows or rows[0].seq != after + 1:
            return None  # too much, or the journal no longer reaches back that far
        registry, rulebook, now_ms = ports.registry(), ports.rulebook(), ports.clock_ms()
        known: dict[str, dict[str, Any]] = {}
        changes = []
        for row in rows:
            if row.order is not None:
                body = order_changed(row.seq, order_to_wire(row.order, registry), row.cmd)
                changes.append(Change(body, "order", row.order))
            if row.alert is None:
                continue
            wire = to_wire(row.alert, registry, now_ms, rulebook.rules.get(row.alert.rule))
            before = known.get(row.alert.id)
            # What is not journalled (curve, children) is not in `wire`: it cannot wipe out what the client has drawn.
            difference = wire if before is None else patch(before, wire)
            whole = {**wire, "trend": [], "children": 0} if isinstance(row.event, AlertRaised) else wire
            changes.append(Change(changed(row.seq, row.event, whole, difference, row.cmd), "alert", row.alert))
            known[row.alert.id] = wire
        return Delta(changes, start)

    async def _follow(self, client: Client, position: Position) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        board, scope = client.ports.board, client.principal.scope
        follows = not client.topics.isdisjoint(("alert", "order"))
        next_batch = 0.0
        next_tick = loop.time() + TICK_S
        pulse = _Pulse()
        if "health" in client.topics:
            yield _event("health", to_json(pulse.due(self.health(scope), loop.time())))
        while client.bye is None:
            now = loop.time()
            if client.principal.expires_ms is not None and self._ports.clock_ms() >= client.principal.expires_ms:
                client.end("logout")
                break
            client.wakened.clear()
            behind = follows and board.position() != position
            if behind and now >= next_batch:
                delta = board.since(position)
                if delta is None:
                    yield self._reset("behind")
                    return
                batch = self._batch(client, delta, position)
                if batch is not None:
                    yield batch
                    next_batch = now + STREAM_BATCH_MS / 1_000
                position = delta.position
                behind = False
            if now >= next_tick:
                next_tick = now + TICK_S
                if not await _still_welcome(client):
                    break
                seq = position.seq if follows else board.position().seq
                yield _event("tick", to_json({"now": self._now(), "seq": seq}))
            figures = pulse.due(self.health(scope), now) if "health" in client.topics else None
            if figures is not None:
                yield _event("health", to_json(figures))
            await _pause(client, (next_batch if behind else now + HEALTH_LOOK_S) - loop.time(), coalescing=behind)
        yield (
            self._reset("scope") if client.moved else _event("bye", to_json({"retry": RETRY_MS, "reason": client.bye}))
        )


class _Pulse:
    """Decides when a client is told the health figures: on change, and at the latest after `HEALTH_S`."""

    def __init__(self) -> None:
        self._told: dict[str, Any] | None = None
        self._at = 0.0

    def due(self, figures: dict[str, Any], now: float) -> dict[str, Any] | None:
        # The age of the newest packet changes every second and is no news.
        news = {name: value for name, value in figures.items() if name != "last_data_at"}
        if news == self._told and now - self._at < HEALTH_S:
            return None
        self._told, self._at = news, now
        return figures


async def _still_welcome(client: Client) -> bool:
    """False when the account, its password or the token changed since the stream was opened, or where it may look."""
    if client.recheck is None:
        return True
    try:
        who = await run_in_threadpool(client.recheck)
    except NotSignedIn:
        client.end("logout")
        return False
    except Unavailable:  # the database does not answer: no reason to blind the control room
        return True
    client.moved = (who.scope, who.rights) != (client.principal.scope, client.principal.rights)
    return not client.moved


async def _pause(client: Client, seconds: float, *, coalescing: bool) -> None:
    """Waits for news. While a batch is being gathered, news only waits with it; leaving does not."""
    until = asyncio.get_running_loop().time() + max(0.0, seconds)
    while client.bye is None:
        left = until - asyncio.get_running_loop().time()
        if left <= 0:
            return
        try:
            async with asyncio.timeout(left):
                await client.wakened.wait()
        except TimeoutError:
            return
        if not coalescing:
            return
        client.wakened.clear()


def _event(name: str, data: bytes, number: str | None = None) -> bytes:
    head = f"event: {name}\n" if number is None else f"event: {name}\nid: {number}\n"
    return b"%sdata: %s\n\n" % (head.encode(), data)
