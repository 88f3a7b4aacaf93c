"""An account of moto with a queue, its dead-letter queue and an idempotency table, and the command in this process."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from tsunagu.cli import main

Command = Callable[..., "Ended"]


@dataclass(frozen=True)
class Ended:
    """How the command ended."""

    code: int | str | None
    out: str
    err: str


@dataclass(frozen=True)
class DeadQueue:
    """A queue whose messages end in a dead-letter queue."""

    url: str
    source_url: str

    @classmethod
    def make(cls, *, fifo: bool = False) -> "DeadQueue":
        sqs = boto3.client("sqs")
        suffix = ".fifo" if fifo else ""
        kind: dict[Any, str] = {"FifoQueue": "true"} if fifo else {}
        url = sqs.create_queue(QueueName=f"dead{suffix}", Attributes=kind)["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        policy = json.dumps({"deadLetterTargetArn": attributes["QueueArn"], "maxReceiveCount": 3})
        source_url = sqs.create_queue(QueueName=f"orders{suffix}", Attributes={**kind, "RedrivePolicy": policy})
        return cls(url, source_url["QueueUrl"])

    def put(self, bodies: Sequence[str], *, group: str | None = None, **attributes: str | bytes) -> list[str]:
        """Put letters into the dead-letter queue, and return their ids."""
        sent: dict[str, Any] = {
            name: {"DataType": "Binary", "BinaryValue": value}
            if isinstance(value, bytes)
            else {"DataType": "String", "StringValue": value}
            for name, value in attributes.items()
        }
        ids = []
        for number, body in enumerate(bodies):
            fifo: dict[str, Any] = (
                {"MessageGroupId": group, "MessageDeduplicationId": f"dead-{number}-{body[:20]}"} if group else {}
            )
            answer = boto3.client("sqs").send_message(
                QueueUrl=self.url, MessageBody=body, MessageAttributes=sent, **fifo
            )
            ids.append(answer["MessageId"])
        return ids

    @property
    def letters(self) -> list[str]:
        """Bodies in the dead-letter queue; all can be received."""
        return read(self.url)

    @property
    def sent_back(self) -> list[str]:
        """Bodies in the source queue."""
        return read(self.source_url)


def read(url: str) -> list[str]:
    """Return the bodies in a queue, and give them back."""
    sqs, found = boto3.client("sqs"), []
    while received := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=60).get("Messages"):
        found += received
    for message in found:
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    return [message["Body"] for message in found]


@pytest.fixture
def tsunagu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command in this process."""

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["tsunagu", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as leaving:
            main()
        printed = capsys.readouterr()
        return Ended(leaving.value.code or 0, printed.out, printed.err)

    return run
