"""The preprocessor function, in Lambda's shape."""

from lambdas.runtime.startup import without_collection

with without_collection():
    from lambdas.preprocessor import wiring
    from lambdas.runtime.aws.preprocessor import Answer
    from lambdas.runtime.receiver import LambdaContext


def handler(event: object, context: LambdaContext) -> Answer:
    """Start or replay a request, or receive a batch of the entry queue."""
    return wiring.preprocessor().handle(event, context)
