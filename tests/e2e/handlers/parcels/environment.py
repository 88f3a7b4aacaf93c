"""What the stack tells the function."""

from dataclasses import dataclass

from tsunagu import EnvironmentContract


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelsEnvironment(EnvironmentContract):
    """What the function needs besides.

    Attributes:
        parcels_table_name: Table with the partition key `number`.
    """

    parcels_table_name: str
