"""Nobody ever sees or changes anything outside its scope, over every route of the contract (domain.md §5.6)."""

import asyncio
import json

import httpx
import hypothesis
import hypothesis.strategies as st
import pytest

from api.app import OPEN_ROUTES, create_app
from domain.access import ROLES, Right
from domain.orders import OrderStep
from domain.people import Person
from tests.support.borders import COMPOUNDS, HANDS, KINDS, district
from tests.support.ports import PASSWORD, START_MS

RIGHT = {
    "listDeadLetters": Right.SERVICE, "listJournal": Right.JOURNAL, "metrics": Right.SERVICE,
    "acknowledgeAlert": Right.ALERT_ACK, "shelveAlert": Right.ALERT_SHELVE, "unshelveAlert": Right.ALERT_SHELVE,
    "resolveAlert": Right.ALERT_RESOLVE, "noteOnAlert": Right.ALERT_NOTE,
    "declareMaintenance": Right.MAINTENANCE, "endMaintenance": Right.MAINTENANCE,
    "injectIncident": Right.SIMULATE, "playScenario": Right.SIMULATE, "stopRun": Right.SIMULATE,
    "openOrder": Right.ORDER_OPEN, "attachEvidence": Right.ORDER_WORK,
    "listPeople": Right.PEOPLE, "getPerson": Right.PEOPLE, "putPerson": Right.PEOPLE, "renewPassword": Right.PEOPLE,
    "removePerson": Right.PEOPLE,
}  # fmt: skip
"""Operation → the right it takes, written down a second time; all others take the right to look."""
OWN = {"whoAmI", "signOut", "createToken", "changeOwnPassword"}
"""About the caller's own account only."""
STEPS = {
    "accept": Right.ORDER_WORK, "arrive": Right.ORDER_WORK, "submit": Right.ORDER_WORK, "note": Right.ALERT_NOTE,
    "dispatch": Right.ORDER_DISPATCH, "transfer": Right.ORDER_DISPATCH, "verify": Right.ORDER_VERIFY,
    "suspend": Right.ORDER_APPROVE, "urge": Right.ORDER_SUPERVISE, "supervise": Right.ORDER_SUPERVISE,
}  # fmt: skip
LATER = "2025-11-22T18:00:00+08:00"
BODIES = {
    "acknowledgeAlert": {}, "unshelveAlert": {}, "noteOnAlert": {"note": "x"}, "endMaintenance": {},
    "shelveAlert": {"until": LATER, "reason": "x"}, "resolveAlert": {"reason": "test"},
    "injectIncident": {"incident": "smoke"}, "playScenario": {"scenario": "drill"}, "stopRun": None,
    "stepOrder": {"note": "x", "reason": "x", "organisation": "bureau", "leader": "x", "until": LATER},
    "renewPassword": None, "putPerson": {"roles": ["viewer"], "places": ["c4"]},
}  # fmt: skip
MAKES = {
    "declareMaintenance": lambda compound, kind: {
        "target": f"{compound}-{kind}", "from": "2025-11-22T15:00:00+08:00", "until": LATER, "reason": "x"
    },
    "openOrder": lambda compound, kind: {
        "severity": 4, "place": f"{compound}-b1", "compound": compound, "subject": "x", "kind": kind
    },
}  # fmt: skip
"""Operations that make a new thing somewhere."""
SINGLE = ("{rule}", "{run}", "{person}")

people = st.builds(
    Person,
    id=st.just("somebody"),
    roles=st.lists(st.sampled_from(sorted(ROLES)), min_size=1, max_size=2, unique=True).map(tuple),
    organisation=st.none() | st.sampled_from(sorted([*HANDS, "nowhere"])),
    places=st.lists(st.sampled_from(["d1", "s1", "s2", *COMPOUNDS, "unknown"]), max_size=2, unique=True).map(tuple),
    kinds=st.lists(st.sampled_from(KINDS), max_size=2, unique=True).map(tuple),
    active=st.sampled_from([True, True, True, False]),
)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    house = district(tmp_path_factory.mktemp("scope"))
    yield house
    house.close()


