"""Accepted requests without a gateway and without a worker: table, pipe, queue and sweeper."""

import json
from pathlib import Path
from typing import Any

from aws_cdk import App, CfnOutput, Duration, Stack

from cdk_app.settings import EMBEDDED_STAGE, StageSettings, load_settings
from tests.apps import new_app
from tsunagu.cdk import (
    DeadLetterNotifier,
    DeadLetterNotifierProps,
    IdempotencyTable,
    IdempotencyTableProps,
    QueueChannel,
    QueueChannelProps,
    RequestPipe,
    RequestPipeProps,
    RequestSweeper,
    RequestSweeperProps,
    TopicChannel,
    TopicChannelProps,
)

PROJECT = Path(__file__).parents[2]
STACK_NAME = "sweeper"
SCOPE = "reports"
DEADLINE_SECONDS = 3_600


class SweeperStack(Stack):
    """The parts between gateway and worker."""

    def __init__(self, scope: App, settings: StageSettings) -> None:
        super().__init__(scope, STACK_NAME)
        table = IdempotencyTable(self, "Items", IdempotencyTableProps(requests=True, protect=False))
        notifier = DeadLetterNotifier(self, "Notifier", DeadLetterNotifierProps(protect=False))
        timeout = Duration.seconds(5)
        channel = QueueChannel(self, "Channel", QueueChannelProps(handler_timeout=timeout, protect=False))
        told = QueueChannel(self, "Told", QueueChannelProps(handler_timeout=timeout, protect=False))
        topic = TopicChannel(self, "Done", TopicChannelProps(protect=False))
        topic.subscribe(told)
        pipe_props = RequestPipeProps(table=table, key_scope=SCOPE, channel=channel, dead_letter_notifier=notifier)
        pipe = RequestPipe(self, "Pipe", pipe_props)
        sweeper = RequestSweeper(
            self,
            "Sweeper",
            RequestSweeperProps(
                table=table,
                key_scope=SCOPE,
                dead_letter_notifier=notifier,
                deadline=Duration.seconds(DEADLINE_SECONDS),
                idempotency_window=Duration.days(1),
                channel=channel,
                completion_topic=topic,
                platform=settings.platform,
                protect=False,
            ),
        )
        self._outputs(
            TableName=table.table.table_name,
            QueueUrl=channel.queue.queue_url,
            DeadLetterQueueUrl=channel.dead_letter_queue.queue_url,
            ToldQueueUrl=told.queue.queue_url,
            PipeName=pipe.pipe.ref,
            PipeRoleName=pipe.role.role_name,
            SweeperName=sweeper.handler.function.function_name,
            SweeperRoleName=sweeper.handler.role.role_name,
        )

    def _outputs(self, **values: str) -> None:
        for name, value in values.items():
            CfnOutput(self, name, value=value)


def synthesize_sweeper(output: Path) -> Path:
    """Write the cloud assembly of the stack into the folder `output`."""
    context: dict[str, Any] = json.loads((PROJECT / "cdk.json").read_text())["context"]
    app = new_app(outdir=str(output), context=context, analytics_reporting=False)
    SweeperStack(app, load_settings(context["tsunagu"], EMBEDDED_STAGE))
    return Path(app.synth().directory)
