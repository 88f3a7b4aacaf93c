"""The environment variables of the functions: the stack writes this record, and handlers read it."""

import os
from dataclasses import dataclass

from tsunagu import EnvironmentContract


@dataclass(frozen=True, slots=True, kw_only=True)
class WarehouseEnvironment(EnvironmentContract):
    """What each function knows besides what the library tells it.

    Attributes:
        stock_table_name: Table of the company: partition key `sku`, pieces in `pieces`.
        journal_table_name: Table of the team: partition key `entry`.
    """

    stock_table_name: str
    journal_table_name: str


def environment() -> WarehouseEnvironment:
    """Return the environment of this function."""
    return WarehouseEnvironment.from_environment(os.environ)
