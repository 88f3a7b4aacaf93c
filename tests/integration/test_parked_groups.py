"""A deployed receiver that parks groups, its queues and its table, and what an operator does with them."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from tests.integration.test_message_handler import make_items
from tests.tsunagu.runtime.world import QUEUE_ARN, FakeContext
from tsunagu.cli.changes import Change, ChangeOptions
from tsunagu.cli.dlq_options import Place
from tsunagu.cli.redrive_parked import parked_place, redrive_parked
from tsunagu.cli.redrive_run import PlannedRedrive
from tsunagu.contracts.environment import ParkingEnvironment
from tsunagu.errors import CommandError
from tsunagu.operations import dead_letters
from tsunagu.operations.aws import Aws
from tsunagu.operations.dead_letters import SqsDeadLetterSource
from tsunagu.operations.group_table import GroupTable, ParkedLetters
from tsunagu.operations.letters.places import LetterConsumer, LetterQueue, SourceQueue
from tsunagu.operations.letters.selection import Selection
from tsunagu.operations.letters.session import RedrivePlan
from tsunagu.operations.parked_groups import GroupReport, GroupState, discard, redrive_group
from tsunagu.operations.queues import count_messages
from tsunagu.operations.redrive import QueueTarget, redrive
from tsunagu.runtime.aws.sqs import SqsQueueSender
from tsunagu.runtime.errors import PermanentError, UnavailableError
from tsunagu.runtime.functions.message_handler import message_handler
from tsunagu.runtime.idempotency.parked_groups import ParkedGroup
from tsunagu.runtime.receiving.message import Message
from tsunagu.testing.fakes import FakeClock

GROUP = "a"
RECORD_FIELDS = {"messageId": "MessageId", "receiptHandle": "ReceiptHandle", "body": "Body", "attributes": "Attributes"}


@dataclass(frozen=True)
class Order:
    key: str


class ParkedQueue:
    """A FIFO queue, its dead-letter queue, and a handler. Orders in `broken` die; `done` has those that took effect."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(dead_letters, "WAIT_SECONDS", 0)
        self.sqs = boto3.client("sqs")
        self.url = self.sqs.create_queue(
            QueueName="orders.fifo", Attributes={"FifoQueue": "true", "VisibilityTimeout": "0"}
        )["QueueUrl"]
        dead_url = self.sqs.create_queue(QueueName="dead.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        topic = boto3.client("sns").create_topic(Name="dead")["TopicArn"]
        names = {"DEAD_LETTER_QUEUE_URL": dead_url, "NOTIFICATION_TOPIC_ARN": topic}
        make_items(monkeypatch)
        for name, value in {**ParkingEnvironment(parks_groups=True).to_environment(), **names}.items():
            monkeypatch.setenv(name, value)
        self.source = SqsDeadLetterSource(lambda: self.sqs, dead_url)
        self.target = SqsQueueSender(lambda: self.sqs, self.url)
        self.table = GroupTable(boto3.client("dynamodb"), "items", QUEUE_ARN)
        self.broken: set[str] = set()
        self.done: list[str] = []
        self.handler = self._handler()

    def _handler(self) -> Callable[[Any, Any], dict[str, Any]]:
        @message_handler("orders", key="key")
        def handler(order: Order, message: Message) -> None:
            if order.key in self.broken:
                msg = "the account is closed"
                raise PermanentError(msg)
            self.done.append(order.key)

        return handler

    @property
    def group(self) -> ParkedGroup:
        return self.table.read(GROUP)

    def send(self, *keys: str) -> None:
        for key in keys:
            body = json.dumps({"key": key})
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body, MessageGroupId=GROUP, MessageDeduplicationId=key)

    def work(self) -> None:
        """Hand over what is in the queue, and delete what is not to come back."""
        answer = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"]
        )
        messages = answer.get("Messages", [])
        response = self.handler({"Records": [_record(message) for message in messages]}, FakeContext())
        assert response == {"batchItemFailures": []}
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    @contextmanager
    def working(self) -> Iterator[None]:
        """Hand over what comes into the queue until the end of the block."""
        has_ended = threading.Event()

        def work() -> None:
            while not has_ended.wait(0.05):
                if count_messages(self.sqs, self.url):
                    self.work()

        worker = threading.Thread(target=work)
        worker.start()
        try:
            yield
        finally:
            has_ended.set()
            worker.join()

    def redrive(self, bodies: dict[int, str] | None = None) -> GroupReport:
        before, moved = self.group, 0
        while True:
            report = redrive_group(
                self.source, self.target, self.table, GROUP, FakeClock(), bodies=bodies, before=before
            )
            moved += report.moved
            if report.state is not GroupState.WAITING:
                return GroupReport(report.state, moved, report.problems)
            self.work()


def _record(message: Any) -> dict[str, Any]:
    attributes = {
        name: {"dataType": each["DataType"], "stringValue": each["StringValue"]}
        for name, each in message.get("MessageAttributes", {}).items()
    }
    fields = {name: message[each] for name, each in RECORD_FIELDS.items()}
    fields["attributes"] = {**fields["attributes"], "SequenceNumber": "1"}
    return {
        **fields,
        "messageAttributes": attributes,
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE_ARN,
    }


@pytest.fixture
def parked(monkeypatch: pytest.MonkeyPatch) -> ParkedQueue:
    queue = ParkedQueue(monkeypatch)
    queue.broken = {"1"}
    queue.send("1", "2", "3")
    queue.work()
    return queue


