"""People who are told, come, decide or look on: to which organisation they belong and what they are there (§5.6)."""

from msgspec import Struct, field

from domain.places import Name

__all__ = ["Person"]


class Person(Struct, frozen=True):
    """An account. Its name is its id: what it does is journalled under it."""

    id: str
    name: Name = Name("")
    """For people; empty: the id is shown."""
    roles: tuple[str, ...] = ()
    """Keys of `domain.access.ROLES`; an unknown one gives no right."""
    organisation: str | None = None
    """Whose member it is. Where its places and kinds are not narrowed, those of the organisation are its own."""
    places: tuple[str, ...] = ()
    """Subtrees of the place tree it is restricted to; empty: all that its organisation answers for."""
    kinds: tuple[str, ...] = ()
    """Device kinds it is restricted to; empty: all that its organisation answers for."""
    contacts: dict[str, str] = field(default_factory=dict)
    """Channel → address there: ``email`` → ``wang@example.org``, ``webhook`` → name of an endpoint …"""
    language: str = "zh"
    """``zh`` or ``en``: of what is sent to it."""
    phone: str = ""
    """For other people to call; never dialled by Anju."""
    active: bool = True
    """False: may not sign in and is told nothing; what it did stays attributed."""
