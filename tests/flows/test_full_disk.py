"""A disk that takes no more readings: people are still called, and can see that something is wrong."""

import errno

import pytest

from domain.limits import BATCHES_IN_FLIGHT_MAX
from storage.telemetry import segments
from tests.support.brokers import until
from tests.support.house import Living

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def test_an_alert_is_raised_while_the_time_series_cannot_be_written(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with Living(tmp_path) as living:
        house = living.house
        ready = f"{house.server.url}/-/ready"
        assert living.http.get(ready).json()["parts"]["storage"] is True
        with monkeypatch.context() as disk:
            disk.setattr(segments.os, "fdatasync", full)
            living.say("lift", values={"speed": 0.0})
            until(lambda: living.http.get(ready).status_code == 503, what="readiness to say so")
            assert living.http.get(ready).json()["parts"] == {"station": True, "broker": True, "storage": False}
            assert living.metric("anju_up", part="storage") == 0
            acked = house.intake.counters.acked
            for _ in range(2 * BATCHES_IN_FLIGHT_MAX):
                judged = house.station.processed
                living.say("smoke3", values={"fire": False})
                until(lambda judged=judged: house.station.processed > judged, what="the judging of the next batch")
            assert house.intake.in_flight > BATCHES_IN_FLIGHT_MAX
            living.say("smoke1", values={"fire": True})
            assert living.alert("FC-01")["level"] == 2
            assert house.intake.counters.acked == acked, "nothing is acknowledged that is not stored"
            assert house.telemetry.last_batch == 0
        until(lambda: house.intake.in_flight == 0, timeout_s=20, what="the storing of all that was judged")
        assert living.http.get(ready).status_code == 200
        assert house.intake.counters.acked == acked + 2 * BATCHES_IN_FLIGHT_MAX + 2
        rows = [row for row in house.database.journal.rows(limit=500) if row.kind == "storage.changed"]
        assert [row.event.storing for row in rows] == [False, True]
        assert "No space left" in rows[0].event.why
    with Living(tmp_path) as living:
        assert sum(living.house.telemetry.count(kind) for kind in ("elevator", "fire")) == 2 * BATCHES_IN_FLIGHT_MAX + 2
