"""What vendors' devices really send: terse JSON in their own units, codes and time. Written by hand, on purpose.

The service understands these by mapping files (``ingest/forms``). Nothing here is derived from them, so that a mistake
in a mapping cannot hide behind the same mistake in what is sent.
"""

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec.structs import replace

from domain.devices import Device
from domain.registry import Registry
from simulators.kernel import Message

__all__ = ["SPEAKERS", "VENDORS", "VendorForm", "form_of", "speaking"]

VendorForm = Callable[[Message, int, str], dict[str, Any]]
"""(message, time by the device's clock in epoch ms, boot) → the payload's JSON."""

_LIFT_CODES: Final = {
    "overtravel_top": 1, "overtravel_bottom": 2, "overspeed": 3, "door_open_running": 4, "run_with_door_open": 5,
    "stop_out_of_zone": 6, "entrapment": 8, "door_close_fail": 12, "alarm_button": 21, "ebike_in_car": 37,
}  # fmt: skip
_STOPS: Final = {"user": 1, "unplugged": 2, "full": 3, "over_temp": 10, "over_12h": 12}
_PARTS: Final = {"fire_alarm": "b1", "fault": "b2", "pump_start": "b5", "reset": "b13"}
_DOORS: Final = ("closed", "open", "closing", "opening")
_PORTS: Final = ("idle", "plugged", "charging", "full", "fault", "locked")


def _lift_box(message: Message, ts_ms: int, boot: str) -> dict[str, Any]:
    """Whole seconds, speed in cm/s, six facts in the bits of one number."""
    body: dict[str, Any] = {"t": round(ts_ms / 1000), "sn": message.seq, "bid": boot, "alm": 0}
    v = message.values or {}
    if v:
        facts = ("door_zone", "presence", "maintenance_flag", "alarm_button", "main_power", "call_pending")
        body |= {
            "m": v["service_mode"],
            "fl": v["floor"],
            "v": round(v["speed"] * 100),
            "io": sum(bool(v[name]) << bit for bit, name in enumerate(facts)),
            "dr": _DOORS[v["door_state"]],
            "run": bool(v["car_status"]),
            "dir": v["direction"],
            "ld": round(v["load"] * 10),
            "rc": v["run_count"],
            "mt": round(v["temp_machine_room"] * 10),
        }
    if message.event is not None:
        body["alm"] = _LIFT_CODES.get(message.event["kind"], 99)
        if "confidence" in message.event:
            body["conf"] = message.event["confidence"]
    return body


def _charge_pile(message: Message, ts_ms: int, boot: str) -> dict[str, Any]:
    """Beijing time as text, tenths and thousandths, temperatures with an offset of 40 so that they stay positive."""
    row: dict[str, Any] = {"time": _beijing(ts_ms), "no": message.seq, "imei_boot": boot, "stop": 0}
    v = message.values or {}
    if v:
        row |= {
            "state": _PORTS[v["port_state"]],
            "order": int(v["session"]),
            "dur": v["session_s"],
            "p": round(v["power"] * 10),
            "i": round(v["current"] * 1000),
            "u": round(v["voltage"] * 10),
            "e": round(v["energy"] * 100),
            "temp": {"plug": round(v["temp_socket"] + 40)},
            "lk": v["leakage"],
            "relay": "on" if v["relay_closed"] else "off",
        }
    if message.event is not None:
        row["stop"] = _STOPS.get(message.event.get("code", ""), 255)
    return {"cmd": "report", "data": [row]}


def _water_nb(message: Message, ts_ms: int, boot: str) -> dict[str, Any]:
    """KPa and millimetres; no number, no boot: the time alone tells one record from the next."""
    del boot
    v = message.values or {}
    row: dict[str, Any] = {"ts": round(ts_ms / 1000)}
    for name, key, times in (("p_static", "kpa", 1000), ("p_sprinkler", "spk", 1000), ("level", "mm", 1000)):
        if name in v:
            row[key] = round(v[name] * times, 1)
    for name, key in (("level_pct", "pct"), ("battery", "bat"), ("rssi", "csq")):
        if name in v:
            row[key] = v[name]
    return {"dev": message.device, "list": [row]}


def _fire_uitd(message: Message, ts_ms: int, boot: str) -> dict[str, Any]:
    """A component's status word, bit by bit, and its event by the name of the bit that changed."""
    del boot
    part: dict[str, Any] = {"addr": message.device}
    v = message.values or {}
    if v:
        part["state"] = 1 | bool(v["fire"]) << 1 | bool(v["fault"]) << 2 | bool(v["shielded"]) << 3
        part["analog"] = {name: v[name] for name in ("smoke", "heat") if name in v}
    if message.event is not None:
        part["event"] = _PARTS.get(message.event["kind"], "b15")
    return {"type": 2, "occurTime": _beijing(ts_ms, "milliseconds"), "part": part}


def _beijing(ts_ms: int, precision: str = "seconds") -> str:
    moment = datetime.fromtimestamp(ts_ms / 1000, UTC) + timedelta(hours=8)
    return moment.replace(tzinfo=None).isoformat(sep=" ", timespec=precision)


VENDORS: Final[dict[str, VendorForm]] = {
    "lift_box": _lift_box, "charge_pile": _charge_pile, "water_nb": _water_nb, "fire_uitd": _fire_uitd,
}  # fmt: skip
"""Name of the form, as a device's attribute ``form`` says it → what makes its payloads."""

SPEAKERS: Final[dict[str, frozenset[str]]] = {
    "lift_box": frozenset({"lift"}),
    "charge_pile": frozenset({"port"}),
    "water_nb": frozenset({"hydrant_pressure", "sprinkler_pressure", "tank"}),
    "fire_uitd": frozenset({"smoke", "heat", "manual_call_point", "hydrant_button"}),
}
"""Name of the form → device types that such a vendor makes."""


def form_of(device_type: str, forms: Collection[str]) -> str | None:
    """Which of `forms` a device of this type speaks; None for the contract's own."""
    return next((name for name in forms if device_type in SPEAKERS[name]), None)


def speaking(registry: Registry, forms: Collection[str]) -> Registry:
    """The same district, where every device that a vendor of one of `forms` makes speaks so: by its attribute ``form``.

    A device that has one already keeps it.
    """

    def spoken(device: Device) -> Device:
        form = form_of(device.type, forms)
        if form is None or "form" in device.attrs:
            return device
        return replace(device, attrs={**device.attrs, "form": form})

    if not forms:
        return registry
    return Registry(
        registry.places.values(),
        registry.organisations.values(),
        registry.contracts.values(),
        [spoken(device) for device in registry.devices.values()],
        registry.overrides,
        registry.version,
    )
