import json
from collections import Counter

import pytest

from cdk_app.demo.web_orders import MESSAGE_FLAWS, REQUEST_FLAWS, PlannedOrder, Way, WebShape, plan_orders, valid_orders
from lambdas.contracts.order_api import ORDER_PLACED, OrderPlaced

SHAPE = WebShape(requests=20, messages=40, copied_share=0.1, invalid_share=0.2, cancelled=2)

orders = plan_orders(1, "load", SHAPE)


def test_the_same_seed_gives_the_same_orders_and_another_seed_gives_others() -> None:
    assert plan_orders(1, "load", SHAPE) == orders
    assert plan_orders(2, "load", SHAPE) != orders


@pytest.mark.parametrize(("way", "count", "flaws"), [("http", 20, REQUEST_FLAWS), ("queue", 40, MESSAGE_FLAWS)])
def test_there_are_as_many_of_each_kind_as_asked_for(way: Way, count: int, flaws: dict[str, object]) -> None:
    sent = [order for order in orders if order.way == way]
    valid = valid_orders(sent)

    assert (len(valid), len(sent) - len(valid)) == (count, count // 5)
    assert Counter(order.copies for order in valid) == {1: count - count // 10, 2: count // 10}
    assert Counter(order.cancelled for order in valid) == {None: count - 2, "http": 1, "queue": 1}
    assert {order.flaw for order in sent} == {None, *list(flaws)[: count // 5]}


def test_both_ways_are_mixed() -> None:
    assert {order.way for order in orders[:10]} == {order.way for order in orders[-10:]} == {"http", "queue"}


def test_each_order_has_a_name_a_key_and_a_body_of_its_own() -> None:
    for values in ([order.name for order in orders], [order.key for order in orders], [order.body for order in orders]):
        assert len(set(values)) == len(orders)


def test_valid_messages_are_what_the_service_reads_and_invalid_ones_are_not() -> None:
    for order in orders:
        if order.way == "queue":
            assert _is_read(order) == (order.flaw is None), order


def _is_read(order: PlannedOrder) -> bool:
    if order.message_type != ORDER_PLACED:
        return False
    try:
        placed = OrderPlaced(**json.loads(order.body))
    except (TypeError, ValueError):
        return False
    return (placed.order_id, placed.customer) == (order.key, order.name)
