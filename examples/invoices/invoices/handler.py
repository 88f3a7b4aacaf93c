"""The invoices function: Lambda calls `handler` with a batch of invoices."""

from invoices import wiring
from invoices.service import Invoice
from tsunagu import Message, message_handler


@message_handler("invoices", key="number")
def handler(invoice: Invoice, message: Message) -> None:
    """Record an invoice."""
    wiring.register().record(invoice, message)
