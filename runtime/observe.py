"""What the service tells about itself: figures for ``/metrics`` and the board's strip."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from alerts.liveness import UNKNOWN
from alerts.state import EngineState
from api.ports import Measure
from dispatch.courier import Courier
from domain.kinds import KINDS
from ingest.intake import Intake
from ingest.outcomes import REFUSALS, Outcome
from runtime.broker import EmbeddedBroker
from runtime.station import Station
from storage.database import Database
from storage.telemetry.duckdb_store import DuckTelemetry

__all__ = ["liveness_counts", "measures"]


class Parts(Protocol):
    """The parts that have something to tell; the house has them all."""

    intake: Intake
    station: Station
    courier: Courier
    database: Database
    telemetry: DuckTelemetry
    broker: EmbeddedBroker | None


_ENDS = REFUSALS | {Outcome.ACCEPTED, Outcome.DUPLICATE, Outcome.STATE, Outcome.RESERVED}


def liveness_counts(state: EngineState) -> dict[str, int]:
    """Liveness state → number of registered devices. From any thread; a moment old at worst."""
    counts: dict[str, int] = {}
    for watch in tuple(state.watches.values()):
        name = watch.live or UNKNOWN
        counts[name] = counts.get(name, 0) + 1
    return counts


def measures(house: Parts) -> Iterable[Measure]:
    """All figures of the service that the API does not know by itself."""
    yield from _ingest(house)
    yield from _station(house)
    yield from _stores(house)


def _counter(name: str, text: str, value: float) -> Measure:
    return Measure(name, "counter", text, (({}, value),))


def _gauge(name: str, text: str, value: float) -> Measure:
    return Measure(name, "gauge", text, (({}, value),))


def _ingest(house: Parts) -> Iterator[Measure]:
    counters = house.intake.counters
    outcomes = dict(counters.outcomes)
    yield Measure(
        "anju_messages_received_total",
        "counter",
        "Readings and packets by how they ended.",
        tuple(({"outcome": str(name)}, count) for name, count in outcomes.items() if name in _ENDS),
    )
    yield Measure(
        "anju_messages_rejected_total",
        "counter",
        "Refused packets, readings and values, by reason; each is kept as a dead letter.",
        tuple(({"reason": str(name)}, outcomes[name]) for name in sorted(REFUSALS)),
    )
    yield Measure(
        "anju_readings_marked_total",
        "counter",
        "Accepted readings with a blemish.",
        tuple(({"mark": str(name)}, count) for name, count in outcomes.items() if name not in _ENDS),
    )
    yield _counter("anju_packets_total", "PUBLISH packets taken from the broker.", counters.packets)
    yield _counter("anju_packets_acked_total", "Packets acknowledged, durable and judged.", counters.acked)
    yield _counter("anju_packets_redelivered_total", "Packets sent again while in work.", counters.redelivered)
    yield _counter("anju_broker_connects_total", "Sessions established.", counters.connects)
    yield _counter("anju_ingest_pauses_total", "Times reading stopped for backpressure.", counters.pauses)
    yield _gauge("anju_batches_in_flight", "Batches handed in and not answered.", house.intake.in_flight)


def _station(house: Parts) -> Iterator[Measure]:
    station = house.station
    yield _counter("anju_readings_judged_total", "Readings judged.", station.processed)
    yield _counter("anju_station_inputs_total", "Inputs taken by the station.", station.inputs)
    yield _counter("anju_station_cycle_seconds_total", "Time the station spent on inputs.", station.cycle_s)
    yield _gauge("anju_station_inbox_depth", "Inputs waiting.", station.inbox_depth)
    yield _gauge(
        "anju_alerts_unopened", "Breaches counted but not opened: too many open alerts.", house.station.state.unopened
    )


def _stores(house: Parts) -> Iterator[Measure]:
    yield _gauge("anju_outbox_depth", "Notifications owed.", house.database.outbox.depth())
    yield _gauge("anju_outbox_dead", "Notifications given up after too many attempts.", house.database.outbox.dead())
    yield _counter("anju_notifications_total", "Notifications confirmed by their channel.", house.courier.delivered)
    yield _counter("anju_notifications_failed_total", "Attempts that failed.", house.courier.failed)
    yield Measure(
        "anju_telemetry_rows",
        "gauge",
        "Readings in the time series.",
        tuple(({"kind": kind}, house.telemetry.count(kind)) for kind in KINDS),
    )
    yield _gauge("anju_telemetry_bytes", "Disk used by the time series.", house.telemetry.size_bytes())
    if house.broker is not None:
        yield _counter("anju_broker_restarts_total", "Restarts of the embedded broker.", house.broker.restarts)
        yield _gauge("anju_broker_resident_bytes", "Memory of the embedded broker.", house.broker.rss_bytes)
