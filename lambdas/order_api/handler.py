"""The order service: Lambda calls `handler` with HTTP requests, and with batches of messages.

A function that serves its queue alone imports neither the application nor FastAPI.
"""

from lambdas.contracts.order_api import ORDER_CANCELLED, ORDER_PLACED, OrderCancelled, OrderPlaced
from lambdas.order_api import wiring
from tsunagu import Message, MessageRouter

queue = MessageRouter("lambdas.order_api.app:app", scope="order-api")


@queue.on(ORDER_PLACED, key="order_id")
def confirm(placed: OrderPlaced, message: Message) -> None:
    """Confirm an order."""
    wiring.orders().confirm(placed, message)


@queue.on(ORDER_CANCELLED, key="order_id")
def cancel(cancelled: OrderCancelled, message: Message) -> None:
    """Cancel an order."""
    wiring.orders().cancel_once_placed(cancelled, message)


handler = queue.handler()
