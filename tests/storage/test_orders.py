"""What a start finds of the orders of before."""

from alerts.orders.book import OrderBook, Settled
from alerts.orders.commands import StepOrder
from domain.orders import Evidence, OrderState, OrderStep
from storage import orders as store
from tests.support.borders import district
from tests.support.ports import START_MS


def closed_as_false(house, order):
    photo = Evidence("p9", "0" * 64, "image/jpeg", 9, "after", "wang", START_MS)
    for actor, step, more in (
        ("wang", OrderStep.ACCEPT, {}), ("wang", OrderStep.ARRIVE, {}),
        ("wang", OrderStep.FALSE_ALARM, {"note": "探头坏了", "evidence": (photo,)}), ("boss", OrderStep.VERIFY, {}),
    ):  # fmt: skip
        found = house.submit(StepOrder(order_id=order.id, actor=actor, step=step, **more)).result()
    assert found.state is OrderState.CLOSED
    return found


def test_the_closed_order_of_an_alert_that_stands_is_at_hand_however_old_it_is(tmp_path, monkeypatch):
    house = district(tmp_path)
    orders = house.database.orders
    order = next(one for one in orders.recent() if one.alerts == ("ac1-fire",))
    closed = closed_as_false(house, order)
    monkeypatch.setattr(store, "CLOSED_ORDERS_KEPT_MAX", 0)
    recent = orders.recent()
    assert recent[0] == closed
    assert all(one.open for one in recent[1:])
    book = OrderBook()
    book.begin(recent, orders.ordered(), "20261123", 12)
    assert book.settled == {"ac1-fire": Settled(order.id, closed.closed_ms, closed.severity)}
    assert "ac1-fire" not in book.unordered
