"""The sales of a month, which the warehouse makes up from hashes: the same month always has the same sales."""

import calendar
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tsunagu import PermanentError, RetryableError

ARTICLES = ("cup", "kettle", "pen", "tea")
REGIONS = ("east", "north", "south", "west")
# In the warehouse's test mode, reading these regions fails: each kind of failure can be shown.
BROKEN, FLAKY = "broken-", "flaky-"
PAUSE_SECONDS = 1

_MOST_PIECES = 40
_LOWEST_PRICE, _PRICES = 100, 900  # minor units


@dataclass(frozen=True, slots=True)
class Sale:
    """What was sold of one article, in one region, on one day.

    Attributes:
        day: The day, such as `2026-01-31`.
        article: The article.
        region: The region.
        pieces: How many pieces were sold.
        amount: What they cost together, in minor units of the currency.
    """

    day: str
    article: str
    region: str
    pieces: int
    amount: int


class Warehouse:
    """Knows the sales.

    Args:
        is_test_mode: Whether regions with certain names fail.
    """

    def __init__(self, *, is_test_mode: bool) -> None:
        self._is_test_mode = is_test_mode

    def sales(self, month: str, region: str | None, attempt: int) -> Iterator[Sale]:
        """Return the sales of a month by day, article and region, in this order.

        Args:
            month: The month, such as `2026-01`.
            region: The only region to return; None for all.
            attempt: Number of the attempt to make the report, from 1.

        Raises:
            PermanentError: There is no such region.
            RetryableError: In test mode: a flaky region at the first attempt.
            OSError: In test mode: a broken region.
        """
        if region is None:
            return _sales(month, REGIONS)
        if self._is_test_mode:
            _refuse_test_region(region, attempt)
        if region not in REGIONS and not (self._is_test_mode and region.startswith(FLAKY)):
            msg = f"region must be one of {', '.join(REGIONS)}, got {region!r}"
            raise PermanentError(msg)
        return _sales(month, [region])


def _refuse_test_region(region: str, attempt: int) -> None:
    if region.startswith(BROKEN):
        msg = f"the sales of {region} cannot be read"
        raise OSError(msg)
    if region.startswith(FLAKY) and attempt == 1:
        msg = f"the sales of {region} were not read: the warehouse is busy"
        raise RetryableError(msg, after_seconds=PAUSE_SECONDS)


def _sales(month: str, regions: Sequence[str]) -> Iterator[Sale]:
    year, number = map(int, month.split("-"))
    for day in range(1, calendar.monthrange(year, number)[1] + 1):
        for article in ARTICLES:
            for region in regions:
                pieces = _hash(f"{month}-{day:02} {article} {region}") % (_MOST_PIECES + 1)
                yield Sale(f"{month}-{day:02}", article, region, pieces, pieces * price(article))


def price(article: str) -> int:
    """Return the price of a piece, 100 to 999 minor units. It is a hash of the article, so it never changes."""
    return _LOWEST_PRICE + _hash(article) % _PRICES


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
