"""Compares the orders that were placed with the orders table, the notifications and the dead letters.

Nothing here asks the services or their idempotency items. Effects are the items of the orders table, and notifications
are the messages in the queue of the completion topic.
"""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from cdk_app.demo.orders import CURRENCY, PlannedOrder
from cdk_app.demo.payment_findings import FoundDeadLetter

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

EFFECTS = ("RESERVATION", "CHARGE", "SHIPMENT")
MESSAGES_PER_BATCH = 10  # of one invocation of a service, which sends all their messages before it marks them as sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """An order, and how many effects each service must have had for it.

    Attributes:
        order: The order.
        reservations: Effects of inventory.
        charges: Effects of billing.
        shipments: Effects of shipping.
    """

    order: PlannedOrder
    reservations: int = 1
    charges: int = 1
    shipments: int = 1

    def count(self, effect: str) -> int:
        """Return the number for one of `EFFECTS`."""
        return dict(zip(EFFECTS, (self.reservations, self.charges, self.shipments), strict=True))[effect]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersTable:
    """The content of the orders table.

    Attributes:
        effects: How often each effect of each order was recorded, by order id and effect.
        stock: Pieces reserved, by article. A reservation that was added twice counts twice.
        charged: Minor units charged, by customer.
        shipped: Shipments, by customer.
    """

    effects: Mapping[tuple[str, str], int]
    stock: Mapping[str, int]
    charged: Mapping[str, int]
    shipped: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFindings:
    """Result of the comparison.

    Attributes:
        shipments: Shipments that were found. A double shipment counts twice.
        lost: A sentence for each effect that is missing.
        doubled: A sentence for each effect that happened too often, and for each sum that is too large.
        wrong: A sentence for each other problem.
    """

    shipments: int
    lost: Sequence[str]
    doubled: Sequence[str]
    wrong: Sequence[str]

    @property
    def problems(self) -> list[str]:
        """Every sentence."""
        return [*self.lost, *self.doubled, *self.wrong]


def read_orders(dynamodb: "DynamoDBClient", table_name: str) -> OrdersTable:
    """Read the whole orders table."""
    effects: Counter[tuple[str, str]] = Counter()
    sums: dict[str, dict[str, int]] = {"STOCK": {}, f"BALANCE#{CURRENCY}": {}, "SHIPMENTS": {}}
    amounts = {"STOCK": "reserved", f"BALANCE#{CURRENCY}": "charged", "SHIPMENTS": "shipped"}
    for page in dynamodb.get_paginator("scan").paginate(TableName=table_name, ConsistentRead=True):
        for item in page["Items"]:
            name, entry = item["pk"]["S"].split("#", 1)[1], item["sk"]["S"]
            if entry in sums:
                sums[entry][name] = int(item[amounts[entry]]["N"])
            else:
                effects[name, entry.split("#")[0]] += 1
    stock, charged, shipped = sums.values()
    return OrdersTable(effects=effects, stock=stock, charged=charged, shipped=shipped)


def compare_orders(expected: Sequence[Expectation], table: OrdersTable) -> OrderFindings:
    """Compare orders with the orders table. What belongs to other orders is left out."""
    lost: list[str] = []
    doubled: list[str] = []
    for each in expected:
        for effect in EFFECTS:
            must, got = each.count(effect), table.effects.get((each.order.order_id, effect), 0)
            if got != must:
                sentence = f"order {each.order.order_id} must have {must} of {effect}, got {got}"
                (lost if got < must else doubled).append(sentence)
    charges = _by_customer(expected, lambda each: each.charges * each.order.amount)
    shipments = _by_customer(expected, lambda each: each.shipments)
    customers = {each.order.customer for each in expected}
    sums = [
        *_differences("stock of", _stock(expected), table.stock),
        *_differences("charges of", charges, table.charged),
        *_differences("shipments of", shipments, table.shipped),
    ]
    return OrderFindings(
        shipments=sum(count for customer, count in table.shipped.items() if customer in customers),
        lost=lost,
        doubled=[*doubled, *(sentence for sentence, is_more in sums if is_more)],
        wrong=[sentence for sentence, is_more in sums if not is_more],
    )


def wrong_notifications(
    expected: Sequence[Expectation],
    notifications: Sequence[Mapping[str, Any]],
    *,
    single: Collection[str] = (),
    kills: int = 0,
) -> Iterator[str]:
    """Yield what is wrong with the notifications. Each run that ends is notified, and a kill may repeat some of them.

    Args:
        expected: The orders. Their shipments say how many runs of each order must have ended.
        notifications: All notifications with their copies. Copies have the same run id.
        single: Runs that must be notified exactly once: one message alone went to their last service, and its handler
            was not killed.
        kills: Number of handlers that were killed. Each may repeat the notifications of its batch. Without kills there
            must be no copies.
    """
    orders_of_runs = {each["run_id"]: order_id_of(each["request"]) for each in notifications}
    runs = Counter(orders_of_runs.values())
    copies = Counter(order_id_of(each["request"]) for each in notifications)
    for each in expected:
        order_id = each.order.order_id
        if runs[order_id] != each.shipments:
            got = f"{runs[order_id]} in {copies[order_id]} notifications"
            yield f"order {order_id} must have notifications of {each.shipments} runs, got {got}"
    yield from _wrong_copies(Counter(each["run_id"] for each in notifications), single, kills)


def wrong_dead_letters(expected: Sequence[Expectation], letters: Iterable[FoundDeadLetter]) -> Iterator[str]:
    """Yield what is wrong with the dead letters of billing: each declined order must be one, with that reason."""
    reasons = {order_id_of(json.loads(letter.body)["request"]): letter.reason or "" for letter in letters}
    for each in expected:
        order, reason = each.order, reasons.get(each.order.order_id)
        if order.is_declined and (reason is None or "declined" not in reason):
            yield f"order {order.order_id} must be a dead letter of billing with the reason declined, got {reason}"
        elif not order.is_declined and reason is not None:
            yield f"order {order.order_id} must not be a dead letter of billing, got {reason}"


def order_id_of(request: Mapping[str, Any]) -> str:
    """Return the order id of a request that travels inline."""
    return cast("str", request["inline"]["order_id"])


def _wrong_copies(copies: Mapping[str, int], single: Collection[str], kills: int) -> Iterator[str]:
    for run_id in single:
        if (got := copies.get(run_id, 0)) != 1:
            yield f"run {run_id} must have one notification, got {got}"
    most, total = len(copies) + kills * MESSAGES_PER_BATCH, sum(copies.values())
    if total > most:
        yield f"{len(copies)} runs and {kills} kills must have at most {most} notifications, got {total}"


def _stock(expected: Sequence[Expectation]) -> Mapping[str, int]:
    totals: Counter[str] = Counter()
    for each in expected:
        for sku, quantity in each.order.quantities.items():
            totals[sku] += quantity * each.reservations
    return totals


def _by_customer(expected: Sequence[Expectation], amount: Callable[[Expectation], int]) -> Mapping[str, int]:
    totals: Counter[str] = Counter()
    for each in expected:
        totals[each.order.customer] += amount(each)
    return totals


def _differences(what: str, must: Mapping[str, int], got: Mapping[str, int]) -> Iterator[tuple[str, bool]]:
    for name, total in must.items():
        if (there := got.get(name, 0)) != total:
            yield f"{what} {name} must be {total}, got {there}", there > total
