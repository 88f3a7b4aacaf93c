import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import boto3
import pytest

from tsunagu.cli.payloads import Payload, read_payloads
from tsunagu.cli.send import compose_messages, deliver, send
from tsunagu.errors import CommandError
from tsunagu.operations.channels import SERVICES, QueueKind, ServiceName
from tsunagu.runtime.aws.sqs import SqsQueueSender
from tsunagu.runtime.sending.publish import OutgoingMessage, SendResult

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

PAYMENTS = SERVICES[ServiceName.PAYMENTS]


class RefusesSecond:
    """A sender whose queue refuses the second message."""

    def send(self, messages: Sequence[OutgoingMessage]) -> list[SendResult]:
        return [SendResult(None, "refused") if index == 1 else SendResult("id") for index in range(len(messages))]


def payloads(count: int) -> list[Payload]:
    return read_payloads(json.dumps({"payment_id": f"p-{number}", "account": "a"}) for number in range(count))


def queue(sqs: "SQSClient", *, fifo: bool) -> str:
    if fifo:
        return sqs.create_queue(QueueName="payments.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    return sqs.create_queue(QueueName="payments")["QueueUrl"]


def test_each_message_has_a_version_7_request_id_and_the_schema_version() -> None:
    messages = compose_messages(PAYMENTS, payloads(3), QueueKind.STANDARD)

    assert {UUID(str(message.attributes["request_id"])).version for message in messages} == {7}
    assert len({message.attributes["request_id"] for message in messages}) == 3
    assert {message.attributes["schema_version"] for message in messages} == {"1"}


def test_fifo_messages_are_grouped_by_account_and_told_apart_by_payload() -> None:
    first, again, other = compose_messages(
        PAYMENTS,
        read_payloads(
            [
                '{"payment_id": "p", "account": "a"}',
                '{"account": "a", "payment_id": "p"}',
                '{"payment_id": "p", "account": "b"}',
            ]
        ),
        QueueKind.FIFO,
    )

    assert (first.group_id, again.group_id, other.group_id) == ("a", "a", "b")
    assert first.deduplication_id == again.deduplication_id != other.deduplication_id


def test_standard_messages_have_neither_group_nor_deduplication_id() -> None:
    (message,) = compose_messages(PAYMENTS, payloads(1), QueueKind.STANDARD)

    assert (message.group_id, message.deduplication_id) == (None, None)


def test_a_line_too_large_for_sqs_is_named() -> None:
    large = read_payloads([json.dumps({"account": "a", "note": "x" * 1_048_576})])

    with pytest.raises(CommandError, match="line 1: at most 1,048,576 bytes must go with it, got 1,04"):
        compose_messages(PAYMENTS, large, QueueKind.STANDARD)


@pytest.mark.parametrize("kind", list(QueueKind))
def test_every_line_arrives_as_it_was(aws: None, kind: QueueKind, capsys: pytest.CaptureFixture[str]) -> None:
    sqs = boto3.client("sqs")
    url = queue(sqs, fifo=kind is QueueKind.FIFO)
    sent = payloads(23)

    failures = deliver(SqsQueueSender(lambda: sqs, url), sent, compose_messages(PAYMENTS, sent, kind))

    received = set()
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            received.add(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert failures == []
    assert received == {payload.text for payload in sent}
    assert len(capsys.readouterr().out.split()) == 23


def test_a_refused_message_is_told_by_its_line_and_the_others_by_their_request_id(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sent = payloads(3)
    messages = compose_messages(PAYMENTS, sent, QueueKind.STANDARD)

    failures = deliver(RefusesSecond(), sent, messages)

    assert failures == ["line 2: refused"]
    assert capsys.readouterr().out.split() == [messages[index].attributes["request_id"] for index in (0, 2)]


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "payments.jsonl"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(CommandError, match=f"--file must name a readable UTF-8 file, got {path}"):
        send(ServiceName.PAYMENTS, str(path), QueueKind.FIFO)
