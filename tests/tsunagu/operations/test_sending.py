import json
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from tsunagu.errors import InvalidInputError
from tsunagu.operations.channels import Channel
from tsunagu.operations.payloads import Payload, read_payloads
from tsunagu.operations.sending import PayloadSender, compose_messages

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

STANDARD = Channel(name="standard", queue_url="https://sqs.example/invoices")
FIFO = Channel(name="fifo", queue_url="https://sqs.example/invoices.fifo")


class FakeSqs:
    """An SQS client whose queue refuses some payloads, and counts calls.

    Args:
        refused: Numbers in payloads that are refused, because the message is at fault.
        is_down: Whether it answers no call.
    """

    def __init__(self, *refused: str, is_down: bool = False) -> None:
        self.refused = refused
        self.is_down = is_down
        self.calls = 0
        self.taken: list[str] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.calls += 1
        if self.is_down:
            raise EndpointConnectionError(endpoint_url=QueueUrl)
        numbers = {entry["Id"]: json.loads(entry["MessageBody"])["number"] for entry in Entries}
        taken = {each: number for each, number in numbers.items() if number not in self.refused}
        self.taken += taken.values()
        failed = {"Code": "Refused", "Message": "no", "SenderFault": True}
        return {
            "Successful": [{"Id": each, "MessageId": each} for each in taken],
            "Failed": [{"Id": each, **failed} for each in numbers.keys() - taken.keys()],
        }


def sender(client: object, channel: Channel, count: int, group_by: str | None = None) -> PayloadSender:
    sent = payloads(count)
    return PayloadSender(cast("Any", client), channel, sent, compose_messages(sent, channel, group_by=group_by))


def payloads(count: int) -> list[Payload]:
    return read_payloads(json.dumps({"number": f"i-{number}", "customer": "c"}) for number in range(count))


def queue(sqs: "SQSClient", *, fifo: bool) -> Channel:
    if fifo:
        url = sqs.create_queue(QueueName="invoices.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    else:
        url = sqs.create_queue(QueueName="invoices")["QueueUrl"]
    return Channel(name="invoices", queue_url=url)


def test_each_message_has_a_version_7_request_id_and_the_schema_version() -> None:
    messages = compose_messages(payloads(3), STANDARD)

    assert {UUID(str(message.attributes["tsunagu_request_id"])).version for message in messages} == {7}
    assert len({message.attributes["tsunagu_request_id"] for message in messages}) == 3
    assert {message.attributes["tsunagu_schema_version"] for message in messages} == {"1"}


def test_fifo_messages_are_grouped_by_the_field_and_deduplicated_by_payload() -> None:
    first, again, other = compose_messages(
        read_payloads(
            [
                '{"number": "i", "customer": "a"}',
                '{"customer": "a", "number": "i"}',
                '{"number": "i", "customer": "b"}',
            ]
        ),
        FIFO,
        group_by="customer",
    )

    assert (first.group_id, again.group_id, other.group_id) == ("a", "a", "b")
    assert first.deduplication_id == again.deduplication_id != other.deduplication_id


def test_standard_messages_have_neither_group_nor_deduplication_id() -> None:
    (message,) = compose_messages(payloads(1), STANDARD)

    assert (message.group_id, message.deduplication_id) == (None, None)


@pytest.mark.parametrize(
    ("channel", "group_by", "sentence"),
    [
        (FIFO, None, "--group-by must name the field that is the message group, because fifo is a FIFO queue"),
        (STANDARD, "customer", "--group-by must be left out, because standard is a standard queue, got customer"),
        (FIFO, "account", "line 1: account must be a text that is not empty, got none"),
    ],
)
def test_group_field_that_does_not_suit_is_one_sentence(channel: Channel, group_by: str | None, sentence: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        compose_messages(payloads(1), channel, group_by=group_by)

    assert str(refusal.value) == sentence


def test_a_line_too_large_for_sqs_is_named() -> None:
    large = read_payloads([json.dumps({"customer": "c", "note": "x" * 1_048_576})])

    with pytest.raises(InvalidInputError, match="line 1: the message must have at most 1,048,576 bytes, got 1,04"):
        compose_messages(large, STANDARD)


@pytest.mark.parametrize("fifo", [True, False])
def test_every_line_arrives_as_it_was(aws: None, fifo: bool) -> None:
    sqs = boto3.client("sqs")
    channel = queue(sqs, fifo=fifo)
    sending = sender(sqs, channel, 23, "customer" if fifo else None)

    parts = [*sending.run()]

    received = set()
    while found := sqs.receive_message(QueueUrl=channel.queue_url, MaxNumberOfMessages=10).get("Messages"):
        for message in found:
            received.add(message["Body"])
            sqs.delete_message(QueueUrl=channel.queue_url, ReceiptHandle=message["ReceiptHandle"])
    assert received == {payload.text for payload in sending.payloads}
    assert [len(part) for part in parts] == [10, 10, 3]
    assert [each for part in parts for each in part] == sending.request_ids
    assert (sending.failures, sending.lines_under_way, sending.first_line_left) == ([], (), None)


def test_refused_messages_are_reported_by_line_and_the_others_by_request_id() -> None:
    sending = sender(FakeSqs("i-1"), STANDARD, 3)

    [*sending.run()]

    assert sending.failures == ["line 2: Refused: no"]
    assert sending.request_ids == [sending.messages[index].attributes["tsunagu_request_id"] for index in (0, 2)]


def test_what_is_behind_a_refused_message_of_a_fifo_group_is_not_sent_by_later_calls_either() -> None:
    queue = FakeSqs("i-9")
    sending = sender(queue, FIFO, 21, "customer")

    [*sending.run()]

    assert queue.taken == [f"i-{number}" for number in range(9)]
    assert sending.failures[:2] == ["line 10: Refused: no", "line 11: not sent: group c failed before it"]
    assert len(sending.failures) == 12


def test_messages_behind_a_call_without_an_answer_are_not_tried() -> None:
    queue = FakeSqs(is_down=True)
    sending = sender(queue, STANDARD, 30)

    [*sending.run()]

    assert (queue.calls, len(sending.failures), sending.first_line_left) == (1, 10, 11)


def test_messages_behind_ten_that_are_at_fault_are_sent() -> None:
    queue = FakeSqs(*(f"i-{number}" for number in range(10)))
    sending = sender(queue, STANDARD, 12)

    [*sending.run()]

    assert (queue.taken, sending.first_line_left) == (["i-10", "i-11"], None)
