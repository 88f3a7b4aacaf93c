"""Charges orders, and knows the prices."""

import hashlib
from dataclasses import dataclass

from lambdas.contracts.orders import Order
from tsunagu import PermanentError, RetryableError, Work

LOWEST_PRICE, PRICES = 100, 900  # minor units
# In the payment provider's test mode, the cards of these customers fail: each kind of failure can be shown.
DECLINED, FLAKY = "declined-", "flaky-"
PAUSE_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Charge:
    """The charge for an order.

    Attributes:
        amount: Minor units of the currency.
        currency: ISO 4217 code.
    """

    amount: int
    currency: str


class Till:
    """Stores charges, and the total that each customer was charged.

    Args:
        table_name: Table of the order desk: partition key `pk`, sort key `sk`.
        is_test_mode: Whether the payment provider is in test mode.
    """

    def __init__(self, table_name: str, *, is_test_mode: bool) -> None:
        self._table_name = table_name
        self._is_test_mode = is_test_mode

    def charge(self, order: Order, work: Work) -> Charge:
        """Charge the customer of `order`.

        The update of the balance has no condition. So it would show if an order were charged twice in a run.

        Raises:
            PermanentError: The customer's card is declined.
            RetryableError: The payment provider is busy. In test mode: the first attempt with a flaky customer.
        """
        if self._is_test_mode:
            _refuse_test_customer(order.customer, work.attempt)
        charge = Charge(sum(price(sku) * number for sku, number in order.quantities().items()), order.currency)
        work.update(
            self._table_name,
            {"pk": f"CUSTOMER#{order.customer}", "sk": f"BALANCE#{order.currency}"},
            "ADD charged :amount",
            values={":amount": charge.amount},
        )
        work.put(
            self._table_name,
            {
                "pk": f"ORDER#{order.order_id}",
                "sk": f"CHARGE#{work.run_id}",
                "request_id": work.request_id,
                "amount": charge.amount,
                "currency": charge.currency,
            },
        )
        return charge


def _refuse_test_customer(customer: str, attempt: int) -> None:
    if customer.startswith(DECLINED):
        msg = f"the card of {customer} must be good for the order, got declined"
        raise PermanentError(msg)
    if customer.startswith(FLAKY) and attempt == 1:
        msg = f"the card of {customer} was not charged: the provider is busy"
        raise RetryableError(msg, after_seconds=PAUSE_SECONDS)


def price(sku: str) -> int:
    """Return the price of a piece, 100 to 999 minor units. It is a hash of the article, so it never changes."""
    return LOWEST_PRICE + int.from_bytes(hashlib.sha256(sku.encode()).digest()[:4]) % PRICES
