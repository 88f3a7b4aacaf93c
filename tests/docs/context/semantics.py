"""What the page about semantics takes for granted."""

from dataclasses import dataclass

TABLE: str
REFUSALS: str


@dataclass
class Invoice:
    """An invoice."""

    number: str
    amount: int


@dataclass
class Payment:
    """A payment."""

    id: str
