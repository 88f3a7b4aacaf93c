"""The environment of the payments function."""

from dataclasses import dataclass

from tsunagu import EnvironmentContract


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentsEnvironment(EnvironmentContract):
    """The environment of the payments function, besides `ReceiverEnvironment`.

    Attributes:
        payments_table_name: Table of the payments and of the account balances.
    """

    payments_table_name: str
