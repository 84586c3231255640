"""Accounts: who there is, what each may do and where, and how each is reached. Every change is journalled.

An account that is bound to an organisation, places or kinds gives no more than it has: it makes and changes only
accounts bound as narrowly, with rights that it has itself.
"""

import secrets
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from alerts.events import PersonChanged
from alerts.inputs import Record
from alerts.times import local_date
from api.auth import Principal, Signed, address_of, needing
from api.context import Api, Context
from api.encode import Json
from api.narrow import Hidden
from api.people_schemas import PasswordBody, PersonBody, PersonPage, WirePerson
from api.schemas import NAME_PATTERN, Problem
from domain.access import Right, rights_of, scope_of
from domain.errors import Conflict, Forbidden, Invalid, NotFound
from domain.limits import ID_CHARS_MAX
from domain.people import Person
from domain.places import Name

__all__ = ["router"]

router = APIRouter(prefix="/people", tags=["people"])

PASSWORD_BYTES: Final = 12
Admin = Annotated[Principal, needing(Right.PEOPLE)]
PersonPath = Annotated[str, Path(min_length=1, max_length=ID_CHARS_MAX, pattern=NAME_PATTERN)]
MISSING: Final[dict[int | str, dict[str, Any]]] = {404: {"model": Problem, "description": "No such account."}}


@router.get("", response_model=PersonPage, operation_id="listPeople")
def list_people(api: Context, who: Admin) -> Response:
    """All accounts within reach of the caller, in order of name."""
    items = [_wire(one) for one in api.ports.users.people() if _within(api, who, one)]
    return Json({"items": items, "cursor": None})


@router.get("/{person}", response_model=WirePerson, operation_id="getPerson", responses=MISSING)
def get_person(api: Context, who: Admin, person: PersonPath) -> Response:
    """One account."""
    return Json(_wire(_found(api, who, person)))


@router.put("/{person}", response_model=WirePerson, operation_id="putPerson", responses=MISSING)
async def put_person(api: Context, who: Admin, person: PersonPath, body: PersonBody) -> Response:
    """Makes an account, or replaces what is known of one; its sessions end, its tokens stay.

    A new one gets a random password, which is in this answer and nowhere else.
    """
    wanted = _of(person, body)
    _check_names(api, wanted)
    password = await run_in_threadpool(_save, api, who, wanted)
    await _note(api, who, wanted, "changed" if password is None else "made")
    return Json(_wire(wanted) | {"password": password}, 200 if password is None else 201)


@router.post("/{person}/password", response_model=WirePerson, operation_id="renewPassword", responses=MISSING)
async def renew_password(api: Context, who: Admin, person: PersonPath) -> Response:
    """Gives an account a new random password, which is in this answer and nowhere else. Its sessions end."""
    known = await run_in_threadpool(_found, api, who, person)
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    await run_in_threadpool(api.ports.users.save, known, password, api.ports.clock_ms())
    await _note(api, who, known, "password")
    return Json(_wire(known) | {"password": password})


@router.delete("/{person}", status_code=204, operation_id="removePerson", response_class=Response, responses=MISSING)
async def remove_person(api: Context, who: Admin, person: PersonPath) -> Response:
    """Ends an account: its sessions, tokens and rights. What it did stays attributed."""
    known = await run_in_threadpool(_found, api, who, person)
    if known.id == who.name:
        raise Conflict("person.self", "nobody removes the account it works with")
    await run_in_threadpool(api.ports.users.remove, person)
    await _note(api, who, known, "removed")
    return Response(status_code=204)


own = APIRouter(prefix="/session", tags=["session"])


@own.put("/password", status_code=204, operation_id="changeOwnPassword", response_class=Response)
async def change_own_password(api: Context, request: Request, who: Signed, body: PasswordBody) -> Response:
    """A new password of one's own, confirmed by the old one. All sessions end, this one too."""
    if await api.door.confirm(who.name, body.old, None, address_of(request)) is None:
        raise Forbidden("password.wrong", "the old password is wrong")
    await run_in_threadpool(api.ports.users.save, who.person, body.new, api.ports.clock_ms())
    await _note(api, who, who.person, "password")
    return Response(status_code=204)


def _save(api: Api, who: Principal, wanted: Person) -> str | None:
    """Stores the account. Returns the password of a new one."""
    known = api.ports.users.person(wanted.id)
    if known is not None:
        _check_within(api, who, known)
    if not _within(api, who, wanted):
        raise Forbidden("person.more_than_own", "nobody gives rights or places that it does not have itself")
    password = secrets.token_urlsafe(PASSWORD_BYTES) if known is None else None
    api.ports.users.save(wanted, password, api.ports.clock_ms())
    return password


def _of(person: str, body: PersonBody) -> Person:
    return Person(
        id=person, name=Name(body.name.zh, body.name.en), roles=tuple(body.roles), organisation=body.organisation,
        places=tuple(body.places), kinds=tuple(body.kinds), contacts=dict(body.contacts), language=body.language,
        phone=body.phone, active=body.active,
    )  # fmt: skip


def _check_names(api: Api, wanted: Person) -> None:
    registry = api.ports.registry()
    for place in wanted.places:
        if place not in registry.places:
            raise Invalid("place.unknown", f"there is no place {place!r}", place=place)
    if wanted.organisation is not None and wanted.organisation not in registry.organisations:
        raise Invalid("organisation.unknown", f"there is no organisation {wanted.organisation!r}")


def _within(api: Api, who: Principal, other: Person) -> bool:
    """True if `other` may do nothing that `who` may not do."""
    mine = who.person
    if mine.organisation is None and not mine.places and not mine.kinds:
        return True  # bound to nothing, it manages all accounts there are
    whole = api.views.whole
    scope = scope_of(other, whole.registry(), local_date(whole.clock_ms()))
    return who.scope.covers(scope) and rights_of(other.roles) <= who.rights


def _check_within(api: Api, who: Principal, other: Person) -> None:
    if not _within(api, who, other):
        raise Hidden("person.unknown", f"there is no account {other.id!r}", person=other.id)


def _found(api: Api, who: Principal, person: str) -> Person:
    known = api.ports.users.person(person)
    if known is None:
        raise NotFound("person.unknown", f"there is no account {person!r}", person=person)
    _check_within(api, who, known)
    return known


async def _note(
    api: Api, who: Principal, person: Person, what: Literal["made", "changed", "password", "removed"]
) -> None:
    event = PersonChanged(
        person.id, what, list(person.roles), person.organisation, list(person.places), list(person.kinds), person.active
    )
    await api.submit(Record(event, who.name))


def _wire(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": {"zh": person.name.zh, "en": person.name.en},
        "roles": list(person.roles),
        "rights": sorted(rights_of(person.roles)),
        "organisation": person.organisation,
        "places": list(person.places),
        "kinds": list(person.kinds),
        "contacts": person.contacts,
        "language": person.language,
        "phone": person.phone,
        "active": person.active,
    }
