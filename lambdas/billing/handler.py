"""The billing function, in Lambda's shape."""

from tsunagu.runtime.startup import without_collection

with without_collection():
    from lambdas.billing import wiring
    from lambdas.billing.service import Charge
    from lambdas.contracts.orders import Order
    from tsunagu.runtime.functions.pipeline_service import pipeline_service
    from tsunagu.runtime.pipeline.work import Work


@pipeline_service
def handler(order: Order, work: Work) -> Charge:
    """Charge what is ordered."""
    return wiring.till().charge(order, work)
