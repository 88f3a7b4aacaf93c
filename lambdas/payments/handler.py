"""The payments function, in Lambda's shape."""

from tsunagu.runtime.startup import without_collection

with without_collection():
    from lambdas.payments import wiring
    from tsunagu.runtime.receiving.receiver import LambdaContext


def handler(event: object, context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Process a batch of payments; return those that SQS must deliver again."""
    return wiring.receiver().receive(event, context)
