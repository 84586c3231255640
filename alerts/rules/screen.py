"""Turns the first look of a rule, or of all rules of a device, into one generated Python function.

Measured in benchmarks/rules_micro.py: generated source screens an idle reading in 40–110 ns, nested closures in two to
three times that, and one function for four rules costs a third of four. What is generated is built only from signal
names, event kinds and numbers that the grammar has checked; no text of a pack's author reaches it unquoted.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from alerts.rules.base import SLOW, CompiledRule, Looks
from alerts.rules.kinds.base import Bound, RateSlot, both, either
from domain.limits import RULES_CACHED_MAX
from domain.readings import Quality, Reading

__all__ = ["Glance", "Screen", "glance_of", "looks_of", "screen_of", "screen_together"]

Screen = Callable[[Reading], bool]
Glance = Callable[[Any, Reading], Any]


def looks_of(
    levels: Sequence[Bound], rates: Sequence[RateSlot], signals: Sequence[str], kinds: Sequence[str], any_event: bool
) -> Looks:
    """Source of the first look at a reading for an idle rule: False only if judging it would change nothing."""
    events = _event_test(kinds, any_event)
    heard = either([*(f"(v.{name} is not None)" for name in signals), events])
    full = _filled(_stir(levels, has=True), {rate: f"(v.{rate.signal} is not None)" for rate in rates}, touched=True)
    bare = _filled(_stir(levels, has=False), dict.fromkeys(rates, "False"), touched=True)
    return Looks(both([full, heard]), both([bare, events]))


def screen_of(looks: Sequence[Looks]) -> Screen:
    """One function for the first looks of several rules: False only if none of them asks for more."""
    full, bare = either([look.full for look in looks]), either([look.bare for look in looks])
    source = f"def screen(r):\n    v = r.values\n    e = r.event\n    return {full} if v is not None else {bare}"
    screen: Screen = _made(source, "screen", {})
    return screen


@lru_cache(maxsize=RULES_CACHED_MAX)
def screen_together(rules: tuple[CompiledRule, ...]) -> Screen:
    """`CompiledRule.screen` of all `rules` in one call: False only if it is False for each of them."""
    looks = [rule.looks for rule in rules]
    known = [look for look in looks if look is not None]
    if len(known) == len(rules):
        return screen_of(known)
    return lambda reading: any(rule.screen(reading) for rule in rules)


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
        f"    if v is None or r.event is not None or memory[0] or r.quality & {int(Quality.LATE)}: return SLOW",
        "    e = None",
        f"    if {' and '.join(f'v.{name} is None' for name in names)}: return SLOW if {still} else memory",
    ]
    if len(names) > 1:
        lines.append(f"    if {' or '.join(f'v.{name} is None' for name in names)}: return SLOW")
    lines.append("    t = r.ts_ms")
    for number, rate in enumerate(rates, 1):
        change = f"x - q{number}[1]" if rate.rising else f"q{number}[1] - x"
        lines += [
            f"    x = v.{rate.signal}",
            f"    q = q{number} = memory[{number}]",
            "    if not q or t < q[-2]: return SLOW",
            f"    s = t - {rate.window_ms + rate.step_ms}",
            # No new extreme soon after one that was kept, and nothing grows too old: by far the usual case.
            f"    if q[0] < s or q[-1] {'>' if rate.rising else '<'} x or t - q[-2] >= {rate.step_ms}:",
            "        i, j = 0, len(q)",
            "        while i < j and q[i] < s: i += 2",
            f"        while j > i and q[j - 1] {'>=' if rate.rising else '<='} x: j -= 2",
            f"        q{number} = q[i:j] if j > i and t - q[j - 2] < {rate.step_ms} else (*q[i:j], t, x)",
            f"    c{number} = {change} >= {rate.limit!r}",
        ]
    queues = ", ".join(f"q{number}" for number in range(1, len(rates) + 1))
    same = " and ".join(f"q{number} is memory[{number}]" for number in range(1, len(rates) + 1))
    lines += [f"    if {moved}: return SLOW", f"    return memory if {same} else (0, {queues})"]
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
