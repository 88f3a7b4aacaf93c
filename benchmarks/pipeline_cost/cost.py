"""What a million requests cost."""

from dataclasses import replace

from benchmarks.pipeline_cost.flow import EVERYTHING_IN_S3, Flow
from benchmarks.pipeline_cost.prices import PRICES, Component, Purpose
from benchmarks.pipeline_cost.usage import MILLION, usage


def usd(flow: Flow, *purposes: Purpose) -> float:
    """Return the price of a million requests.

    Args:
        flow: The flow.
        purposes: What is paid for. Default: everything.
    """
    return sum(
        component_usd(component, units)
        for component, units in usage(flow).items()
        if not purposes or PRICES[component].purpose in purposes
    )


def component_usd(component: Component, units: float) -> float:
    """Return the price of one component, for a million requests that use so many units each."""
    return units * MILLION * PRICES[component].unit_usd


def ratio(flow: Flow, *purposes: Purpose) -> float:
    """Return the price of `flow` over that of the same flow with every payload in S3.

    Args:
        flow: The flow.
        purposes: What is paid for. Default: everything.
    """
    return usd(flow, *purposes) / usd(in_s3(flow), *purposes)


def in_s3(flow: Flow) -> Flow:
    """Return the same flow with every payload in S3."""
    return replace(flow, inline_bytes=EVERYTHING_IN_S3)
