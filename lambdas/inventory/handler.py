"""The inventory function, in Lambda's shape."""

from lambdas.runtime.startup import without_collection

with without_collection():
    from lambdas.contracts.orders import Order
    from lambdas.inventory import wiring
    from lambdas.inventory.service import Reservation
    from lambdas.runtime.aws.service import pipeline_service
    from lambdas.runtime.pipeline.work import Work


@pipeline_service
def handler(order: Order, work: Work) -> Reservation:
    """Reserve what is ordered."""
    return wiring.stock().reserve(order, work)
