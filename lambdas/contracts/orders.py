"""Orders, as every service of the order pipeline reads them, and the environments of the services."""

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
    """A line of an order: one article and a quantity.

    Attributes:
        sku: The article, 1 to 64 letters, digits and hyphens.
        quantity: Pieces, 1 to 1,000.

    Raises:
        ValueError: A value is out of range.
    """

    sku: str
    quantity: int

    def __post_init__(self) -> None:
        """Check the values."""
        _check_name("sku", self.sku)
        if self.quantity not in QUANTITIES:
            msg = f"quantity must be between 1 and 1,000, got {self.quantity}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Order:
    """An order.

    Attributes:
        order_id: The customer's own id for it, 1 to 64 letters, digits and hyphens.
        customer: Who pays, 1 to 64 letters, digits and hyphens.
        lines: The articles, 1 to 50 lines.
        currency: ISO 4217 code. Only `EUR` is accepted.
        note: A note of the customer, up to 10 MiB. Default: none.

    Raises:
        ValueError: A value is out of range.
    """

    order_id: str
    customer: str
    lines: list[OrderLine]
    currency: str
    note: str | None = None

    def __post_init__(self) -> None:
        """Check the values."""
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
        """Return the ordered pieces of each article, summed over all lines."""
        totals: dict[str, int] = {}
        for line in self.lines:
            totals[line.sku] = totals.get(line.sku, 0) + line.quantity
        return totals


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersEnvironment(EnvironmentContract):
    """The environment of the order pipeline's services, besides what the pipeline writes.

    Attributes:
        orders_table_name: Table of stock, charges and shipments: partition key `pk`, sort key `sk`.
    """

    orders_table_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingEnvironment(OrdersEnvironment):
    """The environment of the billing service, besides what the pipeline writes.

    Attributes:
        payment_test_mode: Whether the payment provider is in test mode. In test mode the cards of customers whose names
            begin with `declined-` or `flaky-` fail, so that each kind of failure can be shown. Default: test mode.
    """

    payment_test_mode: bool = True


def _check_name(field: str, value: str) -> None:
    if not _NAME.fullmatch(value):
        msg = f"{field} must be 1 to 64 letters, digits and hyphens, got {value[:80]!r}"
        raise ValueError(msg)
