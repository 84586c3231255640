"""kill -9 at random moments: nothing confirmed is lost, nothing doubled. benchmarks/crash.py does it 100 times."""

import pytest

from tests.support.crash import Load, differences, run_round

LOAD = Load(seed=3, devices=60, turns=60, rate=1_200)


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    """The same load without kills: what must come out."""
    outcome = run_round(tmp_path_factory.mktemp("calm"), LOAD, ())
    assert len(outcome.alerts) > 10, "the load makes too few alerts to prove anything"
    assert len(outcome.confirmed) == LOAD.devices * LOAD.turns
    return outcome


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("kills", [("service",), ("broker",), ("both", "service")], ids="-".join)
def test_kill_9_loses_nothing_and_doubles_nothing(tmp_path, calm, kills):
    outcome = run_round(tmp_path / "-".join(kills), LOAD, kills)
    assert differences(calm, outcome) == [], outcome.kills
