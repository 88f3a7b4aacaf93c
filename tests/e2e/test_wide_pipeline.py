"""300 KiB travel inline where the topics take a mebibyte."""

import time
from pathlib import Path

from cdk_app.demo.inbox import Inbox
from cdk_app.demo.order_findings import read_orders
from tests.e2e.deployed import Deployment
from tests.e2e.wide_stack import STACK_NAME, synthesize_wide
from tsunagu.operations.preprocessor_client import PreprocessorClient, start_command

ORDER = {
    "order_id": "wide-1",
    "customer": "wide-customer",
    "lines": [{"sku": "wide-article", "quantity": 3}],
    "currency": "EUR",
    "note": "n" * 300 * 1_024,
}


def test_300_kib_travel_inline_on_topics_of_one_mebibyte(deployment: Deployment, tmp_path: Path) -> None:
    cloud = deployment.cloud
    stack = cloud.deploy(synthesize_wide(tmp_path / "cdk.out"))[STACK_NAME]
    inbox = Inbox(cloud.client("sqs"), stack["NotifiedQueueUrl"])

    preprocessor = PreprocessorClient(cloud.client("lambda"), stack["PreprocessorFunctionName"])
    started = preprocessor.ask(start_command(ORDER, key="wide"))
    deadline = time.monotonic() + 120
    while not (notifications := inbox.read()):
        assert time.monotonic() < deadline, "no notification"

    assert [(each["request_id"], each["request"]) for each in notifications] == [
        (started.request_id, {"inline": ORDER})
    ]
    assert read_orders(cloud.client("dynamodb"), stack["OrdersTableName"]).stock == {"wide-article": 3}
    assert "Contents" not in cloud.client("s3").list_objects_v2(Bucket=stack["ClaimBucketName"])
