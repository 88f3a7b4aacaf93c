import json
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import boto3
import pytest

from tsunagu.errors import InvalidInputError
from tsunagu.operations.channels import Channel
from tsunagu.operations.payloads import Payload, read_payloads
from tsunagu.operations.sending import compose_messages, send_payloads

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

STANDARD = Channel(name="standard", queue_url="https://sqs.example/invoices")
FIFO = Channel(name="fifo", queue_url="https://sqs.example/invoices.fifo")


class RefusesSecond:
    """An SQS client whose queue refuses the second entry of a call."""

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert QueueUrl == STANDARD.queue_url
        first, second, *others = (entry["Id"] for entry in Entries)
        return {
            "Successful": [{"Id": entry, "MessageId": entry} for entry in (first, *others)],
            "Failed": [{"Id": second, "Code": "Refused", "Message": "no", "SenderFault": True}],
        }


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
        (FIFO, "account", "line 1: account must be a text that is not empty, got null"),
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
    channel, sent = queue(sqs, fifo=fifo), payloads(23)
    messages = compose_messages(sent, channel, group_by="customer" if fifo else None)

    report = send_payloads(sqs, channel, sent, messages)

    received = set()
    while found := sqs.receive_message(QueueUrl=channel.queue_url, MaxNumberOfMessages=10).get("Messages"):
        for message in found:
            received.add(message["Body"])
            sqs.delete_message(QueueUrl=channel.queue_url, ReceiptHandle=message["ReceiptHandle"])
    assert report.failures == []
    assert received == {payload.text for payload in sent}
    assert len(report.request_ids) == 23


def test_refused_messages_are_reported_by_line_and_the_others_by_request_id() -> None:
    sent = payloads(3)
    messages = compose_messages(sent, STANDARD)

    report = send_payloads(cast("Any", RefusesSecond()), STANDARD, sent, messages)

    assert report.failures == ["line 2: Refused: no"]
    assert report.request_ids == [messages[index].attributes["tsunagu_request_id"] for index in (0, 2)]
