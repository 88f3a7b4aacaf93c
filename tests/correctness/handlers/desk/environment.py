"""What the stack tells the desk."""

from dataclasses import dataclass

from tsunagu import EnvironmentContract


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskEnvironment(EnvironmentContract):
    """What the desk needs besides.

    Attributes:
        effects_table_name: Table with the partition key `key`, where each effect is counted.
        in_transaction: Whether the effect and the message's completion are one transaction.
    """

    effects_table_name: str
    in_transaction: bool
