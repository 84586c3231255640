"""What every kind of condition provides: how it reads itself from a pack, and how it judges.

Truth has three values. None is *unknown*: the data to tell is missing. Unknown is neither true nor false: it neither
raises nor clears.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, Protocol

from msgspec import Struct

from alerts.rules.base import View
from alerts.rules.nodes import Node
from alerts.rules.reader import Reader, number_text
from domain.kinds import DeviceKind, Signal
from domain.limits import RULE_RATE_STEPS

__all__ = [
    "Binding", "Bound", "Condition", "ConditionKind", "Context", "Field", "Frame", "Operand", "Pair", "RateSlot",
    "Truth", "both", "constant", "either", "negated",
]  # fmt: skip

Truth = bool | None
Pair = tuple[Truth, Truth]
"""(truth with all holds served, truth if no hold were asked for). The second tells a clear that trouble persists."""


class Frame:
    """One look at the world: a reading under judgement, or a tick. Lives for one judgement."""

    __slots__ = (
        "device", "elapsing", "heard", "inputs", "instant", "late", "offline", "silent_s", "slots", "sources", "state",
        "total", "ts", "view",
    )  # fmt: skip

    def __init__(self, view: View | None, ts: int, slots: list[Any], device: str, late: bool = False) -> None:
        self.view = view
        self.ts = ts
        """Event time of the reading, or the time of the tick."""
        self.slots = slots
        """What the rule's conditions remember; each writes its own place."""
        self.device = device
        self.elapsing = False
        """Nothing was said: time has passed by the device's clock. What was told once for good is all that is known."""
        self.late = late
        self.instant = False
        """Set when something that happens at an instant (an event) came in this look."""
        self.heard: set[str] | None = None
        """While a clear clause is judged: the signals said since the breach. Anything older is unknown to it."""
        self.inputs: dict[str, Any] = {}
        self.sources: list[str] = []
        self.silent_s: float | None = None
        self.state = ""
        self.offline = 0
        self.total = 0

    def value(self, signal: str) -> Any:
        """The signal's value, None if unknown. Late readings say nothing about the present."""
        if self.late or self.view is None or (self.heard is not None and signal not in self.heard):
            return None
        return self.view.value(signal)


class Operand(Struct, frozen=True):
    """The right-hand side of a comparison: a number, a parameter, or a fact about the device times a factor."""

    constant: float | None = None
    param: str | None = None
    attr: str | None = None
    times: "Operand | None" = None

    def resolve(self, params: Mapping[str, Any], attrs: Mapping[str, Any]) -> float | None:
        """Its value for one device; None when the device's fact is not known."""
        if self.param is not None:
            return float(params[self.param])
        if self.attr is None:
            return self.constant
        fact = attrs.get(self.attr)
        if isinstance(fact, bool) or not isinstance(fact, int | float):
            return None
        factor = 1.0 if self.times is None else self.times.resolve(params, attrs)
        return None if factor is None else float(fact) * factor

    def words(self, params: Mapping[str, Any]) -> str:
        """As people read it, with parameters in force filled in."""
        if self.attr is not None:
            return self.attr if self.times is None else f"{self.times.words(params)} x {self.attr}"
        return number_text(float(params[self.param]) if self.param is not None else self.constant or 0.0)


class Context(Protocol):
    """What a condition may ask while it is read from a pack."""

    @property
    def reader(self) -> Reader:
        """Where errors go."""

    @property
    def device_kind(self) -> DeviceKind:
        """The kind of device the rule watches."""

    def condition(self, node: Node, what: str) -> "Condition | None":
        """Reads a condition nested in this one."""

    def signal(self, node: Node) -> Signal | None:
        """Reads the name of a signal of the rule's device kind."""

    def events(self, node: Node, what: str) -> tuple[str, ...]:
        """Reads one or several canonical event kinds."""

    def operand(self, node: Node, what: str, signal: Signal | None = None) -> Operand | None:
        """Reads a number, ``$parameter`` or ``{attr, times}``; with `signal`, checks it against its plausible range."""

    def seconds(self, node: Node, what: str, low: float = 0) -> Operand | None:
        """Reads a duration or ``$parameter``."""


class RateSlot(NamedTuple):
    """What the fast path of a rate condition needs to know."""

    slot: int
    signal: str
    rising: bool
    limit: float
    window_ms: int

    @property
    def step_ms(self) -> int:
        """Samples that follow each other within this time are thinned out: see `kinds.rate`."""
        return self.window_ms // RULE_RATE_STEPS

    @property
    def may(self) -> str:
        """Stands in generated source for whether the rate may be exceeded; `screen` fills it in."""
        return f"RATE_{self.slot}_"

    @property
    def touch(self) -> str:
        """Stands in generated source for whether the queue takes a sample; `screen` fills it in."""
        return f"TOUCH_{self.slot}_"


