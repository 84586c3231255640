"""What the engine and the rules agree on."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

from msgspec import Struct, field

from alerts.alert import Evidence
from domain.devices import Device
from domain.places import Name
from domain.readings import Reading

__all__ = [
    "SLOW", "CompiledRule", "Finding", "FindingKind", "Looks", "Param", "RuleInfo", "Rulebook", "Verdict", "View",
]  # fmt: skip

SLOW: Final = object()
"""What a fast path answers when it cannot decide."""

FindingKind = str
"""``breach``: a level of the rule holds that did not before (first, graver or milder one, see `severity`).
``again``: an instantaneous condition (an event) came once more. ``return``: readings show that no level holds."""


class Param(Struct, frozen=True):
    """A number that compounds and devices may override."""

    name: str
    default: float
    low: float | None = None
    high: float | None = None
    """Bounds (inclusive): those written in the pack, within the plausible range of the signals compared with it."""
    zh: str = ""
    en: str = ""
    unit: str = ""
    """Unit of the signal compared with it, or ``s`` for a duration."""


class RuleInfo(Struct, frozen=True):
    """What everybody may know of a rule without compiling it."""

    id: str
    version: int
    pack: str
    title: Name
    kind: str
    """Device kind it watches."""
    types: tuple[str, ...]
    """Device types it applies to; empty means all of the kind."""
    scope: str
    """What one alert is about: ``device``, ``zone``, ``gateway`` or ``compound``."""
    severities: tuple[int, ...]
    """Severities of its levels, gravest first."""
    condition: str
    """All levels in words of the pack, for people: ``1: temp_socket >= 80; 2: temp_socket >= 70 for 10s``."""
    signal: str | None
    """Main signal: the value shown in the alert row and drawn in its chart."""
    card: str | None
    recipients: tuple[str, ...]
    basis: str
    """Clause of the standard or section of the product's reference it rests on."""
    latching: bool = False
    life_safety: bool = False
    overridable: dict[str, Param] = field(default_factory=dict)
    """What compounds and devices may override, by name."""
    symptom_of: tuple[str, ...] = ()
    """Rules whose open alert at the device's gateway explains this one (inhibition). Empty for life safety."""
    yields_to: str | None = None
    """Rule whose alert at the same target speaks for this one: one event, one call (`alerts.superseding`)."""
    yields_within_s: float = 0.0
    """It does so for an alert that begins within so many seconds of the last that happened to the other one."""
    clear: str = ""
    """When it returns, in words of the pack; ``manual`` if only a person ends it."""
    verify_s: float | None = None
    """Nobody has acknowledged it after so many seconds: the engine raises it to `verify_severity` (domain.md §3.7)."""
    verify_severity: int | None = None
    surveys: bool = False
    """Asks how many devices of its target are offline: the engine calls `survey` instead of `tick`."""
    file: str = ""
    line: int = 0


class Finding(Struct, frozen=True):
    """What a rule saw change."""

    what: FindingKind
    severity: int
    at_ms: int
    """Event time."""
    evidence: Evidence | None = None
    value: float | None = None
    limit: float | None = None
    direction: str | None = None
    source: str | None = None
    """Device whose reading decided it."""


class Verdict(Struct, frozen=True):
    """Outcome of judging one reading: what to remember from now on, and what changed for the world, if anything."""

    memory: Any
    """Immutable; made of msgspec-serialisable builtins (None, numbers, strings, tuples, lists, dicts). None = idle.

    Prefer tuples: after a restart every sequence comes back as a tuple.
    """
    findings: tuple[Finding, ...] = ()


class View(Protocol):
    """What a rule may look at. The engine reuses one View for many readings: do not keep it."""

    @property
    def reading(self) -> Reading:
        """The reading under judgement."""

    @property
    def device(self) -> Device:
        """Its registered device."""

    def value(self, signal: str) -> Any:
        """The signal in this reading, or else its last known value if not older than two reporting periods, else None.

        None means unknown, which is neither true nor false.
        """

    def newest(self, signal: str) -> tuple[Any, int] | None:
        """What was said of the signal up to now, with its event time: after this reading's, if this one is late."""

    @property
    def clock_ms(self) -> int:
        """What the device's clock showed when the reading came: its own time or, if it is late, as newer words tell."""


