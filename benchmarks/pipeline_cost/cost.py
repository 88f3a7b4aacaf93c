"""What a million requests cost."""

from collections.abc import Callable
from dataclasses import replace

from benchmarks.cost.usage import MILLION
from benchmarks.pipeline_cost.flow import EVERYTHING_IN_S3, Flow
from benchmarks.pipeline_cost.prices import PRICES, Component, Purpose
from benchmarks.pipeline_cost.usage import usage

STEP_BYTES = 256  # of the sizes among which the turn is looked for


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


def sized(flow: Flow, request_bytes: int) -> Flow:
    """Return the same flow with requests of that size, and results of a quarter of it."""
    return replace(flow, request_bytes=request_bytes, result_bytes=request_bytes // 4)


def request_turn_bytes(flow: Flow, *purposes: Purpose) -> int:
    """Return the largest request that is not dearer inline than in S3, beside results of 256 bytes inline.

    Args:
        flow: The flow.
        purposes: What is paid for. Default: everything.
    """
    return _turn_bytes(flow, lambda size: replace(flow, request_bytes=size, result_bytes=STEP_BYTES), purposes)


def result_turn_bytes(flow: Flow, *purposes: Purpose) -> int:
    """Return the largest result that is not dearer inline than in S3, beside requests of 256 bytes inline.

    Args:
        flow: The flow.
        purposes: What is paid for. Default: everything.
    """
    return _turn_bytes(flow, lambda size: replace(flow, request_bytes=STEP_BYTES, result_bytes=size), purposes)


def _turn_bytes(flow: Flow, of_size: Callable[[int], Flow], purposes: tuple[Purpose, ...]) -> int:
    """Return the size before the first one that a threshold just below makes cheaper."""
    for size in range(2 * STEP_BYTES, flow.inline_bytes + 1, STEP_BYTES):
        inline, stored = (replace(of_size(size), inline_bytes=limit) for limit in (size, size - 1))
        if usd(inline, *purposes) > usd(stored, *purposes):
            return size - STEP_BYTES
    return flow.inline_bytes
