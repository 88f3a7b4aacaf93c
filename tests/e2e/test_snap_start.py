"""SnapStart is turned on and off again in a deployed stack, while messages wait: nothing is lost, the mapping stays."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb

from cdk_app.settings import EMBEDDED_STAGE, load_settings
from tests.apps import new_app
from tests.clouds import shared_cloud
from tests.e2e.web_stack import LedgerEnvironment
from tsunagu.cdk import (
    HandlerPackage,
    IdempotentReceiver,
    IdempotentReceiverProps,
    QueueChannel,
    QueueChannelProps,
)
from tsunagu.cdk.assets import Platform
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.testing.patience import eventually

pytestmark = pytest.mark.slow  # it deploys a stack of its own three times

PROJECT = Path(__file__).parents[2]
STACK_NAME = "snapshots"
ORDERS = 20
HANDLER = """
import os
from dataclasses import dataclass

from tsunagu import Message, message_handler


@dataclass
class Order:
    order_id: str


@message_handler("orders", key="order_id")
def handler(order: Order, message: Message) -> None:
    message.update(os.environ["LEDGER_TABLE_NAME"], {"id": order.order_id}, "ADD placed :one", values={":one": 1})
"""


class OrderStack(Stack):
    """A receiver that counts each order in a table."""

    def __init__(self, scope: App, platform: Platform, folder: Path, *, snap_start: bool) -> None:
        super().__init__(scope, STACK_NAME)
        key = dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING)
        ledger = dynamodb.Table(self, "Ledger", partition_key=key, removal_policy=RemovalPolicy.DESTROY)
        channel_props = QueueChannelProps(handler_timeout=Duration.seconds(10), fifo=True, protect=False)
        channel = QueueChannel(self, "Channel", channel_props)
        props = IdempotentReceiverProps(
            package=HandlerPackage(path=folder),
            channel=channel,
            platform=platform,
            environment=[LedgerEnvironment(ledger_table_name=ledger.table_name)],
            protect=False,
            snap_start=snap_start,
        )
        receiver = IdempotentReceiver(self, "Orders", props)
        ledger.grant(receiver.handler.function, "dynamodb:UpdateItem")
        CfnOutput(self, "QueueUrl", value=channel.queue.queue_url)
        CfnOutput(self, "LedgerTableName", value=ledger.table_name)
        CfnOutput(self, "MappingId", value=receiver.mapping.event_source_mapping_id)


def synthesize(folder: Path, *, snap_start: bool) -> Path:
    package = folder / "orders"
    package.mkdir(exist_ok=True)
    (package / "handler.py").write_text(HANDLER)
    context: dict[str, Any] = json.loads((PROJECT / "cdk.json").read_text())["context"]
    app = new_app(outdir=str(folder / f"cdk.out.{snap_start}"), context=context, analytics_reporting=False)
    host = load_settings(context["tsunagu"], EMBEDDED_STAGE).platform
    # The embedded cloud runs the handler with the Python of this machine, whatever the template says.
    OrderStack(app, Platform(python="3.13", architecture=host.architecture), package, snap_start=snap_start)
    return Path(app.synth().directory)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[EmbeddedCloud]:
    with shared_cloud(tmp_path / "cloud") as running:
        yield running


def test_messages_that_wait_while_snap_start_is_turned_on_and_off_take_effect_once(
    cloud: EmbeddedCloud, tmp_path: Path
) -> None:
    sent: list[str] = []

    def send(outputs: dict[str, str], phase: str) -> None:
        for number in range(ORDERS):
            sent.append(f"{phase}-{number}")
            cloud.client("sqs").send_message(
                QueueUrl=outputs["QueueUrl"],
                MessageBody=json.dumps({"order_id": sent[-1]}),
                MessageGroupId=f"customer-{number % 3}",
                MessageDeduplicationId=sent[-1],
            )

    mappings: list[tuple[str, str]] = []
    for phase, snap_start in (("off", False), ("on", True), ("off again", False)):
        outputs = dict(cloud.deploy(synthesize(tmp_path, snap_start=snap_start))[STACK_NAME])
        found = cloud.client("lambda").get_event_source_mapping(UUID=outputs["MappingId"])
        mappings.append((found["UUID"], found["FunctionArn"].partition(":function:")[2].partition(":")[2]))
        send(outputs, phase)  # and the next deployment begins at once

    assert [qualifier for _, qualifier in mappings] == ["", "live", ""]
    assert len({uuid for uuid, _ in mappings}) == 1

    def effects() -> dict[str, str]:
        pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=outputs["LedgerTableName"])
        return {item["id"]["S"]: item["placed"]["N"] for page in pages for item in page["Items"]}

    eventually(lambda: len(effects()) == len(sent), seconds=60)
    assert effects() == dict.fromkeys(sent, "1")
