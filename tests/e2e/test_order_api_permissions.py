"""The function of the order API needs each of its permissions: without one a request is not served, and then it is."""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pytest

from cdk_app.demo.driver import drain
from cdk_app.demo.signed_api import ApiAnswer
from cdk_app.demo.web_and_queue import OrderCounter
from cdk_app.demo.web_order_findings import read_orders
from tests.clouds import shared_cloud
from tests.e2e.order_api_apps import stack_name, synthesize_order_api
from tests.e2e.permissions import without_permission

pytestmark = pytest.mark.slow  # it deploys a stack of its own

VARIANT = "shared-http-zip"
ORDER = {"customer": "c-1", "currency": "EUR", "lines": [{"sku": "tea", "quantity": 1, "price": 250}]}
SERVED = (200, 201)

Call = Callable[["Desk", str], ApiAnswer]


@dataclass(frozen=True, slots=True)
class Desk:
    """The deployed order API."""

    counter: OrderCounter
    stack: Mapping[str, str]

    def create(self, key: str) -> ApiAnswer:
        return self.counter.api.post("/orders", json.dumps(ORDER), key=key)

    def created(self) -> str:
        """Create an order and return its id."""
        return str(self.create(uuid.uuid4().hex).json()["order_id"])

    @property
    def role_name(self) -> str:
        client = self.counter.cloud.client("lambda")
        return str(client.get_function_configuration(FunctionName=self.counter.api_function_name)["Role"]).split("/")[
            -1
        ]

    def confirmations(self, order_id: str) -> int:
        table = read_orders(self.counter.cloud.client("dynamodb"), self.stack["OrderApiTableName"])
        return sum(int(order.get("confirmations", 0)) for order in table if order["order_id"] == order_id)


def show(desk: Desk, _key: str) -> ApiAnswer:
    return desk.counter.api.call("GET", f"/orders/{desk.created()}")


def list_all(desk: Desk, _key: str) -> ApiAnswer:
    return desk.counter.api.call("GET", "/orders")


def repeat(desk: Desk, key: str) -> ApiAnswer:
    """Send a request twice: the second one is answered by the item of the first."""
    desk.create(key)
    return desk.create(key)


CASES: Mapping[tuple[str, str], Call] = {
    ("dynamodb:GetItem", "OrderApiTableName"): show,
    ("dynamodb:Scan", "OrderApiTableName"): list_all,
    ("dynamodb:PutItem", "OrderApiTableName"): Desk.create,
    ("dynamodb:PartiQLInsert", "OrderApiIdempotencyTableName"): Desk.create,
    ("dynamodb:BatchGetItem", "OrderApiIdempotencyTableName"): repeat,
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    assembly = synthesize_order_api(VARIANT, tmp_path_factory.mktemp("permissions") / "cdk.out")
    with shared_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        stack = cloud.deploy(assembly)[stack_name(VARIANT)]
        yield Desk(OrderCounter.for_new_user(cloud, stack), stack)


@pytest.mark.parametrize(("action", "output"), CASES)
def test_a_request_is_not_served_without(desk: Desk, action: str, output: str) -> None:
    key, call = uuid.uuid4().hex, CASES[action, output]
    iam = desk.counter.cloud.client("iam")

    with without_permission(iam, desk.role_name, action, desk.stack[output]):
        refused = call(desk, key)
    served = call(desk, key)

    assert refused.status in {500, 503}
    assert served.status in SERVED


def test_what_a_request_sends_waits_for_the_permission_and_is_sent_once(desk: Desk) -> None:
    key = uuid.uuid4().hex
    iam, queue = desk.counter.cloud.client("iam"), desk.stack["OrderApiQueueUrl"].rsplit("/", 1)[-1]

    with without_permission(iam, desk.role_name, "sqs:SendMessage", queue):
        unsent = desk.create(key)
    again = desk.create(key)
    drain(desk.counter.cloud, [desk.counter.queue])

    assert (unsent.status, again.status) == (201, 201)
    assert again.json() == unsent.json()
    assert desk.confirmations(unsent.json()["order_id"]) == 1
