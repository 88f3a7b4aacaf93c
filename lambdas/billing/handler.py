"""The billing function: Lambda calls `handler` with a batch of orders."""

from lambdas.billing import wiring
from lambdas.billing.service import Charge
from lambdas.contracts.orders import Order
from tsunagu import Work, pipeline_service


@pipeline_service
def handler(order: Order, work: Work) -> Charge:
    """Charge the customer of an order."""
    return wiring.till().charge(order, work)
