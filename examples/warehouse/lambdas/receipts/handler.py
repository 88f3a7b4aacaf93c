"""The function: Lambda calls `handler` with a batch of deliveries."""

from dataclasses import dataclass

from tsunagu import InvalidMessageError, Message, message_handler

from lambdas.contracts.environment import environment


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery that arrived.

    Attributes:
        delivery: Its number, the business key.
        sku: The article.
        pieces: How many, above 0.
    """

    delivery: str
    sku: str
    pieces: int


@message_handler("receipts", key="delivery")
def handler(delivery: Delivery, message: Message) -> None:
    """Book a delivery into the stock, and into the journal. The sum has no condition: a second booking would show."""
    if delivery.pieces < 1:
        msg = f"pieces must be above 0, got {delivery.pieces}"
        raise InvalidMessageError(msg)
    tables = environment()
    message.update(
        tables.stock_table_name, {"sku": delivery.sku}, "ADD pieces :pieces", values={":pieces": delivery.pieces}
    )
    message.put(tables.journal_table_name, {"entry": f"delivery-{delivery.delivery}", "pieces": delivery.pieces})
