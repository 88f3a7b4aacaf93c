from typing import TYPE_CHECKING

import boto3
import pytest

from tsunagu.errors import NotDrainedError
from tsunagu.operations.queues import count_messages, wait_until_drained
from tsunagu.testing.fakes import FakeClock

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def sqs(aws: None) -> "SQSClient":
    return boto3.client("sqs")


@pytest.fixture
def queue_url(sqs: "SQSClient") -> str:
    return sqs.create_queue(QueueName="invoices")["QueueUrl"]


def test_messages_in_flight_and_delayed_count_too(sqs: "SQSClient", queue_url: str) -> None:
    for delay in (0, 0, 900):
        sqs.send_message(QueueUrl=queue_url, MessageBody="{}", DelaySeconds=delay)
    sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=1)

    assert count_messages(sqs, queue_url) == 3


def test_waiting_ends_when_the_queues_are_empty(sqs: "SQSClient", queue_url: str) -> None:
    looks: list[int] = []

    wait_until_drained(sqs, [queue_url], patience_seconds=5, progress=looks.append, clock=FakeClock())

    assert looks == [0, 0]


def test_waiting_for_a_message_that_stays_ends_with_a_sentence(sqs: "SQSClient", queue_url: str) -> None:
    sqs.send_message(QueueUrl=queue_url, MessageBody="{}")
    clock = FakeClock()

    with pytest.raises(NotDrainedError, match="the queues must be empty after 60 s, got 1 messages left"):
        wait_until_drained(sqs, [queue_url], patience_seconds=60, clock=clock)

    assert sum(clock.slept_seconds) == pytest.approx(60)
