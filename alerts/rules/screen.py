"""Turns a rule's first look into one generated Python function.

Measured in benchmarks/rules_micro.py: generated source screens an idle reading in 40–110 ns, nested closures in two to
three times that. What is generated is built only from signal names, event kinds and numbers that the grammar has
checked; no text of a pack's author reaches it unquoted.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from alerts.rules.base import SLOW
from alerts.rules.kinds.base import Bound, RateSlot, both, either
from domain.limits import RULE_WINDOW_SAMPLES_MAX
from domain.readings import Quality, Reading

__all__ = ["Glance", "Screen", "glance_of", "screens_of"]

Screen = Callable[[Reading], bool]
Glance = Callable[[Any, Reading], Any]


def screens_of(
    levels: Sequence[Bound], rates: Sequence[RateSlot], signals: Sequence[str], kinds: Sequence[str], any_event: bool
) -> Screen:
    """The first look at a reading for an idle rule: False only if judging it would change nothing."""
    events = _event_test(kinds, any_event)
    heard = either([*(f"(v.{name} is not None)" for name in signals), events])
    full = _filled(_stir(levels, has=True), {rate: f"(v.{rate.signal} is not None)" for rate in rates}, touched=True)
    bare = _filled(_stir(levels, has=False), dict.fromkeys(rates, "False"), touched=True)
    if kinds or any_event:
        source = [
            "def screen(r):",
            "    v = r.values",
            "    e = r.event",
            f"    if v is None: return {both([bare, events])}",
            f"    return {both([full, heard])}",
        ]
    else:
        source = ["def screen(r):", "    v = r.values", f"    return v is not None and {both([full, heard])}"]
    screen: Screen = _made("\n".join(source), "screen", {})
    return screen


def glance_of(levels: Sequence[Bound], rates: Sequence[RateSlot]) -> Glance:
    """The fast path (`CompiledRule.glance`) of an idle rule that remembers only the queues of its rate conditions.

    Takes one more sample into each queue, exactly as `kinds.rate.slid` does, and answers with the new memory if no
    level can hold; otherwise answers `SLOW` and leaves the decision to the full judgement.
    """
    stir = _stir(levels, has=True)
    still = _filled(stir, dict.fromkeys(rates, "False"), touched=False)
    moved = _filled(stir, {rate: f"c{number}" for number, rate in enumerate(rates, 1)}, touched=False)
    names = list(dict.fromkeys(rate.signal for rate in rates))
    lines = [
        "def glance(memory, r):",
        "    v = r.values",
        "    e = r.event",
        f"    if v is None or e is not None or memory[0] or r.quality & {int(Quality.LATE)}: return SLOW",
        f"    if {' and '.join(f'v.{name} is None' for name in names)}: return SLOW if {still} else memory",
    ]
    if len(names) > 1:
        lines.append(f"    if {' or '.join(f'v.{name} is None' for name in names)}: return SLOW")
    lines.append("    t = r.ts_ms")
    for number, rate in enumerate(rates, 1):
        change = f"x - q{number}[1]" if rate.rising else f"q{number}[1] - x"
        lines += [
            f"    x = v.{rate.signal}",
            f"    q = memory[{number}]",
            "    j = len(q)",
            "    if j and t < q[-2]: return SLOW",
            "    i = 0",
            f"    s = t - {rate.window_ms}",
            "    while i < j and q[i] < s: i += 2",
            f"    while j > i and q[j - 1] {'>=' if rate.rising else '<='} x: j -= 2",
            f"    if j - i > {2 * (RULE_WINDOW_SAMPLES_MAX - 1)}: return SLOW",
            f"    q{number} = (*q[i:j], t, x)",
            f"    c{number} = {change} >= {rate.limit!r}",
        ]
    queues = ", ".join(f"q{number}" for number in range(1, len(rates) + 1))
    lines += [f"    if {moved}: return SLOW", f"    return (0, {queues})"]
    glance: Glance = _made("\n".join(lines), "glance", {"SLOW": SLOW})
    return glance


def _filled(code: str, may: Mapping[RateSlot, str], *, touched: bool) -> str:
    for rate, test in may.items():
        code = code.replace(rate.may, test).replace(rate.touch, test if touched else "False")
    return code


def _stir(levels: Sequence[Bound], has: bool) -> str:
    return either([part for level in levels for part in (level.touch(has), level.may(has))])


def _event_test(kinds: Sequence[str], any_event: bool) -> str:
    if any_event:
        return "(e is not None)"
    if not kinds:
        return "False"
    return f"(e is not None and e.kind in {tuple(kinds)!r})"


def _made(source: str, name: str, names: dict[str, Any]) -> Any:
    scope = dict(names)
    exec(compile(source, f"<rule {name}>", "exec"), scope)  # noqa: S102 - built from checked names and numbers, see above
    return scope[name]
