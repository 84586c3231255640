"""A small house for the API's tests: real database, real time series, real engine; only the threads are left out."""

import dataclasses
import threading
from concurrent.futures import Future

from msgspec.structs import replace

from alerts.alert import Alert, AlertState, Evidence
from alerts.decision import Entry, ValueUpdate
from alerts.engine import decide, evolve
from alerts.events import AlertClosed, AlertRaised, ConditionReoccurred
from alerts.rules.base import RuleInfo
from alerts.state import EngineState
from api.ports import ApiPorts, DeviceLiveness, Status
from domain.devices import Device
from domain.errors import AnjuError
from domain.organisations import Contract, Organisation
from domain.places import Name, Place
from domain.readings import Batch
from domain.registry import Registry
from runtime.feed import LiveFeed
from storage.database import open_database
from storage.evidence import EvidenceFolder
from storage.telemetry.duckdb_store import DuckTelemetry

START_MS = 1_763_793_368_112  # 2025-11-22T14:36:08.112+08:00
PASSWORD = "正确的口令 correct horse"


class Clock:
    """A clock that tests move."""

    def __init__(self, ms=START_MS):
        self.ms = ms

    def __call__(self):
        return self.ms

    def advance(self, seconds):
        self.ms += round(seconds * 1000)


def registry(devices=20):
    places = [
        Place("d1", "district", Name("示范区", "Demo district")),
        Place("s1", "street", Name("河东街道", "Hedong"), "d1"),
        Place("c1", "compound", Name("和泰雅苑", "Hetai Court"), "s1", attrs={"households": 320}),
        Place("c1-b1", "building", Name("1 号楼", "Building 1"), "c1"),
        Place("c2", "compound", Name("晨曦家园", "Chenxi Home"), "s1"),
    ]
    organisations = [Organisation("f1", "property_firm", Name("恒信物业", "Hengxin"), phone="0477-0000001")]
    contracts = [Contract("k1", "f1", ["c1"], "2020-01-01")]
    found = [
        Device(f"e{n:04}", "ebike", "c1" if n % 2 else "c2", "c1-b1" if n % 2 else "c2", Name(f"{n} 号仓"), type="port")
        for n in range(devices)
    ]
    found.append(Device("lift1", "elevator", "c1", "c1-b1", Name("1 号梯", "Lift 1"), type="lift"))
    return Registry(places, organisations, contracts, found, version=3)


class Rules:
    """A rulebook of two rules that judge nothing: alerts are raised by the tests."""

    digest = "d1"

    def __init__(self):
        self.cards = {"card-hot": {"title": {"zh": "充电过热", "en": "Charger too hot"}, "steps": []}}
        common = {
            "version": 3, "pack": "ebike", "types": (), "scope": "device", "recipients": ("property_firm",),
            "basis": "GB 42296", "card": "card-hot", "signal": "temp_socket",
        }  # fmt: skip
        self.rules = {
            "EB-03": RuleInfo(
                id="EB-03", title=Name("充电仓温升", "Socket hot"), kind="ebike", severities=(2,),
                condition="2: temp_socket >= 60", **common,
            ),
            "EL-01": RuleInfo(
                id="EL-01", title=Name("电梯困人", "Entrapment"), kind="elevator", severities=(1,), life_safety=True,
                condition="1: entrapment", **(common | {"signal": None}),
            ),
        }  # fmt: skip

    def for_device(self, device, compound_overrides):
        return ()


