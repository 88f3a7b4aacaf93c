import dataclasses
from typing import Any

import pytest

from tests.tsunagu.capacity.samples import FIFO, LOAD, STANDARD
from tsunagu.capacity.draining import seconds_to_drain
from tsunagu.capacity.receiver import Pollers, Receiver


def seconds(receiver: Receiver, messages: int, **load: Any) -> float:
    return seconds_to_drain(receiver, dataclasses.replace(LOAD, messages=messages, **load))


def test_a_standard_queue_is_drained_faster_and_faster_until_its_limit() -> None:
    """Five invocations drain 50 a second; each second five more are added, of 10 a second each."""
    limited = dataclasses.replace(STANDARD, max_concurrency=15)

    assert seconds(limited, 0) == 0
    assert seconds(limited, 200) == pytest.approx(2)  # 50 a second became 100, and 150, the limit
    assert seconds(limited, 1_700) == pytest.approx(12)
    assert seconds(dataclasses.replace(STANDARD, max_concurrency=2), 200) == pytest.approx(10)


def test_provisioned_pollers_begin_with_ten_invocations_each_and_grow_faster() -> None:
    """Twenty invocations drain 200 a second; after six seconds there are a hundred more."""
    polled = dataclasses.replace(STANDARD, pollers=Pollers(fewest=2, most=12))

    assert seconds(polled, 4_200) == pytest.approx(6)
    assert seconds(polled, 5_400) == pytest.approx(7)


def test_a_fifo_queue_is_drained_at_its_limit_from_the_first_second() -> None:
    assert seconds(FIFO, 300, groups=3) == pytest.approx(10)


def test_the_largest_group_is_done_by_one_invocation_after_the_other() -> None:
    assert seconds(FIFO, 300, groups=3, largest_group=200) == pytest.approx(20)
    assert seconds(STANDARD, 300, largest_group=20_000) < 5


def test_a_table_on_demand_takes_twice_as_much_after_each_half_hour_until_its_quota() -> None:
    busy = dataclasses.replace(STANDARD, writes=2.0, max_concurrency=1_000)
    steady = dataclasses.replace(busy, table_grows=False, table_writes=4_000)
    half_hour = seconds(steady, 10**7) * 2_000 - 10**7  # what the first seconds drained less

    assert seconds(busy, 2_000 * 1_800 + 4_000 * 900) == pytest.approx(2_700, rel=0.01)
    assert seconds(steady, 2_000 * 2_700) == pytest.approx(2_700, rel=0.01)
    assert 0 < half_hour < 20 * 2_000
    assert seconds(busy, 100_000_000) > 100_000_000 / 20_000  # 40,000 write units are the most


def test_an_own_table_slows_the_messages_too() -> None:
    assert seconds(STANDARD, 100_000, own_writes=4) == pytest.approx(100, rel=0.15)
