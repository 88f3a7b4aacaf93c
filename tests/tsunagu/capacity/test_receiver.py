import dataclasses
from typing import Any

import pytest

from tsunagu.capacity.reading import receivers
from tsunagu.capacity.receiver import Measured, Receiver, batch_seconds, concurrency_for, limits, seconds_to_drain
from tsunagu.errors import InvalidInputError
from tsunagu.templates.template import Template

STANDARD = Receiver(name="Function", batch_size=10)
FIFO = Receiver(name="Function", batch_size=10, fifo=True)
MEASURED = Measured(message_ms=98, batch_ms=20)  # a batch of ten takes a second


def tightest(receiver: Receiver, measured: Measured = MEASURED) -> tuple[float, str]:
    found = limits(receiver, measured)[0]
    return found.rate, found.what.partition(" of ")[0]


@pytest.mark.parametrize(
    ("receiver", "parallel", "seconds"),
    [(STANDARD, 1, 1.0), (STANDARD, 5, 0.216), (STANDARD, 99, 0.118), (FIFO, 5, 0.216)],
)
def test_a_batch_takes_its_messages_and_its_calls(receiver: Receiver, parallel: int, seconds: float) -> None:
    assert batch_seconds(receiver, dataclasses.replace(MEASURED, parallel=parallel)) == pytest.approx(seconds)


def test_messages_of_one_group_never_run_side_by_side() -> None:
    assert batch_seconds(FIFO, dataclasses.replace(MEASURED, parallel=10, groups=1)) == 1.0


@pytest.mark.parametrize(
    ("receiver", "measured", "rate", "what"),
    [
        (STANDARD, {}, 10_000, "1,000 invocations"),
        ({"concurrency": 7}, {}, 70, "7 invocations"),
        ({}, {"account_concurrency": 50}, 500, "50 invocations"),
        ({"writes": 2}, {}, 2_000, "4,000 write units a second"),
        ({}, {"hot_writes": 1}, 1_000, "1,000 write units a second"),
        ({"fifo": True}, {}, 3_000, "300 calls a second"),
        ({"fifo": True, "high_throughput": True}, {}, 10_000, "1,000 invocations"),
        ({"fifo": True}, {"groups": 3}, 30, "3 message groups, each in one invocation"),
    ],
)
def test_the_tightest_limit_is_first(receiver: Any, measured: dict[str, Any], rate: float, what: str) -> None:
    given = receiver if isinstance(receiver, Receiver) else dataclasses.replace(STANDARD, **receiver)

    assert tightest(given, dataclasses.replace(MEASURED, **measured)) == (rate, what)


def test_a_rate_takes_as_many_invocations_as_batches_run_at_the_same_time() -> None:
    assert [concurrency_for(STANDARD, MEASURED, rate) for rate in (1, 10, 11, 10_000)] == [1, 1, 2, 1_000]


def test_a_standard_queue_is_drained_faster_and_faster_until_its_limit() -> None:
    """Five invocations drain 50 a second; each second five more are added, of 10 a second each."""
    limited = dataclasses.replace(STANDARD, concurrency=15)

    assert seconds_to_drain(limited, MEASURED, 0) == 0
    assert seconds_to_drain(limited, MEASURED, 75) == pytest.approx(1)  # 50 a second become 100
    assert seconds_to_drain(limited, MEASURED, 200) == pytest.approx(2)  # and 150, the limit
    assert seconds_to_drain(limited, MEASURED, 1_700) == pytest.approx(12)
    assert seconds_to_drain(dataclasses.replace(STANDARD, concurrency=2), MEASURED, 200) == pytest.approx(10)


def test_a_fifo_queue_is_drained_at_its_limit() -> None:
    assert seconds_to_drain(FIFO, dataclasses.replace(MEASURED, groups=3), 300) == pytest.approx(10)


@pytest.mark.parametrize("name", ["batch_ms", "parallel", "groups", "hot_writes", "account_concurrency"])
def test_a_number_out_of_range_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError, match=f"^{name} must be [01] or more, got -1"):
        dataclasses.replace(MEASURED, **{name: -1})


def test_a_message_takes_some_time() -> None:
    with pytest.raises(InvalidInputError, match="message_ms must be above 0, got 0"):
        Measured(message_ms=0)


def test_what_limits_a_receiver_is_read_from_its_template() -> None:
    resources = {
        "Queue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"FifoQueue": True, "FifoThroughputLimit": "perMessageGroupId"},
        },
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"GlobalSecondaryIndexes": [{}]}},
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Timeout": 30,
                "ReservedConcurrentExecutions": 20,
                "Environment": {"Variables": {"IDEMPOTENCY_TABLE_NAME": {"Ref": "Table"}}},
            },
        },
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
                "FunctionName": {"Ref": "Function"},
                "BatchSize": 5,
                "ScalingConfig": {"MaximumConcurrency": 8},
            },
        },
    }

    assert [*receivers(Template.parse({"Resources": resources}))] == [
        Receiver(
            name="Function", batch_size=5, fifo=True, high_throughput=True, concurrency=8, writes=3, timeout_seconds=30
        )
    ]
