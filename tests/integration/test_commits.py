"""A batch whose writes are committed together, on moto: what DynamoDB refuses of one message harms no other."""

from collections.abc import Callable, Iterable
from decimal import Decimal

import boto3
import pytest

from tests.tsunagu.runtime.world import World, order, record
from tsunagu.runtime.aws.single_writes import SingleWriteItemStore
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.message import Message


@pytest.fixture
def world() -> World:
    """A receiver with items and effects in two tables. moto has no parameters in BatchExecuteStatement."""
    client = boto3.client("dynamodb")
    for name, key in (("items", "id"), ("effects", "order_id")):
        client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        )
    world = World()
    world.store = SingleWriteItemStore(client, "items")  # type: ignore[assignment]
    return world


def receive(world: World, keys: Iterable[str], bad: Callable[[Message], object]) -> list[str]:
    def process(body: JsonObject, message: Message) -> None:
        if body["order_id"] == "bad":
            bad(message)
        message.put("effects", {"order_id": body["order_id"]})

    return world.receive(*(record(order(key), f"m-{key}") for key in keys), process=process)


def effects() -> set[object]:
    return {item["order_id"] for item in boto3.resource("dynamodb").Table("effects").scan()["Items"]}


def many(message: Message, number: int) -> None:
    for index in range(number):
        message.put("effects", {"order_id": f"bad-{index}"})


def one_item_twice(message: Message) -> None:
    message.put("effects", {"order_id": "twice"})
    message.update("effects", {"order_id": "twice"}, "SET n = :one", values={":one": 1})


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(lambda message: many(message, 99), id="100 writes"),
        one_item_twice,
        pytest.param(lambda message: message.put("effects", {"order_id": "x", "text": "x" * 420_000}), id="420 KB"),
        pytest.param(lambda message: message.put("effects", {"id": "x"}), id="no key"),
        pytest.param(lambda message: message.put("effects", {"order_id": 1}), id="key of another type"),
        pytest.param(lambda message: message.put("effects", {"order_id": "x", "n": 1.5}), id="float"),
        pytest.param(lambda message: message.put("effects", {"order_id": "x", "n": Decimal("NaN")}), id="NaN"),
        pytest.param(lambda message: message.update("effects", {"order_id": "x"}, "NOPE"), id="wrong expression"),
        pytest.param(lambda message: message.put("", {"order_id": "x"}), id="no table"),
    ],
)
def test_write_that_dynamodb_never_takes_costs_an_attempt_of_its_own_message_alone(
    world: World, bad: Callable[[Message], object]
) -> None:
    assert receive(world, ["o-1", "o-2", "bad", "o-3"], bad) == ["m-bad"]
    assert effects() == {"o-1", "o-2", "o-3"}
    assert world.counted()["AttemptsFailed"] == 1


def test_write_to_a_table_that_is_not_there_costs_no_attempt_of_any_message(world: World) -> None:
    returned = receive(world, ["o-1", "bad", "o-2"], lambda message: message.put("gone", {"order_id": "x"}))

    assert (returned, effects()) == (["m-bad"], {"o-1", "o-2"})
    assert (world.counted()["ConfigurationFaults"], "AttemptsFailed" in world.counted()) == (1, False)


def test_message_may_have_99_writes(world: World) -> None:
    assert receive(world, ["o-1", "bad"], lambda message: many(message, 98)) == []
    assert len(effects()) == 100


def test_two_puts_to_one_item_whose_key_is_not_known_are_both_committed(world: World) -> None:
    def process(body: JsonObject, message: Message) -> None:
        message.put("effects", {"order_id": "same", "from": body["order_id"]})

    assert world.receive(*(record(order(key), f"m-{key}") for key in ("o-1", "o-2")), process=process) == []
    assert boto3.resource("dynamodb").Table("effects").scan()["Items"] == [{"order_id": "same", "from": "o-2"}]
