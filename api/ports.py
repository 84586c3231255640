"""What the API needs from the house. The floor above hands it in; nothing here is global."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from msgspec import Struct, field

from alerts.alert import Alert
from alerts.order_ports import Orders
from alerts.ports import Delivery, Desk, History, JournalRow, LastValue, Series, Users
from alerts.rules.base import Rulebook
from domain.access import EVERYWHERE, Scope
from domain.orders import WorkOrder
from domain.readings import Reading
from domain.registry import Registry

__all__ = [
    "ApiPorts",
    "Board",
    "BoardView",
    "Change",
    "Delta",
    "DeviceLiveness",
    "EvidenceStore",
    "JournalReader",
    "Measure",
    "Position",
    "Status",
    "TelemetryReader",
]


class Board(NamedTuple):
    """All open alerts at one instant of the journal."""

    seq: int
    version: tuple[int, int]
    """Changes whenever anything in `alerts` does."""
    alerts: Sequence[Mapping[str, Any]]
    """Wire form (console.md §14), in order of opening."""


class Position(NamedTuple):
    """How far a live client has been served."""

    seq: int
    """Number of the last journal line it knows."""
    values: int
    """Number of the last value change it knows; values are not journalled."""


class Change(NamedTuple):
    """One change, encoded once for all who receive it."""

    body: bytes
    topic: str
    """``alert`` or ``order``."""
    about: Alert | WorkOrder
    """What has changed: who may know of it follows from where it is."""

    def within(self, scope: Scope) -> bool:
        """True if somebody with `scope` may know of it."""
        if isinstance(self.about, WorkOrder):
            return scope.holds_order(self.about)
        return scope.holds(self.about.compound, self.about.kind)


class Delta(NamedTuple):
    """What lies between two positions, ready to send."""

    changes: Sequence[Change]
    """Oldest first."""
    position: Position
    """Where a client stands after them."""


class BoardView(Protocol):
    """The board as it is now and what has changed. Safe from any thread; every answer is a consistent whole."""

    def board(self) -> Board:
        """All open alerts."""

    def row(self, alert_id: str) -> Mapping[str, Any] | None:
        """One open alert in wire form, None if there is none of that id. Read only."""

    def position(self, values_since_ms: int | None = None) -> Position:
        """The newest position; with `values_since_ms`, one that still lacks value changes since that instant."""

    def since(self, position: Position) -> Delta | None:
        """Changes after `position`; None when they are no longer all in memory."""

    def health(self, now_ms: int, scope: Scope = EVERYWHERE) -> dict[str, Any]:
        """Figures of the strip: devices online, alerts of the last ten minutes, flood, longest unacknowledged.

        Those of alerts and orders are of what `scope` holds.
        """

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Calls `wake` (quick, on any thread) after each change until the returned function is called."""


class JournalReader(Protocol):
    """The reading half of `alerts.ports.Journal`. Thread-safe beside the one writer."""

    @property
    def store(self) -> str:
        """Random id of this database; part of every stream position."""

    @property
    def seq(self) -> int:
        """Number of the newest line."""

    def changes_after(self, seq: int, limit: int) -> list[JournalRow]:
        """Lines after `seq`, oldest first, with each alert as it stood right after the line."""

    def rows(
        self, *, after: int = 0, limit: int = 100, alert_id: str | None = None, scope: Scope = EVERYWHERE
    ) -> list[JournalRow]:
        """Lines in order, of one alert or order, or of all; with a narrower `scope` only those about what it holds."""

    def maintenance(self) -> list[Any]:
        """`MaintenanceDeclared` events of windows that were not ended."""


class TelemetryReader(Protocol):
    """The reading half of `alerts.ports.Telemetry`. Thread-safe beside the one writer."""

    def series(
        self, device: str, kind: str, signals: Sequence[str], from_ms: int, until_ms: int, points: int
    ) -> Series:
        """Values in event time, down-sampled to minima and maxima when there are more than `points`."""

    def events(self, device: str, kind: str, from_ms: int, until_ms: int, limit: int) -> list[Reading]:
        """Readings of `device` that carry an event, newest first."""

    def last_values(self, device: str, kind: str) -> dict[str, LastValue]:
        """The newest known value of every signal."""


