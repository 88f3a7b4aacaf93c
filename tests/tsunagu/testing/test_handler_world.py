"""A handler in memory: what it is sent, what goes wrong, what is seen of it."""

import logging
import os
import threading
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any, cast

import pytest
from fastapi import Depends, FastAPI

from tsunagu import (
    IdempotentRequest,
    Message,
    MessageRouter,
    PermanentError,
    Request,
    RetryableError,
    Run,
    Work,
    accepted_request,
    current_request,
    message_handler,
    pipeline_service,
    scheduled_job,
    table_reader,
)
from tsunagu.runtime.errors import UnroutableEventError
from tsunagu.testing import FakeTable, HandlerWorld, eventbridge_event, fifo_event, http_api_event, sqs_event

NEXT = "https://sqs.eu-central-1.amazonaws.com/111122223333/next"
TABLES = {"orders": "order_id"}


@dataclass
class Order:
    order_id: str
    amount: int = 1


@message_handler("orders", key="order_id")
def store(order: Order, message: Message) -> None:
    message.put("orders", {"order_id": order.order_id, "amount": order.amount})
    message.outbox.send(NEXT, order.order_id, attributes={"kind": "order"})


def test_what_is_sent_is_stored_and_sent_on_once_whatever_its_form() -> None:
    world = HandlerWorld(store, tables=TABLES)

    world.send(Order("o-1"))
    world.send({"order_id": "o-1", "amount": 1})
    world.send('{"order_id": "o-2"}')
    world.run()

    assert world.items("orders") == [{"order_id": "o-1", "amount": 1}, {"order_id": "o-2", "amount": 1}]
    assert [(sent.channel, sent.target, sent.body, sent.attributes["kind"]) for sent in world.sent] == [
        ("queue", NEXT, "o-1", "order"),
        ("queue", NEXT, "o-2", "order"),
    ]
    assert world.waiting == []


@pytest.mark.parametrize(
    ("call", "moment"),
    [
        *product(["claim", "commit", "send"], ["kill_before", "kill_after", "fail", "lose_answer"]),
        ("acknowledge", "kill_before"),
    ],
)
def test_one_fault_at_a_call_changes_nothing_of_what_is_stored(call: str, moment: str) -> None:
    world = HandlerWorld(store, tables=TABLES)
    world.send(Order("o-1"))

    getattr(world, moment)(call)
    world.run()

    assert world.items("orders") == [{"order_id": "o-1", "amount": 1}]
    assert {sent.deduplication_id for sent in world.sent} == {world.sent[0].deduplication_id}
    assert world.dead_letters == []


def test_the_second_call_of_a_kind_can_be_the_one_that_fails() -> None:
    world = HandlerWorld(store, tables=TABLES, batch_size=1)
    world.send(Order("o-1"))
    world.send(Order("o-2"))

    world.kill_before("claim", 2)
    assert world.deliver() == []
    assert world.deliver() == ["m-2"]
    assert [item["order_id"] for item in world.items("orders")] == ["o-1"]

    world.run()
    assert [item["order_id"] for item in world.items("orders")] == ["o-1", "o-2"]


def test_a_fault_that_a_call_cannot_have_is_refused() -> None:
    world = HandlerWorld(store, tables=TABLES)
    world.send(Order("o-1"))
    world.lose_answer("acknowledge")

    with pytest.raises(ValueError, match="must be one that the call can have"):
        world.run()


def test_a_deleted_message_that_comes_again_changes_nothing() -> None:
    world = HandlerWorld(store, tables=TABLES)
    message_id = world.send(Order("o-1"))
    world.run()

    world.redeliver(message_id)
    world.run()

    assert len(world.sent) == 1
    with pytest.raises(LookupError, match="must be that of a message that was sent, got 'm-7'"):
        world.redeliver("m-7")


