"""Plans orders from a seed, with their prices. The prices are computed here again, to check the services."""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tsunagu.operations.preprocessor_client import start_command

CURRENCY = "EUR"
DECLINED, FLAKY = "declined-", "flaky-"  # customers of the billing service's test mode
LOWEST_PRICE, PRICES = 100, 900
ARTICLES = 12
LARGEST_QUANTITY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOrder:
    """An order to place.

    Attributes:
        order_id: Id of the order, and the idempotency key of its start.
        customer: Who pays.
        lines: Article and quantity of each line. An article may be in two lines.
    """

    order_id: str
    customer: str
    lines: Sequence[tuple[str, int]]

    @property
    def is_declined(self) -> bool:
        """Whether the customer's card is declined at every attempt."""
        return self.customer.startswith(DECLINED)

    @property
    def quantities(self) -> Mapping[str, int]:
        """Pieces of each article."""
        totals: dict[str, int] = {}
        for sku, quantity in self.lines:
            totals[sku] = totals.get(sku, 0) + quantity
        return totals

    @property
    def amount(self) -> int:
        """Price of the order, in minor units."""
        return sum(price(sku) * quantity for sku, quantity in self.lines)

    def payload(self) -> dict[str, Any]:
        """Return the request."""
        lines = [{"sku": sku, "quantity": quantity} for sku, quantity in self.lines]
        return {"order_id": self.order_id, "customer": self.customer, "lines": lines, "currency": CURRENCY}

    def start(self) -> dict[str, Any]:
        """Return the command that starts the order. Sent again, it starts no second request."""
        return start_command(self.payload(), key=self.order_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderShape:
    """How many orders of each kind.

    Attributes:
        orders: Different orders.
        customers: Number of ordinary customers.
        copied: Orders that are placed a second time, under the same key.
        declined: Orders of customers whose card is declined, one each.
        flaky: Orders of customers whose card works at the second attempt, one each.
    """

    orders: int
    customers: int
    copied: int
    declined: int
    flaky: int


def plan_orders(seed: int, name: str, shape: OrderShape) -> tuple[PlannedOrder, ...]:
    """Return different orders.

    Args:
        seed: The same seed and name give the same orders.
        name: Every order id, customer and article has it, so that the orders of two names share none.
        shape: How many of each kind.
    """
    source = random.Random(f"{seed} {name}")  # noqa: S311 - orders must be the same each time
    special = source.sample(range(shape.orders), k=shape.declined + shape.flaky)
    prefixes = {index: DECLINED if number < shape.declined else FLAKY for number, index in enumerate(special)}
    return tuple(_order(source, name, index, prefixes.get(index), shape.customers) for index in range(shape.orders))


def plan_copies(seed: int, orders: Sequence[PlannedOrder], shape: OrderShape) -> list[PlannedOrder]:
    """Return `orders` in the order of placing, some of them twice."""
    source = random.Random(f"{seed} copies")  # noqa: S311 - as above
    copied = set(source.sample(range(len(orders)), k=shape.copied))
    placed: list[tuple[float, PlannedOrder]] = list(enumerate(orders))
    for number, index in enumerate(sorted(copied)):
        # Every second copy follows its original at once, so that two calls with one key run together.
        place = index + 0.5 if number % 2 else source.uniform(index + 0.5, len(orders))
        placed.append((place, orders[index]))
    return [order for _, order in sorted(placed, key=lambda entry: entry[0])]


def price(sku: str) -> int:
    """Return the price of one piece in minor units: 100 plus a number below 900 from the hash of the article."""
    return LOWEST_PRICE + int.from_bytes(hashlib.sha256(sku.encode()).digest()[:4], "big") % PRICES


def _order(source: random.Random, name: str, index: int, prefix: str | None, customers: int) -> PlannedOrder:
    ordinary = f"{name}-customer-{source.randrange(customers):03}"
    lines = [
        (f"{name}-article-{source.randrange(ARTICLES):02}", source.randint(1, LARGEST_QUANTITY))
        for _ in range(source.randint(1, 3))
    ]
    customer = ordinary if prefix is None else f"{prefix}{name}-{index:05}"
    return PlannedOrder(order_id=f"{name}-order-{index:05}", customer=customer, lines=lines)