class DeviceLiveness(Struct, frozen=True, gc=False):
    """Whether a device speaks, as the engine sees it."""

    state: str
    """State of the liveness machine; ``unknown`` for a device that was never heard of."""
    since_ms: int | None = None
    """Since when it has been in that state."""
    heard_ms: int | None = None
    """Receive time of its last message."""


class Status(Struct, frozen=True):
    """How the service itself is."""

    broker_connected: bool
    station_alive: bool
    storing: bool = True
    """False while the time series cannot be written: packets stay with the broker."""
    why: str = ""
    """What is wrong, for the operator of the service; empty when all is well."""
    last_data_ms: int | None = None
    """Receive time of the newest packet from any device."""
    liveness: dict[str, int] = field(default_factory=dict)
    """Liveness state → number of devices."""


class Measure(Struct, frozen=True):
    """One metric of ``/metrics``. Names follow Prometheus conventions and begin with ``anju_``; never a device id."""

    name: str
    kind: str
    """``counter`` (name ends in ``_total``), ``gauge`` or ``histogram``."""
    help: str
    samples: Sequence[tuple[Mapping[str, str], float]] = ()
    """(labels, value) of a counter or gauge."""
    buckets: Sequence[tuple[float, int]] = ()
    """(upper bound, cumulative count) of a histogram without labels; the last bound is infinity."""
    total: float = 0.0
    """Sum of all observations of a histogram."""


class EvidenceStore(Protocol):
    """Photos that belong to work orders. Thread-safe."""

    def keep(self, raw: bytes) -> tuple[str, str, int]:
        """Keeps a photo durably. Returns (digest of what is kept, media type, bytes).

        It is cleaned first of everything but the picture. Raises `Invalid` for what is no photo or too large.
        """

    def read(self, digest: str) -> bytes:
        """The photo of that digest. Raises `NotFound`; `Unavailable` when it is not what it was."""


class Simulation(Protocol):
    """The simulated world of this service, where there is one. Every call may take a moment; thread-safe.

    Each raises `NotFound`, `Invalid` or `Conflict` with the simulator's own words, `Unavailable` if it does not answer.
    """

    def offer(self) -> Mapping[str, Any]:
        """What can be let happen: ``scenarios`` and ``incidents``, each with name, title and parameters."""

    def inject(self, incident: str, device: str | None, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Lets one incident begin now, at `device` or at one that chance chooses. Returns its truth."""

    def play(self, scenario: str) -> Mapping[str, Any]:
        """Lets a scenario begin now, in the devices there are.

        Returns the run; `declares` in it are the work and drills that belong to it, for the caller to declare.
        """

    def stop(self, run: str) -> Mapping[str, Any]:
        """What is still to come of a run does not come; what lasts goes on to its end. Returns the run."""

    def runs(self) -> Sequence[Mapping[str, Any]]:
        """Runs since the start, newest first, each with what has happened so far."""


def _no_measures() -> Iterable[Measure]:
    return ()


@dataclass(frozen=True, kw_only=True)
class ApiPorts:
    """Everything behind the doors. Callables are asked anew for each request, because rules and registry reload."""

    desk: Desk
    journal: JournalReader
    history: History
    orders: Orders
    evidence: EvidenceStore
    telemetry: TelemetryReader
    users: Users
    board: BoardView
    rulebook: Callable[[], Rulebook]
    registry: Callable[[], Registry]
    liveness: Callable[[str], DeviceLiveness]
    """Device id → its liveness."""
    status: Callable[[], Status]
    deliveries: Callable[[str], Sequence[Delivery]]
    """Alert id → what became of its notifications."""
    clock_ms: Callable[[], int]
    version: str
    """Version of Anju, shown to people and part of no contract."""
    measures: Callable[[], Iterable[Measure]] = _no_measures
    simulation: Callable[[], Simulation | None] = lambda: None
    """The simulated world; None where nothing is simulated."""