def test_messages_come_in_another_order_and_each_is_processed() -> None:
    world = HandlerWorld(store, tables=TABLES)
    for number in range(5):
        world.send(Order(f"o-{number}"))

    world.shuffle()
    world.run()

    order = [item["order_id"] for item in world.items("orders")]
    assert order != sorted(order)
    assert len(order) == 5


def test_a_poison_message_is_dead_lettered_notified_and_logged_and_a_retry_waits() -> None:
    @message_handler("orders", key="order_id")
    def poisoned(order: Order, message: Message) -> None:
        raise (PermanentError("no such account") if order.order_id == "poison" else RetryableError("busy"))

    world = HandlerWorld(poisoned, max_attempts=2)
    poison = world.send(Order("poison"))
    begin_ms = world.now_ms
    world.send(Order("busy"))
    world.run()

    assert [letter.message_id for letter in world.dead_letters] == [poison, "m-2"]
    assert [letter.body["order_id"] for letter in world.dead_letters] == ["poison", "busy"]
    assert "no such account" in world.dead_letters[0].reason
    assert [letter["message_id"] for each in world.notifications for letter in each["dead_letters"]] == [poison, "m-2"]
    assert world.now_ms > begin_ms
    assert world.metrics["MessagesDeadLettered"] == 2
    assert {line["message_id"] for line in world.logs if line["message"] == "message dead-lettered"} == {poison, "m-2"}


def test_a_fifo_queue_keeps_the_order_of_its_group() -> None:
    world = HandlerWorld(store, tables=TABLES, fifo=True)
    for number in range(3):
        world.send(Order(f"o-{number}"), group_id="a")

    world.kill_before("commit")
    world.run()

    assert [item["order_id"] for item in world.items("orders")] == ["o-0", "o-1", "o-2"]
    assert world.invoke(fifo_event({"order_id": "o-9"})) == {"batchItemFailures": []}


def test_a_table_is_read_and_begins_with_its_items() -> None:
    @message_handler("orders", key="order_id")
    def doubling(order: Order, message: Message) -> None:
        found = table_reader("prices").get({"sku": order.order_id})
        assert found is not None
        message.put("orders", {"order_id": order.order_id, "amount": found["price"] * 2})

    prices = FakeTable("sku", items=[{"sku": "o-1", "price": 7}])
    world = HandlerWorld(doubling, tables={"orders": "order_id", "prices": prices})
    world.send(Order("o-1"))
    world.run()

    assert world.items("orders") == [{"order_id": "o-1", "amount": 14}]


def test_a_table_that_the_test_did_not_name_is_named_in_the_error() -> None:
    world = HandlerWorld(store)
    world.send(Order("o-1"))

    with pytest.raises(LookupError, match=r"got none, and the handler uses 'orders': add tables=\{'orders': "):
        world.run()


def test_a_function_without_a_decorator_is_refused() -> None:
    def plain(order: Order, message: Message) -> None: ...

    with pytest.raises(TypeError, match="made, got plain: hand over the decorated function"):
        HandlerWorld(cast("Any", plain))


def test_a_handler_is_found_by_its_place_and_reads_its_environment() -> None:
    world = HandlerWorld(
        "lambdas.payments.handler:handler",
        tables={"payments": ("account", "entry")},
        environment={"PAYMENTS_TABLE_NAME": "payments"},
    )
    world.send({"payment_id": "p-1", "account": "a", "amount": 3, "currency": "EUR"})
    world.run()

    assert [item["entry"] for item in world.items("payments")] == ["PAYMENT#p-1", "BALANCE#EUR"]
    assert "PAYMENTS_TABLE_NAME" not in os.environ
    with pytest.raises(ValueError, match=r"must be a handler or 'package.module:name', got 'lambdas.payments'"):
        HandlerWorld("lambdas.payments")


def test_a_service_of_a_pipeline_gets_the_request_and_the_results_of_the_step_before() -> None:
    @pipeline_service
    def ship(order: Order, work: Work) -> dict[str, object]:
        return {"order": order.order_id, "stock": work.results["inventory"]["stock"]}

    world = HandlerWorld(ship)
    world.send(Order("o-1"), results={"inventory": {"stock": 5}})
    world.run()

    (onward,) = world.sent
    assert onward.body["results"]["service"]["inline"] == {"order": "o-1", "stock": 5}


