"""The objects of the function that stores a price list, built once a process."""

import functools
import os

from lambdas.contracts.suppliers import SuppliersEnvironment
from lambdas.supplier_sync.service import PriceListSync
from lambdas.supplier_sync.supplier import Supplier


@functools.cache
def sync() -> PriceListSync:
    """Return the service of the function's environment."""
    environment = SuppliersEnvironment.from_environment(os.environ)
    return PriceListSync(environment.prices_table_name, environment.supplier, Supplier(environment.supplier_url).page)
