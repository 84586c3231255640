"""The journal: facts appended in one transaction with the alerts, marks and owed work that follow from them."""

import threading
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final

import msgspec
from msgspec.structs import astuple, replace
from sqlalchemy import Connection, Row, exists, or_, select, update

from alerts.alert import Alert
from alerts.decision import Entry
from alerts.events import LivenessChanged, MaintenanceDeclared, MaintenanceEnded
from alerts.inputs import Answered, answered
from alerts.intents import Notify
from alerts.ports import Checkpoint, JournalRow, SlotMark
from domain.access import EVERYWHERE, Scope
from domain.errors import Conflict, Unavailable
from domain.readings import DeadLetter
from storage import checkpoints
from storage.access import Access
from storage.chain import verify
from storage.deadletters import DeadLetterBox
from storage.lines import ORDER_KINDS, Line, alert_of, alert_row, encode, event_of, event_time, genesis, line_after
from storage.orders import order_of, order_row
from storage.schema import alerts, journal, maintenance, meta, order_alerts, orders, outbox, slot_marks
from storage.scopes import orders_within, within
from storage.upsert import Append, upsert

__all__ = ["SqlJournal"]

_SOURCES: Final = msgspec.json.Decoder(dict[str, tuple[int, int]])
_LINES: Final = Append(journal)
_ALERTS: Final = Append(alerts, key=("id",))
_MARKS: Final = Append(slot_marks, key=("rule", "target"))
_META: Final = Append(meta, key=("key",))
_ORDERS: Final = Append(orders, key=("id",))
_JOINED: Final = Append(order_alerts, ignore=True)
_OWED: Final = Append(outbox, ignore=True)
_LIVENESS: Final = LivenessChanged.__struct_config__.tag
_OPEN: Final = itemgetter(_ALERTS.columns.index("open"))


