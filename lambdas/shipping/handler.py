"""The shipping function: Lambda calls `handler` with a batch of orders."""

from lambdas.contracts.orders import Order
from lambdas.shipping import wiring
from lambdas.shipping.service import Shipment
from tsunagu import Work, pipeline_service


@pipeline_service
def handler(order: Order, work: Work) -> Shipment:
    """Ship an order that is reserved and paid."""
    return wiring.dispatch().ship(order, work)
