"""Plans orders from a seed: some over HTTP, some by the queue; copies, invalid ones, and some that are cancelled."""

import json
import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from lambdas.contracts.order_api import ORDER_PLACED, Currency

Way = Literal["http", "queue"]
Fields = Mapping[str, Any]

MOST_LINES = 3
LARGEST_PRICE = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOrder:
    """An order to send.

    Attributes:
        name: Name of the order in findings. A valid order has it as its customer, which no other order has.
        way: How it is sent.
        body: Text of the request or of the message.
        key: Idempotency key of the request, or order id of the message.
        fields: What a valid order consists of; empty for an invalid one.
        message_type: Type of the message; None for a request, and for a message without a type.
        copies: How often it is sent, with the same key.
        cancelled: How it is cancelled after it was sent; None when it is not.
        flaw: What is wrong with it; None when it is valid.
    """

    name: str
    way: Way
    body: str
    key: str
    fields: Fields
    message_type: str | None = None
    copies: int = 1
    cancelled: Way | None = None
    flaw: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebShape:
    """How many orders of each kind. Each number is at least 1.

    Attributes:
        requests: Valid orders over HTTP.
        messages: Valid orders by the queue.
        copied_share: Share of the orders of each way that are sent a second time, above 0 and at most 1.
        invalid_share: Invalid orders of each way, as a share of the valid ones, above 0 and below 1.
        cancelled: Orders of each way that are cancelled, half over HTTP and half by the queue.
    """

    requests: int
    messages: int
    copied_share: float = 0.05
    invalid_share: float = 0.01
    cancelled: int = 2


# What is wrong with an invalid request, and its body. The last one looks like an event of SQS, but is a body.
REQUEST_FLAWS: Mapping[str, Callable[[Fields], str]] = {
    "text that is not JSON": lambda fields: json.dumps(fields)[:-1],
    "no customer": lambda fields: _without(fields, "customer"),
    "quantity as text": lambda fields: json.dumps({**fields, "lines": [{**fields["lines"][0], "quantity": "1"}]}),
    "records": lambda fields: json.dumps({"Records": [{"eventSource": "aws:sqs", "body": json.dumps(fields)}]}),
}
# What is wrong with an invalid message, its body, and its type. Each keeps its order id in the text.
MESSAGE_FLAWS: Mapping[str, tuple[Callable[[Fields], str], str | None]] = {
    "text that is not JSON": (lambda fields: json.dumps(fields)[:-1], ORDER_PLACED),
    "no customer": (lambda fields: _without(fields, "customer"), ORDER_PLACED),
    "no lines": (lambda fields: json.dumps({**fields, "lines": []}), ORDER_PLACED),
    "a type that nobody handles": (json.dumps, "order.lost"),
    "no type": (json.dumps, None),
}


def plan_orders(seed: int, name: str, shape: WebShape) -> list[PlannedOrder]:
    """Return different orders in the order of sending.

    Args:
        seed: The same seed and name give the same orders.
        name: The name of each order begins with it: letters, digits and hyphens.
        shape: How many of which kind.
    """
    source = random.Random(f"{seed} {name}")  # noqa: S311 - orders must be the same each time
    planned = [
        *_of_one_way(source, f"{name}-request", "http", shape.requests, shape),
        *_of_one_way(source, f"{name}-message", "queue", shape.messages, shape),
    ]
    source.shuffle(planned)
    return planned


def _of_one_way(source: random.Random, name: str, way: Way, count: int, shape: WebShape) -> list[PlannedOrder]:
    valid = [_valid(source, f"{name}-{number}", way) for number in range(count)]
    for number in source.sample(range(count), k=max(1, round(count * shape.copied_share))):
        valid[number] = replace(valid[number], copies=2)
    for turn, number in enumerate(source.sample(range(count), k=shape.cancelled)):
        valid[number] = replace(valid[number], cancelled="queue" if turn % 2 else "http")
    invalid = max(1, round(count * shape.invalid_share))
    return [*valid, *(_invalid(source, f"{name}-invalid-{number}", way, number) for number in range(invalid))]


def _valid(source: random.Random, name: str, way: Way) -> PlannedOrder:
    key, fields = _key(source), _fields(source, name)
    if way == "http":
        return PlannedOrder(name=name, way=way, body=json.dumps(fields), key=key, fields=fields)
    body = json.dumps({"order_id": key, **fields})
    return PlannedOrder(name=name, way=way, body=body, key=key, fields=fields, message_type=ORDER_PLACED)


def _invalid(source: random.Random, name: str, way: Way, number: int) -> PlannedOrder:
    key, fields = _key(source), _fields(source, name)
    if way == "http":
        flaw, body_of = list(REQUEST_FLAWS.items())[number % len(REQUEST_FLAWS)]
        return PlannedOrder(name=name, way=way, body=body_of(fields), key=key, fields={}, flaw=flaw)
    flaw, (body_of, message_type) = list(MESSAGE_FLAWS.items())[number % len(MESSAGE_FLAWS)]
    body = body_of({"order_id": key, **fields})
    return PlannedOrder(name=name, way=way, body=body, key=key, fields={}, message_type=message_type, flaw=flaw)


def _fields(source: random.Random, customer: str) -> Fields:
    lines = [
        {
            "sku": f"sku-{source.randrange(100)}",
            "quantity": source.randint(1, 9),
            "price": source.randint(0, LARGEST_PRICE),
        }
        for _ in range(source.randint(1, MOST_LINES))
    ]
    return {"customer": customer, "lines": lines, "currency": source.choice(get_args(Currency))}


def _without(fields: Fields, name: str) -> str:
    return json.dumps({field: value for field, value in fields.items() if field != name})


def _key(source: random.Random) -> str:
    return str(uuid.UUID(int=source.getrandbits(128), version=4))


def valid_orders(planned: Sequence[PlannedOrder]) -> list[PlannedOrder]:
    """Return the orders that must have an effect."""
    return [order for order in planned if order.flaw is None]
