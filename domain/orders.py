"""The work order (工单): one accountable organisation, a handler, clocks, and what was done (domain.md §5.1–5.3)."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

__all__ = [
    "CHAIN", "LIMITS", "URGE_AT", "Allowed", "Clock", "Evidence", "OrderState", "OrderStep", "Rung", "Suspension",
    "WorkOrder",
]  # fmt: skip

_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR


class OrderState(StrEnum):
    """Where an order has got to. Being returned, suspended, supervised or escalated is said beside it."""

    CREATED = "created"
    """待派: nobody has it."""
    DISPATCHED = "dispatched"
    """已派: an organisation, perhaps a person, has been told to come."""
    ACCEPTED = "accepted"
    """已接单."""
    ARRIVED = "arrived"
    """已到场."""
    HANDLING = "handling"
    """处置中."""
    SUBMITTED = "submitted"
    """待审核: the handler says it is done; somebody else looks."""
    VERIFIED = "verified"
    """核查通过."""
    CLOSED = "closed"
    """销号: off the ledger."""


class OrderStep(StrEnum):
    """What can happen to an order."""

    OPEN = "open"
    DISPATCH = "dispatch"
    ACCEPT = "accept"
    ARRIVE = "arrive"
    HANDLE = "handle"
    SUBMIT = "submit"
    FALSE_ALARM = "false_alarm"
    """误报: there was nothing; needs evidence, and somebody else's look like any other end."""
    VERIFY = "verify"
    REJECT = "reject"
    """Looked at and not good: back to the handler."""
    CLOSE = "close"
    RETURN = "return"
    """退单, with a reason, at most `Allowed.returns` times."""
    TRANSFER = "transfer"
    """转派 to another organisation; who had it first still leads (首接负责制)."""
    ASK_SUSPENSION = "ask_suspension"
    SUSPEND = "suspend"
    """挂起, approved."""
    RESUME = "resume"
    REOPEN = "reopen"
    URGE = "urge"
    """催办."""
    BREACH = "breach"
    """A clock has run out."""
    ESCALATE = "escalate"
    SUPERVISE = "supervise"
    """督办: a named leader and a due date of its own."""
    WORSEN = "worsen"
    """One of its alerts has become graver: so has it, and its clocks with it."""
    JOIN = "join"
    """A further alert belongs to it."""
    RECOVER = "recover"
    """The signal is back to normal: the order stays, somebody still has to look."""
    REFUSED_ADVICE = "refused_advice"
    """劝阻无效: dissuasion failed; the competent department is told."""
    CALL_BACK = "call_back"
    """回访 of who reported it."""
    ATTACH = "attach"
    NOTE = "note"


class Clock(Struct, frozen=True, gc=False):
    """One deadline."""

    name: str
    """``accept``, ``arrive``, ``handle``, ``close``; ``supervise`` or ``call_back`` where there is one."""
    from_ms: int
    due_ms: int
    """Moves on with each pause."""
    done_ms: int | None = None
    breached_ms: int | None = None
    """When it was seen to have run out undone."""
    urges: int = 0
    """Marks of `URGE_AT` that are behind."""


class Suspension(Struct, frozen=True, gc=False):
    """A time in which clocks stand still, with who asked and who allowed it."""

    reason: str
    until_ms: int
    asked_by: str
    asked_ms: int
    approved_by: str | None = None
    from_ms: int | None = None
    """Since when clocks have stood still; None while it is only asked for."""


class Evidence(Struct, frozen=True, gc=False):
    """A photo or document kept with an order."""

    id: str
    digest: str
    """SHA-256 of the bytes kept, in hexadecimal."""
    media_type: str
    size: int
    """In bytes."""
    phase: str
    """``before``, ``after`` or ``other``."""
    by: str
    at_ms: int


