"""The objects of the inventory function, built once a process."""

import functools
import os

from lambdas.contracts.orders import OrdersEnvironment
from lambdas.inventory.service import Stock


@functools.cache
def stock() -> Stock:
    """Return the stock of the function's environment."""
    return Stock(OrdersEnvironment.from_environment(os.environ).orders_table_name)
