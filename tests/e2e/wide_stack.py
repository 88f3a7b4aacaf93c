"""A pipeline of one service whose topics take messages of one mebibyte. Its functions have SnapStart.

The embedded cloud runs them with the Python of this machine, whatever the template says, and takes no snapshots.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

from aws_cdk import App, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb

from cdk_app.handler_packages import handler_package
from cdk_app.settings import EMBEDDED_STAGE, StageSettings, load_settings
from lambdas.contracts.orders import OrdersEnvironment
from tsunagu.cdk import (
    HandlerFunctionProps,
    QueueChannel,
    QueueChannelProps,
    Service,
    ServicePipeline,
    ServicePipelineProps,
    Step,
)

PROJECT = Path(__file__).parents[2]
STACK_NAME = "wide"
MESSAGE_BYTES = 1_048_576
INLINE_BYTES = 350_000


class WideStack(Stack):
    """Inventory alone, with all that fits in the message."""

    def __init__(self, scope: App, settings: StageSettings) -> None:
        super().__init__(scope, STACK_NAME)
        self._settings = settings
        orders = dynamodb.Table(
            self,
            "Orders",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            removal_policy=RemovalPolicy.DESTROY,
        )
        notified = QueueChannel(self, "Notified", QueueChannelProps(handler_timeout=Duration.seconds(5), protect=False))
        inventory = Service(
            name="inventory",
            protect=False,
            environment=[OrdersEnvironment(orders_table_name=orders.table_name)],
            **self._handler("inventory"),
        )
        props = ServicePipelineProps(
            name="wide",
            preprocessor=HandlerFunctionProps(**self._handler("preprocessor"), timeout=Duration.seconds(20)),
            steps=[Step(name="reserve", services=[inventory])],
            subscribers={"Notified": notified},
            max_message_bytes=MESSAGE_BYTES,
            inline_bytes=INLINE_BYTES,
            protect=False,
        )
        pipeline = ServicePipeline(self, "Wide", props)
        orders.grant(
            pipeline.services["inventory"].receiver.handler.function, "dynamodb:PutItem", "dynamodb:UpdateItem"
        )
        self._output("PreprocessorArn", pipeline.preprocessor.target.function_arn)
        self._output("ClaimBucketName", pipeline.bucket.bucket.bucket_name)
        self._output("OrdersTableName", orders.table_name)
        self._output("NotifiedQueueUrl", notified.queue.queue_url)

    def _handler(self, name: str) -> dict[str, Any]:
        platform = dataclasses.replace(self._settings.platform, python="3.13")
        return {"package": handler_package(name), "platform": platform, "snap_start": True}

    def _output(self, name: str, value: str) -> None:
        CfnOutput(self, name, value=value)


def synthesize_wide(output: Path) -> Path:
    """Write the cloud assembly of the stack into the folder `output`."""
    context = json.loads((PROJECT / "cdk.json").read_text())["context"]
    app = App(outdir=str(output), context=context, analytics_reporting=False, builtin_cloud_formation_validation=False)
    WideStack(app, load_settings(context["tsunagu"], EMBEDDED_STAGE))
    return Path(app.synth().directory)
