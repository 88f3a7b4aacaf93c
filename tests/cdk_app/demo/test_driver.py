import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import cycle
from typing import TYPE_CHECKING

import boto3
import pytest

from cdk_app.demo.driver import ConsumedQueue, kill_working_handlers, send
from cdk_app.demo.errors import DemoError
from cdk_app.demo.load import LoadShape, plan_messages
from tsunagu.operations.queues import count_messages

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

SIGKILLED = -9


@dataclass
class OneHandler:
    """A host whose only handler is a real process; it is busy at the looks that `busy_looks` says."""

    process: subprocess.Popen[bytes]
    busy_looks: Iterator[bool] = field(default_factory=lambda: cycle([True]))

    def handler_processes(self, function_name: str, *, busy: bool = False) -> list[int]:
        lives = function_name == "payments" and self.process.poll() is None
        return [self.process.pid] if lives and (not busy or next(self.busy_looks)) else []


@pytest.fixture
def handler() -> Iterator[OneHandler]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield OneHandler(process)
        process.kill()


@pytest.fixture
def sqs(aws: None) -> "SQSClient":
    return boto3.client("sqs")


def queue(sqs: "SQSClient", *, fifo: bool) -> ConsumedQueue:
    if fifo:
        url = sqs.create_queue(QueueName="payments.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    else:
        url = sqs.create_queue(QueueName="payments")["QueueUrl"]
    return ConsumedQueue(name="payments", queue_url=url, dead_letter_queue_url="", function_name="payments", fifo=fifo)


@pytest.mark.parametrize("fifo", [True, False])
def test_every_message_of_a_load_arrives(sqs: "SQSClient", fifo: bool) -> None:
    payments = queue(sqs, fifo=fifo)
    messages = plan_messages(1, "test", LoadShape(messages=25, accounts=3))

    send(sqs, payments, messages)

    assert count_messages(sqs, payments.queue_url) == len(messages)


def test_messages_carry_their_request_id_and_schema_version(sqs: "SQSClient") -> None:
    payments = queue(sqs, fifo=False)
    messages = plan_messages(1, "test", LoadShape(messages=3, accounts=1))

    send(sqs, payments, messages[:1])

    received = sqs.receive_message(QueueUrl=payments.queue_url, MessageAttributeNames=["All"])["Messages"][0]
    attributes = {name: value["StringValue"] for name, value in received["MessageAttributes"].items()}
    assert attributes == {"tsunagu_request_id": messages[0].request_id, "tsunagu_schema_version": "1"}


def fill(sqs: "SQSClient", payments: ConsumedQueue) -> None:
    for _ in range(2):
        sqs.send_message(QueueUrl=payments.queue_url, MessageBody="{}")


def settle_one_soon(payments: ConsumedQueue) -> None:
    """Take a message off the queue a moment after the test has begun to look."""

    def settle() -> None:
        client = boto3.client("sqs")
        (message,) = client.receive_message(QueueUrl=payments.queue_url)["Messages"]
        client.delete_message(QueueUrl=payments.queue_url, ReceiptHandle=message["ReceiptHandle"])

    threading.Timer(0.1, settle).start()


def test_a_handler_that_still_owes_an_answer_while_frozen_is_killed(sqs: "SQSClient", handler: OneHandler) -> None:
    payments = queue(sqs, fifo=False)
    fill(sqs, payments)
    settle_one_soon(payments)

    killed = kill_working_handlers(handler, sqs, payments, patience_seconds=30)

    assert killed == 1
    assert handler.process.wait(30) == SIGKILLED


def test_a_handler_whose_answer_was_on_its_way_goes_on(sqs: "SQSClient", handler: OneHandler) -> None:
    payments = queue(sqs, fifo=False)
    fill(sqs, payments)
    settle_one_soon(payments)
    handler.busy_looks = cycle([True, False])

    killed = kill_working_handlers(handler, sqs, payments, patience_seconds=0.3)

    assert killed == 0
    assert handler.process.poll() is None
    state = subprocess.run(
        ["ps", "-o", "state=", "-p", str(handler.process.pid)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not state.stdout.startswith("T")


def test_a_handler_that_has_settled_nothing_yet_is_left_alone(sqs: "SQSClient", handler: OneHandler) -> None:
    payments = queue(sqs, fifo=False)
    fill(sqs, payments)

    killed = kill_working_handlers(handler, sqs, payments, patience_seconds=0.3)

    assert killed == 0
    assert handler.process.poll() is None


def test_trying_ends_when_the_queue_is_empty(sqs: "SQSClient", handler: OneHandler) -> None:
    assert kill_working_handlers(handler, sqs, queue(sqs, fifo=False), patience_seconds=60) == 0


def test_queue_is_read_from_the_outputs_that_begin_with_its_name() -> None:
    outputs = {f"Billing{what}": what for what in ("QueueUrl", "DeadLetterQueueUrl", "FunctionName")}

    assert ConsumedQueue.from_outputs(outputs, "billing") == ConsumedQueue(
        name="billing",
        queue_url="QueueUrl",
        dead_letter_queue_url="DeadLetterQueueUrl",
        function_name="FunctionName",
        fifo=False,
    )


def test_a_message_that_the_queue_refuses_is_an_error(sqs: "SQSClient") -> None:
    payments = queue(sqs, fifo=False)
    too_large = replace(plan_messages(1, "test", LoadShape(messages=3, accounts=1))[0], body="x" * 1_048_577)

    with pytest.raises(DemoError, match="the payments queue must accept every message, got "):
        send(sqs, payments, [too_large])