def expected(person):
    """Compounds and kinds that `person` has to do with, from the tables of this test alone."""
    at_large = {"gov_service_dispatcher", "supervisor", "platform_admin", "auditor", "admin", "operator", "viewer",
                "display"}  # fmt: skip
    nothing = set(), set(KINDS)
    if person.organisation is not None:
        if person.organisation not in HANDS:
            return nothing
        compounds, kinds = HANDS[person.organisation]
        compounds, kinds = set(compounds), set(kinds or KINDS)
    elif person.places or at_large & set(person.roles):
        compounds, kinds = set(COMPOUNDS), set(KINDS)
    else:
        return nothing
    if person.places:
        below = {c for c, s in COMPOUNDS.items() if {c, s, "d1"} & set(person.places)}
        compounds &= below
    if person.kinds:
        kinds &= set(person.kinds)
    return compounds, kinds


def hidden_words(person):
    """Texts that may be in no answer to `person`."""
    compounds, kinds = expected(person)
    words = set()
    for compound in COMPOUNDS:
        if compound not in compounds:
            words |= {f"{compound}x", f"{compound}-b1", f"{compound}-gw"}
        for kind in KINDS:
            # An order was given to the firm of its compound, or to the street where there is none.
            if compound not in compounds or kind not in kinds:
                words.add(f"{compound}-{kind}")
    mine = {"f1": {"c1"}, "f2": {"c2", "c3"}, "street2": {"c4"}}.get(person.organisation, set())
    mine = set() if person.places or person.kinds else mine
    orders = {f"{compound}-{kind}" for compound in mine for kind in KINDS}
    return words, orders


def rights(person):
    return frozenset().union(*(ROLES[role] for role in person.roles))


def ids(house):
    made = [one for one in house.database.orders.recent() if one.subject.startswith("题")]  # others came from writing
    orders = {f"{one.compound}-{one.kind}": one.id for one in made}
    return orders, [f"{c}-{k}" for c in COMPOUNDS for k in KINDS]


def requests(openapi, house):
    """(operation, method, url, body, what it is about or None) for every route and everything it could be about."""
    orders, things = ids(house)
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            name = operation["operationId"]
            if (method.upper(), path) in OPEN_ROUTES or name in OWN | {"getStream"}:
                continue
            many = name in MAKES or ("{" in path and not any(one in path for one in SINGLE))
            about = things if many else [None]
            for number, one in enumerate(about):
                step = sorted(STEPS)[number % len(STEPS)]
                fill = {"rule": "EB-03", "run": "r1", "person": "boss", "device": one, "alert": f"a{one}",
                        "window": f"w-{one}", "order": orders.get(one), "step": step, "photo": "p1"}  # fmt: skip
                operation_and_step = f"{name}:{step}" if "{step}" in path else name
                body = MAKES[name](*one.split("-")) if name in MAKES else BODIES.get(name)
                yield operation_and_step, method, path.format(**fill), body, one


def state(house):
    """All that somebody could change: of every thing, and of the accounts."""
    journal = house.database.journal
    alerts = {one.device: one.rev for one in house.state.alerts.values()}
    orders = [(one.id, one.rev, f"{one.compound}-{one.kind}") for one in house.database.orders.recent()]
    windows = sorted(one.window for one in journal.maintenance())
    return alerts, orders, windows, [one for one in house.database.users.people() if one.id != "somebody"]


def changed(before, after):
    """Names of things that differ between two states, with ``people`` for accounts."""
    found = {name for name, rev in after[0].items() if before[0].get(name) != rev}
    found |= {name for _, _, name in set(after[1]) ^ set(before[1])}
    found |= {w.removeprefix("w-") if w.startswith("w-") else "window" for w in set(after[2]) ^ set(before[2])}
    return found | ({"people"} if before[3] != after[3] else set())


class Caller:
    """Speaks for one person; keeps count of what it was answered."""

    def __init__(self, house, person):
        self.house, self.person = house, person
        house.clock.advance(61)  # what the one before was refused is not held against this one
        house.database.users.save(person, PASSWORD, START_MS)
        token = house.database.users.create_token(person.id, "x", START_MS)
        transport = httpx.ASGITransport(create_app(house.ports()), raise_app_exceptions=False)
        self.client = httpx.AsyncClient(
            transport=transport, base_url="http://anju.test", headers={"Authorization": f"Bearer {token}"}
        )

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.client.aclose()
        self.house.database.users.remove(self.person.id)

    async def ask(self, method, url, body):
        self.house.clock.advance(3)  # refusals come slowly enough to be answered, each, with the reason
        return await self.client.request(method, url, json=body)


