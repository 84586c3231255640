"""``/metrics``: what the house measures, and what the API measures of itself, in Prometheus conventions.

Names begin with ``anju_``, units are base units, and no label ever names a device, a person or a place: a series for
each device would grow without bound.
"""

import platform
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from api.ports import Measure

if TYPE_CHECKING:
    from api.context import Lobby

__all__ = ["CONTENT_TYPE", "render"]

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4


class _House(Collector):
    """Reads everything at the moment of the scrape: nothing is counted twice or kept here."""

    def __init__(self, api: "Lobby") -> None:
        self._api = api

    def collect(self) -> Iterable[Metric]:
        """All metrics as they are now."""
        yield from self._own()
        for measure in self._api.ports.measures():
            yield _family(measure)

    def _own(self) -> Iterator[Metric]:
        ports, status = self._api.ports, self._api.ports.status()
        build = GaugeMetricFamily("anju_build_info", "Version of Anju and of Python.", labels=["version", "python"])
        build.add_metric([ports.version, platform.python_version()], 1)
        yield build
        alerts = GaugeMetricFamily("anju_alerts", "Open alerts.", labels=["state", "severity"])
        counts: dict[tuple[str, str], int] = {}
        for wire in ports.board.board().alerts:
            key = (str(wire["state"]), str(int(wire["level"])))
            counts[key] = counts.get(key, 0) + 1
        for key, number in sorted(counts.items()):
            alerts.add_metric(list(key), number)
        yield alerts
        devices = GaugeMetricFamily("anju_devices", "Registered devices by liveness.", labels=["liveness"])
        for state, number in sorted(status.liveness.items()):
            devices.add_metric([state], number)
        yield devices
        parts = GaugeMetricFamily("anju_up", "1 while the part works.", labels=["part"])
        for part, works in (
            ("broker", status.broker_connected),
            ("station", status.station_alive),
            ("storage", status.storing),
        ):
            parts.add_metric([part], int(works))
        yield parts
        if status.last_data_ms is not None:
            last = status.last_data_ms / 1_000
            yield GaugeMetricFamily("anju_last_data_timestamp_seconds", "Receive time of the newest packet.", last)
        yield GaugeMetricFamily("anju_journal_seq", "Number of the newest journal line.", ports.journal.seq)
        yield GaugeMetricFamily("anju_streams", "Open live streams.", self._api.hub.streams)
        yield CounterMetricFamily(
            "anju_stream_resets_total", "Clients told to fetch the board anew.", self._api.hub.resets
        )


def _family(measure: Measure) -> Metric:
    if measure.kind == "histogram":
        histogram = HistogramMetricFamily(measure.name, measure.help)
        bounds = [("+Inf" if bound == float("inf") else repr(bound), float(count)) for bound, count in measure.buckets]
        histogram.add_metric([], bounds, measure.total)
        return histogram
    labels = list(measure.samples[0][0]) if measure.samples else []
    kind = CounterMetricFamily if measure.kind == "counter" else GaugeMetricFamily
    family = kind(measure.name, measure.help, labels=labels)
    for values, number in measure.samples:
        family.add_metric([values[label] for label in labels], number)
    return family


def render(api: "Lobby") -> bytes:
    """The scrape's answer."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_House(api))
    return generate_latest(registry)