class Binding:
    """What a condition is bound to: one device's parameters and facts."""

    def __init__(self, params: Mapping[str, Any], attrs: Mapping[str, Any], device_type: str, period_s: float) -> None:
        self.params = params
        self.attrs = attrs
        self.device_type = device_type
        self.period_s = period_s
        self.grace_ms = int(2_000 * period_s)
        """Missing data up to two reporting periods is forgiven."""
        self.slots = 0
        self.rates: list[RateSlot] = []
        """Rate conditions in the rule: the memory an idle rule may keep."""
        self.holds: list[tuple[int, int]] = []
        """(place in memory, milliseconds) of holds that time alone may complete: those over latched events."""
        self.latches: list[int] = []
        """Places in memory of events that are true until others: the instant of either."""
        self.seen: dict[int, Truth] | None = None
        """While a finding is explained: id() of each condition that was looked at → what it came to."""

    def slot(self) -> int:
        """Reserves a place in the rule's memory. The order of reservation is the same for every device."""
        self.slots += 1
        return self.slots - 1

    def number(self, operand: Operand) -> float | None:
        """Value of an operand here."""
        return operand.resolve(self.params, self.attrs)

    def ms(self, operand: Operand | None) -> int:
        """Milliseconds of a duration; 0 for none."""
        return 0 if operand is None else round(1_000 * (self.number(operand) or 0.0))


class Bound(NamedTuple):
    """A condition ready to judge, and Python source that decides whether judging an idle rule is worth while.

    The source speaks of ``v`` (the reading's values, not None), ``e`` (its event or None). Each is an over-estimate
    except `must`: `may` is False only if the condition cannot be true; `must` is True only if it surely is; `touch` is
    False only if judging would leave nothing in memory.
    """

    evaluate: Callable[[Frame], Pair]
    may: Callable[[bool], str]
    """Called with True for source that may look at ``v``, with False for a reading without values."""
    must: Callable[[bool], str]
    touch: Callable[[bool], str]
    stirs: Callable[[int, float | None, str], bool] = lambda _now, _silent_s, _state: True
    """For conditions of time: False only if a tick would change nothing for an idle rule."""


def constant(truth: Truth, evaluate: Callable[[Frame], Pair] | None = None) -> Bound:
    """A condition that is always `truth` here, for instance because it speaks of another type of device."""
    code = "True" if truth else "False"
    return Bound(
        evaluate or (lambda _frame: (truth, truth)),
        lambda _has: code, lambda _has: code, lambda _has: "False", lambda _now, _silent_s, _state: bool(truth),
    )  # fmt: skip


def both(parts: list[str]) -> str:
    """Source of the conjunction, folded where a part is constant."""
    if "False" in parts:
        return "False"
    kept = list(dict.fromkeys(part for part in parts if part != "True"))
    return "True" if not kept else kept[0] if len(kept) == 1 else f"({' and '.join(kept)})"


def either(parts: list[str]) -> str:
    """Source of the disjunction, folded where a part is constant."""
    if "True" in parts:
        return "True"
    kept = list(dict.fromkeys(part for part in parts if part != "False"))
    return "False" if not kept else kept[0] if len(kept) == 1 else f"({' or '.join(kept)})"


def negated(part: str) -> str:
    """Source of the negation."""
    return {"True": "False", "False": "True"}.get(part, f"(not {part})")


class Condition(Struct, frozen=True, kw_only=True):
    """A condition as written in a pack; immutable, shared by all devices."""

    line: int = 0

    basis: ClassVar[str] = "reading"
    """What it is judged by: ``reading``, ``time`` (ticks), or ``parts`` for a combination of others."""

    @property
    def latches(self) -> bool:
        """True if it, or a part of it, stays true after a reading without being said again."""
        return any(part.latches for part in self.children())

    gathers: ClassVar[bool] = False
    """True if it may speak about several devices at once, and so may stand alone in a zone's rule."""

    def children(self) -> "tuple[Condition, ...]":
        """Conditions inside this one."""
        return ()

    def signals(self) -> tuple[str, ...]:
        """Signals this condition itself reads."""
        return ()

    def events(self) -> tuple[str, ...]:
        """Event kinds this condition itself waits for."""
        return ()

    def attrs(self) -> tuple[str, ...]:
        """Facts about the device it needs."""
        return ()

    def words(self, params: Mapping[str, Any]) -> str:
        """In words of the pack, with parameters filled in."""
        raise NotImplementedError

    def bind(self, binding: Binding) -> Bound:
        """Makes it ready for one device's parameters."""
        raise NotImplementedError

    def bound(self, binding: Binding) -> Bound:
        """As `bind`; while a finding is explained, what it comes to is noted."""
        made, seen = self.bind(binding), binding.seen
        if seen is None:
            return made

        def noted(frame: Frame) -> Pair:
            pair = made.evaluate(frame)
            seen[id(self)] = pair[0]
            return pair

        return made._replace(evaluate=noted)


class Field(Struct, frozen=True):
    """One key of a condition, described well enough to draw a form field."""

    name: str
    type: str
    """signal, number, integer, boolean, seconds, text, event, events, choice, types, condition or conditions."""
    zh: str
    en: str
    required: bool = False
    choices: tuple[str, ...] = ()


class ConditionKind(Struct, frozen=True):
    """A kind of condition: the line in the table."""

    name: str
    zh: str
    en: str
    marks: tuple[str, ...]
    """Keys by which a condition of this kind is recognised."""
    fields: tuple[Field, ...]
    read: Callable[[Context, dict[str, Node], int], Condition | None]
    """Reads one from the entries of its map (without the common keys `for` and `types`) at a line."""
