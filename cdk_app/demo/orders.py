"""Orders from one seed, and what each of them costs: computed here again, so that the services can be judged by it."""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CURRENCY = "EUR"
DECLINED, FLAKY = "declined-", "flaky-"  # customers of the billing service's test mode
LOWEST_PRICE, PRICES = 100, 900
ARTICLES = 12
LARGEST_QUANTITY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOrder:
    """An order to place.

    Attributes:
        order_id: Its name, and the idempotency key of its start.
        customer: Who pays.
        lines: Article and quantity of each line; an article may stand in two lines.
    """

    order_id: str
    customer: str
    lines: Sequence[tuple[str, int]]

    @property
    def is_declined(self) -> bool:
        """Whether the customer's card is declined, for good."""
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
        """What it costs, in minor units."""
        return sum(price(sku) * quantity for sku, quantity in self.lines)

    def payload(self) -> dict[str, Any]:
        """Return the request."""
        lines = [{"sku": sku, "quantity": quantity} for sku, quantity in self.lines]
        return {"order_id": self.order_id, "customer": self.customer, "lines": lines, "currency": CURRENCY}

    def start(self) -> dict[str, Any]:
        """Return what the preprocessor is asked: each order once, however often it is asked."""
        return {"action": "start", "payload": self.payload(), "idempotency_key": self.order_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderShape:
    """How many orders of what kind.

    Attributes:
        orders: Different orders.
        customers: Ordinary customers that they are spread over.
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
        name: Begins every order id, customer and article, so that the orders of two names share none.
        shape: How many of what.
    """
    source = random.Random(f"{seed} {name}")  # noqa: S311 - orders must come out the same again
    special = source.sample(range(shape.orders), k=shape.declined + shape.flaky)
    prefixes = {index: DECLINED if number < shape.declined else FLAKY for number, index in enumerate(special)}
    return tuple(_order(source, name, index, prefixes.get(index), shape.customers) for index in range(shape.orders))


def plan_copies(seed: int, orders: Sequence[PlannedOrder], shape: OrderShape) -> list[PlannedOrder]:
    """Return `orders` in the order of placing, some of them twice."""
    source = random.Random(f"{seed} copies")  # noqa: S311 - as above
    copied = set(source.sample(range(len(orders)), k=shape.copied))
    placed: list[tuple[float, PlannedOrder]] = list(enumerate(orders))
    for number, index in enumerate(sorted(copied)):
        # Every other copy follows at once, so that two calls with one key are under way together.
        place = index + 0.5 if number % 2 else source.uniform(index + 0.5, len(orders))
        placed.append((place, orders[index]))
    return [order for _, order in sorted(placed, key=lambda entry: entry[0])]


def price(sku: str) -> int:
    """Return the price of a piece in minor units, by the price list: 100 and a hash of the article below 900."""
    return LOWEST_PRICE + int.from_bytes(hashlib.sha256(sku.encode()).digest()[:4], "big") % PRICES


def _order(source: random.Random, name: str, index: int, prefix: str | None, customers: int) -> PlannedOrder:
    ordinary = f"{name}-customer-{source.randrange(customers):03}"
    lines = [
        (f"{name}-article-{source.randrange(ARTICLES):02}", source.randint(1, LARGEST_QUANTITY))
        for _ in range(source.randint(1, 3))
    ]
    customer = ordinary if prefix is None else f"{prefix}{name}-{index:05}"
    return PlannedOrder(order_id=f"{name}-order-{index:05}", customer=customer, lines=lines)
