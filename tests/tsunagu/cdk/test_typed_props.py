"""What a type checker, and the library when the app is synthesized, accept of a user's stack.

`make types` checks this file: an `ignore` that is not needed is an error, so each wrong use is one for mypy. The tests
run each wrong use too: whoever has no type checker gets a sentence of ours, and no traceback of JavaScript.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Aws, Duration, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct  # noqa: TC002 - the constructor's annotations are read

from tsunagu.cdk import (
    CustomerManagedKey,
    CustomerManagedKeyProps,
    DeadLetterNotifier,
    DeadLetterNotifierProps,
    FlowDashboardProps,
    FunctionAlarms,
    HandlerFunctionProps,
    HandlerPackage,
    IdempotencyTable,
    IdempotencyTableProps,
    IdempotentReceiver,
    IdempotentReceiverProps,
    Platform,
    QueueChannel,
    QueueChannelProps,
    Service,
    ServicePipelineProps,
    SingleFlightScheduleProps,
    Step,
    TopicChannel,
    TsunaguError,
    acknowledge,
    add_checks,
    removal_policy,
)

FIVE = Duration.seconds(5)
PACKAGE = HandlerPackage(path=Path(__file__).parent)
CHANNEL = QueueChannelProps(handler_timeout=FIVE)


@dataclass(frozen=True, slots=True)
class Desk:
    """A user's stack."""

    app: App
    stack: Stack
    channel: QueueChannel
    table: IdempotencyTable
    key: kms.IKey


@pytest.fixture(scope="module")
def desk() -> Desk:
    app = App(analytics_reporting=False)
    stack = Stack(app, "Desk")
    channel = QueueChannel(stack, "Orders", CHANNEL)
    key = CustomerManagedKey(stack, "Key", CustomerManagedKeyProps(description="Orders")).key
    return Desk(app, stack, channel, IdempotencyTable(stack, "Items"), key)


def test_correct_uses_are_accepted(desk: Desk) -> None:
    """As far as it goes without building code."""
    receiver = IdempotentReceiverProps(
        package=PACKAGE, channel=desk.channel, table=desk.table, batch_size=5, alarms=FunctionAlarms()
    )
    service = Service(name="billing", package=PACKAGE, environment=[], memory_mib=512)
    job = SingleFlightScheduleProps(
        package=PACKAGE,
        job="sync",
        schedule=scheduler.ScheduleExpression.rate(Duration.minutes(1)),
        handler_timeout=FIVE,
    )
    function = HandlerFunctionProps(package=PACKAGE, timeout=FIVE, platform=Platform(architecture="x86_64"))
    steps = [Step(name="charge", services=[service])]
    pipeline = ServicePipelineProps(
        name="orders", preprocessor=function, steps=steps, subscribers={"Web": desk.channel}
    )
    topic = TopicChannel(desk.stack, "Topic")
    queue: sqs.IQueue = desk.channel.queue

    assert (receiver.batch_size, job.job, pipeline.name) == (5, "sync", "orders")
    assert topic.topic.topic_arn != queue.queue_arn
    assert removal_policy(protect=True) != removal_policy(protect=False)


