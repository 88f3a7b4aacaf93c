"""Functions with a role that a team has already, and apps that may create no roles."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk.assertions import Annotations, Match

from tests.apps import new_app
from tests.tsunagu.cdk.constructs.synthesized import permissions, properties, resources
from tsunagu.cdk import (
    ApiAndQueueFunction,
    ApiAndQueueFunctionProps,
    ApiFunctionSettings,
    AsyncRequestApi,
    AsyncRequestApiProps,
    HandlerFunction,
    HandlerFunctionProps,
    HandlerPackage,
    IdempotentReceiver,
    IdempotentReceiverProps,
    InvalidPropsError,
    JobRoles,
    Network,
    QueueChannel,
    QueueChannelProps,
    ReceiverSettings,
    RequestApiRoles,
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


SERVICES = {
    "gateway": "apigateway",
    "pipe": "pipes",
    "sweeper": "lambda",
    "sweeper_schedule": "scheduler",
    "worker": "lambda",
    "machine": "states",
    "release_machine": "states",
    "schedule": "scheduler",
    "rule": "events",
    "job": "lambda",
}


def own(stack: Stack, name: str) -> iam.Role:
    return iam.Role(stack, f"Own{name}", assumed_by=iam.ServicePrincipal(f"{SERVICES[name]}.amazonaws.com"))


def api_and_job(stack: Stack, package: HandlerPackage, role: Callable[[str], iam.IRole | None]) -> None:
    """Two patterns, which have functions, state machines, schedules, a rule, a pipe and a gateway."""
    worker = ReceiverSettings(package=package, role=role("worker"))
    roles = RequestApiRoles(
        gateway=role("gateway"), pipe=role("pipe"), sweeper=role("sweeper"), sweeper_schedule=role("sweeper_schedule")
    )
    AsyncRequestApi(
        stack,
        "Reports",
        AsyncRequestApiProps(name="reports", worker=worker, timeout=TIMEOUT, roles=roles, account_log_role=False),
    )
    schedule = scheduler.ScheduleExpression.rate(Duration.minutes(1))
    of_job = JobRoles(
        machine=role("machine"),
        release_machine=role("release_machine"),
        schedule=role("schedule"),
        rule=role("rule"),
    )
    props = SingleFlightScheduleProps(
        job="sync", package=package, schedule=schedule, handler_timeout=TIMEOUT, role=role("job"), roles=of_job
    )
    SingleFlightSchedule(stack, "Sync", props)


def test_gateways_pipes_machines_schedules_and_rules_take_roles_that_get_what_new_ones_would_have(
    stack: Stack, package: HandlerPackage, app_context: dict[str, Any]
) -> None:
    other = Stack(new_app(context=app_context, analytics_reporting=False), "Stack")
    api_and_job(stack, package, lambda name: own(stack, name))
    api_and_job(other, package, lambda _: None)

    assert {name[: -len("00000000")] for name in resources(stack, "AWS::IAM::Role")} == {
        f"Own{name}".replace("_", "") for name in SERVICES
    }
    assert len(resources(other, "AWS::IAM::Role")) == len(SERVICES)
    assert permissions(stack) == permissions(other)


def test_an_immutable_role_is_told_what_it_must_allow(stack: Stack, package: HandlerPackage) -> None:
    def imported(name: str) -> iam.IRole:
        return iam.Role.from_role_arn(stack, f"I{name}", f"arn:aws:iam::123456789012:role/{name}", mutable=False)

    schedule = scheduler.ScheduleExpression.rate(Duration.minutes(1))
    roles = JobRoles(
        machine=imported("machine"),
        release_machine=imported("release_machine"),
        schedule=imported("schedule"),
        rule=imported("rule"),
    )
    props = SingleFlightScheduleProps(
        job="sync", package=package, schedule=schedule, handler_timeout=TIMEOUT, roles=roles, role=imported("worker")
    )
    SingleFlightSchedule(stack, "Sync", props)

    told = " ".join(str(each.entry.data) for each in Annotations.from_stack(stack).find_info("*", Match.any_value()))
    for action in (
        "logs:CreateLogDelivery",
        "xray:PutTraceSegments",
        "states:StartExecution",
        "states:SendTaskFailure, states:SendTaskHeartbeat, states:SendTaskSuccess",
    ):
        assert action in told
    assert not resources(stack, "AWS::IAM::Role")


def test_a_pipe_refuses_a_role_that_cannot_be_allowed_to_read_the_stream(stack: Stack, package: HandlerPackage) -> None:
    immutable = iam.Role.from_role_arn(stack, "Own", "arn:aws:iam::123456789012:role/own", mutable=False)
    worker = ReceiverSettings(package=package)
    props = AsyncRequestApiProps(name="reports", worker=worker, timeout=TIMEOUT, roles=RequestApiRoles(pipe=immutable))

    with pytest.raises(InvalidPropsError, match=r"must have a policy that can be extended, .*dynamodb:GetRecords"):
        AsyncRequestApi(stack, "Reports", props)


def test_the_functions_of_api_and_queue_have_a_role_each(stack: Stack, package: HandlerPackage) -> None:
    props = ApiAndQueueFunctionProps(
        function=ReceiverSettings(package=package, role=own(stack, "worker")),
        mode="split",
        api_function=ApiFunctionSettings(role=own(stack, "job")),
        sweeper_role=own(stack, "sweeper"),
        sweeper_schedule_role=own(stack, "sweeper_schedule"),
    )
    ApiAndQueueFunction(stack, "Shop", props)

    roles = {str(each["Properties"]["Role"]) for each in resources(stack, "AWS::Lambda::Function").values()}
    assert len(roles) == 3
    assert all(name.startswith("Own") for name in resources(stack, "AWS::IAM::Role"))


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