class Looks(NamedTuple):
    """Python source of a rule's `screen`, so that those of several rules can be made one function.

    It speaks of ``v`` (the reading's values) and ``e`` (its event or None).
    """

    full: str
    """For a reading with values."""
    bare: str
    """For a reading without: ``v`` is not to be touched."""


class CompiledRule(Protocol):
    """A rule made ready for one set of parameters. Pure: same memory and view, same verdict."""

    @property
    def info(self) -> RuleInfo:
        """What the rule is."""

    @property
    def params(self) -> dict[str, Any]:
        """Parameters in force after overrides."""

    def screen(self, reading: Reading) -> bool:
        """Cheap first look for an idle rule (memory None): False only if judging this reading would change nothing."""

    @property
    def looks(self) -> Looks | None:
        """`screen` as source. None: there is none, ask `screen` itself."""

    @property
    def glance(self) -> "Callable[[Any, Reading], Any] | None":
        """A fast path for a rule that remembers something at every reading (a rate of change) while nothing is up.

        ``glance(memory, reading)`` gives the memory from now on (the same object: no change), exactly as `judge` would,
        or `SLOW` when only `judge` can tell. None: the rule has no such path. Only for a memory that is not None.
        """

    def judge(self, memory: Any, view: View) -> Verdict | None:
        """Judges the view's reading given what was remembered. None: nothing changes, not even the memory."""

    def tick(self, memory: Any, target: str, now_ms: int, silent_s: float | None, state: str) -> Verdict | None:
        """Time passed. `silent_s`: seconds since the target last spoke (None: never); `state`: its liveness state.

        Only rules about missing data and wall-clock deadlines (an unverified fire pre-alarm) answer here.
        """

    def elapse(self, memory: Any, device: str, until_ms: int) -> Verdict | None:
        """Nothing was said up to `until_ms` by the device's clock: judges the holds that have come to their end.

        Only for what a device has told for good (an event until another one): silence completes no other hold. The
        findings bear the instants at which the holds were complete, so it makes no difference how often, and whether
        before or together with the next reading, this is asked. None: nothing changes.
        """

    @property
    def elapses(self) -> bool:
        """True if `elapse` can ever answer; the engine calls it for no other rule."""

    def settled(self, memory: Any, severity: int | None, at_ms: int) -> Any:
        """`memory` of a rule that ticks or elapses in line with the journal, after a start: time is not replayed.

        `severity`: that of the open alert whose condition has not returned, None if there is none. `at_ms`: now, for a
        rule that ticks (what is remembered of a later instant was told by a clock that has been set back since); for
        others the newest event time known.
        """

    def without_instants(self, memory: Any, at_ms: int) -> Any:
        """`memory` without what hangs on instants of a clock that was set back: rates, holds, counts.

        A level that holds goes on to hold, as of `at_ms` by the new clock. Depends on the memory alone, so that a
        replay does the same.
        """

    @property
    def ticks(self) -> bool:
        """True if `tick` can ever answer; the engine calls it for no other rule."""

    def survey(self, memory: Any, target: str, now_ms: int, offline: int, total: int) -> Verdict | None:
        """Time passed, and `offline` of the `total` devices at the target are offline.

        Only rules whose `info.surveys` is true answer here; they apply to the target's devices of every kind.
        """


class Rulebook(Protocol):
    """All rules in force, compiled for each target with its overrides."""

    @property
    def rules(self) -> dict[str, RuleInfo]:
        """By rule id."""

    @property
    def cards(self) -> dict[str, dict[str, Any]]:
        """Response cards (处置卡) by id: title and steps, zh and en."""

    @property
    def digest(self) -> str:
        """Changes when any rule does."""

    def for_device(self, device: Device, compound_overrides: dict[str, dict[str, Any]]) -> tuple[CompiledRule, ...]:
        """The rules that apply to `device`, compiled with its and its compound's parameters. Cached by content."""
