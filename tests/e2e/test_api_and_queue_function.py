"""API, queue and function together, in both modes and behind both kinds of API, with IAM enforced."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.clouds import shared_cloud
from tests.e2e.web_stack import NAMES, STACK_NAME, synthesize_web
from tests.tsunagu.local.http_api import HttpApi
from tests.tsunagu.local.rest_api import Answer, RestApi
from tsunagu.contracts.web import unsent_partition_of
from tsunagu.local.embedded_cloud import EmbeddedCloud

pytestmark = pytest.mark.slow  # it deploys a stack of its own

WAIT_SECONDS = 60


class Shop:
    """A caller of the deployed applications."""

    def __init__(self, cloud: EmbeddedCloud, outputs: dict[str, str]) -> None:
        self._cloud = cloud
        self._outputs = outputs
        iam, user = cloud.client("iam"), f"caller-{uuid.uuid4().hex[:8]}"
        iam.create_user(UserName=user)
        statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=user, PolicyName="call", PolicyDocument=policy)
        keys = iam.create_access_key(UserName=user)["AccessKey"]
        self._credentials = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"])

    def api(self, name: str) -> HttpApi | RestApi:
        kind = RestApi if name.endswith("Rest") else HttpApi
        return kind(cloud=self._cloud, api_id=self._outputs[f"{name}ApiId"])

    def call(self, name: str, method: str, path: str, body: str | None = None, **headers: str) -> Answer:
        """Send a signed request. An underscore in the name of a header stands for a hyphen."""
        api = self.api(name)
        stage = "v1" if name.endswith("Rest") else "$default"
        url = f"{self._cloud.endpoint_url}/_aws/execute-api/{api.api_id}/{stage}{path}"
        named = {"Content-Type": "application/json"} | {key.replace("_", "-"): value for key, value in headers.items()}
        request: Any = AWSRequest(method=method, url=url, data=body, headers=named)
        SigV4Auth(self._credentials, "execute-api", "us-east-1").add_auth(request)
        return api.call(method, path, body, **{key.replace("-", "_"): value for key, value in request.headers.items()})

    def send(self, name: str, order: str) -> None:
        """Send a message to the queue."""
        self._cloud.client("sqs").send_message(
            QueueUrl=self._outputs[f"{name}QueueUrl"],
            MessageBody=json.dumps({"order_id": order}),
            MessageAttributes={"type": {"DataType": "String", "StringValue": "order.placed"}},
        )

    def commit_without_a_send(self, name: str, order: str) -> None:
        """Write the item of a request whose function was killed between commit and send."""
        sweeper = self._cloud.client("lambda").get_function_configuration(FunctionName=self.sweeper(name))
        place, item_id = sweeper["Environment"]["Variables"]["WEB_PLACE"], f"orders~requests#{order}"
        message = {
            "channel": "queue",
            "target": self._outputs[f"{name}QueueUrl"],
            "body": json.dumps({"order_id": order}),
            "attributes": {"type": "order.placed"},
        }
        item = {
            "id": {"S": item_id},
            "status": {"S": "COMMITTED"},
            "owner": {"S": "killed"},
            "fence": {"N": "1"},
            "lease": {"N": "1"},
            "outbox": {"S": json.dumps([message])},
            "open": {"S": unsent_partition_of(place, item_id)},
            "due": {"N": "2"},
        }
        self._cloud.client("dynamodb").put_item(TableName=self._outputs[f"{name}ItemsTableName"], Item=item)

    def sweeper(self, name: str) -> str:
        """Name of the function of the sweeper."""
        return self._outputs[f"{name}SweeperName"]

    def sweep(self, name: str) -> dict[str, int]:
        """Run the sweeper once, and return what it counted."""
        answer = self._cloud.client("lambda").invoke(FunctionName=self.sweeper(name))
        counts: dict[str, int] = json.loads(answer["Payload"].read())
        return counts

    def effects(self, order: str, **expected: int) -> dict[str, int]:
        """Wait until the effects of an order are as expected, and return them."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            table, key = self._outputs["LedgerTableName"], {"id": {"S": order}}
            item = (
                self._cloud.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
            )
            found = {name: int(value["N"]) for name, value in item.items() if name != "id"}
            if found == expected or time.monotonic() > deadline:
                return found
            time.sleep(0.1)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    with shared_cloud(tmp_path_factory.mktemp("web")) as running:
        yield running


@pytest.fixture(scope="module")
def shop(cloud: EmbeddedCloud, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    outputs = cloud.deploy(synthesize_web(tmp_path_factory.mktemp("assembly")))[STACK_NAME]
    return Shop(cloud, dict(outputs))


@pytest.mark.parametrize("name", NAMES)
def test_a_request_and_what_it_sends_take_effect_once(shop: Shop, name: str) -> None:
    order = f"{name}-{uuid.uuid4().hex}"
    body = json.dumps({"order_id": order})
    first = shop.call(name, "POST", "/orders", body, Idempotency_Key=order)
    again = shop.call(name, "POST", "/orders", body, Idempotency_Key=order)

    assert (first.status, again.status) == (201, 201)
    assert again.headers["idempotency-replayed"] == "true"
    assert first.json() == again.json() == {"path": "/orders", "size": len(body)}
    assert shop.effects(order, accepted=1, placed=1) == {"accepted": 1, "placed": 1}


@pytest.mark.parametrize("name", NAMES)
def test_a_message_of_the_queue_takes_effect_once(shop: Shop, name: str) -> None:
    order = f"{name}-{uuid.uuid4().hex}"
    shop.send(name, order)
    shop.send(name, order)

    assert shop.effects(order, placed=1) == {"placed": 1}


@pytest.mark.parametrize("name", ["SharedHttp", "SplitHttp"])
def test_messages_that_the_function_could_not_send_are_sent_by_the_sweeper(shop: Shop, name: str) -> None:
    order = f"{name}-{uuid.uuid4().hex}"
    shop.commit_without_a_send(name, order)

    counts = shop.sweep(name)

    assert counts.keys() == {"looked_at", "failed", "resent", "closed"}  # its schedule may have been faster
    assert shop.effects(order, placed=1) == {"placed": 1}


@pytest.mark.parametrize("name", NAMES)
def test_a_caller_without_a_signature_is_refused(shop: Shop, name: str) -> None:
    assert shop.api(name).call("GET", "/orders").status == 403


@pytest.mark.parametrize("name", NAMES)
def test_every_path_reaches_the_application(shop: Shop, name: str) -> None:
    assert shop.call(name, "GET", "/orders/o-1/lines").json()["path"] == "/orders/o-1/lines"
    assert shop.call(name, "GET", "/").json()["path"] == "/"
