"""The default limits of domain.md §7, written down a second time: what the simulated signals are held against.

Independent of `alerts`: it judges each message by itself and by what the device said before, more strictly than the
service does (a condition counts as holding until the next message, whatever that says).
"""

from collections import defaultdict, deque
from typing import NamedTuple

from domain.kinds import KINDS


class Breach(NamedTuple):
    rule: str
    target: str
    ts_ms: int


def of_lift(v):
    stopped = v["speed"] < 0.05
    normal = v["service_mode"] == 1 and not v["maintenance_flag"]
    present, zone, door = v["presence"], v["door_zone"], v["door_state"]
    out = normal and stopped and present and not zone
    return (
        ("EL-01", 60, out and v.get("presence_second") is True),
        ("EL-02", 60, out),
        ("EL-03", 120, normal and zone and door == 0 and present and stopped and v["call_pending"]),
        ("EL-04", 3, v["alarm_button"]),
        ("EL-08", 0, v["speed"] > 0.3 and door != 0 and not zone),
        ("EL-09", 120, normal and stopped and not zone and not present),
        ("EL-12", 600, door == 1 and normal),
        ("EL-13", 30, not v["main_power"]),
        ("room", 0, not 5 <= v["temp_machine_room"] <= 40),
    )


def of_panel(v):
    return (
        ("FC-14", 60, v["main_power_fault"] or v["backup_power_fault"]),
        ("FC-15", 600, v["fault"] or v["bus_fault"]),
        ("FC-16", 1800, v["manual_mode"]),
    )


def of_port(v):
    power, temp, session, amps = v["power"], v["temp_socket"], v["session"], v["current"]
    return (
        ("EB-01", 10 if power > 1_000 else 60, power > 800),
        ("EB-02", 10, amps > 6),
        ("EB-02", 60, not 176 <= v["voltage"] <= 253),
        ("EB-03", 60, temp >= 60),
        ("EB-03", 10, temp >= 70),
        ("EB-07", 5, v["leakage"] >= 30),
        ("EB-08", 0, session and v["session_s"] > 8 * 3600),
        ("EB-09", 7200, session and power < 30),
        ("EB-10", 10, not v["relay_closed"] and amps > 0.05),
        ("EB-11", 60, not session and power > 20),
    )


def of_pressure(p, low, rule):
    return (rule, 600, p < low), ("stabilised", 0, p < 0.15), ("FC-07", 300, p > 1.2)


def of_detector(v):
    return ("FC-01", 0, v["fire"]), ("FC-15", 600, v["fault"])


def of_button(v):
    return ("FC-03", 0, v["fire"]), ("FC-15", 600, v["fault"])


def of_running(v):
    return ("FC-04", 5, v["feedback"] or v.get("started")), ("FC-15", 600, v["fault"])


# Device type -> (rule, hold in seconds, holds now) for every limit that one set of its values can tell.
CONDITIONS = {
    "lift": of_lift,
    "panel": of_panel,
    "port": of_port,
    **dict.fromkeys(("smoke", "heat"), of_detector),
    **dict.fromkeys(("manual_call_point", "hydrant_button"), of_button),
    **dict.fromkeys(("pump", "flow_switch"), of_running),
    "hydrant_pressure": lambda v: of_pressure(v["p_static"], 0.07, "FC-05"),
    "sprinkler_pressure": lambda v: of_pressure(v["p_sprinkler"], 0.10, "FC-06"),
    "tank": lambda v: (("FC-09", 900, v["level_pct"] < 90),),
    "pump_room": lambda v: (("FC-10", 1800, v["temp_room"] < 5),),
    "residual_current": lambda v: (("FC-11", 30, v["residual_current"] >= 300),),
    "cable_temp": lambda v: (("FC-12", 60, v["cable_temp"] >= 55),),
    "lane_camera": lambda v: (("FC-19", 300, v["lane_occupied"]),),
    "fire_door": lambda v: (("FC-21", 1800, v["door_open"]),),
    "shed": lambda v: (("EB-06", 0, v["smoke"]),),
    "station": lambda v: (("EB-15", 60, v["total_power_pct"] > 90), ("EB-07", 5, v["leakage"] >= 300)),
    "cabinet": lambda v: (
        ("EB-05", 30, v["temp_battery"] >= 50),
        ("EB-05", 0, v["temp_battery"] >= 60),
        ("EB-06", 0, v["smoke"]),
        ("EB-07", 5, v["leakage"] >= 30),
    ),
    "zone_camera": lambda _: (),
    "gateway": lambda v: (("SY-01", 60, abs(v["clock_offset"]) > 5),),
}


EVENTS = {
    "entrapment": "EL-01", "alarm_button": "EL-04", "ucm": "EL-05", "overspeed": "EL-06", "overtravel_top": "EL-07",
    "overtravel_bottom": "EL-07", "door_open_running": "EL-08", "run_with_door_open": "EL-08",
    "stop_out_of_zone": "EL-09", "safety_circuit": "EL-10", "door_close_fail": "EL-11", "door_open_fail": "EL-11",
    "door_cycle_repeat": "EL-11", "power_loss": "EL-13", "fire_return": "EL-14", "firefighter": "EL-14",
    "fire_alarm": "FC-01", "manual_call_point": "FC-03", "hydrant_button": "FC-03", "pump_start": "FC-04",
    "flow": "FC-04",
    "fault": "FC-15", "duty_check_missed": "FC-17", "smoke": "EB-06", "over_power": "EB-01", "over_temp": "EB-03",
    "ebike_parked": "EB-13", "ebike_charging": "EB-13", "flying_wire": "EB-13", "cut_off_failed": "EB-12",
}  # fmt: skip


