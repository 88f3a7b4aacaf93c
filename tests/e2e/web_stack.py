"""A web application with a queue in both modes and behind both kinds of API, with an independent table of effects."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import App, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb

from cdk_app.settings import EMBEDDED_STAGE, StageSettings, load_settings
from tests.apps import new_app
from tsunagu.cdk import (
    ApiAndQueueFunction,
    ApiAndQueueFunctionProps,
    HandlerPackage,
    ReceiverSettings,
    WebApiSettings,
)
from tsunagu.contracts.environment import EnvironmentContract

PROJECT = Path(__file__).parents[2]
STACK_NAME = "web"
MODES = {"Shared": "shared", "Split": "split"}
KINDS = {"Http": "http", "Rest": "rest"}
NAMES = [f"{mode}{kind}" for mode in MODES for kind in KINDS]
APPLICATION = """
import json
import os
from dataclasses import dataclass

from tsunagu import Message, MessageRouter, current_outbox, current_request


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        return
    body = (await receive()).get("body", b"")
    if scope["method"] == "POST":
        order = json.loads(body)["order_id"]
        current_request().update(
            os.environ["LEDGER_TABLE_NAME"], {"id": order}, "ADD accepted :one", values={":one": 1}
        )
        placed = json.dumps({"order_id": order})
        current_outbox().send(os.environ["QUEUE_URL"], placed, attributes={"type": "order.placed"})
    answer = json.dumps({"path": scope["path"], "size": len(body)}).encode()
    status = 201 if scope["method"] == "POST" else 200
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


queue = MessageRouter(application, scope="orders")


@dataclass
class Order:
    order_id: str


@queue.on("order.placed", key="order_id")
def place(order: Order, message: Message) -> None:
    message.update(
        os.environ["LEDGER_TABLE_NAME"], {"id": order.order_id}, "ADD placed :one", values={":one": 1}
    )


handler = queue.handler()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEnvironment(EnvironmentContract):
    """Where the application leaves what it did."""

    ledger_table_name: str


class WebStack(Stack):
    """Four applications of one handler package."""

    def __init__(self, scope: App, settings: StageSettings, folder: Path) -> None:
        super().__init__(scope, STACK_NAME)
        package = folder / "shop"
        package.mkdir()
        (package / "handler.py").write_text(APPLICATION)
        (package / "requirements.txt").write_text(locked("mangum", "typing-extensions"))
        ledger = dynamodb.Table(
            self,
            "Ledger",
            partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING),
            removal_policy=RemovalPolicy.DESTROY,
        )
        CfnOutput(self, "LedgerTableName", value=ledger.table_name)
        function = ReceiverSettings(
            package=HandlerPackage(path=package),
            platform=settings.platform,
            environment=[LedgerEnvironment(ledger_table_name=ledger.table_name)],
            max_concurrency=2,
        )
        for name in NAMES:
            self._add(name, function, ledger)

    def _add(self, name: str, function: ReceiverSettings, ledger: dynamodb.Table) -> None:
        kind = next(value for key, value in KINDS.items() if name.endswith(key))
        chosen: dict[str, Any] = {"mode": next(value for key, value in MODES.items() if name.startswith(key))}
        api: dict[str, Any] = {"kind": kind, "account_log_role": False}
        application = ApiAndQueueFunction(
            self,
            name,
            ApiAndQueueFunctionProps(
                function=function,
                api=WebApiSettings(**api),
                timeout=Duration.seconds(10),
                sends_to_queue=True,
                protect=False,
                **chosen,
            ),
        )
        for each in dict.fromkeys((application.function, application.queue_function)):
            ledger.grant(each, "dynamodb:UpdateItem")
        CfnOutput(self, f"{name}ApiId", value=application.api.api_id)
        CfnOutput(self, f"{name}QueueUrl", value=application.channel.queue.queue_url)
        if application.sweeper is not None:
            CfnOutput(self, f"{name}ItemsTableName", value=application.table.table.table_name)
            CfnOutput(self, f"{name}SweeperName", value=application.sweeper.handler.function.function_name)


def locked(*names: str) -> str:
    """Lines of the project's own lock that pin these packages."""
    lock = (PROJECT / "requirements-dev.txt").read_text()
    found = [re.search(rf"^{name}==.*?(?=^\S)", lock, re.MULTILINE | re.DOTALL) for name in names]
    return "".join(each.group() for each in found if each is not None)


def synthesize_web(folder: Path) -> Path:
    """Write the cloud assembly of the stack below `folder`."""
    context: dict[str, Any] = json.loads((PROJECT / "cdk.json").read_text())["context"]
    app = new_app(outdir=str(folder / "cdk.out"), context=context, analytics_reporting=False)
    WebStack(app, load_settings(context["tsunagu"], EMBEDDED_STAGE), folder)
    return Path(app.synth().directory)
