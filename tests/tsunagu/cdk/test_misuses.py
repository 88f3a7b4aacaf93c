"""Sixty misuses of props: each is refused, by an error of the library, with a sentence that says what is wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, CfnParameter, Duration, Stack, Token
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns

from tsunagu.cdk import (
    AsyncRequestApiProps,
    ClaimCheckBucketProps,
    ConnectorProps,
    CustomerManagedKeyProps,
    DeadLetterNotifierProps,
    EventInvocationProps,
    FilterPolicy,
    HandlerFunctionProps,
    HandlerPackage,
    IdempotencyTable,
    IdempotencyTableProps,
    IdempotentReceiverProps,
    NativeStateMachineProps,
    Network,
    Platform,
    PrivateEndpointsProps,
    ProvisionedPollers,
    QueueChannel,
    QueueChannelProps,
    ReceiverSettings,
    RequestGatewaySettings,
    RequestPipeProps,
    ResultBucketProps,
    Service,
    ServicePipelineProps,
    SingleFlightScheduleProps,
    Step,
    TopicChannel,
    TopicChannelProps,
    TopicSubscriptionProps,
    TsunaguError,
)

FIVE = Duration.seconds(5)
PACKAGE = HandlerPackage(path=Path(__file__).parent)
ARN = "arn:aws:kms:eu-west-1:123456789012:key/1"


@dataclass(frozen=True, slots=True)
class Given:
    """What the misuses are made with; one stack for all of them."""

    stack: Stack
    channel: QueueChannel
    fifo: QueueChannel
    topic: TopicChannel
    table: IdempotencyTable
    vpc: ec2.Vpc
    table_v2: dynamodb.TableV2
    number: Any
    text: str


@pytest.fixture(scope="module")
def given() -> Given:
    stack = Stack(App(analytics_reporting=False), "Stack")
    key = dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING)
    return Given(
        stack=stack,
        channel=QueueChannel(stack, "Orders", QueueChannelProps(handler_timeout=FIVE)),
        fifo=QueueChannel(stack, "Fifo", QueueChannelProps(handler_timeout=FIVE, fifo=True)),
        topic=TopicChannel(stack, "Topic"),
        table=IdempotencyTable(stack, "Items"),
        vpc=ec2.Vpc(stack, "Vpc"),
        table_v2=dynamodb.TableV2(stack, "Own", partition_key=key),
        number=CfnParameter(stack, "Number", type="Number").value_as_number,
        text=Token.as_string({"Ref": "Number"}),
    )


def channel(**settings: Any) -> QueueChannelProps:
    return QueueChannelProps(**{"handler_timeout": FIVE, **settings})


def receiver(given: Given, **settings: Any) -> IdempotentReceiverProps:
    return IdempotentReceiverProps(**{"package": PACKAGE, "channel": given.channel, **settings})


def function(**settings: Any) -> HandlerFunctionProps:
    return HandlerFunctionProps(**{"package": PACKAGE, "timeout": FIVE, **settings})


def service(**settings: Any) -> Service:
    return Service(**{"package": PACKAGE, "name": "billing", **settings})


def pipeline(**settings: Any) -> ServicePipelineProps:
    steps = [Step(name="charge", services=[service()])]
    return ServicePipelineProps(**{"name": "orders", "preprocessor": function(), "steps": steps, **settings})


def job(**settings: Any) -> SingleFlightScheduleProps:
    rate = scheduler.ScheduleExpression.rate(Duration.minutes(1))
    return SingleFlightScheduleProps(
        **{"package": PACKAGE, "job": "sync", "schedule": rate, "handler_timeout": FIVE, **settings}
    )


def api(**settings: Any) -> AsyncRequestApiProps:
    worker = ReceiverSettings(package=PACKAGE)
    return AsyncRequestApiProps(**{"name": "reports", "worker": worker, "timeout": FIVE, **settings})


def wrong(value: Any) -> Any:
    """Return a value of a wrong type, which a type checker would not let pass."""
    return value


MISUSES: list[tuple[str, Callable[[Given], Any]]] = [
    # A construct of another kind
    ("table must be of type IdempotencyTable, got TableV2 Stack/Own", lambda g: receiver(g, table=g.table_v2)),
    ("table must be of type IdempotencyTable", lambda g: pipeline(table=g.table_v2)),
    ("table must be of type IdempotencyTable", lambda g: api(table=g.table_v2)),
    ("network must be of type Network, got Vpc Stack/Vpc", lambda g: function(network=g.vpc)),
    ("network must be of type Network", lambda g: PrivateEndpointsProps(network=wrong(g.vpc))),
    ("vpc must be of type IVpc, got Network", lambda g: Network(vpc=wrong(Network(vpc=g.vpc)))),
    ("channel must be of type QueueChannel, got Queue", lambda g: receiver(g, channel=g.channel.queue)),
    ("channel must be of type QueueChannel, got Topic", lambda g: service(channel=g.topic)),
    ("entry must be of type QueueChannel", lambda g: pipeline(entry=g.channel.queue)),
    (
        "topic must be of type ITopic, got TopicChannel",
        lambda g: TopicSubscriptionProps(topic=wrong(g.topic), protocol="sqs", endpoint="arn"),
    ),
    ("existing must be of type ITopic, got Queue", lambda g: TopicChannelProps(existing=wrong(g.channel.queue))),
    ("existing must be of type ITable, got IdempotencyTable", lambda g: IdempotencyTableProps(existing=wrong(g.table))),
    ("existing must have the keys id", lambda g: IdempotencyTableProps(existing=wrong(g.table_v2))),
    ("existing must be of type IBucket", lambda g: ResultBucketProps(existing=wrong(g.channel.queue))),
    ("role must be of type IRole, got ServicePrincipal", lambda _: function(role=iam.ServicePrincipal("a"))),
    ("completion_topic must be of type TopicChannel", lambda g: pipeline(completion_topic=g.topic.topic)),
    ("dead_letter_notifier must be of type DeadLetterNotifier", lambda g: receiver(g, dead_letter_notifier=g.topic)),
    ("bucket must be of type ClaimCheckBucket", lambda g: pipeline(bucket=s3.Bucket(g.stack, "Bucket"))),
    # A text instead of an object
    ("key must be of type IKey, got 'arn:aws:kms", lambda _: channel(key=ARN)),
    ("queue_key must be of type IKey", lambda _: ConnectorProps(services=[service()], queue_key=wrong(ARN))),
    (
        "topic must be of type ITopic, got 'arn:",
        lambda _: TopicSubscriptionProps(topic=wrong("arn:aws:sns:…"), protocol="sqs", endpoint="arn"),
    ),
    ("topic must be of type TopicChannel", lambda _: ConnectorProps(services=[service()], topic=wrong("arn"))),
    ("platform must be of type Platform, got 'arm64'", lambda _: function(platform="arm64")),
    ("package must be of type HandlerPackage", lambda _: function(package="invoices")),
    ("function must be of type IFunction", lambda _: EventInvocationProps(function=wrong("arn:aws:lambda:…"))),
    ("schedule must be of type ScheduleExpression", lambda _: job(schedule="rate(1 minute)")),
    ("log_retention must be of type RetentionDays", lambda _: function(log_retention=30)),
    ("access_logs must be of type IBucket", lambda _: ClaimCheckBucketProps(access_logs=wrong("logs"))),
    ("retention must be of type Duration, got 60", lambda _: channel(retention=60)),
    ("timeout must be of type Duration, got '5'", lambda _: function(timeout="5")),
    ("worker must be of type ReceiverSettings", lambda _: api(worker=PACKAGE)),
    ("scope must be of type FilterScope", lambda _: FilterPolicy(conditions={"a": ["b"]}, scope=wrong("body"))),
    # Lists and mappings
    ("steps must be of type Step, got a list", lambda _: pipeline(steps=[["s"]])),
    ("steps must be of type Sequence", lambda _: pipeline(steps=Step(name="a", services=[service()]))),
    ("steps must have at least one step", lambda _: pipeline(steps=[])),
    ("services must be of type Service, got 'billing'", lambda _: Step(name="a", services=wrong(["billing"]))),
    ("environment must be of type Sequence, got a dict", lambda _: function(environment={"A": "b"})),
    ("subscribers must be of type Mapping", lambda _: pipeline(subscribers=["mailto:a@example.com"])),
    ("subscribers['Web'] must be of type QueueChannel or str", lambda _: pipeline(subscribers={"Web": 1})),
    ("definition must be of type Mapping", lambda _: NativeStateMachineProps(definition=wrong("{}"))),
    ("conditions must be of type Mapping", lambda _: FilterPolicy(conditions=wrong([]))),
    ("security_groups must be of type ISecurityGroup", lambda g: Network(vpc=g.vpc, security_groups=wrong(["sg-1"]))),
    ("kept_headers must be of type Sequence", lambda _: RequestGatewaySettings(name="a", kept_headers="X-Id")),
    # Switches and numbers
    ("protect must be of type bool, got 'no'", lambda _: channel(protect="no")),
    ("protect must be of type bool, got 0", lambda _: CustomerManagedKeyProps(description="a", protect=wrong(0))),
    ("fifo must be of type bool, got 'true'", lambda _: channel(fifo="true")),
    ("batch_size must be of type int, got '10'", lambda g: receiver(g, batch_size="10")),
    ("batch_size must be of type int, got True", lambda g: receiver(g, batch_size=True)),
    ("memory_mib must be of type int, got 512.5", lambda _: function(memory_mib=512.5)),
    ("memory_mib must be between 128 and 10,240 MiB, got 64", lambda _: function(memory_mib=64)),
    ("minimum must be of type int", lambda _: ProvisionedPollers(minimum=wrong("2"), maximum=4)),
    ("retries must be between 0 and 2", lambda _: api(delivery="lambda_event", retries=-1)),
    ("handler_timeout must be between 1 and 900 seconds", lambda _: channel(handler_timeout=Duration.hours(1))),
    ("expiration must be a whole number of days", lambda _: ClaimCheckBucketProps(expiration=Duration.hours(36))),
    # Texts
    ("metrics_namespace must be 1 to 255 letters", lambda g: receiver(g, metrics_namespace="")),
    ("metrics_namespace must be 1 to 255 letters", lambda _: pipeline(metrics_namespace="AWS/Lambda")),
    ("path must be of type str or Path, got None", lambda _: HandlerPackage(path=wrong(None))),
    ("path must not be empty", lambda _: HandlerPackage(path="")),
    ("delivery must be one of queue, lambda_event", lambda _: api(delivery="sqs")),
    (
        "protocol must be one of sqs, https, email",
        lambda g: TopicSubscriptionProps(topic=g.topic.topic, protocol=wrong("sms"), endpoint="+41"),
    ),
    ("python must be one of 3.11, 3.12, 3.13, 3.14, got '3.9'", lambda _: Platform(python="3.9")),
    ("name must be 1 to 32 lower-case letters", lambda _: service(name="Billing Service")),
    ("job must be 1 to 64 letters", lambda _: job(job="sync prices")),
    ("key_scope must be of type str", lambda g: RequestPipeProps(table=g.table, key_scope=wrong(1), channel=g.channel)),
    (
        "request_model must be of type type or Mapping",
        lambda _: RequestGatewaySettings(name="a", request_model=wrong(1)),
    ),
    # Values that only the deployment knows
    ("batch_size must be known when the app is synthesized", lambda g: receiver(g, batch_size=g.number)),
    ("retention must be known when the app", lambda g: channel(retention=Duration.seconds(g.number))),
    ("name must be known when the app is synthesized", lambda g: pipeline(name=g.text)),
    ("architecture must be one of arm64, x86_64, got a value", lambda g: Platform(architecture=wrong(g.text))),
    # Combinations
    ("dead_letter_queue must be left out without existing", lambda g: channel(dead_letter_queue=g.channel.queue)),
    ("content_based_deduplication must be left out", lambda _: channel(content_based_deduplication=True)),
    ("fifo must be True, as it is of the existing queue", lambda g: channel(existing=g.fifo.queue)),
    (
        "existing must be a standard topic",
        lambda g: DeadLetterNotifierProps(existing=sns.Topic(g.stack, "F", fifo=True)),
    ),
    ("channel must have a standard queue", lambda g: RequestPipeProps(table=g.table, key_scope="a", channel=g.fifo)),
    (
        "key must be a customer-managed key",
        lambda g: channel(key=kms.Alias.from_alias_name(g.stack, "Managed", "alias/aws/sqs")),
    ),
]


def test_there_are_sixty_at_least() -> None:
    assert len(MISUSES) >= 60


@pytest.mark.parametrize(("sentence", "misuse"), MISUSES, ids=[sentence for sentence, _ in MISUSES])
def test_a_misuse_is_refused_with_a_sentence(given: Given, sentence: str, misuse: Callable[[Given], Any]) -> None:
    with pytest.raises(TsunaguError) as refusal:
        misuse(given)

    assert str(refusal.value).startswith(sentence)
    assert "object at 0x" not in str(refusal.value)
