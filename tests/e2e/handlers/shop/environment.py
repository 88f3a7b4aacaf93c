"""Environment of the shop."""

from dataclasses import dataclass

from tsunagu import EnvironmentContract


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopEnvironment(EnvironmentContract):
    """Its table."""

    orders_table_name: str
