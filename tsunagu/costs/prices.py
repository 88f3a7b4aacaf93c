"""List prices of us-east-1 in USD, without free tiers and volume discounts; `prices.json` has them with their sources.

What counts is AWS's own page of the service, `https://aws.amazon.com/<service>/pricing/`: it shows most figures only to
a browser, so compare before you budget.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FROM_MEMORY = "from memory"
_FILE = Path(__file__).with_name("prices.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPrice:
    """What something costs.

    Attributes:
        usd: Price on the list.
        per: Units that it is the price of.
        unit: What is counted, such as `requests`.
        seen: Page on which the figure was seen, and its date; or `from memory`, if it was seen on none.
    """

    usd: float
    per: int
    unit: str
    seen: str

    @property
    def is_from_memory(self) -> bool:
        """Whether the figure was seen on no page."""
        return self.seen.startswith(FROM_MEMORY)

    @property
    def unit_usd(self) -> float:
        """Price of one unit."""
        return self.usd / self.per


@functools.cache
def list_prices() -> Mapping[str, ListPrice]:
    """Return all prices by `<service>.<what>`, such as `sqs.request`."""
    prices = json.loads(_FILE.read_text(encoding="utf-8"))["prices"]
    return {name: ListPrice(**price) for name, price in prices.items()}
