"""An order that is to be shipped, as each function of the pipeline reads it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shipment:
    """An order of one article.

    Attributes:
        order: Its number.
        sku: The article.
        pieces: How many.
    """

    order: str
    sku: str
    pieces: int
