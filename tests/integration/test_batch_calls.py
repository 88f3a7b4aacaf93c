"""Batch calls that fail as a whole: each message has its own result, and an outage refuses none for good."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from tsunagu.runtime.aws.sns import SnsTopicSender
from tsunagu.runtime.aws.sqs import SqsQueueSender
from tsunagu.runtime.sending.publish import OutgoingMessage, QueueSender, SendResult
from tsunagu.testing.fakes import FakeClock

NO_TEXT: Any = 5
BUSY = {"Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": False}]}


@dataclass
class Target:
    """A queue or topic; FIFO by default.

    Attributes:
        sender: Sends to it.
        client: The client that the sender has.
        operation: The batch call that it makes.
        entries: Name of the call's entries.
    """

    sender: QueueSender
    client: Any
    operation: str
    entries: str

    def send(self, *messages: OutgoingMessage) -> tuple[list[SendResult], list[list[str]]]:
        """Send, and return the results and the deduplication ids of each call."""
        calls: list[list[str]] = []

        def record(params: Any, **_: object) -> None:
            calls.append([entry["MessageDeduplicationId"] for entry in params[self.entries]])

        self.client.meta.events.register_first(f"provide-client-params.*.{self.operation}", record)
        return self.sender.send(messages), calls

    def answer(self, *answers: tuple[int, str] | Exception | dict[str, Any] | None) -> None:
        """Give the next calls these answers: a status and an error's code, or what it raises, or what it returns.

        None lets a call through.
        """
        left = [*answers]

        def answered(**_: object) -> Any:
            answer = left.pop(0) if left else None
            if isinstance(answer, Exception):
                raise answer
            if isinstance(answer, tuple):
                status, code = answer
                error = {"Error": {"Code": code, "Message": "as told"}}
                return _Http(status), {**error, "ResponseMetadata": {"HTTPStatusCode": status}}
            return answer and (_Http(200), answer)

        self.client.meta.events.register(f"before-call.*.{self.operation}", answered)


@dataclass
class _Http:
    status_code: int


def queue(name: str = "orders.fifo") -> Target:
    client = boto3.client("sqs")
    is_fifo = name.endswith(".fifo")
    url = client.create_queue(QueueName=name, Attributes={"FifoQueue": "true"} if is_fifo else {})["QueueUrl"]
    return Target(SqsQueueSender(lambda: client, url, FakeClock()), client, "SendMessageBatch", "Entries")


def topic(name: str = "orders.fifo") -> Target:
    client = boto3.client("sns")
    kind = {"FifoTopic": "true"} if name.endswith(".fifo") else {}
    arn = client.create_topic(Name=name, Attributes=kind)["TopicArn"]
    sender = SnsTopicSender(lambda: client, arn, FakeClock())
    return Target(sender, client, "PublishBatch", "PublishBatchRequestEntries")


@pytest.fixture(params=[queue, topic])
def target(request: pytest.FixtureRequest) -> Target:
    make: Callable[[], Target] = request.param
    return make()


def message(name: str, group_id: str | None = "g") -> OutgoingMessage:
    return OutgoingMessage(body="b", group_id=group_id, deduplication_id=name)


@pytest.mark.parametrize("bad_group_id", [None, NO_TEXT], ids=["refused by the service", "refused by the SDK"])
def test_message_that_is_refused_does_not_affect_its_neighbours(target: Target, bad_group_id: str | None) -> None:
    results, calls = target.send(message("a"), message("bad", bad_group_id), message("b"))

    assert [(result.error is None, result.is_permanent) for result in results] == [
        (True, False),
        (False, True),
        (True, False),
    ]
    assert calls == [["a", "bad", "b"], ["a"], ["bad"], ["b"]]


def test_message_that_is_refused_alone_is_refused_for_good_by_one_call(target: Target) -> None:
    (result,), calls = target.send(message("bad", None))

    assert (result.message_id, result.is_permanent) == (None, True)
    assert calls == [["bad"]]


def test_group_of_a_message_that_is_refused_is_not_sent_in_later_calls(target: Target) -> None:
    target.answer((400, "InvalidParameterValue"), None, (400, "InvalidParameterValue"))

    results, calls = target.send(message("a"), message("bad"), message("b"), message("other", "h"), message("c"))

    assert [result.error is None for result in results] == [True, False, False, True, False]
    assert results[2] == results[4] == SendResult(None, "not sent: group g failed before it")
    assert calls[1:] == [["a"], ["bad"], ["other"]]


@pytest.mark.parametrize("make", [lambda: queue("orders"), lambda: topic("orders")], ids=["queue", "topic"])
def test_group_of_a_standard_target_goes_on_after_a_message_that_is_refused(make: Callable[[], Target]) -> None:
    target = make()
    target.answer((400, "InvalidParameterValue"), None, (400, "InvalidParameterValue"))

    results = target.sender.send([OutgoingMessage(body=f"b-{number}", group_id="g") for number in range(12)])

    assert [number for number, result in enumerate(results) if result.error is not None] == [1]


def test_group_of_a_busy_message_is_sent_again_with_it(target: Target) -> None:
    target.answer((400, "InvalidParameterValue"), BUSY)

    results, calls = target.send(message("a"), message("b"))

    assert [result.error for result in results] == [None, None]
    assert calls == [["a", "b"], ["a"], ["a", "b"]]


@pytest.mark.parametrize(
    "outage",
    [
        (400, "RequestThrottled"),
        (400, "KMS.ThrottlingException"),
        (429, "TooManyRequests"),
        (503, "ServiceUnavailable"),
        EndpointConnectionError(endpoint_url="http://127.0.0.1"),
    ],
    ids=str,
)
class TestOutages:
    """A throttled or silent service is asked no more often for it, and refuses nothing for good."""

    def test_call_is_not_divided(self, target: Target, outage: tuple[int, str] | Exception) -> None:
        target.answer(outage)

        results, calls = target.send(message("a"), message("b"))

        assert [(result.message_id, result.is_permanent) for result in results] == [(None, False)] * 2
        assert calls == [["a", "b"]]

    def test_divided_call_ends_where_an_outage_begins(
        self, target: Target, outage: tuple[int, str] | Exception
    ) -> None:
        target.answer((400, "InvalidParameterValue"), None, outage)

        results, calls = target.send(*[message(name, name) for name in "abcde"])

        assert [(result.error is None, result.is_permanent) for result in results] == [(True, False)] + [
            (False, False)
        ] * 4
        assert calls == [[*"abcde"], ["a"], ["b"]]


@pytest.mark.parametrize("code", ["AccessDenied", "AWS.SimpleQueueService.NonExistentQueue", "NotFound"])
def test_error_that_a_deployment_may_repair_is_not_permanent(target: Target, code: str) -> None:
    target.answer(*[(403, code)] * 3)

    results, _ = target.send(message("a"), message("b", "h"))

    assert [(result.message_id, result.is_permanent) for result in results] == [(None, False)] * 2