class SqlJournal:
    """`alerts.ports.Journal` over SQL. One process writes; any thread reads."""

    def __init__(self, access: Access, store: str) -> None:
        self._access = access
        self._store = store
        self._dead = DeadLetterBox()
        self._turn = threading.Lock()
        self._seq, self._hash = self._head()
        self._unsure: tuple[int, bytes] | None = None
        """The head a failed commit would have led to: it may have reached the disk all the same."""

    @property
    def store(self) -> str:
        """See `alerts.ports.Journal`."""
        return self._store

    @property
    def seq(self) -> int:
        """See `alerts.ports.Journal`."""
        return self._seq

    def commit(
        self, entries: Sequence[Entry], intents: Sequence[Notify], dead: Sequence[DeadLetter], at_ms: int
    ) -> int:
        """See `alerts.ports.Journal`.

        Encoding and hashing happen before the transaction. Trying again after `Unavailable` is safe even where the
        first attempt did reach the disk. `Conflict` has code ``alert.already_open``, or ``journal.second_writer``
        when another process has appended meanwhile.
        """
        with self._turn:
            return self._commit(entries, intents, dead, at_ms)

    def open_alerts(self) -> list[Alert]:
        """See `alerts.ports.Journal`. Oldest first."""
        query = select(alerts.c.body).where(alerts.c.open).order_by(alerts.c.onset_ms, alerts.c.id)
        with self._access.read() as connection:
            return [alert_of(body) for body in connection.scalars(query)]

    def slot_marks(self) -> list[SlotMark]:
        """See `alerts.ports.Journal`."""
        with self._access.read() as connection:
            rows = connection.execute(select(slot_marks)).all()
        return [SlotMark(row.rule, row.target, row.alert_id, row.at_ms, _SOURCES.decode(row.sources)) for row in rows]

    def maintenance(self) -> list[Any]:
        """See `alerts.ports.Journal`. In order of declaration."""
        query = select(maintenance.c.body).where(maintenance.c.ended_seq.is_(None)).order_by(maintenance.c.seq)
        with self._access.read() as connection:
            return [event_of(body) for body in connection.scalars(query)]

    def command_answers(self, since_ms: int) -> dict[str, Answered]:
        """See `alerts.ports.Journal`. Of several lines of one command the first says what it was."""
        columns = journal.c.seq, journal.c.cmd, journal.c.actor, journal.c.body
        query = select(*columns).where(journal.c.cmd.is_not(None), journal.c.at_ms >= since_ms)
        with self._access.read() as connection:
            # Sorted here: asked for an order, SQLite would rather walk the whole journal than its index of commands.
            rows = sorted(connection.execute(query), key=lambda row: row.seq, reverse=True)
        first = {row.cmd: row for row in rows}
        return {cmd: answered(event_of(row.body), row.actor) for cmd, row in first.items()}

    def liveness_since(self, at_ms: int) -> list[LivenessChanged]:
        """See `alerts.ports.Journal`."""
        # Backwards from the newest line, whose time rises with its number: not a look at every line ever written.
        before = select(journal.c.seq).where(journal.c.at_ms < at_ms).order_by(journal.c.seq.desc()).limit(1)
        with self._access.read() as connection:
            start = connection.scalar(before) or 0
            query = select(journal.c.body).where(journal.c.seq > start, journal.c.kind == _LIVENESS)
            return [event_of(body) for body in connection.scalars(query.order_by(journal.c.seq))]

    def last_number(self, day: str) -> int:
        """See `alerts.ports.Journal`."""
        query = select(alerts.c.number).where(alerts.c.day == day).order_by(alerts.c.number.desc()).limit(1)
        with self._access.read() as connection:
            return connection.scalar(query) or 0

    def changes_after(self, seq: int, limit: int) -> list[JournalRow]:
        """See `alerts.ports.Journal`."""
        query = select(journal).where(journal.c.seq > seq).order_by(journal.c.seq).limit(limit)
        with self._access.read() as connection:
            return [_row(row, row.alert_after) for row in connection.execute(query)]

    def rows(
        self, *, after: int = 0, limit: int = 100, alert_id: str | None = None, scope: Scope = EVERYWHERE
    ) -> list[JournalRow]:
        """See `alerts.ports.Journal`."""
        query = select(journal).where(journal.c.seq > after).order_by(journal.c.seq).limit(limit)
        if alert_id is not None:
            query = query.where(journal.c.alert_id == alert_id)
        if not scope.everything:
            mine = exists().where(alerts.c.id == journal.c.alert_id, *within(alerts.c, scope))
            given = exists().where(orders.c.id == journal.c.alert_id, *orders_within(orders.c, scope))
            query = query.where(or_(mine, given))
        with self._access.read() as connection:
            return [_row(row, None if alert_id is None else row.alert_after) for row in connection.execute(query)]

    def verify(self) -> tuple[int, str | None]:
        """See `alerts.ports.Journal`. Also compares the alerts as they stand with their last lines."""
        return verify(self._access, self._store)

    def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """See `alerts.ports.Journal`."""
        checkpoints.save(self._access, checkpoint)

    def latest_checkpoint(self) -> Checkpoint | None:
        """See `alerts.ports.Journal`."""
        return checkpoints.latest(self._access)

    def _commit(
        self, entries: Sequence[Entry], intents: Sequence[Notify], dead: Sequence[DeadLetter], at_ms: int
    ) -> int:
        lines = self._lines(entries)
        head = (lines[-1].seq, lines[-1].hash) if lines else (self._seq, self._hash)
        if self._unsure is not None and self._landed(head):
            return self._seq
        try:
            with self._access.write() as connection:
                if lines:
                    self._append(connection, entries, lines)
                _OWED.run(connection, [_owed(intent, at_ms) for intent in intents])
                if dead:
                    self._dead.keep(connection, dead)
        except Unavailable:
            self._unsure = head
            raise
        except Conflict as error:
            raise _named(error) from error
        self._seq, self._hash = head
        self._unsure = None
        return self._seq

    def _head(self) -> tuple[int, bytes]:
        with self._access.read() as connection:
            row = connection.execute(
                select(journal.c.seq, journal.c.hash).order_by(journal.c.seq.desc()).limit(1)
            ).first()
        return (0, genesis(self._store)) if row is None else (row.seq, row.hash)

    def _landed(self, head: tuple[int, bytes]) -> bool:
        """After a failed commit: True when it had landed and `head` is its last line, so nothing is left to do."""
        found = self._head()
        if found == (self._seq, self._hash):
            self._unsure = None
            return False
        if found != head:
            raise Conflict("journal.second_writer", f"line {found[0]} is not one that this process wrote")
        self._seq, self._hash = head
        self._unsure = None
        return True

    def _lines(self, entries: Sequence[Entry]) -> list[Line]:
        lines: list[Line] = []
        seq, digest = self._seq, self._hash
        for entry in entries:
            line = line_after(seq, digest, entry)
            seq, digest = line.seq, line.hash
            lines.append(line)
        return lines

    def _append(self, connection: Connection, entries: Sequence[Entry], lines: list[Line]) -> None:
        _LINES.run(connection, [astuple(line) for line in lines])
        changed: dict[str, tuple[Any, ...]] = {}
        moved: dict[str, tuple[Any, ...]] = {}
        joined: dict[tuple[str, str], None] = {}
        marks: dict[tuple[str, str], tuple[Any, ...]] = {}
        for entry, line in zip(entries, lines, strict=True):
            alert = entry.alert
            if alert is not None and line.alert_after is not None:
                changed[alert.id] = alert_row(line.seq, line.alert_after, alert)
                at_ms = event_time(entry.event)
                if at_ms is not None:
                    mark = (alert.rule, alert.target, alert.id, at_ms, encode(alert.marks))
                    marks[mark[:2]] = mark
            elif entry.order is not None and line.alert_after is not None:
                moved[entry.order.id] = order_row(line.seq, line.alert_after, entry.order)
                joined.update(dict.fromkeys((alert_id, entry.order.id) for alert_id in entry.order.alerts))
            elif isinstance(entry.event, MaintenanceDeclared | MaintenanceEnded):
                _maintain(connection, entry.event, line)
        # Those that end go first: a slot may close and open again within one transaction.
        _ALERTS.run(connection, sorted(changed.values(), key=_OPEN))
        _MARKS.run(connection, list(marks.values()))
        _ORDERS.run(connection, list(moved.values()))
        _JOINED.run(connection, list(joined))
        last = lines[-1]
        _META.run(connection, [("head", f"{last.seq}:{last.hash.hex()}")])