WRONG: list[tuple[str, Callable[[Desk], Any]]] = [
    # Props of a wrong kind
    ("handler_timeout must be of type Duration, got 5", lambda _: QueueChannelProps(handler_timeout=5)),  # type: ignore[arg-type]
    ("handler_timeout must be of type Duration", lambda _: QueueChannelProps(handler_timeout="5s")),  # type: ignore[arg-type]
    ("fifo must be of type bool", lambda _: QueueChannelProps(handler_timeout=FIVE, fifo="yes")),  # type: ignore[arg-type]
    ("key must be of type IKey", lambda _: QueueChannelProps(handler_timeout=FIVE, key="arn:aws:kms:…")),  # type: ignore[arg-type]
    ("existing must be of type IQueue", lambda d: QueueChannelProps(handler_timeout=FIVE, existing=d.channel)),  # type: ignore[arg-type]
    (
        "channel must be of type QueueChannel",
        lambda d: IdempotentReceiverProps(package=PACKAGE, channel=d.channel.queue),  # type: ignore[arg-type]
    ),
    ("package must be of type HandlerPackage", lambda d: IdempotentReceiverProps(package="orders", channel=d.channel)),  # type: ignore[arg-type]
    (
        "batch_size must be of type int",
        lambda d: IdempotentReceiverProps(package=PACKAGE, channel=d.channel, batch_size="5"),  # type: ignore[arg-type]
    ),
    (
        "table must be of type IdempotencyTable",
        lambda d: IdempotentReceiverProps(package=PACKAGE, channel=d.channel, table=d.table.table),  # type: ignore[arg-type]
    ),
    (
        "environment must be of type Sequence",
        lambda _: HandlerFunctionProps(package=PACKAGE, timeout=FIVE, environment={"A": "b"}),  # type: ignore[arg-type]
    ),
    (
        "platform must be of type Platform",
        lambda _: HandlerFunctionProps(package=PACKAGE, timeout=FIVE, platform="arm64"),  # type: ignore[arg-type]
    ),
    (
        "log_retention must be of type RetentionDays",
        lambda _: HandlerFunctionProps(package=PACKAGE, timeout=FIVE, log_retention=30),  # type: ignore[arg-type]
    ),
    (
        "role must be of type IRole",
        lambda _: HandlerFunctionProps(package=PACKAGE, timeout=FIVE, role="arn:aws:iam::1:role/r"),  # type: ignore[arg-type]
    ),
    ("architecture must be one of arm64, x86_64", lambda _: Platform(architecture="arm")),  # type: ignore[arg-type]
    ("services must be of type Sequence", lambda _: Step(name="a", services=Service(name="b", package=PACKAGE))),  # type: ignore[arg-type]
    ("services must be of type Service", lambda _: Step(name="a", services=["billing"])),  # type: ignore[list-item]
    (
        "schedule must be of type ScheduleExpression",
        lambda _: SingleFlightScheduleProps(package=PACKAGE, job="j", schedule="rate(1 minute)", handler_timeout=FIVE),  # type: ignore[arg-type]
    ),
    ("existing must be of type ITable", lambda d: IdempotencyTableProps(existing=d.table)),  # type: ignore[arg-type]
    ("existing must be of type ITopic", lambda d: DeadLetterNotifierProps(existing=d.channel.queue)),  # type: ignore[arg-type]
    ("flows must be of type Sequence", lambda d: FlowDashboardProps(flows=d.channel)),  # type: ignore[arg-type]
    ("path must be of type str or Path", lambda _: HandlerPackage(path=None)),  # type: ignore[arg-type]
    # Constructs that are made in a wrong way: silent, or an error of JavaScript or Python, before
    (
        "QueueChannel: props must be of type QueueChannelProps, got a dict",
        lambda d: QueueChannel(d.stack, "A", {"fifo": True}),  # type: ignore[arg-type]
    ),
    (
        "QueueChannel: props must be of type QueueChannelProps, got the class",
        lambda d: QueueChannel(d.stack, "A", QueueChannelProps),  # type: ignore[arg-type]
    ),
    ("QueueChannel: props must be of type QueueChannelProps, got None", lambda d: QueueChannel(d.stack, "A", None)),  # type: ignore[arg-type]
    (
        "IdempotentReceiver: props must be of type IdempotentReceiverProps, got QueueChannelProps",
        lambda d: IdempotentReceiver(d.stack, "A", CHANNEL),  # type: ignore[arg-type]
    ),
    ("QueueChannel must be given scope, construct_id, props", lambda d: QueueChannel(d.stack, "A")),  # type: ignore[call-arg]
    ("QueueChannel must be given scope", lambda d: QueueChannel(d.stack, "A", handler_timeout=FIVE)),  # type: ignore[call-arg]
    ("QueueChannel: scope must be of type Construct, got 'Desk'", lambda _: QueueChannel("Desk", "A", CHANNEL)),  # type: ignore[arg-type]
    ("QueueChannel: construct_id must be of type str, got 1", lambda d: QueueChannel(d.stack, 1, CHANNEL)),  # type: ignore[arg-type]
    ("grantee must be of type IGrantable", lambda d: d.channel.grant_send("arn:aws:iam::1:role/r")),  # type: ignore[arg-type]
    ("protect must be of type bool, got 'no'", lambda _: removal_policy(protect="no")),  # type: ignore[arg-type]
    ("stage must be of type Stage, got Stack", lambda d: add_checks(d.stack)),  # type: ignore[arg-type]
    ("construct must be of type IConstruct, got 'queue'", lambda _: acknowledge("queue", "tsunagu::FixedName", "why")),  # type: ignore[arg-type]
]

# Mistakes that no type shows.
MISTAKES: list[tuple[str, Callable[[Desk], Any]]] = [
    (
        "QueueChannel: scope must be a stack, or a construct in one, got App",
        lambda d: QueueChannel(d.app, "A", CHANNEL),
    ),
    ("QueueChannel: construct_id must not be empty", lambda d: QueueChannel(d.stack, "", CHANNEL)),
    (
        "QueueChannel: construct_id must be known when the app is synthesized",
        lambda d: QueueChannel(d.stack, Aws.REGION, CHANNEL),
    ),
    ("construct_id must be free in its scope", lambda d: QueueChannel(d.stack, "Orders", CHANNEL)),
    ("construct_id must be free in its scope", lambda d: DeadLetterNotifier(d.stack, "Items")),
    ("reason must not be empty", lambda d: acknowledge(d.channel, "tsunagu::FixedName", " ")),
    ("rule must not be empty", lambda d: acknowledge(d.channel, "", "another system reads it by this name")),
]


@pytest.mark.parametrize(("sentence", "mistake"), [*WRONG, *MISTAKES], ids=[each for each, _ in [*WRONG, *MISTAKES]])
def test_a_mistake_is_refused_with_a_sentence(desk: Desk, sentence: str, mistake: Callable[[Desk], Any]) -> None:
    with pytest.raises(TsunaguError) as refusal:
        mistake(desk)

    text = str(refusal.value)
    assert sentence in text
    assert "object at 0x" not in text


def test_a_teams_own_construct_is_not_touched(desk: Desk) -> None:
    class Orders(QueueChannel):
        def __init__(self, scope: Construct, construct_id: str, *, seconds: int) -> None:
            super().__init__(scope, construct_id, QueueChannelProps(handler_timeout=Duration.seconds(seconds)))

    assert Orders(desk.stack, "Own", seconds=7).props.handler_timeout.to_seconds() == 7
