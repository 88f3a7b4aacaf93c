"""The objects of the shipping function, built once a process."""

import functools
import os

from lambdas.contracts.orders import OrdersEnvironment
from lambdas.shipping.service import Dispatch


@functools.cache
def dispatch() -> Dispatch:
    """Return the dispatch of the function's environment."""
    return Dispatch(OrdersEnvironment.from_environment(os.environ).orders_table_name)