def _named(error: Conflict) -> Conflict:
    """What the refusal of the database means. The words are those of SQLite and PostgreSQL, in this order."""
    if "alerts.rule, alerts.target" in error.text or "uq_alerts_open" in error.text:
        return Conflict("alert.already_open", f"two open alerts of one rule for one target: {error.text}")
    if "the journal is gapless" in error.text:
        return Conflict("journal.second_writer", f"another process has written to this journal: {error.text}")
    return error


def _maintain(connection: Connection, event: MaintenanceDeclared | MaintenanceEnded, line: Line) -> None:
    if isinstance(event, MaintenanceEnded):
        ended = update(maintenance).where(maintenance.c.id == event.window)
        connection.execute(ended.values(ended_seq=line.seq))
        return
    row = {
        "id": event.window,
        "target": event.target,
        "from_ms": event.from_ms,
        "until_ms": event.until_ms,
        "seq": line.seq,
        "ended_seq": None,
        "body": line.body,
    }
    upsert(connection, maintenance, [row], key=("id",))


def _owed(intent: Notify, at_ms: int) -> tuple[Any, ...]:
    return (intent.key, intent.channel, intent.alert_id, "owed", 0, at_ms, at_ms, None, "", encode(intent))


def _row(row: Row[Any], after: bytes | None) -> JournalRow:
    event = event_of(row.body)
    found = JournalRow(row.seq, row.at_ms, row.actor, row.kind, event, row.alert_id, row.cmd)
    if after is None:
        return found
    if row.kind.startswith(ORDER_KINDS):
        return replace(found, order=order_of(after))
    return replace(found, alert=alert_of(after))
