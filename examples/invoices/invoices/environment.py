"""What the stack tells the function."""

from dataclasses import dataclass

from tsunagu import EnvironmentContract


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicesEnvironment(EnvironmentContract):
    """What the invoices function needs, besides what every receiver does.

    Attributes:
        invoices_table_name: Table of the invoices.
    """

    invoices_table_name: str
