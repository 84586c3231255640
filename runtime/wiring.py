"""The only place where ports meet implementations: builds the house, starts it bottom up, stops it top down."""

import contextlib
import fcntl
import importlib.metadata
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import date
from pathlib import Path
from typing import Final, Protocol

from alerts.decision import Answer
from alerts.events import RegistryImported, RulesLoaded, StorageChanged
from alerts.inputs import AdoptRegistry, Record
from alerts.state import EngineState
from alerts.times import local_date, local_day
from api.app import create_app
from api.ports import ApiPorts, DeviceLiveness, Simulation, Status
from api.server import ApiServer
from dispatch.channels.mqtt import MqttChannel
from dispatch.courier import Courier
from domain.errors import Conflict
from domain.limits import COMMAND_MEMORY_MS
from domain.registry import Registry
from ingest.gate import Gate
from ingest.intake import Intake
from ingest.session import MqttSession
from runtime.broker import EmbeddedBroker
from runtime.brokers import BrokerAddress, broker_address
from runtime.calendars import load_calendar, years_missing
from runtime.feed import LiveFeed
from runtime.forms import load_wires
from runtime.janitor import Janitor
from runtime.keeper import Keeper
from runtime.observe import liveness_counts, measures
from runtime.packs import load_rulebook
from runtime.recovery import Recovered, recover
from runtime.settings import Settings
from runtime.station import Station
from storage.database import Database, open_database
from storage.evidence import EvidenceFolder
from storage.telemetry.duckdb_store import DuckTelemetry

__all__ = ["DATABASE", "House", "wall_clock_ms"]

log = logging.getLogger("anju")

DATABASE: Final = "anju.db"
TELEMETRY: Final = "telemetry.duckdb"
EVIDENCE: Final = "evidence"
STRIP_MS: Final = 2 * 3_600_000
STOP_S: Final = 10.0


def wall_clock_ms() -> int:
    """The system's clock, epoch milliseconds UTC. The one clock of the house; floors below get it as an argument."""
    return time.time_ns() // 1_000_000


class _Living(Protocol):
    @property
    def alive(self) -> bool:
        """True while its thread runs."""


