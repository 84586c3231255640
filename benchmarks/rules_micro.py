"""What rules cost for an idle device: µs per reading over the screens and judges of five typical rules.

Run: python benchmarks/rules_micro.py [readings]. Prints one line for each rule and the total, and the same rules with
the shipped e-bike pack. The promise (docs/architecture.md): at most 2.0 µs per reading for the five.
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from alerts.rules.base import SLOW, CompiledRule
from alerts.rules.screen import screen_together
from domain.devices import Device
from domain.kinds import EbikeValues
from domain.places import Name
from domain.readings import Reading
from runtime.packs import load_rulebook

HEAD = """version: 1
  title: {zh: 测试, en: test}
  kind: ebike
  card: C
  recipients: [property_firm]
  basis: domain.md"""
PACK = """
pack: micro
version: 1
cards: {C: {title: {zh: 卡, en: card}, edition: "1", steps: {zh: [一], en: [one]}}}
rules:
- id: HOT
  HEAD
  levels:
    - {severity: 2, when: {signal: temp_socket, ge: 70, for: 10}}
    - {severity: 3, when: {signal: temp_socket, ge: 60, for: 60}}
  clear: {when: {signal: temp_socket, lt: 50}, for: 60}
- id: LOAD
  HEAD
  levels: [{severity: 3, when: {signal: power, gt: 800, for: 60}}]
  clear: {when: {signal: power, lt: 700}, for: 60}
- id: RISE
  HEAD
  levels: [{severity: 2, when: {all: [{signal: temp_socket, rise: 10, within: 300}, {signal: temp_socket, ge: 45}]}}]
  clear: {for: 300}
- id: CUT
  HEAD
  levels: [{severity: 1, when: {event: cut_off_failed}}]
  clear: manual
- id: TAP
  HEAD
  levels:
    - severity: 2
      when: {all: [{signal: session, is: false}, {signal: power, gt: 20}, {signal: relay_closed, is: true}], for: 60}
  clear: {for: 60}
"""


class View:
    """The least a view needs."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.reading = readings(1)[0]

    @property
    def clock_ms(self) -> int:
        """No reading is late."""
        return self.reading.ts_ms

    def value(self, signal: str) -> object:
        """The signal in this reading."""
        return getattr(self.reading.values, signal)


def readings(count: int) -> list[Reading]:
    made = []
    for number in range(count):
        temperature = 25 + (number * 7919 % 101) / 50  # a steady socket with noise of 2 °C
        values = EbikeValues(
            port_state=2, session=True, session_s=float(number % 3600), power=180.0 + number % 7, current=0.8,
            voltage=221.0, temp_socket=temperature, leakage=1.0, relay_closed=True, smoke=False,
        )  # fmt: skip
        at = 1_717_200_000_000 + 60_000 * number
        made.append(Reading(device="p", kind="ebike", ts_ms=at, received_ms=at, values=values, seq=number))
    return made


def cost_us(rules: tuple[CompiledRule, ...], view: View, data: list[Reading]) -> float:
    """The engine's inner loop: one screen while all are idle, else each by itself. CPU time, best of five."""
    best = float("inf")
    for _ in range(5):
        memory = [None] * len(rules)
        jobs = [(number, rule.screen, rule.glance, rule.judge) for number, rule in enumerate(rules)]
        rates = [job for job in jobs if job[2] is not None]
        stirs = screen_together(tuple(rule for rule in rules if rule.glance is None))
        awake: set[int] = set()
        began = time.process_time()
        for reading in data:
            view.reading = reading
            for number, screen, glance, judge in jobs if awake or stirs(reading) else rates:
                known = memory[number]
                if known is None:
                    if not screen(reading):
                        continue
                elif glance is not None:
                    seen = glance(known, reading)
                    if seen is not SLOW:
                        memory[number] = seen
                        continue
                verdict = judge(known, view)
                if verdict is not None:
                    memory[number] = verdict.memory
                    if glance is None:
                        (awake.discard if verdict.memory is None else awake.add)(number)
        best = min(best, time.process_time() - began)
    return 1e6 * best / len(data)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    data = readings(count)
    device = Device(id="p", kind="ebike", compound="c", place="c", name=Name("端口"), type="port")
    view = View(device)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "micro.yml"
        path.write_text(PACK.replace("HEAD\n", HEAD + "\n"), encoding="utf-8")
        rules = load_rulebook([path]).for_device(device, {})
    empty = cost_us((), view, data)
    print(f"loop   {empty:6.3f} µs/reading without rules (compare runs by it: machines are noisy)")
    for rule in rules:
        print(f"{rule.info.id:<6} {cost_us((rule,), view, data) - empty:6.3f} µs/reading")
    print(f"five   {cost_us(rules, view, data):6.3f} µs/reading (promise: 2.0)")
    shipped = load_rulebook().for_device(device, {})
    print(f"shipped e-bike pack, {len(shipped)} rules: {cost_us(shipped, view, data):6.3f} µs/reading")


if __name__ == "__main__":
    main()
