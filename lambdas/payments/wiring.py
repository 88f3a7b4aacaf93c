"""The objects of the payments function, built once a process."""

import functools
import os

from lambdas.contracts.environment import PaymentsEnvironment
from lambdas.payments.service import Ledger, Payment
from lambdas.runtime.aws import wiring
from lambdas.runtime.clock import SystemClock
from lambdas.runtime.receiver import Receiver


@functools.cache
def receiver() -> Receiver[Payment]:
    """Return the receiver of payments."""
    environment = PaymentsEnvironment.from_environment(os.environ)
    ledger = Ledger(environment.payments_table_name, SystemClock())
    return wiring.receiver(
        "payments", parse=Payment.from_json, key=lambda payment: payment.payment_id, process=ledger.record
    )
