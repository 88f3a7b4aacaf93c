"""Pipes from a DynamoDB stream: filters, templates, targets, retries, dead letters, and permissions of their role."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.tsunagu.local.rest_api import allow, service_role
from tsunagu.local.embedded_cloud import EmbeddedCloud

Resources = dict[str, dict[str, Any]]

JOBS = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": ["job"]}}}}
STREAM = {"Fn::GetAtt": ["Table", "StreamArn"]}
READS = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
HANDLER = """
def handler(event, context):
    if "poison" in event[0]["id"]:
        raise ValueError("no")
"""


def arn(name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, "Arn"]}


def pipe(target: Any, *, source: Any = None, role: str = "PipeRole", **parameters: Any) -> dict[str, Any]:
    """Describe a pipe of jobs that sends each dead letter at once, unless `source` says otherwise."""
    stream = {"StartingPosition": "TRIM_HORIZON", "BatchSize": 1, "MaximumRetryAttempts": 1}
    stream["DeadLetterConfig"] = {"Arn": arn("DeadLetters")}
    properties = {
        "RoleArn": arn(role),
        "Source": STREAM,
        "Target": target,
        "SourceParameters": {
            "DynamoDBStreamParameters": stream | (source or {}),
            "FilterCriteria": {"Filters": [{"Pattern": json.dumps(JOBS)}]},
        },
        "TargetParameters": parameters,
    }
    return {"Type": "AWS::Pipes::Pipe", "DependsOn": [role], "Properties": properties}


def table() -> dict[str, Any]:
    properties = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
    }
    return {"Type": "AWS::DynamoDB::Table", "Properties": properties}


def queue(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


def reading(*without: str) -> dict[str, Any]:
    return allow([f"dynamodb:{action}" for action in READS if action not in without], STREAM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """A stack with a table whose stream pipes read."""

    cloud: EmbeddedCloud
    ids: dict[str, str]
    eventually: Callable[..., Any]

    def put(self, key: str, **attributes: str) -> None:
        item = {name: {"S": value} for name, value in {"id": key, "kind": "job", **attributes}.items()}
        self.cloud.client("dynamodb").put_item(TableName=self.ids["Table"], Item=item)

    def received(self, name: str, about: str, *, count: int = 1) -> list[dict[str, Any]]:
        """Take messages out of a queue until so many contain this text; return those that do."""
        sqs, found = self.cloud.client("sqs"), []

        def look() -> bool:
            request = {"QueueUrl": self.ids[name], "MaxNumberOfMessages": 10, "AttributeNames": ["All"]}
            for message in sqs.receive_message(**request).get("Messages", []):
                found.extend([message] if about in message["Body"] else [])
                sqs.delete_message(QueueUrl=self.ids[name], ReceiptHandle=message["ReceiptHandle"])
            return len(found) >= count

        self.eventually(look, seconds=20)
        return found

    def dead_letters(self, pipe_name: str, *, count: int = 1) -> list[dict[str, Any]]:
        """Take the descriptions of what a pipe gave up."""
        about = f":pipe/{self.ids[pipe_name]}"
        return [json.loads(message["Body"]) for message in self.received("DeadLetters", about, count=count)]

    def stop(self, name: str) -> None:
        self.cloud.client("pipes").stop_pipe(Name=self.ids[name])

    def start(self, name: str) -> None:
        self.cloud.client("pipes").start_pipe(Name=self.ids[name])


def build(function: Callable[..., Any]) -> Resources:
    """Describe a table with a pipe to each kind of target."""
    machine = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
    key = "<$.dynamodb.Keys.id.S>"
    whole = '{"id": ' + key + ', "text": "of ' + key + '", "event": <$.dynamodb.NewImage>, "by": <aws.pipes.pipe-name>}'
    policy = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    document = {"Version": "2012-10-17", "Statement": [policy | {"Resource": arn("EventQueue")}]}
    rule = {
        "EventBusName": {"Ref": "Bus"},
        "EventPattern": {"source": ["probe"]},
        "Targets": [{"Id": "Queue", "Arn": arn("EventQueue")}],
    }
    group = {"MessageGroupId": "$.dynamodb.NewImage.group.S", "MessageDeduplicationId": "$.eventID"}
    event = {"Source": "probe", "DetailType": "$.dynamodb.NewImage.kind.S"}
    queues = [arn(name) for name in ("Queue", "Fifo", "DeadLetters")]
    template = f'{{"id": {key}}}'
    return {
        **function(HANDLER),
        "Table": table(),
        "Queue": queue(),
        "Fifo": queue(FifoQueue=True),
        "EventQueue": queue(),
        "DeadLetters": queue(),
        "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": f"bus-{uuid.uuid4().hex[:8]}"}},
        "Rule": {"Type": "AWS::Events::Rule", "Properties": rule},
        "EventQueuePolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {"Queues": [{"Ref": "EventQueue"}], "PolicyDocument": document},
        },
        "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {"DefinitionString": json.dumps(machine), "RoleArn": arn("Role")},
        },
        "PipeRole": service_role(
            "pipes",
            reading(),
            allow("sqs:SendMessage", queues),
            allow("lambda:InvokeFunction", arn("Function")),
            allow("states:StartExecution", {"Ref": "Machine"}),
            allow("events:PutEvents", arn("Bus")),
        ),
        "ToQueue": pipe(arn("Queue"), InputTemplate=whole),
        "ToFifo": pipe(arn("Fifo"), SqsQueueParameters=group, InputTemplate=template),
        "ToFunction": pipe(arn("Function"), InputTemplate=template),
        "ToBus": pipe(arn("Bus"), EventBridgeEventBusParameters=event, InputTemplate=template),
        "ToMachine": pipe({"Ref": "Machine"}, InputTemplate=template),
    }


@pytest.fixture(scope="module")
def stack(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], function: Callable[..., Any], eventually: Callable[..., Any]
) -> Deployed:
    return Deployed(cloud=cloud, ids=deploy(build(function)), eventually=eventually)


def test_records_that_pass_the_filter_reach_each_target_by_its_template(stack: Deployed) -> None:
    stack.put("other", kind="other")
    stack.put('1 "quoted"', group="g")
    stack.put('1 "quoted"', group="g", more="an update")
    expected = {
        "id": '1 "quoted"',
        "text": 'of 1 "quoted"',
        "event": {"id": {"S": '1 "quoted"'}, "kind": {"S": "job"}, "group": {"S": "g"}},
        "by": stack.ids["ToQueue"],
    }

    assert [json.loads(message["Body"]) for message in stack.received("Queue", "")] == [expected]
    (grouped,) = stack.received("Fifo", "")
    assert json.loads(grouped["Body"]) == {"id": '1 "quoted"'}
    assert grouped["Attributes"]["MessageGroupId"] == "g"
    (event,) = stack.received("EventQueue", "")
    assert json.loads(event["Body"])["detail-type"] == "job"
    assert json.loads(event["Body"])["detail"] == {"id": '1 "quoted"'}
    machine, client = stack.ids["Machine"], stack.cloud.client("stepfunctions")
    (execution,) = stack.eventually(lambda: client.list_executions(stateMachineArn=machine)["executions"])
    described = client.describe_execution(executionArn=execution["executionArn"])
    assert json.loads(described["input"]) == [{"id": '1 "quoted"'}]


def test_batch_that_its_target_fails_on_becomes_a_dead_letter_and_the_next_goes_on(stack: Deployed) -> None:
    stack.put("2 poison 1", group="g")
    stack.put("2 healthy", group="g")
    stack.put("2 poison 2", group="g")

    first, second = stack.dead_letters("ToFunction", count=2)

    assert first["context"]["condition"] == second["context"]["condition"] == "RetryAttemptsExhausted"
    assert first["DDBStreamBatchInfo"]["batchSize"] == 1
    assert first["DDBStreamBatchInfo"]["startSequenceNumber"] < second["DDBStreamBatchInfo"]["startSequenceNumber"]
    log = stack.cloud.log_path.read_text()
    assert log.count(f"pipe {stack.ids['ToFunction']}: no") == 2  # one pause, before the one retry of each


def test_stopped_pipe_loses_nothing(stack: Deployed) -> None:
    stack.stop("ToQueue")
    stack.put("3", group="g")
    others = stack.received("Fifo", '"3"')
    queue = stack.cloud.client("sqs").receive_message(QueueUrl=stack.ids["Queue"], MaxNumberOfMessages=10)

    stack.start("ToQueue")

    assert len(others) == 1
    assert not [message for message in queue.get("Messages", []) if '"3"' in message["Body"]]
    assert [json.loads(message["Body"])["id"] for message in stack.received("Queue", '"id": "3"')] == ["3"]


def test_record_without_the_place_of_a_parameter_is_a_failure_of_the_target(stack: Deployed) -> None:
    stack.put("4")

    assert stack.dead_letters("ToFifo")[0]["context"]["condition"] == "RetryAttemptsExhausted"


@pytest.mark.parametrize("missing", [*READS, "sqs:SendMessage", "trust"])
def test_each_permission_of_a_pipe_is_needed(
    cloud: EmbeddedCloud, deploy: Callable[..., Any], eventually: Callable[..., Any], missing: str
) -> None:
    permissions = [reading(missing)]
    if missing != "sqs:SendMessage":
        permissions.append(allow("sqs:SendMessage", arn("Queue")))
    resources = {
        "Table": table(),
        "Queue": queue(),
        "DeadLetters": queue(),
        "PipeRole": service_role("events" if missing == "trust" else "pipes", *permissions),
        "Pipe": pipe(arn("Queue"), source={"MaximumRetryAttempts": -1}),
    }
    name = f"pipes-{uuid.uuid4().hex[:8]}"
    stack = Deployed(cloud=cloud, ids=deploy(resources, stack=name), eventually=eventually)
    stack.put("1")
    pipe_name = stack.ids["Pipe"]
    eventually(lambda: f"pipe {pipe_name}" in cloud.log_path.read_text())
    refused = cloud.client("sqs").receive_message(QueueUrl=stack.ids["Queue"])

    resources["PipeRole"] = service_role("pipes", reading(), allow("sqs:SendMessage", arn("Queue")))
    deploy(resources, stack=name)

    assert "Messages" not in refused
    (message,) = stack.received("Queue", "")
    assert json.loads(message["Body"])["dynamodb"]["Keys"] == {"id": {"S": "1"}}


def test_parameters_of_a_call_count_as_those_of_a_template(stack: Deployed) -> None:
    client, name = stack.cloud.client("pipes"), f"called-{uuid.uuid4().hex[:8]}"
    described = client.describe_pipe(Name=stack.ids["ToQueue"])
    stack.put("5 before", group="g")
    client.create_pipe(
        Name=name,
        RoleArn=described["RoleArn"],
        Source=described["Source"],
        Target=described["Target"],
        SourceParameters={"DynamoDBStreamParameters": {"StartingPosition": "LATEST"}},
        TargetParameters={"InputTemplate": '{"called": <$.dynamodb.Keys.id.S>}'},
    )
    stack.put("5 after", group="g")

    assert [json.loads(message["Body"]) for message in stack.received("Queue", "called")] == [{"called": "5 after"}]
    client.delete_pipe(Name=name)
