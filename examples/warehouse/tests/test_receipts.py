"""The function that books deliveries, with the real runtime and with fakes in the place of AWS."""

import pytest
from tsunagu.testing import HandlerWorld

from lambdas.contracts.environment import WarehouseEnvironment
from lambdas.receipts.handler import handler

DELIVERY = {"delivery": "d-1", "sku": "tea", "pieces": 12}


@pytest.fixture
def world(handler_world: type[HandlerWorld]) -> HandlerWorld:
    """Return the handler with its tables."""
    environment = WarehouseEnvironment(stock_table_name="stock", journal_table_name="journal").to_environment()
    return handler_world(handler, tables={"stock": "sku", "journal": "entry"}, environment=environment)


def test_delivery_that_comes_twice_is_booked_once(world: HandlerWorld) -> None:
    world.send(DELIVERY)
    world.send(DELIVERY)

    world.run()

    assert world.items("stock") == [{"sku": "tea", "pieces": 12}]


def test_worker_that_is_killed_after_its_commit_books_nothing_twice(world: HandlerWorld) -> None:
    world.send(DELIVERY)

    world.kill_after("commit")
    world.run()

    assert world.items("stock") == [{"sku": "tea", "pieces": 12}]


def test_delivery_of_nothing_is_dead_lettered_with_its_reason(world: HandlerWorld) -> None:
    world.send({**DELIVERY, "pieces": 0})

    world.run()

    assert "pieces must be above 0, got 0" in world.dead_letters[0].reason
    assert world.items("stock") == []
