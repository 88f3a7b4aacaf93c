"""The shipping function, in Lambda's shape."""

from tsunagu.runtime.startup import without_collection

with without_collection():
    from lambdas.contracts.orders import Order
    from lambdas.shipping import wiring
    from lambdas.shipping.service import Shipment
    from tsunagu.runtime.functions.pipeline_service import pipeline_service
    from tsunagu.runtime.pipeline.work import Work


@pipeline_service
def handler(order: Order, work: Work) -> Shipment:
    """Ship what is reserved and paid."""
    return wiring.dispatch().ship(order, work)
