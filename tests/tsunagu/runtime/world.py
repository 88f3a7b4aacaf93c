"""Receivers with fakes: a table, a dead-letter queue, a topic, and a clock that tests move."""

import io
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tsunagu.contracts.items import Status
from tsunagu.runtime.errors import (
    InvalidMessageError,
)
from tsunagu.runtime.idempotency.decision import ClaimRequest
from tsunagu.runtime.idempotency.decisions import Idempotency
from tsunagu.runtime.idempotency.item import Item
from tsunagu.runtime.idempotency.lease import Claim, LeaseTerm
from tsunagu.runtime.json_text import JsonObject
from tsunagu.runtime.receiving.batch import BatchMessage
from tsunagu.runtime.receiving.dead_letters import DeadLetterChannel
from tsunagu.runtime.receiving.delivery import Delivery
from tsunagu.runtime.receiving.heartbeats import Heartbeats
from tsunagu.runtime.receiving.message import Message
from tsunagu.runtime.receiving.receiver import Ports, Receiver, ReceiverConfig
from tsunagu.runtime.telemetry import Metrics
from tsunagu.testing.fakes import (
    START_MS,
    FakeClock,
    FakeItemStore,
    FakeOutboxSender,
    FakeQueue,
    FakeTasks,
    FakeTopic,
    FakeVisibility,
    Killed,
)

QUEUE_ARN = "arn:aws:sqs:eu-central-1:111122223333:orders"
TIMEOUT_SECONDS = 10
MAX_ATTEMPTS = 3

Process = Callable[[JsonObject, Message], None]


@dataclass
class FakeContext:
    remaining_ms: int = TIMEOUT_SECONDS * 1_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


def record(
    body: object,
    message_id: str = "m-1",
    *,
    group: str | None = None,
    tenant: str | None = None,
    attributes: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return a record of a FIFO queue, if it has a `group`; else of a standard one, fair if it has a `tenant`."""
    system = {"ApproximateReceiveCount": "1"}
    if group is not None:
        system |= {"MessageGroupId": group, "SequenceNumber": "1", "MessageDeduplicationId": message_id}
    if tenant is not None:
        system["MessageGroupId"] = tenant
    return {
        "messageId": message_id,
        "receiptHandle": f"handle-{message_id}",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": system,
        "messageAttributes": {
            name: {"stringValue": value, "dataType": "String"} for name, value in (attributes or {}).items()
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE_ARN,
    }


def order(key: str, **fields: object) -> JsonObject:
    return {"order_id": key, **fields}


def parse_order(body: JsonObject) -> JsonObject:
    if "order_id" not in body:
        msg = f"an order must have an order_id, got {sorted(body)}"
        raise InvalidMessageError(msg)
    return body


def completion_parts(delivery: Delivery, item: Item) -> tuple[BatchMessage[JsonObject], Claim, Idempotency, Heartbeats]:
    """Return the arguments of a `Completion`, for a business function that is called without a receiver."""
    clock = FakeClock()
    idempotency = Idempotency(
        FakeItemStore(),
        clock,
        owner=item.owner,
        lease=LeaseTerm(clock, START_MS + TIMEOUT_SECONDS * 1_000),
        window_seconds=3_600,
        rng=random.Random(7),
    )
    request = ClaimRequest(item_id=item.id, payload_hash="", request_id="r", message_ids=(delivery.message_id,))
    message: BatchMessage[JsonObject] = BatchMessage(deliveries=[delivery], claim_request=request)
    return message, Claim(item=item), idempotency, _heartbeats(idempotency, clock)


def _heartbeats(idempotency: Idempotency, clock: FakeClock) -> Heartbeats:
    metrics = Metrics("Tsunagu", "orders", clock, io.StringIO())
    return Heartbeats(idempotency, FakeVisibility(), FakeTasks(), clock, metrics)


class World:
    """Fakes, and the receivers of any number of workers."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = FakeItemStore()
        self.dead_letter_queue = FakeQueue()
        self.topic = FakeTopic()
        self.outbox = FakeOutboxSender()
        self.visibility = FakeVisibility()
        self.tasks = FakeTasks()
        self.metrics = io.StringIO()
        self.runs: list[str] = []
        self.lease_seconds: int | None = None
        self.concurrency = 1
        self.group_commit = True
        self.publish_error_text = False
        self.scope = "orders"
        self.keys_of = ""
        self.parks_groups = False
        self.parse = parse_order
        self.seed = 7
        self._owners = 0

    def ports(self) -> Ports:
        return Ports(
            store=self.store,
            outbox=self.outbox,
            channel=DeadLetterChannel(
                self.dead_letter_queue, self.topic, QUEUE_ARN, publish_error_text=self.publish_error_text
            ),
            visibility=self.visibility,
            tasks=self.tasks,
            metrics=Metrics("Tsunagu", "orders", self.clock, self.metrics),
            clock=self.clock,
            new_owner=self._owner,
            rng=random.Random(self.seed),
            groups=self.store.groups if self.parks_groups else None,
        )

    def config(self) -> ReceiverConfig:
        return ReceiverConfig(
            scope=self.scope,
            queue_arn=QUEUE_ARN,
            function_timeout_seconds=TIMEOUT_SECONDS,
            max_attempts=MAX_ATTEMPTS,
            window_seconds=3_600,
            lease_seconds=self.lease_seconds,
            concurrency=self.concurrency,
            group_commit=self.group_commit,
            receiver=self.keys_of,
            table_name="items",
        )

    def receiver(self, process: Process | None = None) -> Receiver[JsonObject]:
        process = process or self.work
        return Receiver(
            self.config(), self.ports(), parse=self.parse, key=lambda body: body["order_id"], process=process
        )

    def work(self, body: JsonObject, message: Message) -> None:
        self.runs.append(body["order_id"])
        with message.transaction() as transaction:
            transaction.put("effects", {"order_id": body["order_id"]})

    def receive(
        self, *records: dict[str, Any], process: Process | None = None, remaining_ms: int = 10_000
    ) -> list[str]:
        """Hand over a batch; return the message ids that SQS must deliver again."""
        response = self.receiver(process).receive({"Records": list(records)}, FakeContext(remaining_ms))
        return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]

    def receive_and_die(self, *records: dict[str, Any], process: Process | None = None) -> None:
        """Hand over a batch to a worker that is killed on the way."""
        try:
            self.receive(*records, process=process)
        except Killed:
            return
        msg = "the worker must be killed, got a response"
        raise AssertionError(msg)

    def pass_lease(self) -> None:
        self.clock.ms += (TIMEOUT_SECONDS + 3) * 1_000

    def effects(self) -> list[object]:
        return [effect["order_id"] for effect in self.store.effects]

    def statuses(self) -> list[Status]:
        return [item.status for item in self.store.items.values()]

    def only_item(self) -> Item:
        (item,) = self.store.items.values()
        return item

    def counted(self) -> dict[str, int]:
        totals: dict[str, int] = {}
        for line in self.metrics.getvalue().splitlines():
            for name, value in json.loads(line).items():
                if isinstance(value, int):
                    totals[name] = totals.get(name, 0) + value
        return totals

    def _owner(self) -> str:
        self._owners += 1
        return f"worker-{self._owners}"
