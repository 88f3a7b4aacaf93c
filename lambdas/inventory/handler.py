"""The inventory function, in Lambda's shape."""

from tsunagu.runtime.startup import without_collection

with without_collection():
    from lambdas.contracts.orders import Order
    from lambdas.inventory import wiring
    from lambdas.inventory.service import Reservation
    from tsunagu.runtime.functions.pipeline_service import pipeline_service
    from tsunagu.runtime.pipeline.work import Work


@pipeline_service
def handler(order: Order, work: Work) -> Reservation:
    """Reserve what is ordered."""
    return wiring.stock().reserve(order, work)
