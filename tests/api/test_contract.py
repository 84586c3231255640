"""Our own contract, turned against us: generated requests must get answers that the contract describes."""

import threading

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from tests.support.ports import START_MS, House

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
EXAMPLES = 8


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("contract"))
    house.database.users.create("wxy", "pw", ["operator"], START_MS)
    alerts = house.raised(5)
    house.closed(alerts[0])
    app = create_app(house.ports())
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    yield schema, house.database.users.create_token("wxy", "contract", START_MS), house
    house.close()


def test_generated_requests_get_answers_the_contract_describes(described):
    schema, token, house = described
    known = {"alert": [f"a{n:012}" for n in range(1, 6)], "device": ["e0001", "lift1"], "rule": ["EB-03"]}
    tried, codes = 0, set()
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path in {"/api/v1/stream", "/api/v1/tokens"}:  # endless; and each call makes a token
            continue

        @hypothesis.seed(20261122)
        @hypothesis.settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE))
        def holds(case):
            for name, ids in known.items():
                if name in (case.path_parameters or {}):  # ids made up at random would only ever meet 404
                    case.path_parameters[name] = [*ids, "unknown"][len(repr(case.body)) % (len(ids) + 1)]
            answer = case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)
            codes.add((case.method, answer.status_code))

        holds()
        tried += 1
    assert tried >= 28
    assert {("POST", 200), ("POST", 404), ("GET", 200), ("GET", 404)} <= codes
    assert house.database.journal.seq > 6, "some commands must have had an effect"


def test_generated_nonsense_is_refused_and_never_a_fault_of_ours(described):
    schema, token, _ = described
    tried, outcomes = 0, []
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path in {"/api/v1/stream", "/api/v1/tokens"}:
            continue
        if not (operation.query or operation.path_parameters or operation.body):
            continue

        @hypothesis.seed(20261122)
        @hypothesis.settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE))
        def holds(case):
            checks = [not_a_server_error, content_type_conformance]
            answer = case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=checks)
            outcomes.append(400 <= answer.status_code < 500)

        holds()
        tried += 1
    assert tried >= 15
    # Not all: a wrong type may be a right word once it stands in an address (`true` is an id).
    assert sum(outcomes) / len(outcomes) > 0.8


def test_the_house_is_whole_after_the_storm(described):
    _, _, house = described
    checked, wrong = house.database.journal.verify()
    assert wrong is None
    assert checked == house.database.journal.seq
    assert threading.active_count() < 60
