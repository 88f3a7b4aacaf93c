"""Asynchronous invocations: retries, throttles, maximum age, destinations, and the permissions to reach them."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.tsunagu.local.rest_api import allow
from tsunagu.local.embedded_cloud import EmbeddedCloud

# Each try leaves its request id in the log; `seconds` keeps the function busy.
HANDLER = """
import threading
def handler(event, context):
    print(f"try of {event['key']} as {context.aws_request_id}")
    threading.Event().wait(event.get("seconds", 0))
    if event.get("fail"):
        raise ValueError(event["fail"])
    return {"done": event["key"]}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """A function with its options, and the queues that its records go to."""

    cloud: EmbeddedCloud
    ids: dict[str, str]
    eventually: Callable[..., Any]

    def invoke(self, **event: Any) -> str:
        key = uuid.uuid4().hex
        answer = self.cloud.client("lambda").invoke(
            FunctionName=self.ids["Function"], InvocationType="Event", Payload=json.dumps({"key": key, **event})
        )
        assert answer["StatusCode"] == 202
        return key

    def records(self, queue: str, *, count: int = 1, seconds: float = 20) -> list[Any]:
        """Take `count` records out of a queue."""
        sqs, found = self.cloud.client("sqs"), []

        def look() -> bool:
            for message in sqs.receive_message(QueueUrl=self.ids[queue], MaxNumberOfMessages=10).get("Messages", []):
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=self.ids[queue], ReceiptHandle=message["ReceiptHandle"])
            return len(found) >= count

        self.eventually(look, seconds=seconds)
        return found

    def tries(self, key: str) -> list[str]:
        """Return the request id of each try of an event."""
        logs, group = self.cloud.client("logs"), f"/aws/lambda/{self.ids['Function']}"
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return []  # no sandbox has started
        events = logs.filter_log_events(logGroupName=group)["events"]
        lines = [event["message"].split() for event in events if f"try of {key}" in event["message"]]
        return [line[-1] for line in lines]


def arn(name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, "Arn"]}


@pytest.fixture
def make(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any], eventually: Callable[..., Any]
) -> Callable[..., Deployed]:
    """Deploy a function with these options and properties."""

    def create(options: dict[str, Any], *, may_send: bool = True, **properties: Any) -> Deployed:
        destinations = {
            "OnFailure": {"Destination": arn("Failures")},
            "OnSuccess": {"Destination": arn("Successes")},
        }
        config = {"FunctionName": {"Ref": "Function"}, "Qualifier": "$LATEST", "DestinationConfig": destinations}
        names = ("Failures", "Successes", "DeadLetters")
        resources = function(HANDLER, DeadLetterConfig={"TargetArn": arn("DeadLetters")}, **properties)
        statement = allow("sqs:SendMessage", [arn(name) for name in names])
        policy = {"PolicyName": "send", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
        if may_send:
            resources["Role"]["Properties"]["Policies"] = [policy]
        options_resource = {"Type": "AWS::Lambda::EventInvokeConfig", "Properties": config | options}
        queues = {name: {"Type": "AWS::SQS::Queue"} for name in names}
        ids = deploy({**resources, **queues, "Options": options_resource})
        return Deployed(cloud=cloud, ids=ids, eventually=eventually)

    return create


@pytest.mark.parametrize("retries", [0, 1])
def test_failing_event_is_tried_again_under_its_request_id_and_then_set_aside(
    make: Callable[..., Deployed], retries: int
) -> None:
    deployed = make({"MaximumRetryAttempts": retries})

    key = deployed.invoke(fail="why")

    (record,) = deployed.records("Failures")
    tries = deployed.tries(key)
    assert len(tries) == 1 + retries
    assert set(tries) == {record["requestContext"]["requestId"]}
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 1 + retries
    assert record["requestPayload"] == {"key": key, "fail": "why"}
    assert record["responsePayload"]["errorMessage"] == "why"
    assert deployed.records("DeadLetters") == [{"key": key, "fail": "why"}]


def test_success_reaches_its_destination(make: Callable[..., Deployed]) -> None:
    deployed = make({})

    key = deployed.invoke()

    (record,) = deployed.records("Successes")
    assert record["requestContext"]["condition"] == "Success"
    assert record["responsePayload"] == {"done": key}
    assert "functionError" not in record["responseContext"]


def test_throttled_event_waits_and_is_no_failed_try(make: Callable[..., Deployed]) -> None:
    deployed = make({"MaximumRetryAttempts": 0}, ReservedConcurrentExecutions=1)

    keys = {deployed.invoke(seconds=0.5) for _ in range(3)}

    records = deployed.records("Successes", count=3)
    assert {record["requestPayload"]["key"] for record in records} == keys
    assert [record["requestContext"]["approximateInvokeCount"] for record in records] == [1, 1, 1]


def test_event_that_is_throttled_for_longer_than_its_age_is_set_aside(make: Callable[..., Deployed]) -> None:
    deployed = make({"MaximumEventAgeInSeconds": 1}, ReservedConcurrentExecutions=1)
    deployed.invoke(seconds=4)
    deployed.eventually(lambda: deployed.cloud.handler_processes(deployed.ids["Function"], busy=True))

    key = deployed.invoke()

    (record,) = deployed.records("Failures")
    assert record["requestPayload"] == {"key": key}
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert deployed.tries(key) == []


def test_event_of_a_function_without_concurrency_is_set_aside_at_once(make: Callable[..., Deployed]) -> None:
    deployed = make({}, ReservedConcurrentExecutions=0)

    key = deployed.invoke()

    (record,) = deployed.records("Failures")
    assert record["requestPayload"] == {"key": key}
    assert deployed.tries(key) == []


def test_destination_needs_the_permission_of_the_functions_role(make: Callable[..., Deployed]) -> None:
    deployed = make({"MaximumRetryAttempts": 0}, may_send=False)

    deployed.invoke(fail="why")

    name = deployed.ids["Function"]
    deployed.eventually(lambda: deployed.cloud.log_path.read_text().count(f"{name} did not reach") == 2)
    assert "Messages" not in deployed.cloud.client("sqs").receive_message(QueueUrl=deployed.ids["Failures"])


def test_payload_that_is_not_json_is_refused(make: Callable[..., Deployed]) -> None:
    client, name = (deployed := make({})).cloud.client("lambda"), deployed.ids["Function"]

    for kind in ("Event", "RequestResponse"):
        with pytest.raises(client.exceptions.InvalidRequestContentException):
            client.invoke(FunctionName=name, InvocationType=kind, Payload=b"{")
