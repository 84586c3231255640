"""What the floors above must provide, declared by those who use it."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from alerts.alert import Alert
from alerts.decision import Answer, Entry, ValueUpdate
from alerts.events import LivenessChanged
from alerts.inputs import Answered, Input
from alerts.intents import Notify
from domain.access import EVERYWHERE, Scope
from domain.orders import WorkOrder
from domain.people import Person
from domain.readings import DeadLetter, Reading

__all__ = [
    "AlertQuery",
    "Checkpoint",
    "DeadLetterRow",
    "Delivery",
    "Desk",
    "Feed",
    "History",
    "Journal",
    "JournalRow",
    "LastValue",
    "Outbox",
    "Owed",
    "Page",
    "Raised",
    "Series",
    "SlotMark",
    "Telemetry",
    "Users",
]


class Desk(Protocol):
    """Where every input is handed in. Thread-safe."""

    def submit(self, entry: Input) -> "Future[Answer]":
        """Queues `entry` for the one writer.

        The future is done when everything that follows from the input is durable. It carries the alert after a
        command, or raises the refusal (`Rejected`, `Conflict`) or `Unavailable` when the inbox is full or stopping.
        """


class JournalRow(Struct, frozen=True):
    """A line of the journal as read back."""

    seq: int
    at_ms: int
    actor: str
    kind: str
    """Tag of the event: ``alert.raised`` …"""
    event: Any
    alert_id: str | None
    cmd: str | None
    alert: Alert | None = None
    """The alert as it stood right after this line; not filled when lines of all alerts are asked for by `rows`."""
    order: WorkOrder | None = None
    """The same for a line about a work order, whose id then is `alert_id`."""


class SlotMark(Struct, frozen=True, gc=False):
    """The last transition known for one (rule, target): what makes judging the same reading twice harmless."""

    rule: str
    target: str
    alert_id: str
    at_ms: int
    """Event time of its last journalled finding."""
    sources: dict[str, tuple[int, int]] = {}
    """`Alert.marks` of that alert: the same for each source by itself, since clocks of devices differ."""


class Delivery(Struct, frozen=True):
    """What became of an intent: for explaining an alert."""

    key: str
    channel: str
    alert_id: str
    state: str
    """``owed``, ``done`` or ``dead``."""
    attempts: int
    """Failed attempts."""
    created_ms: int
    visible_ms: int
    """When it is due, while it is owed."""
    settled_ms: int | None
    detail: str
    """The receiver's receipt, or the last error."""
    ring: bool
    """See `Notify.ring`."""


class Checkpoint(Struct, frozen=True):
    """Working memory at the end of a batch."""

    batch: int
    at_ms: int
    engine: bytes
    gate: bytes


class Owed(Struct, frozen=True):
    """A claimed row of the outbox."""

    key: str
    intent: Notify
    attempts: int
    created_ms: int


class Journal(Protocol):
    """The truth: an append-only, gapless, hash-chained list of facts, and the alerts as they stand. One writer."""

    @property
    def store(self) -> str:
        """Random id of this database, made once; part of every stream position."""

    @property
    def seq(self) -> int:
        """Number of the newest line; 0 when empty."""

    def commit(
        self, entries: Sequence[Entry], intents: Sequence[Notify], dead: Sequence[DeadLetter], at_ms: int
    ) -> int:
        """One durable transaction (fsynced): journal lines, alert rows, outbox rows, dead letters.

        Returns the seq of the last line. Raises `Conflict` when a second open alert for one (rule, target) would
        result, `Unavailable` when the database cannot be written.
        """

    def open_alerts(self) -> list[Alert]:
        """All alerts that are not closed."""

    def slot_marks(self) -> list[SlotMark]:
        """The last known transition of every (rule, target) that ever had an alert."""

    def maintenance(self) -> list[Any]:
        """`MaintenanceDeclared` events of windows that were not ended."""

    def command_answers(self, since_ms: int) -> dict[str, Answered]:
        """Client command id → what it was, for commands journalled since `since_ms`: repeats have no second effect."""

    def liveness_since(self, at_ms: int) -> list[LivenessChanged]:
        """`LivenessChanged` events journalled at `at_ms` or later, in order; a few older ones may come with them."""

    def last_number(self, day: str) -> int:
        """Highest alert number given out on `day` (``20261122``), 0 if none."""

    def changes_after(self, seq: int, limit: int) -> list[JournalRow]:
        """Lines after `seq`, oldest first, with each alert as it stood right after the line."""

    def rows(
        self, *, after: int = 0, limit: int = 100, alert_id: str | None = None, scope: Scope = EVERYWHERE
    ) -> list[JournalRow]:
        """Lines in order, of one alert or order, or of all; with a narrower `scope` only those about what it holds."""

    def verify(self) -> tuple[int, str | None]:
        """Recomputes the chain. Returns (lines checked, None) or (first bad seq, what is wrong)."""

    def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Replaces the last checkpoint, durably. Two are kept, so that a torn one is never the only one."""

    def latest_checkpoint(self) -> Checkpoint | None:
        """The newest readable checkpoint."""


class Outbox(Protocol):
    """Owed work, settled by the courier."""

    def claim(self, now_ms: int, limit: int) -> list[Owed]:
        """Takes due rows; they become visible again after a lease if neither settled nor given back."""

    def settle(self, key: str, now_ms: int, detail: str = "") -> None:
        """Done: never claimed again."""

    def settle_many(self, keys: Sequence[str], now_ms: int) -> None:
        """Several done at once, in one transaction."""

    def give_back(self, key: str, visible_ms: int, error: str) -> None:
        """Failed: try again at `visible_ms`; after `SEND_ATTEMPTS_MAX` it is dead, visibly."""

    def depth(self) -> int:
        """Rows neither settled nor dead."""


class AlertQuery(Struct, frozen=True):
    """A filter over alerts. None means no restriction."""

    open: bool | None = None
    states: tuple[str, ...] = ()
    severities: tuple[int, ...] = ()
    kinds: tuple[str, ...] = ()
    compounds: tuple[str, ...] = ()
    rule: str | None = None
    target: str | None = None
    device: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    cursor: str | None = None
    limit: int = 100
    scope: Scope = EVERYWHERE
    """Whose question it is."""


class Page(Struct, frozen=True):
    """One page of a list; `cursor` asks for the next one, None at the end."""

    items: list[Any]
    cursor: str | None


class DeadLetterRow(Struct, frozen=True):
    """A refused packet as kept. The same bytes on the same topic for the same reason are one row with a count."""

    id: int
    topic: str
    reason: str
    detail: str
    raw: bytes
    device: str | None
    count: int
    first_ms: int
    last_ms: int


class Raised(NamedTuple):
    """That an alert was raised."""

    at_ms: int
    """Receive time."""
    compound: str
    kind: str


class History(Protocol):
    """The read side of the journal's database."""

    def alert(self, alert_id: str) -> Alert:
        """One alert, open or closed, by id or by its number for people. Raises `NotFound`."""

    def alerts(self, query: AlertQuery) -> Page:
        """Alerts by filter, newest onset first."""

    def dead_letters(self, *, reason: str | None, cursor: str | None, limit: int) -> Page:
        """Refused packets, latest first, as `DeadLetterRow`."""

    def dead_letter_counts(self) -> dict[str, int]:
        """Reason → packets refused."""

    def raised(self, since_ms: int, until_ms: int) -> list[Raised]:
        """Alerts raised from `since_ms` until before `until_ms`, oldest first, without drills: the flood strip."""


