"""The payments function: Lambda calls `handler` with a batch of payments."""

from lambdas.payments import wiring
from lambdas.payments.service import Payment
from tsunagu import Message, message_handler


@message_handler("payments", key="payment_id")
def handler(payment: Payment, message: Message) -> None:
    """Record a payment."""
    wiring.ledger().record(payment, message)
