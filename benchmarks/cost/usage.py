"""Usage: units of what AWS bills for, by the name of their price in `tsunagu.costs`."""

from collections.abc import Mapping

from tsunagu.costs.prices import list_prices

MILLION = 1_000_000

Usage = Mapping[str, float]


def total(*usages: Usage) -> Usage:
    """Return the sum of usages, in the order of their prices' names."""
    names = sorted({name for usage in usages for name in usage})
    return {name: sum(usage.get(name, 0.0) for usage in usages) for name in names}


def times(usage: Usage, number: float) -> Usage:
    """Return a usage that happens so often."""
    return {name: units * number for name, units in usage.items()}


def usd(usage: Usage) -> float:
    """Return the list price of a usage.

    Raises:
        KeyError: A name has no price.
    """
    prices = list_prices()
    return sum(units * prices[name].unit_usd for name, units in usage.items())


def million_usd(usage: Usage) -> float:
    """Return the list price of a usage that happens a million times."""
    return usd(times(usage, MILLION))
