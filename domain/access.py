"""Who may do what, where: rights by role, scope by place subtree and device kind (domain.md §1.3, §5.6).

Least privilege: what is not written here is not allowed. Both questions are asked below the routes, of the same
`Scope`, wherever anything is read or changed.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from msgspec import Struct

from domain.orders import OrderStep, WorkOrder
from domain.people import Person
from domain.registry import Registry

__all__ = [
    "AT_LARGE", "CHANGING", "EVERYWHERE", "NOWHERE", "ROLES", "STEP_RIGHTS", "Right", "Scope", "rights_of", "scope_of",
]  # fmt: skip


class Right(StrEnum):
    """One thing that somebody may be allowed to do within its scope."""

    LOOK = "look"
    """See alerts, devices, places, orders and what was done about them."""
    ALERT_ACK = "alert.ack"
    ALERT_NOTE = "alert.note"
    ALERT_SHELVE = "alert.shelve"
    ALERT_RESOLVE = "alert.resolve"
    SECOND = "second"
    """Confirm as the second person what silences life safety."""
    MAINTENANCE = "maintenance"
    """Declare work and drills."""
    SIMULATE = "simulate"
    ORDER_OPEN = "order.open"
    """Make an order by hand, from an alert or a hotline call."""
    ORDER_DISPATCH = "order.dispatch"
    """Give an order to somebody, or to another organisation."""
    ORDER_WORK = "order.work"
    """Accept, arrive, handle, submit, return."""
    ORDER_VERIFY = "order.verify"
    """Check what was submitted, close, reopen."""
    ORDER_APPROVE = "order.approve"
    """Allow that an order waits (挂起)."""
    ORDER_SUPERVISE = "order.supervise"
    """Urge (催办) and supervise (督办) by hand."""
    CUT_OFF = "cut_off"
    """Have a charging port switched off."""
    CREDIT_DRAFT = "credit.draft"
    CREDIT_REVIEW = "credit.review"
    CREDIT_APPEAL = "credit.appeal"
    JOURNAL = "journal"
    """Read the journal of everything, sign-ins and refusals included."""
    SERVICE = "service"
    """Read how the service itself is: refused packets, metrics, policies."""
    PEOPLE = "people"
    """Make and change accounts, tokens, rosters and policies."""


_ALERTS: Final = (Right.LOOK, Right.ALERT_ACK, Right.ALERT_NOTE)
_DESK: Final = (*_ALERTS, Right.ALERT_SHELVE, Right.ALERT_RESOLVE, Right.SECOND, Right.MAINTENANCE)
_ORDERS: Final = (Right.ORDER_OPEN, Right.ORDER_DISPATCH, Right.ORDER_VERIFY)

ROLES: Final[dict[str, frozenset[Right]]] = {
    role: frozenset(rights)
    for role, rights in {
        # --- those of the field, domain.md §5.6 -------------------------------------------------------------------
        "duty_operator": (*_DESK, Right.ORDER_OPEN, Right.ORDER_WORK, Right.CUT_OFF),
        "property_manager": (
            *_DESK, *_ORDERS, Right.ORDER_WORK, Right.ORDER_APPROVE, Right.CUT_OFF, Right.CREDIT_APPEAL,
        ),
        "maint_engineer": (*_ALERTS, Right.ORDER_WORK, Right.MAINTENANCE),
        "micro_fire_leader": (*_ALERTS, Right.ORDER_WORK),
        "community_grid": (*_ALERTS, Right.ORDER_OPEN, Right.ORDER_WORK),
        "street_officer": (
            *_ALERTS, *_ORDERS, Right.SECOND, Right.ORDER_WORK, Right.ORDER_APPROVE, Right.ORDER_SUPERVISE,
            Right.CREDIT_DRAFT, Right.CREDIT_REVIEW,
        ),
        "dept_officer": (*_ALERTS, Right.ORDER_WORK, Right.ORDER_SUPERVISE),
        "housing_center": (
            Right.LOOK, Right.ALERT_NOTE, Right.ORDER_SUPERVISE, Right.CREDIT_DRAFT, Right.CREDIT_REVIEW,
        ),
        "gov_service_dispatcher": (*_ALERTS, *_ORDERS, Right.ORDER_SUPERVISE),
        "supervisor": (Right.LOOK,),
        "platform_admin": (Right.LOOK, Right.PEOPLE, Right.SERVICE, Right.JOURNAL, Right.SIMULATE),
        "auditor": (Right.LOOK, Right.JOURNAL, Right.SERVICE),
        # --- those of a small installation, where one room does everything ------------------------------------------
        "admin": tuple(Right),
        "operator": (
            *_DESK, *_ORDERS, Right.ORDER_WORK, Right.ORDER_APPROVE, Right.SIMULATE, Right.CUT_OFF, Right.JOURNAL,
            Right.SERVICE,
        ),
        "viewer": (Right.LOOK, Right.JOURNAL, Right.SERVICE),
        "display": (Right.LOOK,),
    }.items()
}  # fmt: skip
"""Role → its rights."""

AT_LARGE: Final = frozenset(
    {"gov_service_dispatcher", "supervisor", "platform_admin", "auditor", "admin", "operator", "viewer", "display"}
)
"""Roles that are not bound to a place unless their account is."""

CHANGING: Final = frozenset(Right) - {Right.LOOK, Right.JOURNAL, Right.SERVICE}
"""Rights of which any one makes an account more than one that looks on."""

STEP_RIGHTS: Final[dict[OrderStep, Right]] = {
    **dict.fromkeys((OrderStep.DISPATCH, OrderStep.TRANSFER, OrderStep.CALL_BACK), Right.ORDER_DISPATCH),
    **dict.fromkeys((OrderStep.VERIFY, OrderStep.REJECT, OrderStep.REOPEN), Right.ORDER_VERIFY),
    **dict.fromkeys((OrderStep.URGE, OrderStep.SUPERVISE), Right.ORDER_SUPERVISE),
    OrderStep.SUSPEND: Right.ORDER_APPROVE,
    OrderStep.NOTE: Right.ALERT_NOTE,
    **dict.fromkeys(
        (
            OrderStep.ACCEPT, OrderStep.ARRIVE, OrderStep.HANDLE, OrderStep.SUBMIT, OrderStep.FALSE_ALARM,
            OrderStep.RETURN, OrderStep.ASK_SUSPENSION, OrderStep.RESUME, OrderStep.REFUSED_ADVICE, OrderStep.ATTACH,
        ),
        Right.ORDER_WORK,
    ),
}  # fmt: skip
"""Step of a work order that a person may ask for → the right that it takes."""

_NONE: Final[frozenset[Right]] = frozenset()

_KINDS_OF: Final[dict[str, tuple[str, ...]]] = {
    "maint_elevator": ("elevator",),
    "market_reg": ("elevator",),
    "maint_fire": ("fire",),
    "charge_operator": ("ebike",),
    "micro_fire": ("fire", "ebike"),
    "fire_brigade": ("fire", "ebike", "elevator"),
    "power_co": ("ebike", "fire"),
}
"""Kind of organisation → the device kinds that are its business (domain.md §1.3); others have to do with all."""


class Scope(Struct, frozen=True):
    """Where somebody may look and act: compounds × device kinds."""

    compounds: frozenset[str] | None = None
    """None: all, those of tomorrow included."""
    kinds: frozenset[str] | None = None
    """None: all."""
    organisation: str | None = None
    """Work orders that were given to it are within reach wherever they are; not for who is bound more narrowly."""

    @property
    def everything(self) -> bool:
        """True where nothing is hidden."""
        return self.compounds is None and self.kinds is None

    def holds(self, compound: str, kind: str | None = None) -> bool:
        """True if what is in `compound`, and of `kind` unless None, is within it.

        Gateways are everybody's who has anything to do with the compound: they explain silence.
        """
        return (self.compounds is None or compound in self.compounds) and (
            self.kinds is None or kind is None or kind == "gateway" or kind in self.kinds
        )

    def holds_order(self, order: WorkOrder) -> bool:
        """True if the order is about what is within it, or was given to its organisation."""
        mine = self.organisation is not None and self.organisation in {order.organisation, order.lead}
        return mine or (
            (self.compounds is None or order.compound in self.compounds)
            and (self.kinds is None or order.kind in self.kinds)
        )

    def covers(self, other: "Scope") -> bool:
        """True if nothing is within `other` that is not within this one."""
        return (self.compounds is None or (other.compounds is not None and other.compounds <= self.compounds)) and (
            self.kinds is None or (other.kinds is not None and other.kinds <= self.kinds)
        )


EVERYWHERE: Final = Scope()
NOWHERE: Final = Scope(frozenset(), frozenset())


def rights_of(roles: Iterable[str]) -> frozenset[Right]:
    """All that `roles` allow together."""
    return _NONE.union(*(ROLES.get(role, _NONE) for role in roles))


def scope_of(person: Person, registry: Registry, day: str) -> Scope:
    """Where `person` may look and act on `day` (ISO date): what its organisation answers for, narrowed by its own.

    A firm's are the compounds it has a contract for that day. A street's or community's are those in its territory. An
    organisation of the district has the subtree of its place, or everything where it has none. Somebody without an
    organisation has the places written in its account; without these too only roles of `AT_LARGE` have everything, all
    others nothing. An organisation that is not registered answers for nothing.
    """
    if not person.active:
        return NOWHERE
    compounds: frozenset[str] | None = None
    kinds: frozenset[str] | None = frozenset(person.kinds) or None
    if person.organisation is not None:
        organisation = registry.organisations.get(person.organisation)
        if organisation is None:
            return NOWHERE
        compounds = registry.compounds_of(organisation.id, day)
        own = _KINDS_OF.get(organisation.kind)
        if own is not None:
            kinds = frozenset(own) if kinds is None else kinds & frozenset(own)
    elif not person.places and AT_LARGE.isdisjoint(person.roles):
        return NOWHERE
    if person.places:
        within = registry.compounds_within(person.places)
        compounds = within if compounds is None else compounds & within
    bound = person.places or person.kinds
    return Scope(compounds, kinds, None if bound else person.organisation)
