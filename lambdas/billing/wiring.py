"""The objects of the billing function, built once a process."""

import functools
import os

from lambdas.billing.service import Till
from lambdas.contracts.pipeline import OrdersEnvironment


@functools.cache
def till() -> Till:
    """Return the till of the function's environment."""
    return Till(OrdersEnvironment.from_environment(os.environ).orders_table_name)
