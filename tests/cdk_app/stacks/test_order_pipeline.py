from typing import Any

import pytest

from lambdas.contracts.orders import OrdersEnvironment
from tests.snapshots.stages import STAGES, app_of, resources_of, stacks_of, template_of
from tsunagu.contracts.environment import ReceiverEnvironment
from tsunagu.contracts.pipeline import PreprocessorEnvironment, RunSweeperEnvironment, ServiceEnvironment

OWN_ENVIRONMENTS = {
    "Preprocessor": PreprocessorEnvironment.variable_names(),
    "RunSweeper": RunSweeperEnvironment.variable_names(),
}
SERVICES = ("Inventory", "Billing", "Shipping")
OUTPUTS = {
    "PreprocessorFunctionName",
    "PipelineName",
    "RunSweeperFunctionName",
    "IdempotencyTableName",
    "ClaimBucketName",
    "OrdersTableName",
    "NotifierTopicArn",
    "DeadLetterTopicArn",
    "AlarmTopicArn",
    "NotificationsQueueUrl",
    *(f"{service}{output}" for service in SERVICES for output in ("QueueUrl", "DeadLetterQueueUrl", "FunctionName")),
}


def orders(stage: str) -> dict[str, Any]:
    return template_of(stage, "order-pipeline")


def of_type(stage: str, resource_type: str) -> dict[str, Any]:
    return resources_of(orders(stage), resource_type)


@pytest.mark.parametrize("stage", STAGES)
def test_outputs_are_those_that_the_command_reads(stage: str) -> None:
    assert set(orders(stage)["Outputs"]) == OUTPUTS
    assert orders(stage)["Outputs"]["PipelineName"]["Value"] == "orders"


@pytest.mark.parametrize(("stage", "protected"), [("dev", False), ("stg", True), ("prod", True)])
def test_stage_decides_whether_stack_and_tables_can_be_deleted(stage: str, protected: bool) -> None:
    tables = of_type(stage, "AWS::DynamoDB::Table").values()

    assert {table["Properties"]["DeletionProtectionEnabled"] for table in tables} == {protected}
    assert stacks_of(app_of(stage))["OrderPipeline"].termination_protection is protected


def test_services_know_receiver_pipeline_and_orders_environment_and_the_others_their_own() -> None:
    of_services = {
        *ReceiverEnvironment.variable_names(),
        *ServiceEnvironment.variable_names(),
        *OrdersEnvironment.variable_names(),
    }

    for name, function in of_type("dev", "AWS::Lambda::Function").items():
        own = next((names for part, names in OWN_ENVIRONMENTS.items() if part in name), of_services)
        wanted = set(own)
        assert set(function["Properties"]["Environment"]["Variables"]) == wanted


def test_services_may_write_orders_and_not_read_them_and_the_others_neither() -> None:
    [table] = [name for name in of_type("dev", "AWS::DynamoDB::Table") if name.startswith("OrdersTable")]

    for name, policy in of_type("dev", "AWS::IAM::Policy").items():
        statements = policy["Properties"]["PolicyDocument"]["Statement"]
        allowed = [one["Action"] for one in statements if one["Resource"] == {"Fn::GetAtt": [table, "Arn"]}]
        assert allowed == (
            [] if "Preprocessor" in name or "RunSweeper" in name else [["dynamodb:PutItem", "dynamodb:UpdateItem"]]
        )
