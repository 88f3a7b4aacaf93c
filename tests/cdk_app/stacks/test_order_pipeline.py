from typing import Any

import pytest

from lambdas.contracts.orders import OrdersEnvironment
from tests.snapshots.stages import STAGES, app_of, resources_of, stacks_of, template_of
from tsunagu.contracts.environment import ReceiverEnvironment
from tsunagu.contracts.pipeline import PreprocessorEnvironment, ServiceEnvironment

SERVICES = ("Inventory", "Billing", "Shipping")
OUTPUTS = {
    "PreprocessorFunctionName",
    "PipelineName",
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


def test_services_know_receiver_pipeline_and_orders_environment_and_the_preprocessor_its_own() -> None:
    of_services = {
        *ReceiverEnvironment.variable_names(),
        *ServiceEnvironment.variable_names(),
        *OrdersEnvironment.variable_names(),
    }

    for name, function in of_type("dev", "AWS::Lambda::Function").items():
        wanted = set(PreprocessorEnvironment.variable_names()) if "Preprocessor" in name else of_services
        assert set(function["Properties"]["Environment"]["Variables"]) == wanted


def test_services_may_write_orders_and_not_read_them_and_the_preprocessor_may_neither() -> None:
    [table] = [name for name in of_type("dev", "AWS::DynamoDB::Table") if name.startswith("OrdersTable")]

    for name, policy in of_type("dev", "AWS::IAM::Policy").items():
        statements = policy["Properties"]["PolicyDocument"]["Statement"]
        allowed = [one["Action"] for one in statements if one["Resource"] == {"Fn::GetAtt": [table, "Arn"]}]
        assert allowed == ([] if "Preprocessor" in name else [["dynamodb:PutItem", "dynamodb:UpdateItem"]])
