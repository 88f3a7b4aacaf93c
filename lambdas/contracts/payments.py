"""What the construct tells the payments function."""

from dataclasses import dataclass

from tsunagu import EnvironmentContract


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentsEnvironment(EnvironmentContract):
    """What the payments handler needs besides.

    Attributes:
        payments_table_name: Table of the payments and of the account balances.
    """

    payments_table_name: str
