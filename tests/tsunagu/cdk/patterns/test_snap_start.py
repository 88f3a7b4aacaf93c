"""SnapStart: whatever invokes a function names its alias, and what cannot start from a snapshot is refused."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from aws_cdk import App, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk.assertions import Template

from tests.apps import new_app
from tests.tsunagu.cdk.constructs.synthesized import only, resources
from tsunagu.cdk import (
    ApiAndQueueFunction,
    ApiAndQueueFunctionProps,
    ApiFunctionSettings,
    AsyncRequestApi,
    AsyncRequestApiProps,
    DeadLetterNotifier,
    FlowAlarms,
    FlowAlarmsProps,
    FlowDashboard,
    FlowDashboardProps,
    HandlerFunction,
    HandlerFunctionProps,
    HandlerPackage,
    IdempotencyTable,
    IdempotencyTableProps,
    IdempotentReceiver,
    IdempotentReceiverProps,
    ImagePackage,
    InvalidPropsError,
    OperatorAccess,
    QueueChannel,
    QueueChannelProps,
    ReceiverSettings,
    Service,
    ServicePipeline,
    ServicePipelineProps,
    SingleFlightSchedule,
    SingleFlightScheduleProps,
    Step,
    WebApiSettings,
)
from tsunagu.cdk.assets import Platform

FIVE = Duration.seconds(5)
FUNCTION, VERSION, ALIAS = "AWS::Lambda::Function", "AWS::Lambda::Version", "AWS::Lambda::Alias"
PERMISSION, INTEGRATION = "AWS::Lambda::Permission", "AWS::ApiGatewayV2::Integration"
MAPPING, EVENTS = "AWS::Lambda::EventSourceMapping", "AWS::Lambda::EventInvokeConfig"
# These look at a function or describe it, and invoke nothing. Metrics of a name are those of all versions and aliases.
DESCRIBES = {ALIAS, VERSION, "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard"}
LOOKS = {"lambda:GetFunctionConcurrency", "lambda:GetFunctionConfiguration", "lambda:GetFunctionEventInvokeConfig"}


def every_flow(stack: Stack, package: HandlerPackage, *, snap_start: bool) -> None:
    """One of each pattern that invokes a function, with people who may operate them."""
    shared: dict[str, Any] = {
        "table": IdempotencyTable(
            stack, "Table", IdempotencyTableProps(requests=True, request_index=True, run_index=True)
        ),
        "dead_letter_notifier": DeadLetterNotifier(stack, "Notifier"),
    }
    settings = ReceiverSettings(package=package, snap_start=snap_start, max_concurrency=2, alarms=None)
    service = Service(package=package, name="billing", snap_start=snap_start, alarms=None)
    channel = QueueChannel(stack, "OrdersChannel", QueueChannelProps(handler_timeout=FIVE))
    orders = IdempotentReceiver(
        stack, "Orders", IdempotentReceiverProps(package=package, channel=channel, snap_start=snap_start, **shared)
    )
    preprocessor = HandlerFunctionProps(package=package, timeout=FIVE, snap_start=snap_start)
    for name, entry in (("direct", None), ("queued", QueueChannel(stack, "Entry", channel.props))):
        step = Step(name="reserve", services=[service])
        props = ServicePipelineProps(name=name, preprocessor=preprocessor, steps=[step], entry=entry, **shared)
        pipeline = ServicePipeline(stack, name.title(), props)
        pipeline.grant_start(iam.Role(stack, f"{name.title()}Caller", assumed_by=iam.AccountRootPrincipal()))
    for name in ("queue", "lambda_event"):
        api = AsyncRequestApiProps(
            name=name.replace("_", "-"),
            worker=settings,
            timeout=FIVE,
            delivery=name,  # type: ignore[arg-type]
            **shared,
        )
        AsyncRequestApi(stack, name, api)
    for mode, kind in (("shared", "http"), ("split", "rest")):
        web: dict[str, Any] = {"mode": mode, "api": WebApiSettings(kind=kind)}  # type: ignore[arg-type]
        ApiAndQueueFunction(stack, mode, ApiAndQueueFunctionProps(function=settings, **web, **shared))
    rate = scheduler.ScheduleExpression.rate(Duration.minutes(1))
    job = SingleFlightScheduleProps(
        package=package, job="sync", schedule=rate, handler_timeout=Duration.minutes(5), snap_start=snap_start, **shared
    )
    SingleFlightSchedule(stack, "Sync", job)
    alarms = FlowAlarms(stack, "Alarms", FlowAlarmsProps(flows=[orders]))
    FlowDashboard(stack, "Dashboard", FlowDashboardProps(flows=[orders], alarms=alarms))
    OperatorAccess(stack, "Access")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    folder = tmp_path_factory.mktemp("invoices")
    (folder / "handler.py").write_text("def handler(event, context): ...\n")
    stack = Stack(new_app(), "Flows")
    every_flow(stack, HandlerPackage(path=folder), snap_start=True)
    return dict(Template.from_stack(stack).to_json())


def of_type(template: Mapping[str, Any], *types: str) -> dict[str, dict[str, Any]]:
    return {key: each["Properties"] for key, each in template["Resources"].items() if each["Type"] in types}


def snapshotted(template: Mapping[str, Any]) -> set[str]:
    return {key for key, each in of_type(template, FUNCTION).items() if "SnapStart" in each}


def references(value: Any) -> Iterator[str]:
    """Logical ids to which a value refers, at any depth."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]}:
            yield name
        case dict():
            for each in value.values():
                yield from references(each)
        case list():
            for each in value:
                yield from references(each)


