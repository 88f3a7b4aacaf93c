"""What a request costs follows from the design: its writes, its reads, and what is paid by the hour."""

from dataclasses import replace

import pytest

from benchmarks.accept.usage import PRICES, Component, Load, accept_usage, plain_usage, usd

LOAD = Load()


def test_request_has_the_calls_of_the_design() -> None:
    used = accept_usage(LOAD)

    assert {name: used[name] for name in (Component.GATEWAY, Component.PIPE, Component.SQS)} == {
        Component.GATEWAY: 1,
        Component.PIPE: 1,
        Component.SQS: 3,  # the pipe sends; Lambda receives and deletes
    }
    assert used[Component.WRITE] == 5  # accepted, claimed, committed, completed, closed
    assert used[Component.INDEX] == 2  # into the index of open requests, and out of it
    assert used[Component.S3_PUT] == 2  # staged, and copied


def test_plain_invocation_has_no_record() -> None:
    assert plain_usage(LOAD).keys().isdisjoint({Component.INDEX, Component.STREAM, Component.PIPE, Component.SQS})
    assert plain_usage(LOAD)[Component.WRITE] == 0


def test_a_larger_record_is_dearer_and_the_plain_invocation_is_not() -> None:
    larger = replace(LOAD, record_bytes=3_000)

    assert accept_usage(larger)[Component.WRITE] == 15
    assert plain_usage(larger) == plain_usage(LOAD)


def test_a_poll_is_a_request_and_a_read() -> None:
    polled = replace(LOAD, polls=2)

    more = {name: units - accept_usage(LOAD)[name] for name, units in accept_usage(polled).items()}
    assert {name: round(units, 6) for name, units in more.items() if units} == {Component.GATEWAY: 2, Component.READ: 2}


@pytest.mark.parametrize("faster", [10, 100])
def test_what_is_paid_by_the_hour_is_shared_by_the_load(faster: int) -> None:
    fast = accept_usage(replace(LOAD, requests_per_second=faster))

    for component in (Component.STREAM, Component.SCHEDULER):
        assert fast[component] == pytest.approx(accept_usage(LOAD)[component] / faster)


def test_long_work_costs_about_the_same_in_both() -> None:
    long = replace(LOAD, work_seconds=600)

    assert usd(accept_usage(long)) / usd(plain_usage(long)) < 1.01


def test_price_of_a_million_requests_is_the_sum_of_its_parts() -> None:
    assert usd({Component.GATEWAY: 1, Component.WRITE: 2}) == pytest.approx(3.50 + 2 * 0.625)
    assert set(accept_usage(LOAD)) == set(PRICES) == set(Component)
