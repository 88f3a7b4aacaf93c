"""A stack with a desk behind each kind of queue, in each mode."""

import json
from pathlib import Path

from aws_cdk import App, CfnOutput, Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam

from cdk_app.settings import EMBEDDED_STAGE, StageSettings, load_settings
from tests.correctness.handlers.desk.environment import DeskEnvironment
from tsunagu.cdk import (
    HandlerPackage,
    IdempotencyTable,
    IdempotencyTableProps,
    IdempotentReceiver,
    IdempotentReceiverProps,
    QueueChannel,
    QueueChannelProps,
)
from tsunagu.cdk.patterns.receiver_settings import OnDeath

PROJECT = Path(__file__).parents[2]
STACK_NAME = "desk"
TIMEOUT = Duration.seconds(4)  # long enough for a cold start on a machine that does other things
MAX_ATTEMPTS = 2


class DeskStack(Stack):
    """Four desks: FIFO and standard queue, with and without transaction; and one that parks groups."""

    def __init__(self, scope: App, settings: StageSettings) -> None:
        super().__init__(scope, STACK_NAME)
        self._platform = settings.platform
        self._effects = dynamodb.Table(
            self, "Effects", partition_key=dynamodb.Attribute(name="key", type=dynamodb.AttributeType.STRING)
        )
        self._output("EffectsTableName", self._effects.table_name)
        for fifo in (True, False):
            for in_transaction in (True, False):
                self._add_desk(fifo=fifo, in_transaction=in_transaction)
        self._add_desk(fifo=True, in_transaction=True, on_death="park_group")

    def _add_desk(self, *, fifo: bool, in_transaction: bool, on_death: OnDeath = "continue_group") -> None:
        name = ("Fifo" if fifo else "Standard") + ("Transaction" if in_transaction else "Plain")
        name = name if on_death == "continue_group" else "FifoParked"
        channel = QueueChannel(self, f"{name}Channel", QueueChannelProps(handler_timeout=TIMEOUT, fifo=fifo))
        items = IdempotencyTable(self, f"{name}Items", IdempotencyTableProps(protect=False))
        receiver = IdempotentReceiver(
            self,
            f"{name}Receiver",
            IdempotentReceiverProps(
                package=HandlerPackage(path=Path(__file__).parent / "handlers" / "desk"),
                environment=[
                    DeskEnvironment(effects_table_name=self._effects.table_name, in_transaction=in_transaction)
                ],
                channel=channel,
                table=items,
                platform=self._platform,
                max_attempts=MAX_ATTEMPTS,
                on_death=on_death,
            ),
        )
        self._effects.grant(receiver.handler.function, "dynamodb:GetItem", "dynamodb:UpdateItem")
        receiver.handler.function.add_to_role_policy(
            iam.PolicyStatement(actions=["states:SendTaskHeartbeat", "states:SendTaskSuccess"], resources=["*"])
        )
        self._output(f"{name}QueueUrl", channel.queue.queue_url)
        self._output(f"{name}DeadLetterQueueUrl", channel.dead_letter_queue.queue_url)
        self._output(f"{name}FunctionName", receiver.handler.function.function_name)
        self._output(f"{name}MappingId", receiver.mapping.event_source_mapping_id)
        self._output(f"{name}QueueArn", channel.queue.queue_arn)
        self._output(f"{name}ItemsTableName", items.table.table_name)

    def _output(self, name: str, value: str) -> None:
        CfnOutput(self, name, value=value)


def synthesize_desks(output: Path) -> Path:
    """Write the cloud assembly of the desks into the folder `output`."""
    context = json.loads((PROJECT / "cdk.json").read_text())["context"]
    app = App(outdir=str(output), context=context, analytics_reporting=False, builtin_cloud_formation_validation=False)
    DeskStack(app, load_settings(context["tsunagu"], EMBEDDED_STAGE))
    return Path(app.synth().directory)