def invoking(resource: Mapping[str, Any]) -> Any:
    """The properties of a resource without those that only describe a function."""
    found = resource.get("Properties", {})
    if resource["Type"] in DESCRIBES or (resource["Type"] == EVENTS and found["Qualifier"] == "live"):
        return None
    if "PolicyDocument" in found:
        statements = found["PolicyDocument"]["Statement"]
        return [each for each in statements if not set(each["Action"]) <= LOOKS]
    return found


def test_nothing_invokes_a_function_but_by_its_alias(template: Mapping[str, Any]) -> None:
    functions = snapshotted(template)
    assert len(functions) == 11

    direct = {
        key: found
        for key, resource in template["Resources"].items()
        if key not in functions and (found := functions & {*references(invoking(resource))})
    }

    assert direct == {}


def test_each_kind_of_invocation_names_an_alias(template: Mapping[str, Any]) -> None:
    aliases = of_type(template, ALIAS)
    assert {each["Name"] for each in aliases.values()} == {"live"}
    assert len(aliases) == 11

    for kind in (
        MAPPING,
        PERMISSION,
        INTEGRATION,
        "AWS::ApiGateway::Method",
        "AWS::IAM::Policy",
        "AWS::IAM::ManagedPolicy",
    ):
        assert aliases.keys() & {*references([*of_type(template, kind).values()])}, kind
    assert all({*references(each["FunctionName"])} <= aliases.keys() for each in of_type(template, MAPPING).values())


def test_asynchronous_invocations_are_configured_for_the_alias_and_wait_for_it(template: Mapping[str, Any]) -> None:
    found = {
        key: each
        for key, each in template["Resources"].items()
        if each["Type"] == EVENTS and {*references(each["Properties"]["FunctionName"])} & snapshotted(template)
    }

    [config] = found.values()
    assert config["Properties"]["Qualifier"] == "live"
    assert of_type(template, ALIAS).keys() & {*config["DependsOn"]}


def test_an_http_api_calls_an_alias_only_when_it_may(template: Mapping[str, Any]) -> None:
    [integration] = [each for each in template["Resources"].values() if each["Type"] == INTEGRATION]
    api, function = integration["Properties"]["ApiId"]["Ref"], integration["Properties"]["IntegrationUri"]["Ref"]
    allowed = {key for key, each in of_type(template, PERMISSION).items() if {api, function} <= {*references(each)}}

    assert allowed
    assert allowed <= {*integration["DependsOn"]}


def test_a_version_is_deleted_when_the_next_one_is_live(template: Mapping[str, Any]) -> None:
    versions = [each for each in template["Resources"].values() if each["Type"] == VERSION]

    assert len(versions) == 11
    assert {each.get("DeletionPolicy", "Delete") for each in versions} == {"Delete"}


