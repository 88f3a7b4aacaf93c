"""The environment of the function that stores the price list of a supplier."""

from dataclasses import dataclass

from tsunagu import EnvironmentContract

SUPPLIER_SYNC = "supplier-sync"  # name of the job


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppliersEnvironment(EnvironmentContract):
    """The environment of the function, besides `ReceiverEnvironment` and `ScheduledJobEnvironment`.

    Attributes:
        prices_table_name: Table of price lists, with partition key `supplier` and sort key `entry`.
        supplier: Name of the supplier.
        supplier_url: Address of the supplier's API, without a slash at its end.
    """

    prices_table_name: str
    supplier: str
    supplier_url: str
