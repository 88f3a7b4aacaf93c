"""Messages about orders: each has its effect once, in whatever order they come."""

import itertools
from typing import Any

import pytest

from tests.lambdas.order_api.order_world import OrderWorld, cancelled, placed
from tsunagu.runtime.errors import FailedCall


def item(world: OrderWorld, order_id: str = "o-1") -> dict[str, Any]:
    found = world.table.get({"order_id": order_id})
    assert found is not None
    return found


def test_order_is_confirmed_once_however_often_its_message_comes(world: OrderWorld) -> None:
    for _ in range(3):
        assert world.receive_typed(placed("o-1", "m-1"), placed("o-1", "m-2")) == []

    assert item(world)["confirmations"] == 1


def test_cancelling_waits_for_the_order(world: OrderWorld) -> None:
    cancelling = cancelled("o-1", reason="too late")
    assert world.receive_typed(cancelling) == ["m-2"]
    assert world.table.items == {}

    world.receive_typed(placed("o-1"))
    world.pass_lease()

    assert world.receive_typed(cancelling) == []
    assert (item(world)["cancelled_because"], item(world)["confirmations"]) == ("too late", 1)


def test_cancelling_of_an_order_that_never_comes_is_dead_lettered(world: OrderWorld) -> None:
    while world.receive_typed(cancelled("o-1")):
        world.clock.ms += 1_000_000

    (reason,) = world.reasons()
    assert reason.endswith("an order must be placed before it is cancelled, got no such order")


@pytest.mark.parametrize("turns", [*itertools.permutations(["confirm", "cancel", "confirm again"])])
def test_status_does_not_depend_on_the_order_of_messages(world: OrderWorld, turns: tuple[str, ...]) -> None:
    world.table.put({"order_id": "o-1", "customer": "c", "lines": [], "currency": "EUR", "placed_at": 1})
    for turn in turns:
        if turn.startswith("confirm"):
            world.receive_typed(placed("o-1"))
        else:
            world.receive_typed(cancelled("o-1"))

    assert world.orders.find("o-1").status == "cancelled"
    assert item(world)["placed_at"] == 1


def test_table_that_does_not_answer_is_no_attempt(world: OrderWorld) -> None:
    world.receive_typed(placed("o-1"))
    world.table.fault = FailedCall("dynamodb:GetItem", "orders", "ThrottlingException")

    for _ in range(20):
        assert world.receive_typed(cancelled("o-1")) == ["m-2"]
        world.clock.ms += 1_000_000
    world.table.fault = None

    assert world.receive_typed(cancelled("o-1")) == []
    assert world.reasons() == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"currency": "XXX"}, "currency must be one of ['EUR', 'USD'], got 'XXX'"),
        ({"customer": "a b"}, "customer must be 1 to 64 letters, digits and hyphens, got 'a b'"),
        ({"lines": []}, "an order must have 1 to 50 lines, got 0"),
        ({"lines": [{"sku": "tea", "quantity": 0, "price": 1}]}, "quantity must be between 1 and 1,000, got 0"),
        ({"lines": [{"sku": "tea", "quantity": 1, "price": -1}]}, "price must be between 0 and 10^9 minor units"),
    ],
)
def test_message_that_breaks_its_contract_is_dead_lettered(
    world: OrderWorld, fields: dict[str, Any], expected: str
) -> None:
    assert world.receive_typed(placed("o-1", **fields)) == []

    (reason,) = world.reasons()
    assert expected in reason
    assert world.table.items == {}


def test_reason_of_a_cancelling_is_bounded(world: OrderWorld) -> None:
    world.receive_typed(placed("o-1"))

    assert world.receive_typed(cancelled("o-1", reason="x" * 201)) == []
    assert world.reasons() == ["reason must have 1 to 200 characters, got 201"]
