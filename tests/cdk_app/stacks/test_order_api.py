"""The stack of the order API, with one function and with two."""

import functools
from typing import Any, Literal

import pytest

from cdk_app.settings import load_settings
from cdk_app.stacks.order_api import OrderApiStack
from tests.apps import new_app
from tests.snapshots.stages import resources_of

OUTPUTS = {
    "AlarmTopicArn",
    "NotificationTopicArn",
    "OrderApiAccessLogGroupName",
    "OrderApiDeadLetterQueueUrl",
    "OrderApiFunctionName",
    "OrderApiIdempotencyTableName",
    "OrderApiQueueFunctionName",
    "OrderApiQueueUrl",
    "OrderApiTableName",
    "OrderApiUrl",
}
ORDERS = "OrdersTable315BB997"
OF_THE_CDK = "OrderApiRestGatewayApiEndpoint"  # an output that every new REST API has
SERVES_API, SERVES_QUEUE = "SERVES_API", "SERVES_QUEUE"


@pytest.fixture(scope="module")
def synthesize(app_context: dict[str, Any]) -> Any:
    @functools.cache
    def template(mode: Literal["shared", "split"], kind: Literal["http", "rest"] = "http") -> dict[str, Any]:
        app = new_app(context=app_context, analytics_reporting=False)
        settings = load_settings(app_context["tsunagu"], "dev")
        OrderApiStack(app, "OrderApi", settings=settings, mode=mode, api_kind=kind)
        found: dict[str, Any] = app.synth().stacks[0].template
        return found

    return template


def actions_on_orders(template: dict[str, Any], role: str) -> set[str]:
    """Actions that the role of a function may do with the table of the orders."""
    return {
        action
        for policy in resources_of(template, "AWS::IAM::Policy").values()
        if role in [each["Ref"] for each in policy["Properties"]["Roles"]]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if ORDERS in str(statement["Resource"])
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }


def functions(template: dict[str, Any]) -> list[dict[str, Any]]:
    """Properties of the functions that have a table of orders."""
    found = (each["Properties"] for each in resources_of(template, "AWS::Lambda::Function").values())
    return [each for each in found if "ORDERS_TABLE_NAME" in each["Environment"]["Variables"]]


@pytest.mark.parametrize(("mode", "kind"), [("shared", "http"), ("split", "http"), ("split", "rest")])
def test_outputs_are_the_same_whatever_the_mode_and_the_api(synthesize: Any, mode: str, kind: str) -> None:
    own = {name for name in synthesize(mode, kind)["Outputs"] if not name.startswith(OF_THE_CDK)}

    assert own == OUTPUTS


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("shared", [("true", "true", {"GetItem", "PutItem", "Scan", "UpdateItem"})]),
        (
            "split",
            [
                ("false", "true", {"GetItem", "UpdateItem"}),
                ("true", "false", {"GetItem", "PutItem", "Scan", "UpdateItem"}),
            ],
        ),
    ],
)
def test_each_function_may_do_with_orders_what_it_does(
    synthesize: Any, mode: str, expected: list[tuple[str, str, set[str]]]
) -> None:
    template = synthesize(mode)

    found = [
        (
            each["Environment"]["Variables"][SERVES_API],
            each["Environment"]["Variables"][SERVES_QUEUE],
            {action.removeprefix("dynamodb:") for action in actions_on_orders(template, each["Role"]["Fn::GetAtt"][0])},
        )
        for each in functions(template)
    ]

    assert sorted(found, key=lambda each: each[:2]) == expected


def test_burst_of_messages_leaves_concurrency_to_the_api(synthesize: Any) -> None:
    template = synthesize("shared")
    (function,) = functions(template)
    (mapping,) = resources_of(template, "AWS::Lambda::EventSourceMapping").values()

    queue = mapping["Properties"]["ScalingConfig"]["MaximumConcurrency"]
    assert function["ReservedConcurrentExecutions"] - queue >= 20
