"""Ships orders."""

import hashlib
from dataclasses import dataclass

from lambdas.contracts.orders import Order
from tsunagu import PermanentError, Work

INVENTORY, BILLING = "inventory", "billing"


@dataclass(frozen=True, slots=True)
class Shipment:
    """A shipment.

    Attributes:
        shipment_id: Its id, which depends on the order id only: a replay ships under the same id.
        amount: What the order cost, in minor units.
    """

    shipment_id: str
    amount: int


class Dispatch:
    """Stores shipments, and how many each customer got.

    Args:
        table_name: Table of the order desk: partition key `pk`, sort key `sk`.
    """

    def __init__(self, table_name: str) -> None:
        self._table_name = table_name

    def ship(self, order: Order, work: Work) -> Shipment:
        """Ship `order` as it was reserved and charged.

        The update of the count has no condition. So it would show if an order were shipped twice in a run.

        Raises:
            PermanentError: The reserved articles are not the ordered ones.
        """
        reserved = work.results[INVENTORY]["reserved"]
        if reserved != order.quantities():
            msg = f"the reserved quantities must be the ordered ones, got others, of {len(reserved)} articles"
            raise PermanentError(msg)
        shipment = Shipment(shipment_id(order.order_id), work.results[BILLING]["amount"])
        work.update(
            self._table_name,
            {"pk": f"CUSTOMER#{order.customer}", "sk": "SHIPMENTS"},
            "ADD shipped :one",
            values={":one": 1},
        )
        work.put(
            self._table_name,
            {
                "pk": f"ORDER#{order.order_id}",
                "sk": f"SHIPMENT#{work.run_id}",
                "request_id": work.request_id,
                "shipment_id": shipment.shipment_id,
                "amount": shipment.amount,
                "articles": reserved,
            },
        )
        return shipment


def shipment_id(order_id: str) -> str:
    """Return the id of an order's shipment."""
    return f"S-{hashlib.sha256(order_id.encode()).hexdigest()[:16]}"
