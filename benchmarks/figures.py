"""Medians and ratios, and how they are printed."""

# ruff: noqa: T201 - a report is printed

import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """What something took.

    Attributes:
        wall: Seconds of wall clock.
        cpu: Seconds of the process's CPU.
    """

    wall: float
    cpu: float


def median_cost(costs: Sequence[Cost]) -> Cost:
    """Return the median of the walls, and that of the CPU times."""
    return Cost(statistics.median(cost.wall for cost in costs), statistics.median(cost.cpu for cost in costs))


@dataclass(frozen=True, slots=True)
class Ratio:
    """A figure of ours over the same figure of what it is compared with.

    Attributes:
        name: `<benchmark>.<figure>`, which other runs are compared by.
        value: The ratio.
        target: What it is held against by a reader, such as `<= 0.12`. Default: nothing.
    """

    name: str
    value: float
    target: str = ""


def print_ratios(ratios: Sequence[Ratio]) -> None:
    """Print the load of the machine, the targets, and the ratios as the last lines."""
    loads = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    print(f"\nload average {loads} on {os.cpu_count()} processors")
    for ratio in ratios:
        if ratio.target:
            print(f"target {ratio.name} {ratio.target}")
    for ratio in ratios:
        print(f"ratio {ratio.name} = {ratio.value:.3f}")
