"""What a type checker accepts in a test module of another team.

`make types` checks it: an `ignore` that is not needed is an error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tsunagu import Message, message_handler
from tsunagu.testing import (
    CloudAccount,
    Explored,
    FakeTable,
    FaultRates,
    HandlerWorld,
    PartialBatchResponse,
    SentOn,
    SqsEvent,
    SqsRecord,
    TemplateSnapshot,
    eventually,
    http_api_event,
    sqs_event,
    sqs_record,
)


@dataclass
class Order:
    order_id: str


def business(order: Order, message: Message) -> None: ...


handler = message_handler("orders", key="order_id")(business)


def right_uses(handler_world: type[HandlerWorld], template_snapshot: TemplateSnapshot, account: CloudAccount) -> None:
    world = handler_world(handler, tables={"orders": "order_id", "ledger": ("account", "entry")}, fifo=True)
    message_id: str = world.send(Order("o-1"), group_id="a", attributes={"kind": "order"})
    world.redeliver(message_id)
    world.kill_after("commit", 2)
    explored: Explored = world.assert_once(Order("o-1"), {"order_id": "o-2"}, crashes=1, limit=None)
    items: list[dict[str, Any]] = world.items("orders")
    sent: list[SentOn] = world.sent
    table: FakeTable = world.table("orders")
    event: SqsEvent = sqs_event({"order_id": "o-1"}, sqs_record("text", message_id="m-1"))
    record: SqsRecord = event["Records"][0]
    body: str = record["body"]
    answer: PartialBatchResponse = {"batchItemFailures": [{"itemIdentifier": body}]}
    request: dict[str, Any] = http_api_event("POST", "/orders", body={"order_id": "o-1"})
    outputs = account.deploy(stage="embedded")
    url: str = outputs["QueueUrl"]
    number: int = eventually(lambda: len(account.messages(url)), seconds=5)
    with account.faults("function", rates=FaultRates(killed=0.1)) as fate:
        happened: int = fate.happened["throttled"]
    template_snapshot.check({}, replaces=["Orders/Queue"])
    assert [explored, items, sent, table, answer, request, number, happened]


def wrong_uses(handler_world: type[HandlerWorld], template_snapshot: TemplateSnapshot, account: CloudAccount) -> None:
    handler_world(business)  # type: ignore[arg-type] # the function, not the handler that was made of it
    handler_world(handler, tables={"orders": 1})  # type: ignore[dict-item]
    handler_world(handler, max_attempts="3")  # type: ignore[arg-type]
    handler_world(handler, retries=3)  # type: ignore[call-arg]
    world = handler_world(handler)
    world.send(Order("o-1"), attributes={"n": 1})  # type: ignore[dict-item]
    world.kill("commit")  # type: ignore[attr-defined]
    world.kill_before(3)  # type: ignore[arg-type]
    world.assert_once(Order("o-1"), crashes=None)  # type: ignore[arg-type]
    sqs_record({}, receive_count="2")  # type: ignore[arg-type]
    sqs_event({})["Record"]  # type: ignore[typeddict-item]
    template_snapshot.check({}, replaces=3)  # type: ignore[arg-type]
    account.faults("function", rates=0.1)  # type: ignore[arg-type]
    eventually("o-1")  # type: ignore[arg-type]


def test_right_and_wrong_uses_are_checked_by_mypy_and_not_run() -> None:
    uses: list[Callable[..., None]] = [right_uses, wrong_uses]

    assert all(map(callable, uses))
