"""Which alert came first makes no difference to which of them rings."""

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.inputs import Tick
from domain.kinds import GatewayValues
from domain.readings import StateReport
from tests.support.rulebook import T0, Bell, Book, Silent, batch, gateway, info, port, reading, registry
from tests.support.station import LittleStation

NAMES = ("g1", "p1", "p2", "p3")


def house():
    devices = [gateway("g1"), port("p1", gateway="g1"), port("p2", gateway="g1"), port("p3")]
    rules = [
        Silent(info("EB-14", symptom_of=("FC-18",))),
        Silent(info("FC-18", kind="gateway", signal=None)),
        Bell(info("EB-06", life_safety=True, symptom_of=("FC-18",))),
    ]
    found = LittleStation(registry(*devices), Book(*rules))
    said = [reading(name, T0, power=1.0) for name in NAMES[1:]]
    found.take(batch(*said, reading("g1", T0, values=GatewayValues(uptime_s=1.0))))
    found.take(Tick(), T0)
    return found


@settings(deadline=None)
@given(st.permutations(NAMES), st.lists(st.booleans(), min_size=4, max_size=4), st.integers(0, 3))
def test_order_of_source_and_symptoms_does_not_matter(order, ticks, fire_at):
    station = house()
    for number, name in enumerate(order):
        at = T0 + 1 + number
        station.take(batch(states=(StateReport(name, online=False, ts_ms=at, received_ms=at),)))
        if number == fire_at:
            station.take(batch(reading("p2", at, event="smoke")))
            station.take(batch(states=(StateReport("p2", online=False, ts_ms=at, received_ms=at),)))
        if ticks[number]:
            station.take(Tick(), at)
    station.take(Tick(), T0 + 10)
    (source,) = (alert for alert in station.of("FC-18") if alert.open)
    found = {
        alert.target: ([reason.ref for reason in alert.suppressed], alert.cause)
        for alert in station.of("EB-14")
        if alert.open
    }
    assert found == {"p1": ([source.id], source.id), "p2": ([source.id], source.id), "p3": ([], None)}
    assert all(alert.suppressed == [] for alert in station.of("EB-06"))
    assert len(station.of("EB-06")) == 1
