import dataclasses
from typing import Any

import pytest

from tests.tsunagu.capacity.samples import FIFO, LOAD, STANDARD
from tsunagu.capacity.limits import Throttle, concurrency_for, limits
from tsunagu.capacity.receiver import Load, Pollers, Receiver, batch_seconds, full_batch, groups_in_batch
from tsunagu.errors import InvalidInputError


def tightest(receiver: Receiver, load: Load) -> tuple[float, Throttle]:
    found = limits(receiver, load)[0]
    return found.rate, found.throttle


@pytest.mark.parametrize(("parallel", "seconds"), [(1, 1.0), (5, 0.216), (7, 0.216), (99, 0.118)])
def test_a_batch_takes_its_messages_and_its_calls(parallel: int, seconds: float) -> None:
    assert batch_seconds(STANDARD, dataclasses.replace(LOAD, parallel=parallel)) == pytest.approx(seconds)


def test_messages_of_a_fifo_queue_never_run_side_by_side() -> None:
    assert batch_seconds(FIFO, dataclasses.replace(LOAD, parallel=10)) == 1.0


def test_a_batch_has_as_many_messages_as_an_invocation_has_room_for() -> None:
    large = dataclasses.replace(LOAD, message_bytes=1_000_000)

    assert full_batch(STANDARD, large) == 6
    assert batch_seconds(STANDARD, large) == pytest.approx(0.608)


@pytest.mark.parametrize(("messages", "groups", "of"), [(1_000, 10, 1), (10, 10, 10), (20, 10, 5), (5, 10, 10)])
def test_a_batch_is_of_one_group_where_each_group_has_enough(messages: int, groups: int, of: int) -> None:
    assert groups_in_batch(FIFO, dataclasses.replace(LOAD, messages=messages, groups=groups)) == of


@pytest.mark.parametrize(
    ("receiver", "load", "rate", "throttle"),
    [
        ({}, {}, 10_000, Throttle.ACCOUNT),
        ({}, {"account_concurrency": 5_000}, 12_500, Throttle.MAPPING),
        ({"max_concurrency": 7}, {}, 70, Throttle.MAPPING),
        ({"max_concurrency": 9, "reserved_concurrency": 7}, {}, 70, Throttle.RESERVED),
        ({"pollers": Pollers(fewest=2, most=3)}, {}, 300, Throttle.POLLERS),
        ({"pollers": Pollers(fewest=2, most=3)}, {"message_bytes": 200_000}, 15, Throttle.POLLER_BYTES),
        ({}, {"account_concurrency": 50}, 500, Throttle.ACCOUNT),
        ({"max_concurrency": 1_000}, {"message_ms": 0.01, "batch_ms": 1, "parallel": 10}, 100_000, "account_requests"),
        ({"batch_size": 10_000}, {"parallel": 10_000, "batch_ms": 60_000}, 1_996.7, Throttle.IN_FLIGHT),
        ({"writes": 2}, {}, 2_000, Throttle.TABLE),
        ({"writes": 2, "table_writes": 100}, {}, 50, Throttle.TABLE),
        ({}, {"own_writes": 4}, 1_000, Throttle.OWN_TABLE),
        ({}, {"hot_writes": 1}, 1_000, Throttle.PARTITION),
        ({"pipeline": "orders"}, {"sns_quota": 300}, 300, Throttle.SNS),
        ({"fifo": True}, {}, 3_000, Throttle.FIFO_CALLS),
        ({"fifo": True, "batch_size": 1}, {"message_ms": 1}, 300, Throttle.FIFO_CALLS),
        ({"fifo": True, "high_throughput": True}, {}, 10_000, Throttle.ACCOUNT),
        ({"fifo": True, "high_throughput": True}, {"message_ms": 1, "groups": 5_000}, 24_000, Throttle.FIFO_CALLS),
        ({"fifo": True}, {"groups": 3}, 30, Throttle.GROUPS),
        ({"fifo": True}, {"groups": 100, "messages": 200}, 200, Throttle.GROUPS),
    ],
)
def test_the_tightest_limit_is_first(
    receiver: dict[str, Any], load: dict[str, Any], rate: float, throttle: Throttle
) -> None:
    found, what = tightest(dataclasses.replace(STANDARD, **receiver), dataclasses.replace(LOAD, **load))

    assert found == pytest.approx(rate, rel=1e-4)
    assert what == throttle


@pytest.mark.parametrize(
    ("region", "calls"),
    [("eu-west-1", "70,000"), ("eu-central-1", "19,000"), ("ap-northeast-1", "9,000"), ("sa-east-1", "4,500")],
)
def test_the_quota_of_high_throughput_is_that_of_the_region(region: str, calls: str) -> None:
    quick = dataclasses.replace(LOAD, message_ms=1, batch_ms=0, groups=50_000, messages=10**7, region=region)
    fifo = dataclasses.replace(FIFO, high_throughput=True)

    assert {f"{calls} calls a second of FIFO queues in {region}"} <= {each.what for each in limits(fifo, quick)}


def test_a_job_has_one_run_at_a_time() -> None:
    job = dataclasses.replace(FIFO, batch_size=1, is_job=True)

    limit = limits(job, dataclasses.replace(LOAD, message_ms=980, batch_ms=20))[0]

    assert (limit.rate, limit.what) == (1, "one run of the job at a time")


def test_a_rate_takes_as_many_invocations_as_batches_run_at_the_same_time() -> None:
    assert [concurrency_for(STANDARD, LOAD, rate) for rate in (1, 10, 11, 10_000)] == [1, 1, 2, 1_000]


@pytest.mark.parametrize(
    "name",
    [
        "batch_ms",
        "messages",
        "message_bytes",
        "parallel",
        "groups",
        "largest_group",
        "own_writes",
        "hot_writes",
        "account_concurrency",
        "sns_quota",
    ],
)
def test_a_number_out_of_range_is_refused(name: str) -> None:
    number: dict[str, Any] = {name: -1}

    with pytest.raises(InvalidInputError, match=f"^{name} must be [01] or more, got -1"):
        dataclasses.replace(LOAD, **number)


def test_a_message_takes_some_time() -> None:
    with pytest.raises(InvalidInputError, match="message_ms must be above 0, got 0"):
        Load(message_ms=0)
