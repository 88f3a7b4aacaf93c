"""The objects of the invoices function, built once a process."""

import functools
import os

from invoices.environment import InvoicesEnvironment
from invoices.service import Invoice, Register
from tsunagu.runtime.functions import wiring
from tsunagu.runtime.receiving.receiver import Receiver


@functools.cache
def receiver() -> Receiver[Invoice]:
    """Return the receiver of invoices."""
    environment = InvoicesEnvironment.from_environment(os.environ)
    register = Register(environment.invoices_table_name)
    return wiring.receiver(
        "invoices", parse=Invoice.from_json, key=lambda invoice: invoice.number, process=register.record
    )
