"""The objects of the payments function, built once a process."""

import functools
import os

from lambdas.contracts.payments import PaymentsEnvironment
from lambdas.payments.service import Ledger
from tsunagu import SystemClock


@functools.cache
def ledger() -> Ledger:
    """Return the ledger of the function's environment."""
    return Ledger(PaymentsEnvironment.from_environment(os.environ).payments_table_name, SystemClock())
