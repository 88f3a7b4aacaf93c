"""Pipe and sweeper of accepted requests on the embedded cloud, with IAM enforced."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clouds import shared_cloud
from tests.e2e.permissions import count_ended_invocations, without_permission
from tests.e2e.sweeper_stack import DEADLINE_SECONDS, SCOPE, STACK_NAME, synthesize_sweeper
from tsunagu.contracts import requests
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.testing.patience import eventually

LOOK_SECONDS = 90  # the schedule ticks once a minute
TRIES = 3  # a run of the schedule may come between: what is due is done by one of two
CANCELLED = {"status": {"S": "COMPLETED"}, "cancelled": {"N": "1"}}
READS = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
PIPE_CASES = [*((f"dynamodb:{action}", "TableName") for action in READS), ("sqs:SendMessage", "QueueUrl")]
SWEEPER_CASES = [
    ("dynamodb:Query", "/index/OpenIndex"),
    ("dynamodb:BatchGetItem", "TableName"),
    ("dynamodb:UpdateItem", "TableName"),
    ("sqs:SendMessage", "QueueUrl"),
    ("sqs:ReceiveMessage", "DeadLetterQueueUrl"),
    ("sqs:ChangeMessageVisibility", "DeadLetterQueueUrl"),
    ("cloudwatch:GetMetricStatistics", "*"),
    ("sns:Publish", "Done"),
]


class Desk:
    """The deployed stack."""

    def __init__(self, cloud: EmbeddedCloud, outputs: dict[str, str]) -> None:
        self.cloud = cloud
        self.outputs = outputs
        self.sweeps = 0

    def accept(self, *, ago_seconds: float = 0.0, **attributes: Any) -> str:
        """Write a record, as the gateway does; return its id."""
        name = f"r-{uuid.uuid4().hex[:8]}"
        item_id = requests.request_item_id(SCOPE, "alice", name)
        accepted = int((time.time() - ago_seconds) * 1_000)
        record: dict[str, Any] = {
            "id": {"S": item_id},
            "kind": {"S": "REQUEST"},
            "request_id": {"S": name},
            "caller": {"S": "alice"},
            "body": {"S": '{"month": "2026-01"}'},
            "accepted": {"N": str(accepted)},
            "due": {"N": str(accepted + 300_000)},
            "open": {"S": requests.open_partition(SCOPE, name[2])},
            "status": {"S": "RELEASED"},
            "owner": {"S": ""},
            "fence": {"N": "0"},
            "lease": {"N": "0"},
            **attributes,
        }
        self.put(record)
        return item_id

    def put(self, item: dict[str, Any]) -> None:
        self.cloud.client("dynamodb").put_item(TableName=self.outputs["TableName"], Item=item)

    def record(self, item_id: str) -> dict[str, Any]:
        answer = self.cloud.client("dynamodb").get_item(
            TableName=self.outputs["TableName"], Key={"id": {"S": item_id}}, ConsistentRead=True
        )
        item: dict[str, Any] = answer["Item"]
        return item

    def arrived(self, count: int = 1, *, seconds: float = 20) -> list[str]:
        """Take messages out of the queue until so many came; return the keys in them."""
        return [json.loads(body)["request_key"] for body in self.bodies("QueueUrl", count, seconds=seconds)]

    def wait_for(self, item_id: str) -> None:
        """Take messages out of the queue until that of a request came."""
        while item_id not in self.arrived():
            pass

    def make_due(self, item_id: str) -> None:
        """Let the sweeper look at an open request at once."""
        if "due" in self.record(item_id):
            self.put({**self.record(item_id), "due": {"N": "1"}})

    def bodies(self, queue: str, count: int = 1, *, seconds: float = 20) -> list[str]:
        sqs, url, found = self.cloud.client("sqs"), self.outputs[queue], []

        def look() -> bool:
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                found.append(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return len(found) >= count

        eventually(look, seconds=seconds)
        return found

    def sweep(self) -> tuple[dict[str, Any], bool]:
        """Run the sweeper; return its answer, and whether it failed."""
        self.sweeps += 1
        answer = self.cloud.client("lambda").invoke(FunctionName=self.outputs["SweeperName"], Payload=b"{}")
        return json.loads(answer["Payload"].read()), "FunctionError" in answer

    def sweep_in_need(self) -> tuple[str, str, dict[str, Any]]:
        """Run the sweeper where it needs each of its permissions, and fails.

        Returns:
            The id of a lost request, of a cancelled one, and what the sweeper answered.
        """
        for _ in range(TRIES):
            url = self.outputs["DeadLetterQueueUrl"]
            self.cloud.client("sqs").send_message(QueueUrl=url, MessageBody="of somebody else")
            lost, cancelled = self.accept(ago_seconds=400), self.accept(ago_seconds=400, **CANCELLED)
            answer, has_failed = self.sweep()
            if has_failed:
                return lost, cancelled, answer
        msg = f"the sweeper must fail, got {TRIES} runs without an error"
        raise AssertionError(msg)

    def name_of(self, resource: str) -> str:
        return self.outputs.get(resource, resource).rsplit("/", 1)[-1] if resource != "/index/OpenIndex" else resource

    def stop_pipe(self) -> None:
        self.cloud.client("pipes").stop_pipe(Name=self.outputs["PipeName"])

    def start_pipe(self) -> None:
        self.cloud.client("pipes").start_pipe(Name=self.outputs["PipeName"])


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    with shared_cloud(tmp_path_factory.mktemp("sweeper")) as running:
        yield running


@pytest.fixture(scope="module")
def desk(cloud: EmbeddedCloud, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    outputs = cloud.deploy(synthesize_sweeper(tmp_path_factory.mktemp("assembly") / "cdk.out"))[STACK_NAME]
    return Desk(cloud, dict(outputs))


@pytest.fixture
def without_pipe(desk: Desk) -> Iterator[Desk]:
    """The stack while its pipe is stopped. What was accepted meanwhile is delivered afterwards, and taken out here."""
    desk.stop_pipe()
    yield desk
    desk.start_pipe()
    desk.wait_for(desk.accept())


def test_new_record_of_the_scope_reaches_the_queue_within_seconds_and_nothing_else_does(desk: Desk) -> None:
    started = time.monotonic()
    desk.put({"id": {"S": "reports@queue#1"}, "kind": {"S": "OTHER"}})
    desk.put({"id": {"S": "invoices:request#alice:r-1"}, "kind": {"S": "REQUEST"}})
    desk.put({"id": {"S": "reports:request#alice:r-1"}})
    first = desk.accept()
    record = desk.record(first)
    desk.put({**record, "progress": {"S": "1 of 2"}})
    second = desk.accept()

    assert desk.arrived(2) == [first, second]
    assert time.monotonic() - started < 10


def test_stopped_pipe_loses_nothing_because_the_sweeper_sends_what_did_not_arrive(without_pipe: Desk) -> None:
    item_id = without_pipe.accept(ago_seconds=400)

    answer, has_failed = without_pipe.sweep()

    assert not has_failed, answer
    assert without_pipe.arrived() == [item_id]
    record = without_pipe.record(item_id)
    assert record["resends"] == {"N": "1"}
    assert int(record["due"]["N"]) > time.time() * 1_000


def test_what_is_past_its_deadline_ends_and_the_topic_is_told(without_pipe: Desk) -> None:
    item_id = without_pipe.accept(ago_seconds=DEADLINE_SECONDS + 1)

    without_pipe.sweep()
    failed = without_pipe.record(item_id)
    without_pipe.sweep()

    told = json.loads(without_pipe.bodies("ToldQueueUrl")[0])
    reason = "no end within the deadline of 3,600 seconds"
    assert (failed["status"], failed["reason"]) == ({"S": "DEAD"}, {"S": reason})
    assert (told["request_id"], told["status"], told["reason"]) == (item_id.rpartition(":")[2], "FAILED", reason)
    assert "open" not in without_pipe.record(item_id)


def test_message_that_sqs_moved_makes_its_request_fail_and_stays(without_pipe: Desk) -> None:
    item_id = without_pipe.accept()
    sqs, url = without_pipe.cloud.client("sqs"), without_pipe.outputs["DeadLetterQueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=requests.message_body(item_id))

    without_pipe.sweep()

    eventually(lambda: "reason" in without_pipe.record(item_id))
    assert without_pipe.record(item_id)["reason"]["S"].startswith("SQS moved the message to its dead-letter queue")
    assert without_pipe.bodies("ToldQueueUrl")
    assert without_pipe.bodies("DeadLetterQueueUrl") == [requests.message_body(item_id)]


@pytest.mark.parametrize(("action", "resource"), PIPE_CASES, ids=str)
def test_pipe_delivers_nothing_without(desk: Desk, action: str, resource: str) -> None:
    log, pipe = desk.cloud.log_path, desk.outputs["PipeName"]
    with without_permission(desk.cloud.client("iam"), desk.outputs["PipeRoleName"], action, desk.name_of(resource)):
        refused_before = log.read_text().count(f"pipe {pipe}")
        item_id = desk.accept()
        eventually(lambda: log.read_text().count(f"pipe {pipe}") > refused_before, seconds=20)
        refused = desk.cloud.client("sqs").receive_message(QueueUrl=desk.outputs["QueueUrl"])

    assert "Messages" not in refused
    assert desk.arrived() == [item_id]


@pytest.mark.parametrize(("action", "resource"), SWEEPER_CASES, ids=str)
def test_sweeper_says_so_without(without_pipe: Desk, action: str, resource: str) -> None:
    desk, iam = without_pipe, without_pipe.cloud.client("iam")
    sqs, url = desk.cloud.client("sqs"), desk.outputs["DeadLetterQueueUrl"]
    with without_permission(iam, desk.outputs["SweeperRoleName"], action, desk.name_of(resource)):
        lost, cancelled, answer = desk.sweep_in_need()
        records = [desk.record(lost), desk.record(cancelled)]

    assert answer["errorMessage"].startswith(f"the sweep is incomplete: {action} on ")
    if action.startswith("dynamodb:"):
        assert all("open" in record and "resends" not in record for record in records)
    sqs.purge_queue(QueueUrl=url)
    for item_id in (lost, cancelled):
        desk.make_due(item_id)
    assert not desk.sweep()[1]
    desk.wait_for(lost)
    eventually(lambda: "open" not in desk.record(cancelled))


def test_schedule_runs_the_sweeper(desk: Desk) -> None:
    """It is the last test, so that the schedule has had its minute."""

    def runs() -> int:
        return count_ended_invocations(desk.cloud, desk.outputs["SweeperName"])

    eventually(lambda: runs() > desk.sweeps, seconds=LOOK_SECONDS)
