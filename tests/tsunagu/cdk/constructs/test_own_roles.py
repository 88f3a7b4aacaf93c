"""Functions with a role that a team has already, and apps that may create no roles."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler

from tests.apps import new_app
from tests.tsunagu.cdk.constructs.synthesized import permissions, properties, resources
from tsunagu.cdk import (
    AsyncRequestApi,
    AsyncRequestApiProps,
    HandlerFunction,
    HandlerFunctionProps,
    HandlerPackage,
    IdempotentReceiver,
    IdempotentReceiverProps,
    Network,
    QueueChannel,
    QueueChannelProps,
    ReceiverSettings,
    SingleFlightSchedule,
    SingleFlightScheduleProps,
)

TIMEOUT = Duration.seconds(5)
LAMBDA = iam.ServicePrincipal("lambda.amazonaws.com")


def receiver(stack: Stack, package: HandlerPackage, **settings: Any) -> IdempotentReceiver:
    channel = QueueChannel(stack, "Orders", QueueChannelProps(handler_timeout=TIMEOUT))
    props = IdempotentReceiverProps(package=package, channel=channel, **settings)
    return IdempotentReceiver(stack, "Receiver", props)


def test_a_given_role_gets_what_a_new_one_would_have(stack: Stack, package: HandlerPackage) -> None:
    app = new_app(analytics_reporting=False)
    other = Stack(app, "Stack")
    given = iam.Role(stack, "Own", assumed_by=LAMBDA)
    receiver(stack, package, role=given)
    receiver(other, package)

    [logical_id] = [name for name in resources(stack, "AWS::IAM::Role") if name.startswith("Own")]
    assert properties(stack, "AWS::Lambda::Function")["Role"] == {"Fn::GetAtt": [logical_id, "Arn"]}
    assert len(resources(stack, "AWS::IAM::Role")) == 1
    assert permissions(stack) == permissions(other)


def test_a_given_role_gets_the_permissions_for_a_network(stack: Stack, package: HandlerPackage) -> None:
    network = Network(vpc=ec2.Vpc(stack, "Vpc"))
    given = iam.Role(stack, "Own", assumed_by=LAMBDA)
    props = HandlerFunctionProps(package=package, timeout=TIMEOUT, role=given, network=network)
    HandlerFunction(stack, "Handler", props)

    policies = json.dumps(resources(stack, "AWS::IAM::Policy"))
    assert "ec2:CreateNetworkInterface" in policies
    assert "xray:PutTraceSegments" in policies


@pytest.mark.parametrize("mutable", [True, False])
def test_an_imported_role_is_used(stack: Stack, package: HandlerPackage, mutable: bool) -> None:
    arn = "arn:aws:iam::123456789012:role/own"
    given = iam.Role.from_role_arn(stack, "Own", arn, mutable=mutable)
    props = HandlerFunctionProps(package=package, timeout=TIMEOUT, role=given)
    HandlerFunction(stack, "Handler", props)

    assert properties(stack, "AWS::Lambda::Function")["Role"] == arn
    assert bool(resources(stack, "AWS::IAM::Policy")) is mutable


def test_apps_that_may_create_no_roles_synthesize_and_list_what_their_roles_need(
    app_context: dict[str, Any], package: HandlerPackage, tmp_path: Path
) -> None:
    listed = set(with_customized_roles(app_context, package, tmp_path / "listed", prevent_synthesis=False)[1])
    assert {"Stack/Receiver/Handler/Role", "Stack/Sync/Machine/Role"} <= listed

    given = {path: f"own-{number}" for number, path in enumerate(sorted(listed))}
    template, used = with_customized_roles(app_context, package, tmp_path / "given", use_precreated_roles=given)

    assert set(used) == listed
    assert [each for each in template["Resources"].values() if each["Type"] == "AWS::IAM::Role"] == []


def with_customized_roles(
    context: dict[str, Any], package: HandlerPackage, folder: Path, **options: Any
) -> tuple[dict[str, Any], list[str]]:
    """Synthesize three patterns in an app that may create no roles; return the template, and the paths of its roles."""
    app = new_app(context=context, analytics_reporting=False, outdir=str(folder))
    stack = Stack(app, "Stack")
    iam.Role.customize_roles(stack, **options)
    receiver(stack, package)
    worker = ReceiverSettings(package=package)
    AsyncRequestApi(stack, "Reports", AsyncRequestApiProps(name="reports", worker=worker, timeout=TIMEOUT))
    schedule = scheduler.ScheduleExpression.rate(Duration.minutes(1))
    SingleFlightSchedule(
        stack,
        "Sync",
        SingleFlightScheduleProps(job="sync", package=package, schedule=schedule, handler_timeout=TIMEOUT),
    )
    template: dict[str, Any] = app.synth().get_stack_by_name("Stack").template

    report = json.loads((folder / "iam-policy-report.json").read_text())
    return template, [role["roleConstructPath"] for role in report["roles"]]