class Series(Struct, frozen=True):
    """Columnar time series: `t` in epoch ms, one list for each signal, None where it was not reported."""

    t: list[int]
    v: dict[str, list[float | None]]
    sampled: bool = False
    """True when down-sampled to minima and maxima of each bucket."""


class LastValue(Struct, frozen=True, gc=False):
    """The newest value of a signal."""

    value: float | bool | int
    at_ms: int


class Telemetry(Protocol):
    """The time series. `append` is called by one writer; reading is thread-safe beside it."""

    def append(self, number: int, readings: Sequence[Reading]) -> None:
        """Stores the readings of batch `number` in their order, durably, all or nothing. Raises `Unavailable`."""

    @property
    def last_batch(self) -> int:
        """Number of the newest stored batch, 0 when empty."""

    def replay(self, after_batch: int) -> Iterator[tuple[int, list[Reading]]]:
        """(number, readings) of every batch after `after_batch`, in order of arrival, exactly as appended."""

    def series(
        self, device: str, kind: str, signals: Sequence[str], from_ms: int, until_ms: int, points: int
    ) -> Series:
        """Values in event time; more than `points` rows become minima and maxima of buckets, never averages."""

    def events(self, device: str, kind: str, from_ms: int, until_ms: int, limit: int) -> list[Reading]:
        """Readings of `device` that carry an event, newest first."""

    def last_values(self, device: str, kind: str) -> dict[str, LastValue]:
        """The newest known value of every signal."""

    def count(self, kind: str) -> int:
        """Rows stored for a device kind."""


class Standing(Struct, frozen=True):
    """How a user stands at this instant."""

    person: Person
    changed_ms: int
    """When anything of the account last changed: what was signed in before is over. It never repeats for one user."""
    ended: bool = False
    """True when the session asked about has been signed out."""

    @property
    def roles(self) -> tuple[str, ...]:
        """Empty: the account may do nothing, not even sign in."""
        return self.person.roles if self.person.active else ()


class Users(Protocol):
    """People and programs that may sign in."""

    def verify(self, name: str, password: str) -> bool:
        """True if the password is right. Takes equally long for an unknown name."""

    def exists_any(self) -> bool:
        """True once any user was made."""

    def create(self, name: str, password: str, roles: Sequence[str], at_ms: int) -> None:
        """Adds a user, or replaces password and roles of one; stores an argon2id hash only."""

    def save(self, person: Person, password: str | None, at_ms: int) -> None:
        """Adds a person, or replaces all that is known of one; without `password` the old one stays.

        Raises `NotFound` for one who is new and has no password, `Invalid` for what an account cannot have.
        """

    def person(self, name: str) -> Person | None:
        """The account of that name."""

    def people(self) -> list[Person]:
        """All accounts in order of name."""

    def remove(self, name: str) -> None:
        """Deletes an account with its tokens; its sessions end. Raises `NotFound` for an unknown one."""

    def roles(self, name: str) -> tuple[str, ...]:
        """Roles of a user that are in force, empty if unknown or not active."""

    def standing(self, name: str, session: str | None = None) -> Standing | None:
        """How a user, and one session of it, stands; None if there is no such user."""

    def end_session(self, session: str, until_ms: int, at_ms: int) -> None:
        """Remembers over restarts that a session has ended, until its cookie expires at `until_ms`."""

    def secret(self, purpose: str) -> bytes:
        """A random key made once for `purpose` (cookie signing), kept in the database."""

    def token_user(self, token: str) -> str | None:
        """The user whose personal API token this is."""

    def create_token(self, name: str, label: str, at_ms: int) -> str:
        """Makes a personal API token for a user; shown once, stored hashed."""


class Feed(Protocol):
    """Where the station tells what has become durable. Never blocks; a slow reader is its own problem."""

    def publish(self, seq: int, entries: Sequence[Entry], values: Sequence[ValueUpdate], now_ms: int) -> None:
        """Called on the station's thread after each commit."""