def test_operator_sees_the_whole_group_in_order_with_reasons(parked: ParkedQueue) -> None:
    entries = [entry for entry in parked.table.entries(parked.group) if entry is not None]

    assert (parked.done, [entry.number for entry in entries]) == ([], [1, 2, 3])
    assert entries[0].reason == "the account is closed"
    assert entries[1].reason == f"parked behind message {entries[0].message_id} of the item {entries[0].item_id}"
    assert {entry.behind for entry in entries[1:]} == {entries[0].id}


def test_group_is_put_back_in_order_when_its_cause_is_mended(parked: ParkedQueue) -> None:
    parked.broken.clear()

    report = parked.redrive()

    assert (report, parked.done) == (GroupReport(GroupState.OPEN, moved=3), ["1", "2", "3"])
    parked.send("4")
    parked.work()
    assert parked.done == ["1", "2", "3", "4"]


def test_group_whose_head_dies_again_is_parked_again_and_the_redrive_stops(parked: ParkedQueue) -> None:
    report = parked.redrive()

    assert (report.state, report.moved, parked.done) == (GroupState.DIED_AGAIN, 3, [])
    assert (parked.group.head, parked.group.tail) == (1, 4)


def test_corrected_message_takes_the_place_of_the_dead_one(parked: ParkedQueue) -> None:
    report = parked.redrive({parked.group.head: '{"key": "corrected"}'})

    assert (report.state, parked.done) == (GroupState.OPEN, ["corrected", "2", "3"])


@pytest.mark.parametrize(("number", "goes_on_to", "done"), [(1, 2, ["2", "3"]), (2, 1, ["1", "3"]), (3, 1, ["1", "2"])])
def test_rest_goes_on_when_a_message_is_discarded(
    parked: ParkedQueue, number: int, goes_on_to: int, done: list[str]
) -> None:
    parked.broken.clear()

    groups = [discard(parked.source, parked.table, GROUP, number, FakeClock()) for _ in range(2)]

    assert [group.head for group in groups] == [goes_on_to] * 2
    assert (parked.redrive().state, parked.done) == (GroupState.OPEN, done)


def test_letters_that_are_deleted_by_the_command_leave_no_gap(parked: ParkedQueue) -> None:
    parked.broken.clear()
    letters = [letter for letter in parked.source.receive() if letter.delivery.group_place.endswith(".2")]

    ParkedLetters(lambda: boto3.client("dynamodb"), ["items"], FakeClock()).give_up(letters)

    assert [entry.number for entry in parked.table.entries(parked.group) if entry] == [1, 3]


def put_back_by_the_command(parked: ParkedQueue) -> None:
    """Put the group back as `tsunagu dlq redrive --group` does, while the function works."""
    source = SourceQueue(arn=QUEUE_ARN, url=parked.url)
    consumer = LetterConsumer(
        function_name="f", log_group="", table_name="items", queue_arn=QUEUE_ARN, parks_groups=True
    )
    dead_url = parked.sqs.get_queue_url(QueueName="dead.fifo")["QueueUrl"]
    queue = LetterQueue(name="dead", url=dead_url, arn="dead", queues=(source,), consumers=(consumer,))
    place = parked_place(Aws(), queue, Selection(group=GROUP))
    assert place is not None
    nothing: Any = None
    run = PlannedRedrive(
        aws=Aws(),
        place=Place(queue, None),
        source=nothing,
        router=nothing,
        target=nothing,
        plan=RedrivePlan(rate_per_second=500),
        followers=nothing,
        total=3,
    )
    with parked.working():
        redrive_parked(run, Change(command="c", what="w"), ChangeOptions(yes=True), place, patience_seconds=20)


def test_command_puts_the_whole_group_back_in_order(parked: ParkedQueue, capsys: pytest.CaptureFixture[str]) -> None:
    parked.broken.clear()

    put_back_by_the_command(parked)

    assert capsys.readouterr().out.endswith("sent back 3 of the group a: open\n")
    assert (parked.done, parked.group.is_parked) == (["1", "2", "3"], False)


def test_command_says_that_the_head_died_again(parked: ParkedQueue) -> None:
    with pytest.raises(CommandError, match="the group must be open, got died again: parked behind message "):
        put_back_by_the_command(parked)


def test_redrive_of_the_whole_queue_keeps_the_order_too(parked: ParkedQueue) -> None:
    parked.broken.clear()
    parked.send("4")
    parked.work()

    redrive(parked.source, QueueTarget(parked.target), FakeClock())
    parked.work()

    assert (parked.done, parked.group.is_parked) == (["1", "2", "3", "4"], False)


def test_group_that_another_release_wrote_is_not_taken_for_an_open_one(parked: ParkedQueue) -> None:
    table = boto3.resource("dynamodb").Table("items")
    table.update_item(
        Key={"id": parked.group.id},
        UpdateExpression="SET #head = :text",
        ExpressionAttributeNames={"#head": "head"},
        ExpressionAttributeValues={":text": "first"},
    )

    with pytest.raises(UnavailableError, match="the group must be read from DynamoDB"):
        parked.table.read(GROUP)
    parked.send("4")
    with pytest.raises(AssertionError, match="batchItemFailures"):
        parked.work()
    assert parked.done == []
