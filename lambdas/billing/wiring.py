"""The objects of the billing function, built once a process."""

import functools
import os

from lambdas.billing.service import Till
from lambdas.contracts.orders import BillingEnvironment


@functools.cache
def till() -> Till:
    """Return the till of the function's environment."""
    environment = BillingEnvironment.from_environment(os.environ)
    return Till(environment.orders_table_name, is_test_mode=environment.payment_test_mode)
