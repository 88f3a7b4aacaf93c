"""The preprocessor function, in Lambda's shape."""

from tsunagu.runtime.startup import without_collection

with without_collection():
    from lambdas.preprocessor import wiring
    from tsunagu.runtime.functions.preprocessor import Answer
    from tsunagu.runtime.receiving.receiver import LambdaContext


def handler(event: object, context: LambdaContext) -> Answer:
    """Start or replay a request, or receive a batch of the entry queue."""
    return wiring.preprocessor().handle(event, context)
