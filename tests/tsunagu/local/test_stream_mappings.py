"""Mappings of DynamoDB streams to functions: partial batches, retries, bisection, on-failure records, and pace."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.tsunagu.local.rest_api import allow
from tsunagu.local.embedded_cloud import EmbeddedCloud

# Writes each batch to the log, then does what its records say.
HANDLER = """
import threading
def handler(event, context):
    records = event["Records"]
    if records[0]["eventSource"] == "aws:sqs":
        print("message " + records[0]["body"])
        return None
    keys = [record["dynamodb"]["Keys"]["id"]["S"] for record in records]
    print("batch " + " ".join(keys))
    if any("explode" in key for key in keys):
        raise ValueError("no")
    if any("slow" in key for key in keys):
        threading.Event().wait(3)
    if any("malformed" in key for key in keys):
        return {"batchItemFailures": [{"wrong": 1}]}
    failed = [record["dynamodb"]["SequenceNumber"] for key, record in zip(keys, records) if "poison" in key]
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """A table whose stream a function reads, and a queue that it reads too."""

    cloud: EmbeddedCloud
    ids: dict[str, str]
    eventually: Callable[..., Any]

    def put(self, *keys: str) -> None:
        """Write items while the mapping does not poll, so that it finds them together."""
        client, mapping = self.cloud.client("lambda"), self.ids["Mapping"]
        client.update_event_source_mapping(UUID=mapping, Enabled=False)
        for key in keys:
            self.cloud.client("dynamodb").put_item(TableName=self.ids["Table"], Item={"id": {"S": key}})
        client.update_event_source_mapping(UUID=mapping, Enabled=True)

    def printed(self, start: str) -> list[list[str]]:
        """Return the words of each line of the function's log that starts so."""
        logs, group = self.cloud.client("logs"), f"/aws/lambda/{self.ids['Function']}"
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return []
        events = logs.filter_log_events(logGroupName=group)["events"]
        return [event["message"].split()[1:] for event in events if event["message"].startswith(start)]

    def batches(self, last: str) -> list[list[str]]:
        """Wait until the function got a batch that ends with an item, and return all batches."""
        self.eventually(lambda: [batch for batch in self.printed("batch") if batch[-1] == last], seconds=20)
        return self.printed("batch")

    def failures(self) -> list[dict[str, Any]]:
        """Take the on-failure records of which there is one at least."""
        sqs, url = self.cloud.client("sqs"), self.ids["Failures"]
        messages = self.eventually(
            lambda: sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"), seconds=20
        )
        return [json.loads(message["Body"]) for message in messages]


def arn(name: str, attribute: str = "Arn") -> dict[str, Any]:
    return {"Fn::GetAtt": [name, attribute]}


@pytest.fixture
def make(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any], eventually: Callable[..., Any]
) -> Callable[..., Deployed]:
    """Deploy a table and a mapping of its stream with these options."""

    def create(**options: Any) -> Deployed:
        table = {
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
            "StreamSpecification": {"StreamViewType": "KEYS_ONLY"},
        }
        mapping = {
            "FunctionName": {"Ref": "Function"},
            "EventSourceArn": arn("Table", "StreamArn"),
            "StartingPosition": "TRIM_HORIZON",
            "BatchSize": 4,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "MaximumRetryAttempts": 1,
            "DestinationConfig": {"OnFailure": {"Destination": arn("Failures")}},
        }
        polled = {"FunctionName": {"Ref": "Function"}, "EventSourceArn": arn("Queue")}
        resources = function(HANDLER)
        statement = allow(["sqs:*", "dynamodb:*"], "*")
        policy = {"PolicyName": "read", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
        resources["Role"]["Properties"]["Policies"] = [policy]
        ids = deploy(
            {
                **resources,
                "Table": {"Type": "AWS::DynamoDB::Table", "Properties": table},
                "Failures": {"Type": "AWS::SQS::Queue"},
                "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 60}},
                "Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapping | options},
                "QueueMapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": polled},
            }
        )
        return Deployed(cloud=cloud, ids=ids, eventually=eventually)

    return create


def test_batch_goes_on_from_the_record_that_the_function_reports(make: Callable[..., Deployed]) -> None:
    deployed = make()

    deployed.put("a", "b-poison", "c")
    deployed.failures()
    deployed.put("d")

    batches = deployed.batches("d")
    assert batches == [["a", "b-poison", "c"], ["b-poison", "c"], ["d"]]


def test_records_that_fail_too_often_are_described_to_the_destination(make: Callable[..., Deployed]) -> None:
    deployed = make(MaximumRetryAttempts=2)

    deployed.put("a-explode", "b")

    (record,) = deployed.failures()
    assert deployed.printed("batch") == [["a-explode", "b"]] * 3
    assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert record["DDBStreamBatchInfo"]["batchSize"] == 2


def test_bisection_leaves_only_the_record_that_the_function_fails_on(make: Callable[..., Deployed]) -> None:
    deployed = make(BisectBatchOnFunctionError=True, MaximumRetryAttempts=0)

    deployed.put("a", "b", "c-explode", "d")

    (record,) = deployed.failures()
    batches = deployed.batches("d")
    assert record["DDBStreamBatchInfo"]["batchSize"] == 1
    assert batches[:2] == [["a", "b", "c-explode", "d"], ["a", "b"]]
    assert batches[-1] == ["d"]


def test_malformed_answer_is_a_failure_of_the_whole_batch(make: Callable[..., Deployed]) -> None:
    deployed = make()

    deployed.put("a-malformed", "b")

    (record,) = deployed.failures()
    assert deployed.printed("batch") == [["a-malformed", "b"]] * 2
    assert record["DDBStreamBatchInfo"]["batchSize"] == 2


def test_slow_function_of_a_stream_does_not_stall_the_queues(make: Callable[..., Deployed]) -> None:
    deployed = make()
    deployed.put("slow")
    deployed.batches("slow")

    deployed.cloud.client("sqs").send_message(QueueUrl=deployed.ids["Queue"], MessageBody="quick")

    deployed.eventually(lambda: deployed.printed("message"), seconds=2)
    assert deployed.cloud.handler_processes(deployed.ids["Function"], busy=True)
