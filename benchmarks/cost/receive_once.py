"""A message that is received once, beside a function with a plain lock."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.cost.load import Load
from benchmarks.cost.meter import Meter
from benchmarks.cost.plain import PlainConsumer
from benchmarks.cost.usage import Usage, times, total
from benchmarks.receiver_environment import receiver_environment
from tsunagu import Message, message_handler

ITEMS, ORDERS = "items", "orders"
ENVIRONMENT = receiver_environment(ITEMS)


@dataclass(frozen=True)
class Order:
    """A message: an order.

    Attributes:
        order_id: The key.
        note: Text that makes the message as long as the load says.
    """

    order_id: str
    note: str = ""


def orders(load: Load, first: int = 0) -> list[dict[str, Any]]:
    """Return the records of a batch of orders."""
    return [_record(load, number) for number in range(first, first + load.batch)]


def business_item(order_id: str, number: int) -> dict[str, Any]:
    """Return an item that the business writes for an order."""
    return {"id": f"{order_id}#{number}", "amount": 1_999, "currency": "EUR"}


def ours(load: Load) -> Usage:
    """Return what a message uses with `@message_handler`."""
    return metered(load)[0]


def metered(load: Load) -> tuple[Usage, Meter]:
    """Return what a message uses with `@message_handler`, and what was seen meanwhile."""

    def process(order: Order, message: Message) -> None:
        for number in range(load.writes):
            message.put(ORDERS, business_item(order.order_id, number))

    meter = Meter(load)
    with meter.environment(ENVIRONMENT.to_environment()):
        return delivered(meter, message_handler("orders", key="order_id")(process)), meter


def plain(load: Load) -> Usage:
    """Return what a message uses with a plain lock: a conditional put, the writes, and an update, one by one."""
    meter = Meter(load)
    consumer = PlainConsumer(meter.client("dynamodb"), locks=ITEMS, table=ORDERS, writes=load.writes)
    return delivered(meter, consumer.handle)


def delivered(meter: Meter, handler: Any) -> Usage:
    """Return what a message uses, of which some are delivered a second time."""
    records = orders(meter.load)
    first, again = (meter.deliver(handler, records) for _ in range(2))
    return times(total(first, times(again, meter.load.duplicates)), 1 / meter.load.batch)


def _record(load: Load, number: int) -> dict[str, Any]:
    order = {"order_id": f"o-{number:06}", "note": ""}
    order["note"] = "-" * max(0, load.message_bytes - len(json.dumps(order)))
    return record(json.dumps(order), number, {})


def record(body: str, number: int, attributes: Mapping[str, str]) -> dict[str, Any]:
    """Return a record of a standard queue, as Lambda hands it over."""
    return {
        "messageId": f"00000000-0000-4000-8000-{number:012}",
        "receiptHandle": f"handle-{number:06}" * 8,
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1790000000000"},
        "messageAttributes": {name: {"stringValue": text, "dataType": "String"} for name, text in attributes.items()},
        "eventSource": "aws:sqs",
        "eventSourceARN": ENVIRONMENT.queue_arn,
    }
