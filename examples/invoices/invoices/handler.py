"""The invoices function, in Lambda's shape."""

from invoices import wiring
from tsunagu.runtime.receiving.receiver import LambdaContext


def handler(event: object, context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Process a batch of invoices; return those that SQS must deliver again."""
    return wiring.receiver().receive(event, context)
