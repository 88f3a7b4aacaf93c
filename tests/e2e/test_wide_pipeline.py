"""300 KiB travel inline where the topics take a mebibyte, through functions that are invoked by their aliases."""

import time
from pathlib import Path

from cdk_app.demo.inbox import Inbox
from cdk_app.demo.order_findings import read_orders
from tests.e2e.deployed import Deployment
from tests.e2e.wide_stack import STACK_NAME, synthesize_wide
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.operations.preprocessor_client import PreprocessorClient, start_command

ORDER = {
    "order_id": "wide-1",
    "customer": "wide-customer",
    "lines": [{"sku": "wide-article", "quantity": 3}],
    "currency": "EUR",
    "note": "n" * 300 * 1_024,
}


def versions_that_ran(cloud: EmbeddedCloud) -> list[set[str]]:
    """Versions of each function with an alias that have a log stream, which is named by the version of its sandbox."""
    found = cloud.client("cloudformation").describe_stack_resources(StackName=STACK_NAME)["StackResources"]
    aliases = [each["PhysicalResourceId"] for each in found if each["ResourceType"] == "AWS::Lambda::Alias"]
    configurations = [cloud.client("lambda").get_function_configuration(FunctionName=alias) for alias in aliases]
    streams = [
        cloud.client("logs").describe_log_streams(logGroupName=each["LoggingConfig"]["LogGroup"])["logStreams"]
        for each in configurations
    ]
    return [{name["logStreamName"].partition("[")[2].partition("]")[0] for name in each} for each in streams]


def test_300_kib_travel_inline_on_topics_of_one_mebibyte(deployment: Deployment, tmp_path: Path) -> None:
    cloud = deployment.cloud
    stack = cloud.deploy(synthesize_wide(tmp_path / "cdk.out"))[STACK_NAME]
    inbox = Inbox(cloud.client("sqs"), stack["NotifiedQueueUrl"])

    preprocessor = PreprocessorClient(cloud.client("lambda"), stack["PreprocessorArn"])
    started = preprocessor.ask(start_command(ORDER, key="wide"))
    deadline = time.monotonic() + 120
    while not (notifications := inbox.read()):
        assert time.monotonic() < deadline, "no notification"

    assert [(each["request_id"], each["request"]) for each in notifications] == [
        (started.request_id, {"inline": ORDER})
    ]
    assert read_orders(cloud.client("dynamodb"), stack["OrdersTableName"]).stock == {"wide-article": 3}
    assert versions_that_ran(cloud) == [{"1"}, {"1"}]
    assert "Contents" not in cloud.client("s3").list_objects_v2(Bucket=stack["ClaimBucketName"])