class Checker:
    """Feed it messages in order; `breaches` says what would have to be an alert."""

    def __init__(self, registry):
        self.registry = registry
        self.breaches = []
        self._since = {}
        self._done = set()
        self._heard = {}
        self._doors = defaultdict(deque)
        self._door = {}
        self._temps = defaultdict(deque)
        self._bikes = defaultdict(deque)
        self._buttons = {}
        self._fires = defaultdict(dict)
        self._alarms = defaultdict(deque)

    def rules(self, target):
        return {breach.rule for breach in self.breaches if breach.target == target}

    def first_ms(self, rule, target):
        return next((b.ts_ms for b in self.breaches if b.rule == rule and b.target == target), None)

    def feed(self, message):
        device, ts = message.device, message.ts_ms
        self._silence(message)
        if message.event is not None:
            self._event(message)
        if message.values is None:
            return
        kind = self.registry.devices[device].type
        for number, (rule, hold_s, holds) in enumerate(CONDITIONS[kind](message.values)):
            key = (device, number)
            since = self._since.get(key)
            if since is None and not holds:
                if hold_s == 0:
                    self._done.discard((rule, device))
                continue
            if since is not None and (ts - since) / 1000 >= hold_s:
                self._breach(rule, device, ts)
                if rule in {"EL-02", "EL-03"} and ts - self._buttons.get(device, -(10**9)) <= 600_000:
                    self._breach("EL-01", device, ts)
            if holds and hold_s == 0:
                self._breach(rule, device, ts)
            if not holds:
                self._since.pop(key, None)
                self._done.discard((rule, device))
            elif since is None:
                self._since[key] = ts
        self._over_time(message)

    def _breach(self, rule, target, ts):
        if (rule, target) not in self._done:
            self._done.add((rule, target))
            self.breaches.append(Breach(rule, target, ts))

    def _silence(self, message):
        device, ts = message.device, message.ts_ms
        gap_s = (ts - self._heard.get(device, ts)) / 1000
        self._heard[device] = ts
        if gap_s <= 45:
            return
        period_s = self.registry.period_s(self.registry.devices[device])
        # Only what charges is watched for silence (EB-14); a camera in a lobby speaks seldom.
        charging = 300 if period_s == 60 else 1e9
        limit_s = {"elevator": 600, "gateway": 300, "fire": 3 * period_s, "ebike": charging}[message.kind]
        if gap_s > 2 * period_s and message.kind != "elevator":
            self.breaches.append(Breach("stale", device, ts))
        if gap_s >= limit_s:
            rule = {"elevator": "EL-18", "gateway": "FC-18", "fire": "FC-18U", "ebike": "EB-14"}[message.kind]
            self.breaches.append(Breach(rule, device, ts))

    def _event(self, message):
        device, ts, event = message.device, message.ts_ms, message.event
        rule = EVENTS.get(event["kind"])
        if rule is not None:
            self.breaches.append(Breach(rule, device, ts))
        if event["kind"] == "alarm_button":
            self._buttons[device] = ts
        if event["kind"] == "ebike_in_car":
            seen = self._bikes[device]
            seen.append((ts, event["confidence"]))
            if sum(1 for at, confidence in seen if ts - at <= 5000 and confidence >= 0.8) >= 2:
                self._breach("EL-15", device, ts)
        if event["kind"] == "fire_alarm":
            alarms = self._alarms[device]
            alarms.append(ts)
            while alarms[0] < ts - 86_400_000:
                alarms.popleft()
            if len(alarms) >= 6:
                self._breach("FC-20", device, ts)
        if event["kind"] in {"fire_alarm", "manual_call_point", "hydrant_button"}:
            zone = self.registry.devices[device].zone
            fires = self._fires[zone]
            fires[device] = ts
            if sum(1 for at in fires.values() if ts - at <= 300_000) >= 2:
                self._breach("FC-02", zone, ts)

    def _over_time(self, message):
        device, ts, values = message.device, message.ts_ms, message.values
        if message.kind == "elevator":
            if values["speed"] > 1.15 * self.registry.devices[device].attrs["rated_speed"]:
                self._breach("EL-06", device, ts)
            if values["door_state"] == 1 and self._door.get(device) != 1:
                doors = self._doors[device, values["floor"]]
                doors.append(ts)
                while doors[0] < ts - 300_000:
                    doors.popleft()
                if len(doors) >= 5:
                    self._breach("EL-11", device, ts)
            self._door[device] = values["door_state"]
        for signal, rule, floor in (("temp_socket", "EB-04", 45), ("cable_temp", "FC-12", 45)):
            if signal in values:
                temps = self._temps[device]
                temps.append((ts, values[signal]))
                while temps[0][0] < ts - 300_000:
                    temps.popleft()
                if values[signal] >= floor and values[signal] - min(t for _, t in temps) >= 10:
                    self._breach(rule, device, ts)


def strictly_decoded(message):
    """The values as the kind's own struct; raises where anything is out of range, unknown or of the wrong type."""
    import msgspec

    return msgspec.convert(message.values, KINDS[message.kind].values)
