"""Shapes of requests and answers about accounts; see `api.schemas`."""

from typing import Annotated, Any, Literal

from pydantic import Field

from api.schemas import Answer, Body, Id
from domain.access import ROLES
from domain.kinds import KINDS
from domain.limits import CONTACTS_MAX, LABEL_CHARS_MAX, PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, PERSON_PLACES_MAX

__all__ = ["PasswordBody", "PersonBody", "PersonPage", "WirePerson"]

Role = Annotated[str, Field(pattern=f"^({'|'.join(ROLES)})$")]
Kind = Annotated[str, Field(pattern=f"^({'|'.join(KINDS)})$")]
Label = Annotated[str, Field(max_length=LABEL_CHARS_MAX)]


class NameBody(Body):
    """A name for people."""

    zh: Label = ""
    en: Label = ""


class PersonBody(Body):
    """All that is known of an account besides its password."""

    roles: Annotated[list[Role], Field(max_length=len(ROLES))]
    name: NameBody = NameBody()
    organisation: Id | None = None
    """Whose member it is; its compounds are then those that the organisation answers for."""
    places: Annotated[list[Id], Field(max_length=PERSON_PLACES_MAX, default_factory=list)]
    """Subtrees it is restricted to."""
    kinds: Annotated[list[Kind], Field(max_length=len(KINDS), default_factory=list)]
    """Device kinds it is restricted to."""
    contacts: Annotated[dict[Id, Label], Field(max_length=CONTACTS_MAX, default_factory=dict)]
    """Channel → address there."""
    language: Literal["zh", "en"] = "zh"
    phone: Annotated[str, Field(max_length=40, pattern=r"^[0-9+() -]*$")] = ""
    active: bool = True


class PasswordBody(Body):
    """One's own new password."""

    old: Annotated[str, Field(min_length=1, max_length=PASSWORD_CHARS_MAX, repr=False)]
    new: Annotated[str, Field(min_length=PASSWORD_CHARS_MIN, max_length=PASSWORD_CHARS_MAX, repr=False)]


class WirePerson(Answer):
    """An account. `password` is there only where one has just been made."""

    id: str
    name: dict[str, str]
    roles: list[str]
    rights: list[str]
    organisation: str | None
    places: list[str]
    kinds: list[str]
    contacts: dict[str, Any]
    language: Literal["zh", "en"]
    phone: str
    active: bool
    password: str | None = None


class PersonPage(Answer):
    """All accounts within reach."""

    items: list[WirePerson]
    cursor: str | None
