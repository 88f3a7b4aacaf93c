"""An order, as it is placed and as every service of the order pipeline reads it."""

import re
from dataclasses import dataclass

from tsunagu import EnvironmentContract

CURRENCIES = frozenset({"EUR"})
QUANTITIES = range(1, 1_001)
LINES = range(1, 51)  # each is a write of one transaction, which holds a hundred
NOTE_BYTES = 10 * 1_048_576

_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True, slots=True)
class OrderLine:
    """Some of one article.

    Attributes:
        sku: The article, 1 to 64 letters, digits and hyphens.
        quantity: Pieces, 1 to 1,000.

    Raises:
        ValueError: A value is out of range.
    """

    sku: str
    quantity: int

    def __post_init__(self) -> None:
        """Refuse what is no line."""
        _check_name("sku", self.sku)
        if self.quantity not in QUANTITIES:
            msg = f"quantity must be between 1 and 1,000, got {self.quantity}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Order:
    """An order.

    Attributes:
        order_id: The customer's name for it, 1 to 64 letters, digits and hyphens.
        customer: Who pays, of the same grammar.
        lines: What is wanted, 1 to 50 lines.
        currency: ISO 4217 code; `EUR` alone is sold in.
        note: Anything that the customer wants to say, up to 10 MiB. Default: nothing.

    Raises:
        ValueError: A value is out of range.
    """

    order_id: str
    customer: str
    lines: list[OrderLine]
    currency: str
    note: str | None = None

    def __post_init__(self) -> None:
        """Refuse what is no order."""
        _check_name("order_id", self.order_id)
        _check_name("customer", self.customer)
        if len(self.lines) not in LINES:
            msg = f"an order must have 1 to 50 lines, got {len(self.lines)}"
            raise ValueError(msg)
        if self.currency not in CURRENCIES:
            msg = f"currency must be one of {sorted(CURRENCIES)}, got {self.currency[:16]!r}"
            raise ValueError(msg)
        if self.note is not None and len(self.note.encode()) > NOTE_BYTES:
            msg = f"note must have at most {NOTE_BYTES:,} bytes, got {len(self.note.encode()):,}"
            raise ValueError(msg)

    def quantities(self) -> dict[str, int]:
        """Return how many pieces of each article are wanted, over all lines."""
        totals: dict[str, int] = {}
        for line in self.lines:
            totals[line.sku] = totals.get(line.sku, 0) + line.quantity
        return totals


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersEnvironment(EnvironmentContract):
    """What the services of the order pipeline need besides.

    Attributes:
        orders_table_name: Table of stock, charges and shipments: partition key `pk`, sort key `sk`.
    """

    orders_table_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingEnvironment(OrdersEnvironment):
    """What billing needs besides.

    Attributes:
        payment_test_mode: Whether declined and flaky customers are those of the payment provider's test mode; else they
            are customers like all others. Default: they are, so that each kind of failure can be seen, and mended.
    """

    payment_test_mode: bool = True


def _check_name(field: str, value: str) -> None:
    if not _NAME.fullmatch(value):
        msg = f"{field} must be 1 to 64 letters, digits and hyphens, got {value[:80]!r}"
        raise ValueError(msg)
