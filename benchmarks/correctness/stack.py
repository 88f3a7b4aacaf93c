"""One standard queue a contender, all deployed by the same construct: only the handlers differ."""

import json
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import App, CfnOutput, Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb

from benchmarks.paths import PROJECT
from cdk_app.handler_packages import handler_package
from cdk_app.settings import EMBEDDED_STAGE, StageSettings, load_settings
from lambdas.contracts.payments import PaymentsEnvironment
from tsunagu.cdk import (
    HandlerPackage,
    IdempotencyTable,
    IdempotencyTableProps,
    IdempotentReceiver,
    IdempotentReceiverProps,
    QueueChannel,
    QueueChannelProps,
)

STACK_NAME = "correctness"
HANDLER_TIMEOUT = Duration.seconds(5)

_CONTENDERS = Path(__file__).parent / "contenders"
_ITEM_ACTIONS = ("dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")


@dataclass(frozen=True, slots=True)
class Contender:
    """A handler that is measured.

    Attributes:
        name: What the table calls it.
        construct_id: First part of its outputs.
        package: Its code.
    """

    name: str
    construct_id: str
    package: HandlerPackage


def _package(handler: str) -> HandlerPackage:
    """Return the folder of the other contenders with one of them as its handler."""
    requirements, contracts = Path(__file__).parent / "requirements.txt", PROJECT / "lambdas" / "contracts"
    return HandlerPackage(path=_CONTENDERS, handler=handler, requirements=requirements, include=[contracts])


CONTENDERS = (
    Contender("tsunagu", "Tsunagu", handler_package("payments")),
    Contender("plain lock", "PlainLock", _package("plain_lock.handler")),
    Contender("powertools 3.37.0", "Powertools", _package("powertools.handler")),
)


class CorrectnessStack(Stack):
    """The contenders, with a table of locks each, and one table of payments."""

    def __init__(self, scope: App, settings: StageSettings) -> None:
        super().__init__(scope, STACK_NAME)
        self._platform = settings.platform
        self._payments = dynamodb.Table(
            self,
            "Payments",
            partition_key=dynamodb.Attribute(name="account", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="entry", type=dynamodb.AttributeType.STRING),
        )
        CfnOutput(self, "PaymentsTableName", value=self._payments.table_name)
        for contender in CONTENDERS:
            self._add(contender)

    def _add(self, contender: Contender) -> None:
        name = contender.construct_id
        channel = QueueChannel(self, f"{name}Channel", QueueChannelProps(handler_timeout=HANDLER_TIMEOUT))
        items = IdempotencyTable(self, f"{name}Items", IdempotencyTableProps(protect=False))
        receiver = IdempotentReceiver(
            self,
            f"{name}Receiver",
            IdempotentReceiverProps(
                package=contender.package,
                environment=[PaymentsEnvironment(payments_table_name=self._payments.table_name)],
                channel=channel,
                table=items,
                platform=self._platform,
            ),
        )
        self._payments.grant(receiver.handler.function, "dynamodb:PutItem", "dynamodb:UpdateItem")
        items.table.grant(receiver.handler.function, *_ITEM_ACTIONS)
        CfnOutput(self, f"{name}QueueUrl", value=channel.queue.queue_url)
        CfnOutput(self, f"{name}DeadLetterQueueUrl", value=channel.dead_letter_queue.queue_url)
        CfnOutput(self, f"{name}FunctionName", value=receiver.handler.function.function_name)


def synthesize_contenders(output: Path) -> Path:
    """Write the cloud assembly of the contenders into the folder `output`."""
    context = json.loads((PROJECT / "cdk.json").read_text())["context"]
    app = App(outdir=str(output), context=context, analytics_reporting=False)
    CorrectnessStack(app, load_settings(context["tsunagu"], EMBEDDED_STAGE))
    return Path(app.synth().directory)
