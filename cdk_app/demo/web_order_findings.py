"""Compares orders that were sent over HTTP and by a queue with the answers, the table of orders and the dead letters.

Nothing here asks the functions or their idempotency items. Effects are the confirmations in the table of orders.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer

from cdk_app.demo.payment_findings import FoundDeadLetter
from cdk_app.demo.signed_api import ApiAnswer
from cdk_app.demo.web_orders import PlannedOrder

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CREATED, MALFORMED = 201, 400
PROBLEM = "application/problem+json"
REPLAYED = "idempotency-replayed"

StoredOrder = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SentOrder:
    """An order with what the API said about it.

    Attributes:
        order: The order.
        answers: Last answer to each copy of a request; none for a message.
        repeated: Statuses of the answers after which a caller sent the same request again.
        cancelled: Last answer to the request that cancels the order; None when there was none.
    """

    order: PlannedOrder
    answers: Sequence[ApiAnswer] = ()
    repeated: Sequence[int] = ()
    cancelled: ApiAnswer | None = None

    @property
    def order_id(self) -> str | None:
        """Id of the order; None when the API did not create it."""
        if self.order.way == "queue":
            return self.order.key
        first = self.answers[0]
        return str(first.json()["order_id"]) if first.status == CREATED else None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebOrderFindings:
    """Result of the comparison.

    Attributes:
        effects: Confirmations. An order that was confirmed twice counts twice.
        duplicates: Copies that had no effect of their own.
        lost: A sentence for each order without effect.
        doubled: A sentence for each order with more than one effect.
        wrong: A sentence for each other problem.
    """

    effects: int
    duplicates: int
    lost: Sequence[str]
    doubled: Sequence[str]
    wrong: Sequence[str]

    @property
    def problems(self) -> list[str]:
        """Every sentence."""
        return [*self.lost, *self.doubled, *self.wrong]


def read_orders(dynamodb: "DynamoDBClient", table_name: str) -> list[StoredOrder]:
    """Read the whole table of orders."""
    plain = TypeDeserializer()
    return [
        {name: plain.deserialize(value) for name, value in item.items()}
        for page in dynamodb.get_paginator("scan").paginate(TableName=table_name, ConsistentRead=True)
        for item in page["Items"]
    ]


def compare_web_orders(
    sent: Sequence[SentOrder], stored: Sequence[StoredOrder], letters: Sequence[FoundDeadLetter]
) -> WebOrderFindings:
    """Compare orders with what became of them. Orders of other customers are left out."""
    by_customer: defaultdict[str, list[StoredOrder]] = defaultdict(list)
    for order in stored:
        by_customer[order["customer"]].append(order)
    bodies = Counter(letter.body for letter in letters)
    lost: list[str] = []
    doubled: list[str] = []
    wrong: list[str] = []
    effects = 0
    for each in sent:
        found = by_customer[each.order.name]
        confirmations = sum(int(order.get("confirmations", 0)) for order in found)
        effects += confirmations
        expected = 0 if each.order.flaw else 1
        if confirmations < expected:
            lost.append(f"{each.order.name} must be confirmed, got {len(found)} orders and no confirmation")
        if len(found) > expected or confirmations > expected:
            doubled.append(
                f"{each.order.name} must be confirmed {expected} times, "
                f"got {len(found)} orders and {confirmations} confirmations"
            )
        wrong += _wrong(each, found, bodies)
    return WebOrderFindings(
        effects=effects,
        duplicates=sum(each.order.copies - 1 for each in sent if not each.order.flaw),
        lost=lost,
        doubled=doubled,
        wrong=wrong,
    )


def _wrong(sent: SentOrder, found: Sequence[StoredOrder], bodies: Mapping[str, int]) -> Iterator[str]:
    if sent.order.flaw:
        yield from _wrong_refusals(sent, bodies)
        return
    yield from _wrong_answers(sent)
    for order in found:
        for field, value in sent.order.fields.items():
            if order[field] != value:
                yield f"{sent.order.name} must be stored with the {field} that was sent, got {order[field]}"
        if ("cancelled_at" in order) != (sent.order.cancelled is not None):
            yield f"{sent.order.name} must be cancelled only if somebody cancelled it, got {order.get('cancelled_at')}"
    if bodies.get(sent.order.body):
        yield f"{sent.order.name} must be no dead letter, got one"


def _wrong_refusals(sent: SentOrder, bodies: Mapping[str, int]) -> Iterator[str]:
    name, flaw = sent.order.name, sent.order.flaw
    if sent.order.way == "queue" and bodies.get(sent.order.body, 0) < 1:
        yield f"{name} ({flaw}) must be a dead letter, got none"
    for answer in sent.answers:
        kind = answer.headers.get("content-type", "")
        if answer.status != MALFORMED or not kind.startswith(PROBLEM):
            yield f"{name} ({flaw}) must be refused by {MALFORMED} {PROBLEM}, got {answer.status} {kind}"


def _wrong_answers(sent: SentOrder) -> Iterator[str]:
    name = sent.order.name
    for answer in sent.answers:
        if answer.status != CREATED:
            yield f"{name} must be created, got {answer.status} {answer.body[:200]!r}"
        elif answer.json()["order_id"] != sent.order_id:
            yield f"{name} must always have the same id, got {answer.json()['order_id']} and {sent.order_id}"
        elif any(answer.json()[field] != value for field, value in sent.order.fields.items()):
            yield f"{name} must be answered as it was sent, got {answer.body[:200]!r}"
    firsts = sum(answer.status == CREATED and REPLAYED not in answer.headers for answer in sent.answers)
    if firsts > 1:
        yield f"{name} must be answered anew at most once, got {firsts} answers without {REPLAYED}"
    if sent.cancelled is not None and (sent.cancelled.status, sent.cancelled.json().get("status")) != (
        200,
        "cancelled",
    ):
        yield f"{name} must be cancelled, got {sent.cancelled.status} {sent.cancelled.body[:200]!r}"
