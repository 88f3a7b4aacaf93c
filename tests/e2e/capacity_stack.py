"""Receivers that sleep over each message: they differ in what throttles them first."""

import json
from pathlib import Path
from typing import Any

from aws_cdk import App, CfnOutput, Duration, Stack

from cdk_app.settings import EMBEDDED_STAGE, StageSettings, load_settings
from tests.apps import new_app
from tests.e2e.handlers.clerk.environment import ClerkEnvironment
from tsunagu.cdk import (
    DeadLetterNotifier,
    DeadLetterNotifierProps,
    HandlerPackage,
    IdempotencyTable,
    IdempotencyTableProps,
    IdempotentReceiver,
    IdempotentReceiverProps,
    QueueChannel,
    QueueChannelProps,
)

PROJECT = Path(__file__).parents[2]
STACK_NAME = "capacity"
MESSAGE_MS = 100
# Props of each receiver. Without max_concurrency, the emulator runs one batch of a FIFO queue at a time.
RECEIVERS: dict[str, dict[str, Any]] = {
    "Two": {"batch_size": 10, "max_concurrency": 2},
    "Four": {"batch_size": 5, "max_concurrency": 4},
    "Threads": {"batch_size": 10, "max_concurrency": 2},
    "Reserved": {"batch_size": 10, "reserved_concurrency": 2},
    "Grouped": {"batch_size": 5, "max_concurrency": 4},
    "Groups": {"batch_size": 5, "max_concurrency": 4},
}
FIFO, THREADS = ("Grouped", "Groups"), {"Threads": 5}


class CapacityStack(Stack):
    """The receivers, with one table."""

    def __init__(self, scope: App, settings: StageSettings) -> None:
        super().__init__(scope, STACK_NAME)
        self._settings = settings
        self._table = IdempotencyTable(self, "Items", IdempotencyTableProps(protect=False))
        self._notifier = DeadLetterNotifier(self, "Notifier", DeadLetterNotifierProps(protect=False))
        for name, props in RECEIVERS.items():
            self._add(name, props)

    def _add(self, name: str, props: dict[str, Any]) -> None:
        timeout = Duration.seconds(5)
        channel_props = QueueChannelProps(handler_timeout=timeout, fifo=name in FIFO, protect=False)
        channel = QueueChannel(self, f"{name}Channel", channel_props)
        environment = ClerkEnvironment(parallel_messages=THREADS.get(name, 1), message_milliseconds=MESSAGE_MS)
        receiver_props = IdempotentReceiverProps(
            package=HandlerPackage(path=PROJECT / "tests" / "e2e" / "handlers" / "clerk"),
            environment=[environment],
            channel=channel,
            table=self._table,
            dead_letter_notifier=self._notifier,
            platform=self._settings.platform,
            protect=False,
            **props,
        )
        receiver = IdempotentReceiver(self, f"{name}Receiver", receiver_props)
        CfnOutput(self, f"{name}QueueUrl", value=channel.queue.queue_url)
        CfnOutput(self, f"{name}FunctionName", value=receiver.handler.function.function_name)
        CfnOutput(self, f"{name}MappingId", value=receiver.mapping.event_source_mapping_id)


def synthesize_capacity(output: Path) -> Path:
    """Write the cloud assembly of the stack into the folder `output`."""
    context: dict[str, Any] = json.loads((PROJECT / "cdk.json").read_text())["context"]
    app = new_app(outdir=str(output), context=context, analytics_reporting=False)
    CapacityStack(app, load_settings(context["tsunagu"], EMBEDDED_STAGE))
    return Path(app.synth().directory)
