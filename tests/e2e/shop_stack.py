"""A stack with one function twice, from a zip file and as an image: each consumes a queue and answers HTTP."""

import json
import shutil
from pathlib import Path

from aws_cdk import App, CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb

from cdk_app.settings import EMBEDDED_STAGE, StageSettings, load_settings
from tests.apps import new_app
from tests.e2e.handlers.shop.environment import ShopEnvironment
from tsunagu.cdk import (
    ApiAndQueueFunction,
    ApiAndQueueFunctionProps,
    HandlerPackage,
    ImagePackage,
    ReceiverSettings,
    WebApiSettings,
)

PROJECT = Path(__file__).parents[2]
STACK_NAME = "shop"
PACKAGES = ("Zip", "Image")


class ShopStack(Stack):
    """The function from a zip file, and as an image."""

    def __init__(self, scope: App, settings: StageSettings, folder: Path) -> None:
        super().__init__(scope, STACK_NAME)
        key = dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING)
        for name, package in zip(PACKAGES, (HandlerPackage(path=folder), ImagePackage(path=folder)), strict=True):
            orders = dynamodb.Table(self, f"{name}Orders", partition_key=key, removal_policy=RemovalPolicy.DESTROY)
            function = ReceiverSettings(
                package=package,
                environment=[ShopEnvironment(orders_table_name=orders.table_name)],
                platform=settings.platform,
                max_concurrency=2,
                protect=False,
            )
            props = ApiAndQueueFunctionProps(function=function, api=WebApiSettings(public=True), protect=False)
            shop = ApiAndQueueFunction(self, name, props)
            orders.grant(shop.function, "dynamodb:UpdateItem")
            CfnOutput(self, f"{name}ApiId", value=shop.api.api_id)
            CfnOutput(self, f"{name}QueueUrl", value=shop.channel.queue.queue_url)
            CfnOutput(self, f"{name}OrdersTableName", value=orders.table_name)


def synthesize_shop(folder: Path) -> Path:
    """Write the cloud assembly below a folder, and return its place.

    The image is built by the Dockerfile of the order API, for another handler.
    """
    package = folder / "shop"
    shutil.copytree(PROJECT / "tests" / "e2e" / "handlers" / "shop", package)
    dockerfile = (PROJECT / "lambdas" / "order_api" / "Dockerfile").read_text()
    (package / "Dockerfile").write_text(dockerfile.replace("lambdas.order_api.", "shop."))
    context = json.loads((PROJECT / "cdk.json").read_text())["context"]
    app = new_app(context=context, outdir=str(folder / "cdk.out"), analytics_reporting=False)
    ShopStack(app, load_settings(context["tsunagu"], EMBEDDED_STAGE), package)
    return Path(app.synth().directory)
