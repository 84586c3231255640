"""Kills the service, the broker or both while devices publish, then holds what is stored against what was confirmed."""

import contextlib
import json
import random
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import paho.mqtt.client as paho

from domain.devices import Device
from domain.places import Name, Place
from domain.registry import Registry
from runtime.broker import EmbeddedBroker
from storage.database import open_database
from storage.telemetry.duckdb_store import DuckTelemetry
from tests.support.service import Service, wait_until

COMPOUNDS = 5
STEP_MS = 1_000
CHECKPOINT_S = "0.3"
"""Many checkpoints in a run of seconds: recovery is one of them and what came after, not everything from the start."""
ALERT_FACTS = ("rule", "target", "severity", "state", "occurrences", "cleared_ms", "value")


class Load(NamedTuple):
    """What is published: as many readings for each device, one for each second of event time."""

    seed: int
    devices: int = 120
    turns: int = 100
    rate: int = 2_000


class Outcome(NamedTuple):
    """What was there in the end."""

    confirmed: set[tuple[str, int]]
    """(device, seq) whose publisher got PUBACK."""
    stored: list[tuple[str, int]]
    """(device, seq) in the time series, as often as they are there."""
    alerts: dict[str, tuple[Any, ...]]
    """Alert of the shipped rules, keyed by rule, target and onset relative to the start → the facts that count."""
    kills: list[str]
    chain_error: str | None


def district(devices: int) -> Registry:
    """Lifts, smoke detectors in pairs of one zone, charging ports."""
    places = [Place("d", "district", Name("区")), Place("s", "street", Name("街道"), "d")]
    made = []
    for c in range(COMPOUNDS):
        places += [Place(f"c{c}", "compound", Name(f"小区{c}"), "s"), Place(f"b{c}", "building", Name("楼"), f"c{c}")]
    for n in range(devices):
        c = n % COMPOUNDS
        kind, type_ = (("elevator", "lift"), ("fire", "smoke"), ("ebike", "port"))[n // COMPOUNDS % 3]
        zone = f"z{c}-{n // (COMPOUNDS * 6)}" if kind == "fire" else None
        if zone is not None and zone not in {place.id for place in places}:
            places.append(Place(zone, "zone", Name("报警区"), f"b{c}"))
        made.append(Device(f"d{n:03d}", kind, f"c{c}", f"b{c}", Name(f"设备{n}"), type=type_, zone=zone, period_s=60))
    return Registry(places=places, devices=made)


def packets(load: Load, start_ms: int) -> list[tuple[str, int, str, bytes]]:
    """(device, seq, topic, payload) in order. Troubles begin and end at turns drawn from the seed."""
    draw = random.Random(load.seed)
    devices = list(district(load.devices).devices.values())
    trouble = {device.id: (draw.randrange(5, 40), draw.randrange(8, 30)) for device in devices if draw.random() < 0.4}
    made = []
    for turn in range(load.turns):
        for device in devices:
            begin, length = trouble.get(device.id, (load.turns, 0))
            body = _body(device.kind, turn - begin, length) | {
                "seq": turn + 1,
                "boot": "b",
                "ts": start_ms + turn * STEP_MS,
            }
            topic = f"anju/v1/{device.compound}/{device.kind}/{device.id}/telemetry"
            made.append((device.id, turn + 1, topic, json.dumps(body).encode()))
    return made


def _body(kind: str, since: int, length: int) -> dict[str, Any]:
    bad = 0 <= since < length
    if kind == "ebike":
        temperature = 72.0 + since / 2 if bad else 24.0
        return {"values": {"temp_socket": temperature, "power": 200.0, "session": True, "relay_closed": True}}
    if kind == "fire":
        return {"values": {"fire": bad, "fault": False}}
    calm = {"service_mode": 1, "speed": 0.0, "door_zone": True, "door_state": 1, "presence": False}
    if since == 0:
        return {"values": calm, "event": {"kind": "entrapment", "scheme": "vendor4", "code": "0101"}}
    return {"values": calm}


class Publisher:
    """Publishes at a steady rate with QoS 1, over cuts, and notes what was confirmed."""

    def __init__(self, broker: EmbeddedBroker, rate: int) -> None:
        self.confirmed: set[tuple[str, int]] = set()
        self._names: dict[int, tuple[str, int]] = {}
        self._early: set[int] = set()
        self._lock = threading.Lock()
        self._rate = rate
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, "devices", clean_session=False)
        login = broker.device
        self._client.username_pw_set(login.user, login.password)
        self._client.max_inflight_messages_set(1_000)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_publish = self._on_publish
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()

    def _on_publish(self, _: Any, __: Any, mid: int, ___: Any, ____: Any) -> None:
        with self._lock:
            name = self._names.pop(mid, None)
            if name is None:
                self._early.add(mid)
            else:
                self.confirmed.add(name)

    def run(self, made: list[tuple[str, int, str, bytes]]) -> None:
        """Returns when everything is confirmed."""
        began = time.monotonic()
        for number, (device, seq, topic, payload) in enumerate(made):
            if number % 50 == 0:
                time.sleep(max(0.0, began + number / self._rate - time.monotonic()))
                wait_until(lambda: len(self._names) < 20_000, 60, "room for more packets in flight")
            mid = self._client.publish(topic, payload, qos=1).mid
            with self._lock:
                if mid in self._early:
                    self._early.discard(mid)
                    self.confirmed.add((device, seq))
                else:
                    self._names[mid] = (device, seq)
        wait_until(lambda: not self._names, 90, "the confirmation of every packet")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def run_round(folder: Path, load: Load, kills: tuple[str, ...]) -> Outcome:
    """One run. `kills`: ``service``, ``broker`` or ``both``, each at a moment drawn from the seed and its place."""
    draw = random.Random(f"{load.seed} {kills} {folder.name}")
    broker = EmbeddedBroker(folder / "broker")
    broker.start()
    service = Service(
        folder / "data", "--broker", broker.url, "--log-level", "WARNING", "--metrics-open",
        registry=district(load.devices), checkpoint_s=CHECKPOINT_S,
    ).start()  # fmt: skip
    start_ms = time.time_ns() // 1_000_000 - load.turns * STEP_MS
    made = packets(load, start_ms)
    publisher = Publisher(broker, load.rate)
    moments = sorted(draw.uniform(0.1, 0.95) * len(made) / load.rate for _ in kills)
    worker = threading.Thread(target=publisher.run, args=(made,), daemon=True)
    done: list[str] = []
    try:
        began = time.monotonic()
        worker.start()
        for moment, victim in zip(moments, kills, strict=True):
            time.sleep(max(0.0, began + moment - time.monotonic()))
            _kill(victim, broker, service)
            done.append(f"{victim} at {moment:.2f} s")
        worker.join(150)
        assert not worker.is_alive(), f"not everything was confirmed: {len(publisher.confirmed)} of {len(made)}"
        wait_until(lambda: _rows(service) >= len(made), 60, "the storing of every confirmed packet")
        # Doubles would come with the broker's next redelivery: give them the chance.
        time.sleep(0.5)
        service.stop()
    finally:
        publisher.close()
        with contextlib.suppress(AssertionError):
            service.kill()
        broker.stop()
    return _outcome(folder / "data", publisher.confirmed, done, start_ms)


