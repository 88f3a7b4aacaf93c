from pathlib import Path
from typing import Any

import pytest
from aws_cdk import CfnResource
from aws_cdk import aws_logs as logs

from cdk_app.settings import RETENTION_DAYS
from cdk_app.stacks.log_retention import RETENTION_BY_DAYS
from lambdas.contracts.payments import PaymentsEnvironment
from tests.snapshots.stages import STAGES, app_of, resources_of, stacks_of, template_of
from tsunagu.contracts.environment import ReceiverEnvironment

OUTPUTS = {
    "FifoQueueUrl",
    "FifoDeadLetterQueueUrl",
    "FifoFunctionName",
    "StandardQueueUrl",
    "StandardDeadLetterQueueUrl",
    "StandardFunctionName",
    "PaymentsTableName",
    "IdempotencyTableName",
    "NotificationTopicArn",
    "AlarmTopicArn",
}


def payments(stage: str) -> dict[str, Any]:
    return template_of(stage, "payments")


def of_type(stage: str, resource_type: str) -> dict[str, Any]:
    return resources_of(payments(stage), resource_type)


@pytest.mark.parametrize("stage", STAGES)
def test_outputs_are_those_that_the_command_reads(stage: str) -> None:
    assert set(payments(stage)["Outputs"]) == OUTPUTS


@pytest.mark.parametrize(("stage", "protected"), [("dev", False), ("stg", True), ("prod", True)])
def test_stage_decides_whether_tables_can_be_deleted(stage: str, protected: bool) -> None:
    tables = of_type(stage, "AWS::DynamoDB::Table").values()

    assert {table["Properties"]["DeletionProtectionEnabled"] for table in tables} == {protected}


@pytest.mark.parametrize(("stage", "protected"), [("dev", False), ("stg", True), ("prod", True)])
def test_stage_decides_whether_the_stack_can_be_deleted(stage: str, protected: bool) -> None:
    assert stacks_of(app_of(stage))["Payments"].termination_protection is protected


def test_both_functions_know_receiver_and_payments_environment() -> None:
    wanted = {*ReceiverEnvironment.variable_names(), *PaymentsEnvironment.variable_names()}

    for function in of_type("dev", "AWS::Lambda::Function").values():
        assert set(function["Properties"]["Environment"]["Variables"]) == wanted


def test_functions_may_write_payments_and_balances_and_not_read_them() -> None:
    [table] = [name for name in of_type("dev", "AWS::DynamoDB::Table") if name.startswith("PaymentsTable")]

    for policy in of_type("dev", "AWS::IAM::Policy").values():
        statements = policy["Properties"]["PolicyDocument"]["Statement"]
        [about_payments] = [one for one in statements if one["Resource"] == {"Fn::GetAtt": [table, "Arn"]}]
        assert about_payments["Action"] == ["dynamodb:PutItem", "dynamodb:UpdateItem"]


def test_every_retention_that_a_stage_can_name_is_known() -> None:
    named = set(logs.RetentionDays) - {logs.RetentionDays.INFINITE}

    assert set(RETENTION_BY_DAYS.values()) == named
    assert set(RETENTION_BY_DAYS) == set(RETENTION_DAYS)


def test_cdk_validates_the_templates_of_the_strictest_stage() -> None:
    app = app_of("prod", builtin_cloud_formation_validation=True)

    assert set(stacks_of(app)) == {"Payments", "OrderPipeline", "Reports", "SupplierSync", "OrderApi"}
    app.synth()


def test_cdk_finds_a_planted_mistake_in_a_template() -> None:
    app = app_of("prod", builtin_cloud_formation_validation=True)
    CfnResource(stacks_of(app)["Payments"], "Mistake", type="AWS::SQS::Queue", properties={"Colour": "red"})

    with pytest.raises(RuntimeError):
        app.synth()

    assert "Payments/Mistake" in (Path(app.outdir) / "validation-report.json").read_text()
