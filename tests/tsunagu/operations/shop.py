"""A deployed stack of another team in moto's account: a receiver, a plain queue, a job, an alarm, a request API."""

import copy
import io
import json
import zipfile
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from tests.tsunagu.operations.fake_cloudformation import FakeCloudFormation, FakeStack
from tsunagu.contracts import requests
from tsunagu.contracts.environment import ReceiverEnvironment
from tsunagu.contracts.flows import METADATA_KEY, Kind, Part, write_parts
from tsunagu.contracts.request_sweeper import RequestSweeperEnvironment
from tsunagu.operations.aws import Aws

ACCOUNT = "123456789012"
REGION = "eu-central-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/worker"
STACK = "shop"


def part(kind: Kind, name: str, path: str = "") -> dict[str, Any]:
    return {METADATA_KEY: write_parts([Part(kind=kind, name=name, path=path or name)])}


@dataclass
class Shop:
    """The account: `Orders` with a receiver, `Legacy` without the library, the job `nightly`, the requests of `Api`.

    Attributes:
        cloudformation: CloudFormation of the account, which moto lacks.
        queues: URLs of the queues, by their logical ids.
    """

    cloudformation: FakeCloudFormation = field(default_factory=FakeCloudFormation)
    queues: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._resources: dict[str, Any] = {}
        self._physical: dict[str, str] = {}
        boto3.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument="{}")
        self._add_table()
        self._add_queue("OrdersDead", part(Kind.DEAD_LETTERS, "Orders"))
        self._add_queue("Orders", part(Kind.CHANNEL, "Orders"), dead="OrdersDead")
        self._add_queue("LegacyDead", {"aws:cdk:path": "Shop/Legacy/Dead/Resource"})
        self._add_queue("Legacy", {"aws:cdk:path": "Shop/Legacy/Queue/Resource"}, dead="LegacyDead")
        self._add_function("Receiver", part(Kind.RECEIVER, "Orders"), self._receiver().to_environment())
        self._add_function(
            "Worker", part(Kind.RECEIVER, "Nightly"), {"JOB": "nightly", "IDEMPOTENCY_TABLE_NAME": "items"}
        )
        self._add_function("Sweeper", part(Kind.SWEEPER, "Api/Sweeper"), self._sweeper().to_environment())
        self._add_mapping()
        self._add_machine()
        self._add_schedule()
        self._add_alarm()
        template = {"Resources": self._resources}
        self.cloudformation.stacks[STACK] = FakeStack(name=STACK, template=template, physical_ids=self._physical)

    def aws(self) -> Aws:
        aws = Aws()
        aws._clients["cloudformation"] = self.cloudformation.client  # noqa: SLF001 - moto has none
        return aws

    def send(self, logical_id: str, body: str = "x") -> None:
        boto3.client("sqs").send_message(QueueUrl=self.queues[logical_id], MessageBody=body)

    def raise_alarm(self) -> None:
        boto3.client("cloudwatch").set_alarm_state(
            AlarmName=self._physical["Alarm"], StateValue="ALARM", StateReason="2 of 2"
        )

    def make_new(self, seconds: int, now_ms: int) -> None:
        """Let the stack be so old at a time, and its alarm take silence of a day for a fault."""
        created = datetime.fromtimestamp(now_ms / 1_000, UTC) - timedelta(seconds=seconds)
        resources = copy.deepcopy(self._resources)
        resources["Alarm"]["Properties"] = {"TreatMissingData": "breaching", "Period": 300, "EvaluationPeriods": 288}
        stacks = self.cloudformation.stacks
        stacks[STACK] = replace(
            stacks[STACK], template={"Resources": resources}, created=f"{created:%Y-%m-%dT%H:%M:%SZ}"
        )

    def put_item(self, **attributes: Any) -> None:
        boto3.client("dynamodb").put_item(TableName="items", Item=attributes)

    def _receiver(self) -> ReceiverEnvironment:
        return ReceiverEnvironment(
            idempotency_table_name="items",
            idempotency_window_seconds=1,
            queue_arn=self.arn("Orders"),
            queue_url=self.queues["Orders"],
            dead_letter_queue_url=self.queues["OrdersDead"],
            notification_topic_arn="arn:aws:sns:eu-central-1:123456789012:t",
            max_attempts=3,
            function_timeout_seconds=10,
            metrics_namespace="Tsunagu",
        )

    def _sweeper(self) -> RequestSweeperEnvironment:
        return RequestSweeperEnvironment(
            request_scope="api",
            idempotency_table_name="items",
            idempotency_window_seconds=1,
            function_timeout_seconds=50,
            metrics_namespace="Tsunagu",
        )

    def arn(self, logical_id: str) -> str:
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:shop-{logical_id}"

    def function_name(self, logical_id: str) -> str:
        return self._physical[logical_id]

    def _add(self, logical_id: str, resource_type: str, physical_id: str, metadata: Any = None, **more: Any) -> None:
        self._resources[logical_id] = {"Type": resource_type, "Metadata": metadata or {}, **more}
        self._physical[logical_id] = physical_id

    def _add_queue(self, logical_id: str, metadata: Any, dead: str = "") -> None:
        policy: Any = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": self.arn(dead), "maxReceiveCount": 4})}
        url = boto3.client("sqs").create_queue(QueueName=f"shop-{logical_id}", Attributes=policy if dead else {})[
            "QueueUrl"
        ]
        self.queues[logical_id] = url
        self._add(logical_id, "AWS::SQS::Queue", url, metadata)

    def _add_function(self, logical_id: str, metadata: Any, variables: dict[str, str]) -> None:
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("handler.py", "")
        name = f"shop-{logical_id}"
        boto3.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=ROLE,
            Handler="handler.handler",
            Code={"ZipFile": code.getvalue()},
            Environment={"Variables": variables},
        )
        boto3.client("logs").create_log_group(logGroupName=f"/aws/lambda/{name}")
        self._add(logical_id, "AWS::Lambda::Function", name, metadata)

    def _add_mapping(self) -> None:
        made = boto3.client("lambda").create_event_source_mapping(
            FunctionName="shop-Receiver", EventSourceArn=self.arn("Orders"), ScalingConfig={"MaximumConcurrency": 5}
        )
        self._add("Mapping", "AWS::Lambda::EventSourceMapping", made["UUID"])

    def _add_machine(self) -> None:
        definition = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})
        arn = boto3.client("stepfunctions").create_state_machine(name="nightly", definition=definition, roleArn=ROLE)[
            "stateMachineArn"
        ]
        self._add("Machine", "AWS::StepFunctions::StateMachine", arn, part(Kind.JOB, "nightly", "Nightly"))

    def _add_schedule(self) -> None:
        boto3.client("scheduler").create_schedule(
            Name="shop-Tick",
            ScheduleExpression="rate(1 minute)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": self._physical["Machine"], "RoleArn": ROLE},
        )
        self._add("Tick", "AWS::Scheduler::Schedule", "shop-Tick", {"aws:cdk:path": "Shop/Nightly/Schedule/Resource"})

    def _add_alarm(self) -> None:
        boto3.client("cloudwatch").put_metric_alarm(
            AlarmName="shop-Alarm",
            Namespace="n",
            MetricName="m",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            Statistic="Sum",
        )
        self._add(
            "Alarm", "AWS::CloudWatch::Alarm", "shop-Alarm", {"aws:cdk:path": "Shop/Orders/DeadLetterAlarm/Resource"}
        )

    def _add_table(self) -> None:
        boto3.client("dynamodb").create_table(
            TableName="items",
            AttributeDefinitions=[
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": requests.OPEN, "AttributeType": "S"},
                {"AttributeName": requests.DUE, "AttributeType": "N"},
                {"AttributeName": "request_id", "AttributeType": "S"},
            ],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": requests.OPEN_INDEX,
                    "KeySchema": [
                        {"AttributeName": requests.OPEN, "KeyType": "HASH"},
                        {"AttributeName": requests.DUE, "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                },
                {
                    "IndexName": "RequestIndex",
                    "KeySchema": [{"AttributeName": "request_id", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                },
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        self._add("Items", "AWS::DynamoDB::Table", "items", part(Kind.IDEMPOTENCY_TABLE, "Items"))
        boto3.client("dynamodb").create_table(
            TableName="plain",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self._add("Plain", "AWS::DynamoDB::Table", "plain", part(Kind.IDEMPOTENCY_TABLE, "Plain"))
