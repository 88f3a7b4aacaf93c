"""The objects of the payments function, built once a process."""

import functools
import os

from lambdas.contracts.payments import PaymentsEnvironment
from lambdas.payments.service import Ledger, Payment
from tsunagu.runtime.clock import SystemClock
from tsunagu.runtime.functions import wiring
from tsunagu.runtime.receiving.receiver import Receiver


@functools.cache
def receiver() -> Receiver[Payment]:
    """Return the receiver of payments."""
    environment = PaymentsEnvironment.from_environment(os.environ)
    ledger = Ledger(environment.payments_table_name, SystemClock())
    return wiring.receiver(
        "payments", parse=Payment.from_json, key=lambda payment: payment.payment_id, process=ledger.record
    )
