"""A handler whose messages all fail, so that each gets a pause. Its module reads a table at import, as some do."""

from dataclasses import dataclass

from tsunagu import Message, RetryableError, message_handler, table_reader

prices = table_reader("prices").get({"currency": "EUR"})


@dataclass
class Order:
    order_id: str


@message_handler("orders", key="order_id")
def handler(order: Order, message: Message) -> None:
    msg = f"{order.order_id} must wait"
    raise RetryableError(msg)
