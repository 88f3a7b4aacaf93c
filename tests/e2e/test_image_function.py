"""A function as a container image, in the file layout that its Dockerfile makes, under AWS's runtime client.

Docker is not needed: the embedded cloud follows the Dockerfile.
"""

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clouds import shared_cloud
from tests.e2e.shop_stack import PACKAGES, STACK_NAME, synthesize_shop
from tests.tsunagu.local.http_api import HttpApi
from tsunagu.local.embedded_cloud import EmbeddedCloud
from tsunagu.operations.queues import wait_until_drained

pytestmark = pytest.mark.slow  # it deploys to a cloud of its own

# A zip file leaves them out, because they depend on the machine that installs.
RECORDS = re.compile(r"\.dist-info/(RECORD|INSTALLER|REQUESTED|uv_\w+\.json)$|(^|/)__pycache__/|^bootstrap$")


class Shop:
    """The deployed stack."""

    def __init__(self, cloud: EmbeddedCloud, assembly: Path) -> None:
        self.cloud = cloud
        self.assembly = assembly
        self.outputs = cloud.deploy(assembly)[STACK_NAME]

    def get(self, package: str, path: str) -> Any:
        answer = HttpApi(cloud=self.cloud, api_id=self.outputs[f"{package}ApiId"]).call("GET", path)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def send(self, package: str, order_id: str) -> None:
        self.cloud.client("sqs").send_message(
            QueueUrl=self.outputs[f"{package}QueueUrl"],
            MessageBody=json.dumps({"order_id": order_id}),
            MessageAttributes={"type": {"DataType": "String", "StringValue": "order.placed"}},
        )

    def placed(self, package: str) -> dict[str, int]:
        scan = self.cloud.client("dynamodb").scan
        items = scan(TableName=self.outputs[f"{package}OrdersTableName"], ConsistentRead=True)["Items"]
        return {item["id"]["S"]: int(item["placed"]["N"]) for item in items}

    def task_root_of_the_zip(self) -> set[str]:
        template = json.loads((self.assembly / f"{STACK_NAME}.template.json").read_text())
        functions = [each for each in template["Resources"].values() if each["Type"] == "AWS::Lambda::Function"]
        keys = {each["Properties"]["Code"]["S3Key"] for each in functions if "S3Key" in each["Properties"]["Code"]}
        files = [set(zipfile.ZipFile(self.assembly / f"asset.{key}").namelist()) for key in keys]
        [found] = [names for names in files if "shop/handler.py" in names]  # and not that of the sweepers
        return found


@pytest.fixture(scope="module")
def image_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    directory = tmp_path_factory.mktemp("shop")
    assembly = synthesize_shop(directory)
    with shared_cloud(directory / "cloud") as cloud:
        yield Shop(cloud, assembly)


def test_image_has_the_task_root_of_the_zip(image_shop: Shop) -> None:
    files = {name for name in image_shop.get("Image", "/")["files"] if not RECORDS.search(name)}

    assert files == {name for name in image_shop.task_root_of_the_zip() if not RECORDS.search(name)}
    assert {"shop/handler.py", "tsunagu/__init__.py", "mangum/__init__.py"} <= files


@pytest.mark.parametrize("package", PACKAGES)
def test_function_answers_http_and_consumes_its_queue(image_shop: Shop, package: str) -> None:
    answer = image_shop.get(package, "/orders/1")
    for number in range(6):
        image_shop.send(package, f"o-{number % 3}")  # each twice
    wait_until_drained(image_shop.cloud.client("sqs"), [image_shop.outputs[f"{package}QueueUrl"]], patience_seconds=60)

    assert answer["path"] == "/orders/1"
    assert answer["mangum"] == "0.22.0"
    assert image_shop.placed(package) == {"o-0": 1, "o-1": 1, "o-2": 1}
