"""The shipping function, in Lambda's shape."""

from lambdas.runtime.startup import without_collection

with without_collection():
    from lambdas.contracts.orders import Order
    from lambdas.runtime.aws.service import pipeline_service
    from lambdas.runtime.pipeline.work import Work
    from lambdas.shipping import wiring
    from lambdas.shipping.service import Shipment


@pipeline_service
def handler(order: Order, work: Work) -> Shipment:
    """Ship what is reserved and paid."""
    return wiring.dispatch().ship(order, work)