class WorkOrder(Struct, frozen=True):
    """An order as it stands. Replaced on change, never changed in place. Times are epoch ms."""

    id: str
    no: str
    """Number for people: ``GD-20261123-0007``."""
    state: OrderState
    rev: int
    severity: int
    kind: str
    """Device kind it is about; empty for a hotline case about something else."""
    compound: str
    place: str
    subject: str
    """Rule id of its first alert, or the words of whoever opened it by hand."""
    source: str
    """``alert``, ``hotline`` or ``hand``."""
    created_ms: int
    changed_ms: int
    life_safety: bool = False
    drill: bool = False
    alerts: tuple[str, ...] = ()
    """Ids of its alerts, in order of joining. An order outlives them."""
    device: str | None = None
    organisation: str | None = None
    """Who is to come now."""
    lead: str | None = None
    """Who had it first, and leads to the end (首接负责制)."""
    handler: str | None = None
    """The person who has accepted it, or whom it was given to."""
    clocks: tuple[Clock, ...] = ()
    level: int = 1
    """1 property firm · 2 street and community · 3 competent department · 4 district duty."""
    level_ms: int = 0
    """Since when it has been there."""
    phone: bool = False
    """True once nobody in the chain is left to tell: a person must telephone."""
    returns: int = 0
    restarts: int = 0
    """How often the time to accept began anew, because somebody else was to come."""
    reopened: int = 0
    worked_by: tuple[str, ...] = ()
    """Everybody who has taken a step of the work: none of them verifies it."""
    suspension: Suspension | None = None
    suspended_ms: int = 0
    """Time for which clocks have stood still so far."""
    supervised_by: str | None = None
    supervised_due_ms: int | None = None
    submitted_by: str | None = None
    verified_by: str | None = None
    false_alarm: bool = False
    refused_advice: bool = False
    recovered_ms: int | None = None
    evidence: tuple[Evidence, ...] = ()
    evidence_from_ms: int = 0
    """Since when evidence counts: what was there before did not do when the order was rejected or reopened."""
    reporter: str = ""
    """Reference to whoever called the hotline: a digest, never a name or number."""
    call_back_due_ms: int | None = None
    called_back_ms: int | None = None
    closed_ms: int | None = None
    close_reason: str | None = None
    """``done`` or ``false_alarm``."""
    notes: int = 0

    @property
    def open(self) -> bool:
        """True until it is closed."""
        return self.state is not OrderState.CLOSED

    @property
    def standing(self) -> bool:
        """True while clocks stand still."""
        return self.suspension is not None and self.suspension.from_ms is not None

    def clock(self, name: str) -> Clock | None:
        """The clock of that name."""
        return next((one for one in self.clocks if one.name == name), None)


class Allowed(Struct, frozen=True):
    """What a severity allows."""

    dispatch_ms: int | None
    """From the alert's ringing to the order's dispatch; None: only by hand."""
    clocks: dict[str, int]
    """Clock → milliseconds, from the first dispatch; ``accept`` from each."""
    working: bool = False
    """Counted in working time only."""
    arrive_maintenance_ms: int | None = None
    """For maintenance units, which come from farther away (TSG T5002: 30 minutes)."""
    verify_by_other: bool = False
    """销号 needs a verifier who is not the handler, and evidence."""
    must_arrive: bool = False
    """Handling begins on site only."""


LIMITS: Final[dict[int, Allowed]] = {
    1: Allowed(
        10_000, {"accept": 3 * _MINUTE, "arrive": 10 * _MINUTE, "handle": _HOUR, "close": _DAY},
        arrive_maintenance_ms=30 * _MINUTE, verify_by_other=True, must_arrive=True,
    ),
    2: Allowed(
        30_000, {"accept": 10 * _MINUTE, "arrive": _HOUR, "handle": 4 * _HOUR, "close": 3 * _DAY},
        verify_by_other=True, must_arrive=True,
    ),
    3: Allowed(
        5 * _MINUTE, {"accept": _HOUR, "arrive": 4 * _HOUR, "handle": _DAY, "close": 7 * _DAY}, working=True,
    ),
    4: Allowed(None, {"accept": 2 * _DAY, "handle": 15 * _DAY, "close": 30 * _DAY}, working=True),
}  # fmt: skip
"""Severity → its clocks (domain.md §5.3). Working time makes a day of 24 hours mean: the same time of day, so many
working days later."""

URGE_AT: Final[dict[int, tuple[float, ...]]] = {1: (0.5, 0.8), 2: (0.8,), 3: (0.8,), 4: (1.0,)}
"""Severity → shares of each clock at which is urged (催办)."""


class Rung(Struct, frozen=True, gc=False):
    """When an order climbs to the next level."""

    breach: str | None = None
    """A clock that ran out, or one after it."""
    after_ms: int | None = None
    """So long on its level without the thing it waits for."""
    unless: OrderState | None = None
    """With `after_ms`: not once it has got so far."""


CHAIN: Final[dict[int, tuple[tuple[Rung, ...], ...]]] = {
    1: (
        (Rung(breach="accept"),),
        (Rung(breach="arrive"), Rung(after_ms=15 * _MINUTE, unless=OrderState.ACCEPTED)),
        (Rung(breach="handle"), Rung(after_ms=_HOUR, unless=OrderState.SUBMITTED)),
    ),
    2: (
        (Rung(breach="accept"),),
        (Rung(breach="handle"),),
        (Rung(after_ms=_DAY, unless=OrderState.SUBMITTED),),
    ),
    3: (
        (Rung(breach="close"),),
        (Rung(after_ms=2 * _DAY, unless=OrderState.SUBMITTED),),
        (Rung(after_ms=2 * _DAY, unless=OrderState.SUBMITTED),),
    ),
    4: ((), (), ()),
}  # fmt: skip
"""Severity → what takes an order from level 1 to 2, 2 to 3 and 3 to 4. A clock named here stands for the later ones
too: who accepted in time and does not come is as late as who never accepted."""
