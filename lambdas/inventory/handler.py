"""The inventory function: Lambda calls `handler` with a batch of orders."""

from lambdas.contracts.orders import Order
from lambdas.inventory import wiring
from lambdas.inventory.service import Reservation
from tsunagu import Work, pipeline_service


@pipeline_service
def handler(order: Order, work: Work) -> Reservation:
    """Reserve the articles of an order."""
    return wiring.stock().reserve(order, work)
