"""What the page about services takes for granted."""

from dataclasses import dataclass

TABLE: str


@dataclass
class Order:
    """An order."""

    customer: str
    amount: int


@dataclass
class Charge:
    """A result."""

    amount: int
