"""A load that many devices would make: pre-encoded packets, seven to nine signals each, and their registry."""

import json
import random
from collections.abc import Iterator

from domain.devices import Device
from domain.places import Name, Place
from domain.registry import Registry

KINDS = ("elevator", "fire", "ebike")
COMPOUNDS = 20


def device_id(number: int) -> str:
    """Name of the device of that number."""
    return f"d{number:05d}"


def registry(devices: int) -> Registry:
    """Twenty compounds in one street, devices of three kinds by turns."""
    places = [Place("d", "district", Name("区")), Place("s", "street", Name("街道"), "d")]
    places += [Place(f"c{c:02d}", "compound", Name(f"小区{c}"), "s") for c in range(COMPOUNDS)]
    types = {"elevator": "lift", "fire": "smoke", "ebike": "port"}
    made = [
        Device(device_id(n), KINDS[n % 3], f"c{n % COMPOUNDS:02d}", f"c{n % COMPOUNDS:02d}", Name(f"设备{n}"),
               type=types[KINDS[n % 3]], period_s=10)
        for n in range(devices)
    ]  # fmt: skip
    return Registry(places=places, devices=made)


def packets(
    devices: int, messages: int, start_ms: int, seed: int = 1, step_ms: int = 1_000
) -> Iterator[tuple[str, bytes]]:
    """(topic, payload) in order: every device in turn, each round `step_ms` of event time later, all values normal."""
    draw = random.Random(seed)
    for number in range(messages):
        turn, n = divmod(number, devices)
        kind = KINDS[n % 3]
        body = {"ts": start_ms + turn * step_ms, "seq": turn + 1, "boot": "b1", "values": _values(kind, draw, turn)}
        yield (
            f"anju/v1/c{n % COMPOUNDS:02d}/{kind}/{device_id(n)}/telemetry",
            json.dumps(body, separators=(",", ":")).encode(),
        )


def _values(kind: str, draw: random.Random, turn: int) -> dict[str, object]:
    noise = draw.random()
    if kind == "elevator":
        return {"service_mode": 1, "car_status": turn & 1, "direction": turn % 3, "door_zone": True, "floor": turn % 18,
                "door_state": 0, "presence": False, "speed": round(1.7 * noise, 2),
                "temp_machine_room": round(22 + 2 * noise, 1)}  # fmt: skip
    if kind == "fire":
        return {"fire": False, "fault": False, "shielded": False, "smoke": round(0.2 * noise, 2),
                "p_static": round(0.31 + 0.01 * noise, 3), "residual_current": round(40 + 20 * noise, 1),
                "cable_temp": round(31 + 2 * noise, 1)}  # fmt: skip
    return {"port_state": 2, "session": True, "power": round(180 + 9 * noise, 1), "current": round(0.8 + noise / 10, 2),
            "voltage": round(220 + 4 * noise, 1), "temp_socket": round(27 + 2 * noise, 1), "leakage": round(noise, 1),
            "relay_closed": True, "smoke": False}  # fmt: skip
