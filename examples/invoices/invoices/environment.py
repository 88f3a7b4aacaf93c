"""The environment of the invoices function."""

from dataclasses import dataclass

from tsunagu import EnvironmentContract


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicesEnvironment(EnvironmentContract):
    """The environment of the invoices function, besides `ReceiverEnvironment`.

    Attributes:
        invoices_table_name: Table of the invoices.
    """

    invoices_table_name: str
