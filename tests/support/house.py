"""The whole house in this process, on a real broker, with a client signed in over HTTP."""

import itertools
import json
from pathlib import Path
from typing import Self

import httpx

from domain.devices import Device
from domain.places import Name, Place
from domain.registry import Registry
from runtime.settings import load_settings
from runtime.wiring import House, wall_clock_ms
from tests.support.brokers import Publisher, until


def compound() -> Registry:
    """One compound with a building of two alarm zones, a lift, detectors, a charging port and a gateway."""
    places = [
        Place("d", "district", Name("东胜区", "Dongsheng")),
        Place("s", "street", Name("天骄街道"), "d"),
        Place("c", "compound", Name("和泰雅苑"), "s"),
        Place("b", "building", Name("1号楼"), "c"),
        Place("u", "unit", Name("1单元"), "b"),
        Place("z1", "zone", Name("1层报警区"), "b"),
        Place("z2", "zone", Name("2层报警区"), "b"),
    ]
    devices = [
        Device("gw", "gateway", "c", "c", Name("网关"), type="gateway"),
        Device("lift", "elevator", "c", "u", Name("1号梯"), type="lift", gateway="gw"),
        Device("smoke1", "fire", "c", "b", Name("1层烟感"), type="smoke", zone="z1", gateway="gw"),
        Device("smoke2", "fire", "c", "b", Name("1层烟感二"), type="smoke", zone="z1", gateway="gw"),
        Device("smoke3", "fire", "c", "b", Name("2层烟感"), type="smoke", zone="z2", gateway="gw"),
        Device("port", "ebike", "c", "c", Name("1号口"), type="port", gateway="gw"),
    ]
    return Registry(places=places, devices=devices)


KIND = {device.id: device.kind for device in compound().devices.values()}


class Living:
    """A running house, a device that publishes and an operator who is signed in."""

    def __init__(self, data: Path, broker: str | None = None, **settings) -> None:
        self.settings = load_settings(
            None, data=data, broker=broker, http_port=0, mqtt_port=0, metrics_open=True, **settings
        )
        self.seq = itertools.count(1)
        self.failures: list[BaseException] = []

    def __enter__(self) -> Self:
        self.house = House(self.settings, on_failure=self.failures.append)
        database = self.house.open_stores()
        if not database.registry.load().devices:
            database.registry.apply(compound())
            database.users.create("wang", "correct horse battery", ("operator",), wall_clock_ms())
        self.house.start()
        url = self.settings.broker or self.house.broker.device_url
        until(lambda: self.house.intake.connected, what="the connection to the broker")
        self.publisher = Publisher(url, f"devices-{id(self)}")
        self.http = httpx.Client(base_url=f"{self.house.server.url}/api/v1", timeout=10)
        session = self.http.post("/session", json={"name": "wang", "password": "correct horse battery"})
        assert session.status_code == 200, session.text
        self.http.headers["X-Anju-CSRF"] = session.json()["csrf"]
        return self

    def __exit__(self, *_) -> None:
        self.http.close()
        self.publisher.close()
        self.house.stop()
        assert self.failures == []

    def say(self, device: str, *, channel: str = "telemetry", ts=None, **body) -> None:
        """Publishes one reading as the device would, with the next sequence number."""
        ts = wall_clock_ms() if ts is None else ts
        payload = json.dumps({"ts": ts, "seq": next(self.seq), "boot": "b1", **body}).encode()
        self.send(f"anju/v1/c/{KIND[device]}/{device}/{channel}", payload)

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.publisher.publish(topic, payload, retain=retain).wait_for_publish(10)

    def open(self) -> dict[str, dict]:
        """Open alerts by ``rule target``."""
        alerts = self.http.get("/board").json()["alerts"]
        return {f"{a['rule']['code']} {a.get('target') or a['device']['id']}": a for a in alerts}

    def alert(self, rule: str) -> dict:
        """The open alert of `rule`, once it is there."""
        until(lambda: any(key.startswith(f"{rule} ") for key in self.open()), what=f"an alert of {rule}")
        return next(a for key, a in self.open().items() if key.startswith(f"{rule} "))

    def post(self, alert: dict, verb: str, **body):
        return self.http.post(f"/alerts/{alert['id']}/{verb}", json={"rev": alert["rev"], **body})

    def metric(self, name: str, **labels: str) -> float:
        text = httpx.get(f"{self.house.server.url}/metrics", timeout=10).text
        wanted = name + ("{" + ",".join(f'{k}="{v}"' for k, v in labels.items()) + "}" if labels else "")
        return next((float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(f"{wanted} ")), 0)
