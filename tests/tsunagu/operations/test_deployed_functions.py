"""Functions with SnapStart: they are found, and invoked, by their alias."""

from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError

from tsunagu.operations.deployed_functions import alias_of, read_functions
from tsunagu.operations.deployed_stacks import DeployedStack
from tsunagu.operations.inventory import StackInventory, StackResource
from tsunagu.operations.pipelines import DeployedPipeline, deployed_preprocessor
from tsunagu.operations.reader import Reader

ARN = "arn:aws:lambda:eu-central-1:111122223333:function"
QUEUE_ARN = "arn:aws:sqs:eu-central-1:111122223333:given-up"


class Functions:
    """Lambda, where the asynchronous invocations of `orders` are configured for its alias."""

    def get_function_configuration(self, **_: Any) -> Any:
        return {}

    def get_function_concurrency(self, **_: Any) -> Any:
        return {}

    def get_function_event_invoke_config(self, FunctionName: str, Qualifier: str = "") -> Any:  # noqa: N803
        if (FunctionName, Qualifier) != ("orders", "live"):
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetFunctionEventInvokeConfig")
        return {"DestinationConfig": {"OnFailure": {"Destination": QUEUE_ARN}}}


def resource(kind: str, physical_id: str) -> StackResource:
    name = physical_id.replace(":", "")
    return StackResource(stack_name="shop", logical_id=name, physical_id=physical_id, type=f"AWS::Lambda::{kind}")


@pytest.fixture
def inventory() -> StackInventory:
    resources = [
        resource("Function", "orders"),
        resource("Function", "orders-billing"),
        resource("Alias", f"{ARN}:orders:canary"),
        resource("Alias", f"{ARN}:orders:live"),
    ]
    return StackInventory(stack=DeployedStack(name="shop", outputs={}), resources=resources)


def test_alias_of_a_function_is_the_one_by_which_everything_invokes_it(inventory: StackInventory) -> None:
    assert alias_of(inventory, "orders") == f"{ARN}:orders:live"
    assert alias_of(inventory, "orders-billing") == ""


def test_destination_of_a_function_with_an_alias_is_that_of_the_alias(inventory: StackInventory) -> None:
    reader = Reader(cast("Any", SimpleNamespace(functions=Functions())))

    found = {each.name: each.on_failure_arn for each in read_functions(reader, inventory)}

    assert found == {"orders": QUEUE_ARN, "orders-billing": ""}


@pytest.mark.parametrize(("alias_arn", "invoked"), [(f"{ARN}:orders:live", f"{ARN}:orders:live"), ("", "orders")])
def test_preprocessor_is_invoked_by_its_alias_where_it_has_one(
    monkeypatch: pytest.MonkeyPatch, alias_arn: str, invoked: str
) -> None:
    monkeypatch.setattr(boto3, "client", lambda *_, **__: None)
    pipeline = DeployedPipeline(name="orders", stack_name="shop", function_name="orders", alias_arn=alias_arn)

    assert deployed_preprocessor(pipeline).function_name == invoked
