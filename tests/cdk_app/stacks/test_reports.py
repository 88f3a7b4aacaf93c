from typing import Any

import pytest

from lambdas.contracts.reports import ReportsEnvironment
from tests.snapshots.stages import STAGES, app_of, resources_of, stacks_of, template_of
from tsunagu.contracts.environment import ReceiverEnvironment
from tsunagu.contracts.request_sweeper import RequestSweeperEnvironment
from tsunagu.contracts.requests import RequestEnvironment

OF_EACH_API = (
    "ApiUrl",
    "AccessLogGroupName",
    "FunctionName",
    "SweeperFunctionName",
    "RequestsTableName",
    "ResultBucketName",
    "LongestRequestSeconds",
    "DeadLetterQueueUrl",
)
OUTPUTS = {
    *(f"{api}{output}" for api in ("Reports", "EventReports") for output in OF_EACH_API),
    *(
        "RequestApiName",
        "ReportsQueueUrl",
        "ReportsPipeName",
        "ReportsTableName",
        "NotificationTopicArn",
        "AlarmTopicArn",
    ),
}


def reports(stage: str) -> dict[str, Any]:
    return template_of(stage, "reports")


def of_type(stage: str, resource_type: str) -> dict[str, Any]:
    return resources_of(reports(stage), resource_type)


@pytest.mark.parametrize("stage", STAGES)
def test_outputs_are_those_that_the_command_reads_and_the_addresses_of_the_cdk(stage: str) -> None:
    own = {name for name in reports(stage)["Outputs"] if "ApiEndpoint" not in name}

    assert own == OUTPUTS


def test_bound_of_a_request_is_its_deadline_and_two_minutes_for_the_sweeper() -> None:
    outputs = reports("prod")["Outputs"]

    for api in ("Reports", "EventReports"):
        assert outputs[f"{api}LongestRequestSeconds"]["Value"] == str(30 * 60 + 120)


@pytest.mark.parametrize(("stage", "protected"), [("dev", False), ("stg", True), ("prod", True)])
def test_stage_decides_whether_stack_and_tables_can_be_deleted(stage: str, protected: bool) -> None:
    tables = of_type(stage, "AWS::DynamoDB::Table").values()

    assert len(tables) == 3
    assert {table["Properties"]["DeletionProtectionEnabled"] for table in tables} == {protected}
    assert stacks_of(app_of(stage))["Reports"].termination_protection is protected


def test_workers_know_receiver_request_and_reports_environment_and_sweepers_their_own() -> None:
    of_workers = {
        *ReceiverEnvironment.variable_names(),
        *RequestEnvironment.variable_names(),
        *ReportsEnvironment.variable_names(),
    }

    for name, function in of_type("dev", "AWS::Lambda::Function").items():
        wanted = set(RequestSweeperEnvironment.variable_names()) if "Sweeper" in name else of_workers
        assert set(function["Properties"]["Environment"]["Variables"]) == wanted


def test_workers_may_write_the_register_and_not_read_it_and_nobody_else_may() -> None:
    [table] = [name for name in of_type("dev", "AWS::DynamoDB::Table") if name.startswith("ReportsTable")]

    for name, policy in of_type("dev", "AWS::IAM::Policy").items():
        statements = policy["Properties"]["PolicyDocument"]["Statement"]
        allowed = [one["Action"] for one in statements if one["Resource"] == {"Fn::GetAtt": [table, "Arn"]}]
        is_worker = name.startswith(("ReportsReceiver", "EventReportsWorker"))
        assert allowed == ([["dynamodb:PutItem", "dynamodb:UpdateItem"]] if is_worker else [])


def test_callers_are_authorized_by_iam() -> None:
    methods = of_type("dev", "AWS::ApiGateway::Method").values()

    assert {method["Properties"]["AuthorizationType"] for method in methods} == {"AWS_IAM"}


def test_queues_have_the_key_of_sqs_because_messages_have_the_id_of_a_record_alone() -> None:
    queues = of_type("dev", "AWS::SQS::Queue").values()

    assert {queue["Properties"]["SqsManagedSseEnabled"] for queue in queues} == {True}