class House:
    """All parts of one running Anju. `start` returns when the console answers and packets can come."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock_ms: Callable[[], int] = wall_clock_ms,
        on_failure: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        """`on_failure` is told, from any thread, when a part gave up that the house cannot do without."""
        self.settings = settings
        self.clock_ms = clock_ms
        self.on_failure = on_failure
        self.recovered: Recovered | None = None
        self.broker: EmbeddedBroker | None = None
        self.simulation: Simulation | None = None
        """What takes orders to the simulated world, where there is one."""
        self._rooms = contextlib.ExitStack()
        """What was started, to be stopped in the opposite order."""

    # --- life ---------------------------------------------------------------------------------------------------

    def open_stores(self) -> Database:
        """Takes the data folder and opens the SQL store. Raises `Conflict` if another Anju is running on it."""
        self.settings.data.mkdir(parents=True, exist_ok=True)
        self._rooms.enter_context(_sole_owner(self.settings.data))
        self.database = open_database(self.settings.data / DATABASE)
        self._rooms.callback(self.database.close)
        return self.database

    def start(self) -> None:
        """Starts everything; what was started is stopped again if a part fails."""
        try:
            self._start()
        except BaseException:
            self._rooms.close()
            raise

    def stop(self) -> None:
        """Stops everything, newest first: no more packets in, what is in flight is answered, memory is saved."""
        self._rooms.close()

    def _start(self) -> None:
        settings, clock_ms = self.settings, self.clock_ms
        if not hasattr(self, "database"):
            self.open_stores()
        rulebook = load_rulebook(settings.rules or None)
        address = self._start_broker()
        self.telemetry = DuckTelemetry(
            settings.data / TELEMETRY, memory_mb=settings.telemetry_memory_mb, on_failure=self.on_failure
        )
        self._rooms.callback(self.telemetry.close)

        journal, now_ms = self.database.journal, clock_ms()
        day = local_day(now_ms)
        self.state = EngineState.fresh(
            self.database.registry.load(),
            rulebook,
            open_alerts=journal.open_alerts(),
            marks=journal.slot_marks(),
            maintenance=journal.maintenance(),
            answers=journal.command_answers(now_ms - COMMAND_MEMORY_MS),
            last_number=journal.last_number(day),
            number_day=day,
        )
        orders = self.database.orders
        calendar = load_calendar(settings.calendar)
        for year in years_missing(calendar, date.fromisoformat(local_date(now_ms))):
            log.warning("the working calendar knows no holidays of %d: only weekends count as days off", year)
        self.state.book.begin(orders.recent(), orders.ordered(), day, orders.last_number(day), calendar)
        self.gate = Gate()
        self.recovered = recover(self.state, self.gate, journal, self.telemetry, clock_ms)
        self._build_station(now_ms)
        self._build_intake(address)
        self.courier.serve([MqttChannel(address.connect, self.courier.settled, f"{settings.client_id}-alerts")])
        self._start_threads()
        self._start_api()
        self.intake.start()
        self._rooms.callback(self._stop_intake)
        self.station.submit(Record(RulesLoaded(rulebook.digest, len(rulebook.rules), self._rule_source()), "system"))
        self._journal_imports()

    def _journal_imports(self) -> None:
        """Writes the lines of imports that were made beside the process before us, which ended without a reload."""
        store, version = self.database.registry, self.state.registry.version
        for line in store.owed(version):
            self.station.submit(line).result(STOP_S)
        store.settle(version)

    def _start_broker(self) -> BrokerAddress:
        if self.settings.broker is None:
            self.broker = EmbeddedBroker(self.settings.data / "broker", port=self.settings.mqtt_port)
            self.broker.start()
            self._rooms.callback(self.broker.stop)
        return broker_address(self.settings, self.broker)

    def _build_station(self, now_ms: int) -> None:
        state, journal = self.state, self.database.journal
        self.feed = LiveFeed(
            seq=journal.seq,
            alerts=tuple(state.alerts.values()),
            registry=lambda: state.registry,
            rulebook=lambda: state.rulebook,
            now_ms=now_ms,
            liveness=lambda: liveness_counts(state),
            raised=self.database.history.raised(now_ms - STRIP_MS, now_ms),
            orders=tuple(state.book.open.values()),
        )
        self.keeper = Keeper(self.telemetry, journal, on_trouble=self._tell_trouble, on_failure=self.on_failure)
        # What the process before us had claimed and not settled is owed again, now and not after its lease.
        self.database.outbox.release()
        self.courier = Courier(self.database.outbox, self.clock_ms, on_failure=self.on_failure)
        self.station = Station(
            state, journal, self.keeper, self.feed, clock_ms=self.clock_ms, ring=self.courier.ring,
            on_failure=self.on_failure,
        )  # fmt: skip

    def _start_threads(self) -> None:
        self.keeper.start()
        self._rooms.callback(self._save_memory)
        self._rooms.callback(self.keeper.stop, STOP_S)
        self.station.start()
        self._rooms.callback(self.station.stop, STOP_S)
        self.courier.start()
        self._rooms.callback(self.courier.stop)
        janitor = Janitor(self.telemetry, self.clock_ms, self.settings.telemetry_days)
        janitor.start()
        self._rooms.callback(janitor.stop)

    def _build_intake(self, address: BrokerAddress) -> None:
        self.session = MqttSession(address.url, self.settings.client_id, options=address.options)
        self.intake = Intake(
            self.session,
            self.station,
            self.state.registry.devices,
            self.gate,
            self.clock_ms,
            self.telemetry.last_batch + 1,
            checkpoint_ms=round(1_000 * self.settings.checkpoint_s),
            behind=lambda: self.keeper.behind,
            wires=load_wires(self.settings.forms),
            on_failure=self.on_failure,
        )

    def _start_api(self) -> None:
        ports = ApiPorts(
            desk=self.station,
            journal=self.database.journal,
            history=self.database.history,
            orders=self.database.orders,
            evidence=EvidenceFolder(self.settings.data / EVIDENCE),
            telemetry=self.telemetry,
            users=self.database.users,
            board=self.feed,
            rulebook=lambda: self.state.rulebook,
            registry=lambda: self.state.registry,
            liveness=self._liveness,
            status=self.status,
            deliveries=self.database.outbox.deliveries,
            clock_ms=self.clock_ms,
            version=importlib.metadata.version("anju"),
            measures=lambda: measures(self),
            simulation=lambda: self.simulation,
        )
        app = create_app(ports, https=self.settings.https, metrics_open=self.settings.metrics_open)
        settings = self.settings
        self.server = ApiServer(
            app,
            settings.http_host,
            settings.http_port,
            behind_proxy=settings.https,
            forwarded_allow_ips=settings.forwarded_allow_ips,
        )
        self.server.start()
        self._rooms.callback(self.server.stop)

    def _stop_intake(self) -> None:
        if not self.intake.stop(STOP_S):
            log.warning("some packets were not answered in time; the broker will send them again")

    def _tell_trouble(self, why: str | None) -> None:
        """Into the journal goes when storing ended and when it went on; boards and readiness look at `status`."""
        self.station.submit(Record(StorageChanged(why is None, why or ""), "system"))

    def _save_memory(self) -> None:
        """The last checkpoint, after all threads have ended: the next start has nothing to replay."""
        if self.keeper.failing is None and self.intake.failure is None and not self.intake.in_flight:
            number = self.telemetry.last_batch
            self.database.journal.save_checkpoint(self.station.checkpoint(number, self.gate.snapshot()))

    # --- questions ----------------------------------------------------------------------------------------------

    def dead_part(self) -> str | None:
        """The name of a part whose thread has ended, though the house cannot do without it."""
        parts: dict[str, _Living] = {
            "station": self.station,
            "keeper": self.keeper,
            "time series": self.telemetry,
            "courier": self.courier,
            "api": self.server,
            "broker session": self.session,
        }
        if self.broker is not None:
            parts["broker"] = self.broker
        return next((name for name, part in parts.items() if not part.alive), None)

    def status(self) -> Status:
        """How the parts are."""
        failing = self.keeper.trouble or self.telemetry.failing or (None if self.courier.alive else "no deliveries")
        why = failing or (self.session.last_error if not self.intake.connected else None) or ""
        return Status(
            broker_connected=self.intake.connected,
            station_alive=self.station.alive,
            storing=failing is None,
            why=why,
            last_data_ms=self.station.last_data_ms,
            liveness=liveness_counts(self.state),
        )

    def _liveness(self, device: str) -> DeviceLiveness:
        watch = self.state.watches.get(device)
        if watch is None:
            return DeviceLiveness("unknown")
        return DeviceLiveness(watch.live, watch.since_ms or None, watch.heard_ms)

    # --- changes while running ----------------------------------------------------------------------------------

    def reload_registry(self) -> None:
        """Judges by the registry as it now stands in the database (after an import beside the running service)."""
        store, before = self.database.registry, self.state.registry
        registry = store.load()
        # Whoever imported it left word; a change without word is described as it is seen.
        *earlier, line = store.owed(registry.version) or [Record(_difference(before, registry), "system")]
        for one in earlier:
            self.station.submit(one)

        finished: Future[None] = Future()

        def adopted(answer: "Future[Answer]") -> None:
            try:
                answer.result()
                self.intake.adopt(registry.devices)
                store.settle(registry.version)
            except Exception as error:  # noqa: BLE001 - whoever asked for it is told
                finished.set_exception(error)
            else:
                finished.set_result(None)

        # All or nothing, also when it takes longer than we wait here. Who waits for the answer itself may go on before
        # `adopted` has run, and would find the same lines owed again.
        self.station.submit(AdoptRegistry(registry, line.actor, line.event)).add_done_callback(adopted)
        finished.result(STOP_S)

    def _rule_source(self) -> str:
        return ", ".join(str(path.name) for path in self.settings.rules) or "shipped packs"


def _difference(before: Registry, after: Registry) -> RegistryImported:
    return RegistryImported(
        version=after.version,
        added=len(after.devices.keys() - before.devices.keys()),
        changed=sum(before.devices.get(key) not in (None, device) for key, device in after.devices.items()),
        removed=len(before.devices.keys() - after.devices.keys()),
        source="reload",
    )


@contextlib.contextmanager
def _sole_owner(data: Path) -> Iterator[None]:
    """Holds the data folder: two writers of one journal would break its chain."""
    with (data / "anju.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Conflict("data.in_use", f"another Anju is running on {data}") from error
        yield
