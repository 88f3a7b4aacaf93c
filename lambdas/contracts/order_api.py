"""Messages about orders, as the order service consumes them, and the environment of its functions."""

import re
from dataclasses import dataclass
from typing import Literal

from tsunagu import EnvironmentContract

ORDER_PLACED, ORDER_CANCELLED = "order.placed", "order.cancelled"  # types of messages

Currency = Literal["EUR", "USD"]
QUANTITIES = range(1, 1_001)
PRICES = range(10**9 + 1)
LINES = range(1, 51)
REASON_CHARACTERS = range(1, 201)
NAME = "[A-Za-z0-9-]{1,64}"  # of an order, a customer or an article

_NAME = re.compile(NAME)


@dataclass(frozen=True, slots=True)
class OrderedArticle:
    """A line of an order.

    Attributes:
        sku: The article, 1 to 64 letters, digits and hyphens.
        quantity: Pieces, 1 to 1,000.
        price: Price of a piece in minor units of the currency, 0 to 10^9.

    Raises:
        ValueError: A value is out of range.
    """

    sku: str
    quantity: int
    price: int

    def __post_init__(self) -> None:
        """Check the values."""
        _check_name("sku", self.sku)
        if self.quantity not in QUANTITIES:
            msg = f"quantity must be between 1 and 1,000, got {str(self.quantity)[:16]}"
            raise ValueError(msg)
        if self.price not in PRICES:
            msg = f"price must be between 0 and 10^9 minor units, got {str(self.price)[:16]}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    """A customer has placed an order.

    Attributes:
        order_id: Id of the order, 1 to 64 letters, digits and hyphens: the business key.
        customer: Who pays, 1 to 64 letters, digits and hyphens.
        lines: The articles, 1 to 50 lines.
        currency: ISO 4217 code, `EUR` or `USD`.

    Raises:
        ValueError: A value is out of range.
    """

    order_id: str
    customer: str
    lines: list[OrderedArticle]
    currency: Currency

    def __post_init__(self) -> None:
        """Check the values."""
        _check_name("order_id", self.order_id)
        _check_name("customer", self.customer)
        if len(self.lines) not in LINES:
            msg = f"an order must have 1 to 50 lines, got {len(self.lines)}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    """A customer has cancelled an order.

    Attributes:
        order_id: Id of the order, 1 to 64 letters, digits and hyphens: the business key.
        reason: Why, 1 to 200 characters. Default: nobody said.

    Raises:
        ValueError: A value is out of range.
    """

    order_id: str
    reason: str | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        _check_name("order_id", self.order_id)
        if self.reason is not None and len(self.reason) not in REASON_CHARACTERS:
            msg = f"reason must have 1 to 200 characters, got {len(self.reason)}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderApiEnvironment(EnvironmentContract):
    """The environment of the order service, besides `WebEnvironment` and `ReceiverEnvironment`.

    Attributes:
        orders_table_name: Table of the orders, with the partition key `order_id`.
    """

    orders_table_name: str


def _check_name(field: str, value: str) -> None:
    if not _NAME.fullmatch(value):
        msg = f"{field} must be 1 to 64 letters, digits and hyphens, got {value[:80]!r}"
        raise ValueError(msg)
