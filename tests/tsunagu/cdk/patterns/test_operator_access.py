"""Policies for operators: exact actions on exact resources of the stack, split where IAM needs it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from aws_cdk import App, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from cdk_nag import AwsSolutionsChecks
from cfnlint.api import lint  # type: ignore[import-untyped]

from tests.tsunagu.cdk.constructs.synthesized import resources
from tests.tsunagu.cdk.patterns.every_flow import api, every_flow, pipeline, receiver, schedule
from tsunagu.cdk import (
    HandlerPackage,
    InvalidPropsError,
    OperatorAccess,
    OperatorAccessProps,
    QueueChannel,
    QueueChannelProps,
)

POLICY = "AWS::IAM::ManagedPolicy"
CHARACTERS = 6_144
LONGEST_NAME = (
    "tsunagu-prod-a-stack-with-a-long-name-OrdersStepsReserveBillingChannelSubscriptionDeadLetterQueue-ABCDEFGHIJKL"
)


def statements(stack: Stack, kind: str) -> Iterator[dict[str, Any]]:
    for name, policy in resources(stack, POLICY).items():
        if name.startswith(f"Access{kind}"):
            yield from policy["Properties"]["PolicyDocument"]["Statement"]


def allowed(stack: Stack, kind: str) -> dict[str, set[str]]:
    """Logical ids without hash of what each action is allowed on; other resources as text."""
    found: dict[str, set[str]] = {}
    for statement in statements(stack, kind):
        for action in listed(statement["Action"]):
            found.setdefault(action, set()).update(name_of(each) for each in listed(statement["Resource"]))
    return found


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def name_of(value: Any) -> str:
    match value:
        case {"Fn::GetAtt": [name, _]} | {"Ref": name}:
            return str(name)[:-8]
    return json.dumps(value) if not isinstance(value, str) else value


def test_a_reader_looks_and_changes_nothing(stack: Stack, package: HandlerPackage) -> None:
    receiver(stack, package)
    OperatorAccess(stack, "Access")

    found = allowed(stack, "Reader")
    queue, letters = "OrdersChannelQueue", "OrdersChannelDeadLetterQueue"
    assert found["sqs:GetQueueAttributes"] == {queue, letters}
    assert found["sqs:ReceiveMessage"] == found["sqs:ChangeMessageVisibility"] == {letters}
    assert "OrdersIdempotencyTable" in found["dynamodb:Query"]
    assert found["lambda:GetFunctionConfiguration"] == {"OrdersHandlerFunction"}
    assert "OrdersHandlerLogGroup" in found["logs:FilterLogEvents"]
    assert len(found["logs:FilterLogEvents"]) == 2  # one group, in both forms of its ARN
    changing = ("Send", "Delete", "Update", "Put", "Start", "Invoke", "Create", "Purge", "Publish")
    assert not [action for action in found if action.partition(":")[2].startswith(changing)]


def test_an_operator_changes_only_what_the_command_does(stack: Stack, package: HandlerPackage) -> None:
    receiver(stack, package)
    OperatorAccess(stack, "Access")

    found = allowed(stack, "Operator")
    assert found["sqs:SendMessage"] == {"OrdersChannelQueue"}
    assert found["sqs:DeleteMessage"] == {"OrdersChannelDeadLetterQueue"}
    assert found["dynamodb:UpdateItem"] == {"OrdersIdempotencyTable"}
    streams = [each for each in found["logs:PutLogEvents"] if ":log-stream:" in each]
    assert len(streams) == 2  # of the function, and where no function is
    assert all("tsunagu-operator/*" in each for each in streams)
    assert not any("*" in each for each in found["logs:PutLogEvents"] - set(streams))
    assert not {"lambda:InvokeFunction", "states:StartExecution"} & set(found)


def test_jobs_can_be_started_and_pipelines_too(stack: Stack, package: HandlerPackage) -> None:
    schedule(stack, package)
    pipeline(stack, package)
    api(stack, package, "lambda_event")
    OperatorAccess(stack, "Access")

    found = allowed(stack, "Operator")
    assert found["states:StartExecution"] == {"SyncMachine"}
    assert found["lambda:InvokeFunction"] == {"PipelinePreprocessorFunction", "RequestslambdaeventWorkerFunction"}
    assert "SyncUndelivered" in found["sqs:DeleteMessage"]
    assert "SyncUndelivered" in allowed(stack, "Reader")["sqs:ReceiveMessage"]


def test_keys_may_be_used_by_the_services_alone(stack: Stack) -> None:
    key = kms.Key(stack, "Key")
    QueueChannel(stack, "Orders", QueueChannelProps(handler_timeout=Duration.seconds(5), key=key))
    OperatorAccess(stack, "Access")

    for kind, actions in (("Reader", {"kms:Decrypt"}), ("Operator", {"kms:Decrypt", "kms:GenerateDataKey"})):
        [statement] = [each for each in statements(stack, kind) if "kms:Decrypt" in listed(each["Action"])]
        assert set(listed(statement["Action"])) == actions
        assert name_of(statement["Resource"]) == "Key"
        assert set(statement["Condition"]["StringEquals"]) == {"kms:ViaService"}


def test_only_what_no_policy_can_bound_is_allowed_on_everything(stack: Stack, package: HandlerPackage) -> None:
    receiver(stack, package)
    OperatorAccess(stack, "Access")

    whole = [each for kind in ("Reader", "Operator") for each in statements(stack, kind) if each["Resource"] == "*"]
    assert [each["Action"] for each in whole] == [
        [
            "cloudformation:DescribeStacks",
            "cloudwatch:DescribeAlarms",
            "cloudwatch:GetMetricData",
            "lambda:GetAccountSettings",
            "lambda:ListEventSourceMappings",
            "sns:GetSubscriptionAttributes",
        ]
    ]


def test_readers_get_the_first_policies_and_operators_all(stack: Stack, package: HandlerPackage) -> None:
    receiver(stack, package)
    roles = [iam.Role(stack, name, assumed_by=iam.AccountRootPrincipal()) for name in ("Support", "Duty")]
    access = OperatorAccess(stack, "Access", OperatorAccessProps(readers=roles[:1], operators=roles[1:]))

    attached = {
        name[:-8]: each["Properties"]["ManagedPolicyArns"]
        for name, each in resources(stack, "AWS::IAM::Role").items()
        if name.startswith(("Support", "Duty"))
    }
    assert len(attached["Support"]) == len(access.reader)
    assert len(attached["Duty"]) == len(access.reader) + len(access.operator)


def test_policies_of_many_resources_are_split_such_that_each_fits(stack: Stack, package: HandlerPackage) -> None:
    every_flow(stack, package)
    access = OperatorAccess(stack, "Access")

    policies = resources(stack, POLICY)
    assert len(policies) == len(access.reader) + len(access.operator) > 2
    for name, policy in policies.items():
        assert deployed_size(policy["Properties"]["PolicyDocument"]) <= CHARACTERS, name


def deployed_size(document: Any) -> int:
    """Return how long a policy is when each reference is an ARN with a long name."""
    whole = json.dumps(with_arns(document), separators=(",", ":"))
    return len(whole.replace(" ", ""))


def with_arns(value: Any) -> Any:
    match value:
        case {"Fn::GetAtt": _} | {"Ref": _} | {"Fn::Select": _}:
            return f"arn:aws:sqs:eu-central-1:111111111111:{LONGEST_NAME}"[:150]
        case {"Fn::Join": [separator, parts]}:
            return separator.join("eu-central-1" if isinstance(each, dict) else each for each in parts) + LONGEST_NAME
        case dict():
            return {name: with_arns(each) for name, each in value.items()}
        case list():
            return [with_arns(each) for each in value]
    return value


def test_cfn_lint_and_cdk_nag_find_nothing(stack: Stack, package: HandlerPackage) -> None:
    receiver(stack, package)
    schedule(stack, package)
    OperatorAccess(stack, "Access")

    report = AwsSolutionsChecks(stack).validate_scope(stack)
    found = [(each.rule_name, str(each.violating_resources)) for each in report.violations]
    assert [(rule, resource) for rule, resource in found if "Access" in resource] == []
    policies = resources(stack, POLICY)
    assert policies
    assert not lint(json.dumps({"Resources": {name: masked(each) for name, each in policies.items()}}))


def masked(value: Any) -> Any:
    match value:
        case {"Fn::GetAtt": _}:
            return "arn:aws:sqs:eu-west-1:111111111111:name"
        case {"Ref": str(name)} if not name.startswith("AWS::"):  # the ARN of a state machine or a topic
            return "arn:aws:states:eu-west-1:111111111111:stateMachine:name"
        case dict():
            return {name: masked(each) for name, each in value.items()}
        case list():
            return [masked(each) for each in value]
    return value


def test_who_takes_no_policies_is_refused(stack: Stack) -> None:
    key: Any = kms.Key(stack, "Key")

    with pytest.raises(InvalidPropsError, match="readers must be of type PolicyTaker, got Key Stack/Key"):
        OperatorAccessProps(readers=[key])


def test_a_stack_without_flows_allows_nothing_on_resources() -> None:
    stack = Stack(App(), "Empty")
    OperatorAccess(stack, "Access")

    assert {action.partition(":")[0] for action in allowed(stack, "Operator")} == {"logs"}
