"""The billing function, in Lambda's shape."""

from lambdas.runtime.startup import without_collection

with without_collection():
    from lambdas.billing import wiring
    from lambdas.billing.service import Charge
    from lambdas.contracts.orders import Order
    from lambdas.runtime.aws.service import pipeline_service
    from lambdas.runtime.pipeline.work import Work


@pipeline_service
def handler(order: Order, work: Work) -> Charge:
    """Charge what is ordered."""
    return wiring.till().charge(order, work)