def test_a_job_is_run_and_its_execution_gets_the_outcome() -> None:
    @scheduled_job("sync")
    def sync(run: Run) -> dict[str, int]:
        run.put("orders", {"order_id": "last", "run": run.number})
        return {"prices": 3}

    world = HandlerWorld(sync, tables=TABLES)
    world.send()
    world.kill_after("commit")
    world.run()

    assert world.items("orders") == [{"order_id": "last", "run": 1}]
    assert {(sent.channel, sent.text) for sent in world.sent} == {("task-success", '{"prices":3}')}


def test_an_accepted_request_has_its_caller_its_result_and_its_completion() -> None:
    @accepted_request("reports")
    def report(order: Order, request: Request) -> dict[str, str]:
        request.progress("1 of 1")
        return {"for": request.caller}

    world = HandlerWorld(report)
    world.send(Order("o-1"), caller="bob")
    world.run()

    assert b'{"for":"bob"}' in world.results.values()
    assert world.sent[-1].body["status"] == "SUCCEEDED"


def test_an_event_of_another_source_is_refused_as_lambda_would_see_it() -> None:
    world = HandlerWorld(store, tables=TABLES)

    with pytest.raises(UnroutableEventError, match="got an event from EventBridge"):
        world.invoke(eventbridge_event({"order_id": "o-1"}))

    assert world.invoke(sqs_event(Order("o-1").__dict__)) == {"batchItemFailures": []}


def test_an_effect_is_noted_with_its_key_once_and_may_fail() -> None:
    @message_handler("orders", key="order_id")
    def charge(order: Order, message: Message) -> None:
        world.effect("charged", order.order_id, idempotency_key=order.order_id)
        world.effect("mailed", order.order_id)

    world = HandlerWorld(charge)
    world.send(Order("o-1"))
    world.lose_answer("charged")
    world.kill_after("mailed", 1)
    world.run()

    assert world.effects("charged") == ["o-1"]
    assert world.effects() == ["o-1", "o-1", "o-1"]  # mailed twice: it was given no key


def test_a_web_application_and_the_consumers_of_its_queue_are_one_handler() -> None:
    app = FastAPI()
    router = MessageRouter(app, scope="orders")

    @app.post("/orders", status_code=201)
    def create(
        order: dict[str, str], request: Annotated[IdempotentRequest, Depends(current_request)]
    ) -> dict[str, str]:
        request.put("orders", order)
        return order

    @router.on("order.placed", key="order_id")
    async def place(order: Order, message: Message) -> None:
        message.update("orders", {"order_id": order.order_id}, "ADD placed :one", values={":one": 1})

    world = HandlerWorld(router.handler(), tables=TABLES)
    key = {"idempotency-key": "k-1"}
    answers = [world.invoke(http_api_event("POST", "/orders", body={"order_id": "o-1"}, headers=key)) for _ in range(2)]
    for _ in range(2):
        world.send(Order("o-1"), attributes={"type": "order.placed"})
    world.run()

    assert [answer["statusCode"] for answer in answers] == [201, 201]
    assert world.items("orders") == [{"order_id": "o-1", "placed": 1}]
    with pytest.raises(ValueError, match="switches must be 0 for a MessageRouter"):
        world.assert_once(Order("o-1"))


def test_nothing_of_the_test_process_is_changed() -> None:
    logging.getLogger().setLevel(logging.ERROR)
    before = dict(os.environ), [*logging.getLogger().handlers], threading.excepthook
    world = HandlerWorld(store, tables=TABLES)
    world.send(Order("o-1"))

    world.run()

    assert (dict(os.environ), logging.getLogger().handlers, threading.excepthook) == before
    assert logging.getLogger().level == logging.ERROR
    assert all(not handler.filters for handler in logging.getLogger().handlers)
