"""Results: the item keeps the result of a message, and its outbox may send it."""

from typing import Any

import pytest

from tests.tsunagu.runtime.world import World, order, record
from tsunagu.contracts.items import Status
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.message import Message


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize("with_transaction", [True, False])
@pytest.mark.parametrize(
    ("sends", "status"), [(True, Status.COMMITTED), (False, Status.COMPLETED)], ids=["sending", "sending nothing"]
)
def test_result_is_committed_with_the_completion(
    world: World, sends: bool, status: Status, with_transaction: bool
) -> None:
    def work(body: JsonObject, message: Message) -> None:
        message.result = f"result of {body['order_id']}"
        if sends:
            message.outbox.publish("arn:aws:sns:eu-central-1:1:done", "text")
        if with_transaction:
            with message.transaction() as transaction:
                transaction.put("effects", {"order_id": body["order_id"]})

    world.outbox.broken = True

    world.receive(record(order("a")), process=work)

    item = world.only_item()
    assert (item.status, item.result) == (status, "result of a")


def test_result_of_a_failed_attempt_is_not_kept(world: World) -> None:
    def work(_body: JsonObject, message: Message) -> None:
        message.result = "half done"
        msg = "no"
        raise RuntimeError(msg)

    world.receive(record(order("a")), process=work)

    assert world.only_item().result == ""


@pytest.mark.parametrize("with_transaction", [True, False])
@pytest.mark.parametrize("result", [b"bytes", 1.5, {"a": 1}, "x" * 380_001, "\ud800"])
def test_result_that_no_item_can_keep_is_a_failed_attempt_of_its_message_only(
    world: World, result: Any, with_transaction: bool
) -> None:
    def work(body: JsonObject, message: Message) -> None:
        message.result = result if body["order_id"] == "a" else "fine"
        if with_transaction:
            with message.transaction() as transaction:
                transaction.put("effects", {"order_id": body["order_id"]})

    assert world.receive(record(order("a")), record(order("b"), "m-2"), process=work) == ["m-1"]
    assert {item.status: item.attempts for item in world.store.items.values()} == {
        Status.RELEASED: 1,
        Status.COMPLETED: 0,
    }
    assert world.effects() == (["b"] if with_transaction else [])


def test_message_without_text_sends_the_result_and_the_item_keeps_no_second_copy(world: World) -> None:
    def work(_body: JsonObject, message: Message) -> None:
        message.result = "the result"
        message.outbox.publish("arn:aws:sns:eu-central-1:1:done", None)

    world.outbox.broken = True
    world.receive(record(order("a")), process=work)
    assert "the result" not in world.only_item().outbox

    world.outbox.broken = False
    world.receive(record(order("a"), "m-2"), process=work)

    assert [sent.outbox_message.body for sent in world.outbox.sent] == ["the result"]


def test_message_that_sends_a_result_that_is_not_set_is_a_failed_attempt_without_effect(world: World) -> None:
    def work(_body: JsonObject, message: Message) -> None:
        message.outbox.publish("arn:aws:sns:eu-central-1:1:done", None)

    assert world.receive(record(order("a")), process=work) == ["m-1"]
    assert (world.statuses(), world.only_item().attempts) == ([Status.RELEASED], 1)
    assert "must be set where the outbox sends it" in world.only_item().reason


def test_empty_cause_of_a_task_stays_empty_when_there_is_a_result(world: World) -> None:
    def work(_body: JsonObject, message: Message) -> None:
        message.result = '{"secret":1}'
        message.outbox.fail_task("token", "Bad", "")

    world.receive(record(order("a")), process=work)

    assert [(sent.outbox_message.error, sent.outbox_message.body) for sent in world.outbox.sent] == [("Bad", "")]


def test_sender_of_the_outbox_gets_the_item_and_the_body_of_its_message(world: World) -> None:
    def work(_body: JsonObject, message: Message) -> None:
        message.outbox.publish("arn:aws:sns:eu-central-1:1:done", "text", awaits={"billing": "item-7"})

    received = record(order("a"))
    world.receive(received, process=work)

    (sent,) = world.outbox.sent
    assert (sent.origin, sent.item.id, sent.outbox_message.awaits) == (
        received["body"],
        world.only_item().id,
        {"billing": "item-7"},
    )
