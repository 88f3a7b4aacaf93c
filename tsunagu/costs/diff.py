"""Compares what two templates cost a month."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tsunagu.costs.prices import ListPrice, list_prices
from tsunagu.costs.traffic import Traffic
from tsunagu.costs.usage import monthly_usage
from tsunagu.templates.template import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """One thing that AWS bills for, in both templates.

    Attributes:
        name: Name of its price.
        price: Its price.
        old_units: Units a month of the old template.
        new_units: Units a month of the new template.
    """

    name: str
    price: ListPrice
    old_units: float
    new_units: float

    @property
    def old_usd(self) -> float:
        """Price of a month of the old template."""
        return self.old_units * self.price.unit_usd

    @property
    def new_usd(self) -> float:
        """Price of a month of the new template."""
        return self.new_units * self.price.unit_usd

    @property
    def has_changed(self) -> bool:
        """Whether the templates differ in it."""
        return self.old_units != self.new_units


def difference_usd(lines: Sequence[CostLine]) -> float:
    """Return how much more a month of the new template costs."""
    return sum(line.new_usd - line.old_usd for line in lines)


def cost_diff(old: Template, new: Template, traffic: Traffic) -> Sequence[CostLine]:
    """Return what two templates cost a month with the same traffic, the largest price first; not what costs nothing."""
    before, after = monthly_usage(old, traffic), monthly_usage(new, traffic)
    lines = [_line(name, before, after) for name in before.keys() | after.keys() if before.get(name) or after.get(name)]
    return sorted(lines, key=lambda line: (-max(line.old_usd, line.new_usd), line.name))


def _line(name: str, before: Mapping[str, float], after: Mapping[str, float]) -> CostLine:
    return CostLine(
        name=name, price=list_prices()[name], old_units=before.get(name, 0.0), new_units=after.get(name, 0.0)
    )