def _kill(victim: str, broker: EmbeddedBroker, service: Service) -> None:
    if victim in {"service", "both"}:
        service.kill()
    if victim in {"broker", "both"}:
        before = broker.restarts
        broker.kill()
        wait_until(lambda: broker.restarts > before and broker.ready, 30, "the restart of the broker")
    if victim in {"service", "both"}:
        service.start()


def _rows(service: Service) -> float:
    with contextlib.suppress(OSError):
        return service.metric("anju_telemetry_rows")
    return 0


def _outcome(data: Path, confirmed: set[tuple[str, int]], kills: list[str], start_ms: int) -> Outcome:
    telemetry = DuckTelemetry(data / "telemetry.duckdb")
    stored = [(r.device, r.seq or 0) for _, readings in telemetry.replay(0) for r in readings]
    telemetry.close()
    database = open_database(data / "anju.db")
    alerts = {}
    for line in database.journal.rows(limit=1_000_000):
        if line.kind == "alert.raised":
            alert = database.history.alert(line.alert_id or "")
            facts = [getattr(alert, name) for name in ALERT_FACTS]
            facts[5] = None if alert.cleared_ms is None else alert.cleared_ms - start_ms
            alerts[f"{alert.rule} {alert.target} {alert.onset_ms - start_ms}"] = tuple(map(str, facts))
    chain_error = database.journal.verify()[1]
    database.close()
    return Outcome(confirmed, stored, alerts, kills, chain_error)


def differences(calm: Outcome, killed: Outcome) -> list[str]:
    """What is wrong with a killed run; empty when all is well."""
    found = []
    stored = Counter(killed.stored)
    if lost := killed.confirmed - stored.keys():
        found.append(f"{len(lost)} confirmed readings are lost, e.g. {sorted(lost)[:3]}")
    if doubled := [name for name, count in stored.items() if count > 1]:
        found.append(f"{len(doubled)} readings are stored more than once, e.g. {sorted(doubled)[:3]}")
    if killed.chain_error is not None:
        found.append(f"the hash chain is broken: {killed.chain_error}")
    names = sorted(calm.alerts.keys() | killed.alerts.keys())
    found += [
        f"alert {name}: {calm.alerts.get(name)} without kills, {killed.alerts.get(name)} with them"
        for name in names
        if calm.alerts.get(name) != killed.alerts.get(name)
    ]
    return found