def test_without_the_prop_there_is_no_version_and_no_alias(stack: Stack, package: HandlerPackage) -> None:
    handler = HandlerFunction(stack, "Orders", HandlerFunctionProps(package=package, timeout=FIVE))

    assert handler.target is handler.function
    assert resources(stack, VERSION) == resources(stack, ALIAS) == {}
    assert "SnapStart" not in only(stack, FUNCTION)["Properties"]


def logical_id_of_version(package: HandlerPackage, **settings: Any) -> str:
    stack = Stack(new_app(), "Flows")
    props = HandlerFunctionProps(package=package, timeout=FIVE, snap_start=True, **settings)
    handler = HandlerFunction(stack, "Orders", props)
    handler.function.add_environment("LATER", "yes")
    [name] = resources(stack, VERSION)
    return name


def test_another_configuration_is_another_version(package: HandlerPackage) -> None:
    before = logical_id_of_version(package)

    assert logical_id_of_version(package) == before
    assert logical_id_of_version(package, memory_mib=512) != before
    assert logical_id_of_version(package, reserved_concurrency=5) == before  # it is the function's own


def test_what_is_added_to_the_environment_later_is_part_of_the_version(package: HandlerPackage) -> None:
    versions = set()
    for value in ("1", "2"):
        stack = Stack(new_app(), "Flows")
        props = HandlerFunctionProps(package=package, timeout=FIVE, snap_start=True)
        handler = HandlerFunction(stack, "Orders", props)
        handler.function.add_environment("LATER", value)
        versions |= {*resources(stack, VERSION)}

    assert len(versions) == 2


def test_a_queue_that_is_replaced_is_another_version(package: HandlerPackage) -> None:
    versions: list[str] = []
    names: list[dict[str, Any]] = [{}, {"queue_name": "orders"}, {"queue_name": "orders-2"}]
    for settings in (*names, {"fifo": True}, {"max_receive_count": 200}):
        stack = Stack(new_app(), "Flows")
        channel = QueueChannel(stack, "Channel", QueueChannelProps(handler_timeout=FIVE, **settings))
        props = IdempotentReceiverProps(package=package, channel=channel, snap_start=True)
        IdempotentReceiver(stack, "Orders", props)
        versions += resources(stack, VERSION)

    assert len({*versions}) == 4
    assert versions[0] == versions[-1]  # Lambda publishes no version where nothing of the function changes


def test_the_api_alone_can_start_from_snapshots(stack: Stack, package: HandlerPackage) -> None:
    props = ApiAndQueueFunctionProps(
        function=ReceiverSettings(package=package), mode="split", api_function=ApiFunctionSettings(snap_start=True)
    )
    web = ApiAndQueueFunction(stack, "Web", props)

    assert isinstance(web.handler.target, lambda_.Alias)
    assert web.receiver.handler.target is web.queue_function


def test_python_3_11_is_refused(package: HandlerPackage) -> None:
    message = r"platform must have Python 3\.12 or later with snap_start, got 3\.11"
    with pytest.raises(InvalidPropsError, match=message):
        ReceiverSettings(package=package, platform=Platform(python="3.11"), snap_start=True)


def test_an_image_is_refused(package: HandlerPackage) -> None:
    (package.folder / "Dockerfile").write_text("FROM acme.example/lambda/python:3.13\n")
    with pytest.raises(InvalidPropsError, match=r"package must be .* with snap_start, .* got ImagePackage"):
        HandlerFunctionProps(package=ImagePackage(path=package.path), timeout=FIVE, snap_start=True)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "ephemeral_storage",
            lambda_.CfnFunction.EphemeralStorageProperty(size=1_024),
            "ephemeral storage must be at most 512 MiB with snap_start, got 1,024",
        ),
        (
            "file_system_configs",
            [lambda_.CfnFunction.FileSystemConfigProperty(arn="arn:aws:efs", local_mount_path="/mnt/data")],
            r"a function must have no file system \(EFS\) with snap_start, got one",
        ),
    ],
)
def test_what_an_app_sets_on_the_resource_is_refused_at_synth(
    stack: Stack, package: HandlerPackage, name: str, value: Any, message: str
) -> None:
    handler = HandlerFunction(stack, "Orders", HandlerFunctionProps(package=package, timeout=FIVE, snap_start=True))
    setattr(handler.function.node.default_child, name, value)

    with pytest.raises(RuntimeError, match=message):
        App.of(stack).synth()  # type: ignore[union-attr]