async def reads(house, openapi, person):
    words, given = hidden_words(person)
    async with Caller(house, person) as caller:
        for name, method, url, body, about in requests(openapi, house):
            if method != "get":
                continue
            answer = await caller.ask(method, url, body)
            told = answer.text if answer.status_code == 200 else answer.text.replace(str(about), "")
            where = f"{name} {url} for {person}"
            if not person.active:
                assert answer.status_code == 401, where
                continue
            if RIGHT.get(name, Right.LOOK) not in rights(person):
                assert answer.status_code == 403, where
                continue
            about_order = name in {"getOrder", "journalOfOrder", "getEvidence", "listOrders", "listJournal"}
            leaks = {word for word in words if word in told}
            if about_order:  # an order that was given to one's own organisation names where to go
                leaks -= {word for one in given for word in (one, f"{one[:2]}x", f"{one[:2]}-b1")}
            assert not leaks, f"{where} told {leaks}"
            if about in words and not (about_order and about in given):
                assert answer.status_code == 404, where
            elif about is not None:
                assert answer.status_code == 200, (where, answer.text)


async def writes(house, openapi, person):
    words, given = hidden_words(person)
    async with Caller(house, person) as caller:
        for operation, method, url, body, about in requests(openapi, house):
            if method == "get":
                continue
            name, _, step = operation.partition(":")
            right = STEPS[step] if step else RIGHT[name]
            before, lines = state(house), house.database.journal.seq
            answer = await caller.ask(method, url, body)
            where = f"{operation} {url} for {person}: {answer.status_code} {answer.text[:200]}"
            moved = changed(before, state(house))
            if not person.active:
                assert answer.status_code == 401, where
            elif right not in rights(person):
                assert answer.status_code == 403, where
            elif about in words and not ((step or name == "attachEvidence") and about in given):
                assert answer.status_code in {403, 404}, where
            else:
                continue  # it may: what comes of it is for other tests
            assert not moved, (where, moved)
            if person.active:
                new = house.database.journal.rows(after=lines)
                assert [(row.kind, row.actor) for row in new] == [("access.refused", person.id)], where


def run(house, check, person):
    openapi = create_app(house.ports()).openapi()
    asyncio.run(check(house, openapi, person))


KNOWN = [
    Person("somebody", roles=("property_manager",), organisation="f1"),
    Person("somebody", roles=("property_manager",), organisation="f9"),
    Person("somebody", roles=("maint_engineer",), organisation="lifts"),
    Person("somebody", roles=("street_officer",), organisation="street1"),
    Person("somebody", roles=("operator",), places=("s2",)),
    Person("somebody", roles=("admin",), places=("c1",), kinds=("fire",)),
    Person("somebody", roles=("viewer",)),
    Person("somebody", roles=("display",), kinds=("ebike",)),
    Person("somebody", roles=("micro_fire_leader",)),
]


@pytest.mark.parametrize("person", KNOWN, ids=lambda one: f"{one.roles[0]}-{one.organisation or one.places or 'bare'}")
@pytest.mark.parametrize("check", [reads, writes])
def test_known_kinds_of_people_keep_within_their_borders(house, check, person):
    run(house, check, person)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("check", [reads, writes])
def test_no_role_ever_sees_or_changes_anything_outside_its_scope(house, check):
    @hypothesis.seed(20261123)
    @hypothesis.settings(
        max_examples=12,
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate],  # one example asks hundreds of times: shrinking it would take hours
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(person=people)
    def holds(person):
        run(house, check, person)

    holds()


def test_every_step_that_people_let_an_order_take_needs_a_right_that_some_role_has():
    from domain.access import STEP_RIGHTS

    assert {step.value: STEP_RIGHTS[step] for step in map(OrderStep, STEPS)} == STEPS
    assert all(any(right in has for has in ROLES.values()) for right in STEP_RIGHTS.values())


def test_every_operation_of_the_contract_is_covered(house):
    openapi = create_app(house.ports()).openapi()
    seen = {operation.partition(":")[0] for operation, *_ in requests(openapi, house)}
    every = {
        operation["operationId"]
        for path, operations in openapi["paths"].items()
        for method, operation in operations.items()
        if (method.upper(), path) not in OPEN_ROUTES
    }
    assert every - seen == OWN | {"getStream"}
    assert json.dumps(sorted(seen))
