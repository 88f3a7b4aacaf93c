"""The objects of the invoices function, built once a process."""

import functools
import os

from invoices.environment import InvoicesEnvironment
from invoices.service import Register


@functools.cache
def register() -> Register:
    """Return the register of the function's environment."""
    return Register(InvoicesEnvironment.from_environment(os.environ).invoices_table_name)
