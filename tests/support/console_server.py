"""The console before a real station: the real API, journal and engine over a scene, with a door for tests to act.

``python -m tests.support.console_server --folder F --port P [--seed 56|0|2000] [--burst N]`` serves until killed; the
same folder again is the same store, as after a crash.
"""

import argparse
import asyncio
import threading
import time
from pathlib import Path

import msgspec
import uvicorn
from fastapi import FastAPI, Request
from msgspec.structs import replace

from alerts.alert import AlertState, Suppression
from alerts.decision import Entry, ValueUpdate
from alerts.events import AlertAcknowledged, AlertClosed, AlertRaised, AlertReturned, ConditionReoccurred
from alerts.inputs import Tick
from api.app import create_app
from tests.support import console_scene as scene
from tests.support.ports import House

PASSWORD = "值守 correct horse"
USERS = ("wxy", "ljg")
LOAD_S = 0.1


class Wall:
    """The wall clock, which a test may push forward."""

    ahead_ms = 0

    def __call__(self):
        return round(time.time() * 1000) + self.ahead_ms


class Scene(House):
    """A house whose alerts the test makes."""

    def __init__(self, folder: Path):
        super().__init__(folder, Wall(), registry_=scene.registry())
        self.number = len(self.database.journal.rows(limit=100_000))
        self._stop = threading.Event()

    def use_rules(self):
        """The scene's rules, before anything is told."""
        self.rules = scene.Rules()
        self.state.rulebook = self.rules

    def raise_all(self, alerts, **more):
        alerts = sorted(alerts, key=lambda one: one.raised_ms)
        entries = [Entry(AlertRaised(one), f"rule:{one.rule}", one.raised_ms, one, **more) for one in alerts]
        self.put(*entries)

    def make(self, rule, compound, count=1, **more):
        found = []
        if "suppressed" in more:
            more["suppressed"] = msgspec.convert(more["suppressed"], list[Suppression])
        for _ in range(count):
            self.number += 1
            found.append(scene.alert(rule, compound, 10_000 + self.number, self.clock(), **({"ago_s": 0} | more)))
        self.raise_all(found)
        return [one.id for one in found]

    def find(self, alert_id):
        return self.database.history.alert(alert_id)

    def change(self, alert_id, what):
        """One thing that happens to an alert by itself or by somebody else."""
        one, now = self.find(alert_id), self.clock()
        rev = one.rev + 1
        if what == "again":
            after = replace(
                one, rev=rev, occurrences=one.occurrences + 1, flags=["flapping"] if one.occurrences > 2 else one.flags
            )
            event, actor = ConditionReoccurred(one.id, now, one.severity, one.value), f"rule:{one.rule}"
        elif what == "acked":
            after = replace(one, rev=rev, state=AlertState.ACKNOWLEDGED, acked_by="李建国", acked_ms=now)
            event, actor = AlertAcknowledged(one.id), "李建国"
        elif what == "returned":
            after = replace(one, rev=rev, state=AlertState.RETURNED_LATCHED, cleared_ms=now)
            event, actor = AlertReturned(one.id, now), f"rule:{one.rule}"
        else:
            after = replace(one, rev=rev, state=AlertState.CLOSED, closed_ms=now, close_reason="returned")
            event, actor = AlertClosed(one.id, "returned"), "system"
        self.put(Entry(event, actor, now, after))

    def load(self, rate, seconds):
        """Changes for a while: of each hundred sixty values, twenty repeats, ten closes and ten raises."""
        threading.Thread(target=self._load, args=(rate, seconds), daemon=True).start()

    def _load(self, rate, seconds):
        ids = [one.id for one in self.database.journal.open_alerts()]
        at = 0
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._stop.wait(LOAD_S):
            values = []
            for n in range(max(1, round(rate * LOAD_S))):
                at += 7
                alert_id = ids[at % len(ids)]
                if n % 5 < 3:
                    values.append(ValueUpdate(alert_id, 40 + at % 30, self.clock()))
                elif n % 5 == 3:
                    self.change(alert_id, "again")
                else:
                    ids.remove(alert_id)
                    self.change(alert_id, "closed")
                    ids += self.make("EB-09", scene.COMPOUNDS[at % 12][0])
            self.put(values=values)


def doors(app: FastAPI, house: Scene) -> None:
    """What a test may do from outside. Nothing of this exists in the product."""

    @app.post("/test/make")
    def make(body: dict):
        return {"ids": house.make(**body)}

    @app.post("/test/change")
    def change(body: dict):
        for alert_id in body["ids"]:
            house.change(alert_id, body["what"])
        return {}

    @app.post("/test/value")
    def value(body: dict):
        house.put(values=[ValueUpdate(body["id"], body["value"], house.clock())])
        return {}

    @app.post("/test/load")
    def load(body: dict):
        house.load(body["rate"], body["seconds"])
        return {}

    @app.post("/test/advance")
    async def advance(body: dict):
        house.clock.ahead_ms += body["seconds"] * 1000
        await asyncio.to_thread(lambda: house.submit(Tick()).result())
        return {}

    @app.get("/test/state")
    def state(request: Request):
        alerts = house.database.journal.open_alerts()
        return {
            "streams": request.app.state.api.hub.streams,
            "resets": request.app.state.api.hub.resets,
            "seq": house.database.journal.seq,
            "alerts": {
                a.id: {"state": a.state, "acked_by": a.acked_by, "level": a.severity, "rev": a.rev} for a in alerts
            },
        }


def furnish(house: Scene, seed: int) -> None:
    """Users and alerts of a new store. ``seed`` 56: the scene of every state; another number: as many, most in hand."""
    house.use_rules()
    if house.database.journal.seq:
        return
    now = house.clock()
    for name in USERS:
        house.database.users.create(name, PASSWORD, ["operator"], now)
    if seed == 56:
        house.raise_all(scene.fifty_six(now))
        house.store(scene.warming("ht-ebike-1", now))
    elif seed:
        rules = [row[0] for row in scene.RULES if row[0] not in {"EL-01", "FR-02"}]
        made = [
            scene.alert(rules[n % len(rules)], scene.COMPOUNDS[n % 12][0], n + 1, now, ago_s=7_300 + n)
            for n in range(seed)
        ]
        house.raise_all([one if n % 40 == 0 else scene.acked(one, "李建国", 30, now) for n, one in enumerate(made)])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=56)
    parser.add_argument("--burst", type=int, default=0, help="alerts raised before the port opens")
    asked = parser.parse_args()
    house = Scene(asked.folder)
    furnish(house, asked.seed)
    if asked.burst:
        house.make("EB-09", "qd", count=asked.burst)
    app = create_app(house.ports())
    doors(app, house)
    uvicorn.run(app, host="127.0.0.1", port=asked.port, log_level="warning", timeout_graceful_shutdown=2)
    house.close()


if __name__ == "__main__":
    main()
