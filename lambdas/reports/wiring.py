"""The objects of the reports function, built once a process."""

import functools
import os

from lambdas.contracts.reports import ReportsEnvironment
from lambdas.reports.sales import Warehouse
from lambdas.reports.service import ReportDesk
from tsunagu import SystemClock


@functools.cache
def desk() -> ReportDesk:
    """Return the report desk of the function's environment."""
    environment = ReportsEnvironment.from_environment(os.environ)
    warehouse = Warehouse(is_test_mode=environment.sales_test_mode)
    return ReportDesk(environment.reports_table_name, warehouse, SystemClock())
