"""The objects of the order service, built once a process."""

import functools
import os

from lambdas.contracts.order_api import OrderApiEnvironment
from lambdas.order_api.service import Orders
from tsunagu import SystemClock, table_reader
from tsunagu.contracts.web import WebEnvironment


@functools.cache
def orders() -> Orders:
    """Return the orders of the function's environment."""
    table_name = OrderApiEnvironment.from_environment(os.environ).orders_table_name
    queue_url = WebEnvironment.from_environment(os.environ).queue_url  # the API sends each new order there
    return Orders(table_name, queue_url, table_reader(table_name), SystemClock())
