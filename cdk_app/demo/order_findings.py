"""The demonstration's own books of the order desk: what the orders must have come to, and what is really there.

Nothing here asks the services or their records. Effects are the items of the orders table; what was told is in the
queue of notifications, and what failed in the dead-letter queues.
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
RECORDS_PER_BATCH = 10  # of one invocation of a service; they tell together, before they are marked as told


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """An order, and how many of its runs must have come through each service.

    Attributes:
        order: The order.
        reservations: Runs through inventory.
        charges: Runs through billing.
        shipments: Runs through shipping.
    """

    order: PlannedOrder
    reservations: int = 1
    charges: int = 1
    shipments: int = 1

    def count(self, effect: str) -> int:
        """Return how many of one of `EFFECTS` there must be."""
        return dict(zip(EFFECTS, (self.reservations, self.charges, self.shipments), strict=True))[effect]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersTable:
    """The content of the orders table.

    Attributes:
        effects: How often each effect of each order was recorded, by order id and effect.
        stock: Pieces reserved, by article; more than recorded when a reservation was added twice.
        charged: Minor units charged, by customer.
        shipped: Shipments, by customer.
    """

    effects: Mapping[tuple[str, str], int]
    stock: Mapping[str, int]
    charged: Mapping[str, int]
    shipped: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFindings:
    """What the books say.

    Attributes:
        shipments: Shipments counted, each of a double one too.
        lost: Effects that must be there, and are not.
        doubled: Effects, and sums, that are larger than they must be.
        wrong: Whatever else is not as it must be.
    """

    shipments: int
    lost: Sequence[str]
    doubled: Sequence[str]
    wrong: Sequence[str]

    @property
    def problems(self) -> list[str]:
        """All of them."""
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
    """Compare what was ordered with what is there; what belongs to other orders is left out."""
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
    """Yield what is wrong with the notifications: each run that ends tells so, and few do so twice.

    Args:
        expected: The orders, whose shipments say how many runs of each must have ended.
        notifications: All that was told, copies among it: copies have the same run id.
        single: Runs of which no copy may be there, because one message alone went to their last service, and it was
            not killed.
        kills: Handlers that were killed, each of which may repeat what its batch had told. Without any, there must be
            no copies at all.
    """
    orders_of_runs = {told["run_id"]: order_id_of(told["request"]) for told in notifications}
    runs = Counter(orders_of_runs.values())
    copies = Counter(order_id_of(told["request"]) for told in notifications)
    for each in expected:
        order_id = each.order.order_id
        if runs[order_id] != each.shipments:
            got = f"{runs[order_id]} in {copies[order_id]} notifications"
            yield f"order {order_id} must be told of {each.shipments} runs, got {got}"
    yield from _wrong_copies(Counter(told["run_id"] for told in notifications), single, kills)


def wrong_refusals(expected: Sequence[Expectation], letters: Iterable[FoundDeadLetter]) -> Iterator[str]:
    """Yield what is wrong with the dead letters of billing: one for each declined customer, with that as its reason."""
    reasons = {order_id_of(json.loads(letter.body)["request"]): letter.reason or "" for letter in letters}
    for each in expected:
        order, reason = each.order, reasons.get(each.order.order_id)
        if order.is_declined and (reason is None or "declined" not in reason):
            yield f"order {order.order_id} must be a dead letter of billing, declined, got {reason}"
        elif not order.is_declined and reason is not None:
            yield f"order {order.order_id} must be no dead letter of billing, got {reason}"


def order_id_of(request: Mapping[str, Any]) -> str:
    """Return the order of a request that travels inline."""
    return cast("str", request["inline"]["order_id"])


def _wrong_copies(copies: Mapping[str, int], single: Collection[str], kills: int) -> Iterator[str]:
    for run_id in single:
        if (got := copies.get(run_id, 0)) != 1:
            yield f"run {run_id} must be told once, got {got} notifications"
    most, total = len(copies) + kills * RECORDS_PER_BATCH, sum(copies.values())
    if total > most:
        yield f"{len(copies)} runs and {kills} kills must be told in at most {most} notifications, got {total}"


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
