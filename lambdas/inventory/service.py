"""Reserves the articles of orders."""

from dataclasses import dataclass

from lambdas.contracts.orders import Order
from tsunagu import Work


@dataclass(frozen=True, slots=True)
class Reservation:
    """The reservation for an order.

    Attributes:
        reserved: Pieces of each article.
    """

    reserved: dict[str, int]


class Stock:
    """Stores reservations, and how much of each article is reserved.

    Args:
        table_name: Table of the order desk: partition key `pk`, sort key `sk`.
    """

    def __init__(self, table_name: str) -> None:
        self._table_name = table_name

    def reserve(self, order: Order, work: Work) -> Reservation:
        """Reserve the articles of `order`.

        The update of the stock has no condition. So it would show if an order were reserved twice in a run.
        """
        quantities = order.quantities()
        for sku, quantity in quantities.items():
            work.update(
                self._table_name,
                {"pk": f"STOCK#{sku}", "sk": "STOCK"},
                "ADD reserved :quantity",
                values={":quantity": quantity},
            )
        work.put(
            self._table_name,
            {
                "pk": f"ORDER#{order.order_id}",
                "sk": f"RESERVATION#{work.run_id}",
                "request_id": work.request_id,
                "reserved": quantities,
            },
        )
        return Reservation(quantities)