class House:
    """Everything behind the API. Its desk answers on the caller's thread, or later when `paused`."""

    def __init__(self, folder, clock=None, *, registry_=None):
        self.clock = clock or Clock()
        self.registry = registry_ or registry()
        self.rules = Rules()
        self.database = open_database(folder / "anju.db")
        self.evidence = EvidenceFolder(folder / "evidence")
        self.telemetry = DuckTelemetry(folder / "telemetry.duckdb", memory_mb=32)
        journal = self.database.journal
        self.state = EngineState.fresh(self.registry, self.rules, open_alerts=journal.open_alerts())
        self.feed = LiveFeed(
            seq=journal.seq,
            alerts=journal.open_alerts(),
            registry=lambda: self.registry,
            rulebook=lambda: self.rules,
            now_ms=self.clock(),
            liveness=lambda: {"online": 18, "offline": 2, "unknown": 1},
        )
        self.status = Status(broker_connected=True, station_alive=True, last_data_ms=START_MS)
        self.submitted = []
        self.refuse = None
        self._lock = threading.Lock()
        self._made = 0
        self._batches = 0

    def close(self):
        self.telemetry.close()
        self.database.close()

    def ports(self, **changes):
        ports = ApiPorts(
            desk=self,
            journal=self.database.journal,
            history=self.database.history,
            orders=self.database.orders,
            evidence=self.evidence,
            telemetry=self.telemetry,
            users=self.database.users,
            board=self.feed,
            rulebook=lambda: self.rules,
            registry=lambda: self.registry,
            liveness=lambda device: DeviceLiveness("online", START_MS, START_MS + 5),
            status=lambda: self.status,
            deliveries=self.database.outbox.deliveries,
            clock_ms=self.clock,
            version="0.1.0",
        )
        return dataclasses.replace(ports, **changes)

    # --- the desk ---------------------------------------------------------------------------------------------------
    def submit(self, entry):
        answer = Future()
        self.submitted.append(entry)
        try:
            if self.refuse is not None:
                raise self.refuse
            with self._lock:
                answer.set_result(self._take(entry))
        except AnjuError as refusal:
            answer.set_exception(refusal)
        return answer

    def _take(self, entry):
        decision = decide(self.state, entry, self.clock())
        self._settle(decision)
        if decision.refusal is not None:
            raise decision.refusal
        return decision.answer

    def _settle(self, decision):
        journal = self.database.journal
        if decision.entries or decision.intents:
            journal.commit(decision.entries, decision.intents, (), self.clock())
        evolve(self.state, decision)
        if decision.entries or decision.values:
            self.feed.publish(journal.seq, decision.entries, decision.values, self.clock())

    # --- what tests make happen -------------------------------------------------------------------------------------
    def alert(self, number=None, **changes):
        """An alert that has not happened yet."""
        self._made += 1
        number = self._made if number is None else number
        now = self.clock()
        evidence = Evidence(
            "EB-03", 3, "temp_socket >= 60", {"temp_socket": 61.8}, {"limit": 60},
            window_from_ms=now - 10_000, window_until_ms=now, samples=[(now - 1_000, 60.5), (now, 61.8)],
            sources=[f"e{number % 20:04}"],
        )  # fmt: skip
        base = Alert(
            id=f"a{number:012}", no=f"GJ-20251122-{number:04}", rule="EB-03", rule_version=3, target=f"t{number}",
            target_kind="device", kind="ebike", severity=2, state=AlertState.UNACKNOWLEDGED, rev=1,
            onset_ms=now, raised_ms=now, compound="c1" if number % 2 else "c2",
            place="c1-b1" if number % 2 else "c2", device=f"e{number % 20:04}", code="EB-03", params={"limit": 60},
            value=61.8, signal="temp_socket", limit=60.0, direction="high", evidence=evidence, card="card-hot",
            recipients=["property_firm"], last_occurrence_ms=now, due_ms=now + 120_000, changed_ms=now,
        )  # fmt: skip
        return replace(base, **changes)

    def put(self, *entries, values=()):
        """Journals `entries` as the station would, and publishes them."""
        with self._lock:
            journal = self.database.journal
            if entries:
                journal.commit(list(entries), (), (), self.clock())
            for entry in entries:
                if entry.alert is not None:
                    self.state.put(entry.alert)
            self.feed.publish(journal.seq, list(entries), list(values), self.clock())

    def raised(self, count=1, **changes):
        """Raises alerts in one commit; returns them."""
        alerts = [self.alert(**changes) for _ in range(count)]
        self.put(*(Entry(AlertRaised(a), f"rule:{a.rule}", self.clock(), a) for a in alerts))
        return alerts if count > 1 else alerts[0]

    def again(self, alert, **changes):
        """The condition came once more."""
        after = replace(alert, rev=alert.rev + 1, occurrences=alert.occurrences + 1, **changes)
        event = ConditionReoccurred(alert.id, self.clock(), alert.severity)
        self.put(Entry(event, "rule:EB-03", self.clock(), after))
        return after

    def closed(self, alert):
        """Its end."""
        after = replace(alert, rev=alert.rev + 1, state=AlertState.CLOSED, closed_ms=self.clock(), close_reason="test")
        self.put(Entry(AlertClosed(alert.id, "test"), "system", self.clock(), after))
        return after

    def value(self, alert, value):
        """A newer value of its main signal."""
        self.put(values=[ValueUpdate(alert.id, value, self.clock())])

    def store(self, readings):
        """Puts readings into the time series."""
        self._batches += 1
        batch = Batch(readings, [], [], self.clock(), self._batches)
        self.telemetry.append(batch.number, batch.readings)
