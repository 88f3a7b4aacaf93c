"""What a function that answers HTTP and consumes a queue synthesizes, as one function and as two."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Duration, Stack, Token
from aws_cdk import aws_apigatewayv2 as apigatewayv2
from aws_cdk import aws_ec2 as ec2
from aws_cdk.assertions import Annotations, Match, Template
from cdk_nag import AwsSolutionsChecks, NagPack, ServerlessChecks

from tests.apps import new_app
from tests.tsunagu.cdk.constructs.synthesized import permissions, resources
from tsunagu.cdk.assets import HandlerPackage
from tsunagu.cdk.checks import MessagingChecks
from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable, IdempotencyTableProps
from tsunagu.cdk.constructs.network import Network
from tsunagu.cdk.constructs.queue_channel import QueueChannel, QueueChannelProps
from tsunagu.cdk.constructs.topic_channel import TopicChannel
from tsunagu.cdk.constructs.web_api_settings import WebApiSettings
from tsunagu.cdk.patterns.api_and_queue_function import ApiAndQueueFunction
from tsunagu.cdk.patterns.api_and_queue_props import ApiAndQueueFunctionProps, ApiFunctionSettings, FunctionMode
from tsunagu.cdk.patterns.receiver_settings import ProvisionedPollers, ReceiverSettings
from tsunagu.contracts.environment import EnvironmentContract, ReceiverEnvironment
from tsunagu.contracts.web import WebEnvironment
from tsunagu.errors import InvalidPropsError
from tsunagu.templates.template import Template as CheckedTemplate

FUNCTION, ALARM = "AWS::Lambda::Function", "AWS::CloudWatch::Alarm"
# What a change of the mode must not replace: who calls the API or sends to the queue knows them, and they hold data.
KEPT = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Stage",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGateway::Stage",
    "AWS::ApiGateway::Resource",
    "AWS::ApiGateway::Method",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
    "AWS::DynamoDB::Table",
    "AWS::SNS::Topic",
    "AWS::KMS::Key",
    "AWS::Lambda::EventSourceMapping",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopEnvironment(EnvironmentContract):
    shop: str


@dataclass
class Built:
    """A stack with one application, and its template."""

    stack: Stack
    application: ApiAndQueueFunction
    resources: dict[str, Any]

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Properties of the resources of a type, without those of the sweeper, which has tests of its own."""
        return {
            name: each["Properties"]
            for name, each in self.resources.items()
            if each["Type"] == kind and not name.startswith("ShopSweeper")
        }

    def one(self, kind: str, prefix: str) -> dict[str, Any]:
        [found] = [each for name, each in self.of(kind).items() if name.startswith(prefix)]
        return found

    def variables(self, prefix: str) -> dict[str, Any]:
        found: dict[str, Any] = self.one(FUNCTION, prefix)["Environment"]["Variables"]
        return found

    def grants(self, role: str) -> set[tuple[str, str]]:
        """Actions and resources that the policies of one role allow."""
        policies = [
            each
            for each in self.of("AWS::IAM::Policy").values()
            if any(name["Ref"].startswith(role) for name in each["Roles"])
        ]
        return {
            (action, _name(target))
            for each in policies
            for statement in each["PolicyDocument"]["Statement"]
            for action in _listed(statement["Action"])
            for target in _listed(statement["Resource"])
        }


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _name(resource: Any) -> str:
    match resource:
        case {"Fn::GetAtt": [logical_id, _]} | {"Ref": logical_id}:
            return str(logical_id)[:-8].removeprefix("Shop")
        case _:
            return str(resource)


def build(context: dict[str, Any], package: HandlerPackage, **settings: Any) -> Built:
    stack = Stack(new_app(context=context, analytics_reporting=False), "Stack")
    application = ApiAndQueueFunction(stack, "Shop", props(package, **settings))
    return Built(stack, application, Template.from_stack(stack).to_json()["Resources"])


def function(package: HandlerPackage, **settings: Any) -> ReceiverSettings:
    chosen: dict[str, Any] = {"package": package, "max_concurrency": 5, "memory_mib": 512}
    return ReceiverSettings(**{**chosen, "environment": [ShopEnvironment(shop="s")], **settings})


def props(package: HandlerPackage, **settings: Any) -> ApiAndQueueFunctionProps:
    return ApiAndQueueFunctionProps(**{"function": function(package), **settings})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> HandlerPackage:
    folder: Path = tmp_path_factory.mktemp("code") / "shop"
    folder.mkdir()
    (folder / "handler.py").write_text("def handler(event, context):\n    return {}\n")
    return HandlerPackage(path=folder)


@pytest.fixture(scope="module")
def shared(app_context: dict[str, Any], shop: HandlerPackage) -> Built:
    return build(app_context, shop)


@pytest.fixture(scope="module")
def split(app_context: dict[str, Any], shop: HandlerPackage) -> Built:
    return build(app_context, shop, mode="split", sends_to_queue=True, timeout=Duration.minutes(5))


@pytest.fixture(scope="module")
def shared_rest(app_context: dict[str, Any], shop: HandlerPackage) -> Built:
    return build(app_context, shop, api=WebApiSettings(kind="rest"), protect=False, sends_to_queue=True)


@pytest.fixture(scope="module")
def split_rest(app_context: dict[str, Any], shop: HandlerPackage) -> Built:
    function_settings = ApiFunctionSettings(memory_mib=1024, reserved_concurrency=40, environment=[])
    rest = WebApiSettings(kind="rest")
    return build(app_context, shop, mode="split", api=rest, api_function=function_settings)


def test_one_function_has_both_triggers(shared: Built) -> None:
    [name] = shared.of(FUNCTION)
    [mapping] = shared.of("AWS::Lambda::EventSourceMapping").values()
    [integration] = shared.of("AWS::ApiGatewayV2::Integration").values()

    assert mapping["FunctionName"]["Ref"] == name
    assert integration["IntegrationUri"]["Fn::GetAtt"][0] == name
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 5}
    assert shared.application.function is shared.application.queue_function


def test_two_functions_of_one_asset_have_a_trigger_each(split: Built) -> None:
    functions = split.of(FUNCTION)
    api = next(name for name in functions if name.startswith("ShopApiHandler"))
    queue = next(name for name in functions if name.startswith("ShopReceiverHandler"))
    [mapping] = split.of("AWS::Lambda::EventSourceMapping").values()
    [integration] = split.of("AWS::ApiGatewayV2::Integration").values()
    [permission] = split.of("AWS::Lambda::Permission").values()

    assert len(functions) == 2
    assert mapping["FunctionName"]["Ref"] == queue
    assert integration["IntegrationUri"]["Fn::GetAtt"][0] == api
    assert permission["FunctionName"]["Fn::GetAtt"][0] == api
    assert functions[api]["Code"] == functions[queue]["Code"]
    assert functions[api]["Handler"] == functions[queue]["Handler"]
    assert functions[api]["Role"] != functions[queue]["Role"]


@pytest.mark.parametrize("kind", ["http", "rest"])
def test_another_mode_keeps_api_queue_and_table(request: pytest.FixtureRequest, kind: str) -> None:
    suffix = "" if kind == "http" else "_rest"
    one: Built = request.getfixturevalue(f"shared{suffix}")
    two: Built = request.getfixturevalue(f"split{suffix}")
    kept = [{name for name, each in built.resources.items() if each["Type"] in KEPT} for built in (one, two)]

    assert kept[0] == kept[1]
    assert len(kept[0]) > len(KEPT) // 2


def test_each_function_knows_what_it_serves(shared: Built, split: Built) -> None:
    both = shared.variables("ShopReceiverHandler")
    queue, api = split.variables("ShopReceiverHandler"), split.variables("ShopApiHandler")
    records = {*WebEnvironment.variable_names(), *ReceiverEnvironment.variable_names(), "SHOP"}

    assert both.keys() == queue.keys() == records
    assert api.keys() == {*WebEnvironment.variable_names(), "SHOP"}
    serves = [(each["SERVES_API"], each["SERVES_QUEUE"]) for each in (both, queue, api)]
    assert serves == [("true", "true"), ("false", "true"), ("true", "false")]
    assert len({str(each["WEB_PLACE"]) for each in (both, queue, api)}) == 1
    assert api["WEB_PLACE"]["Fn::Join"][1][-2:] == [{"Ref": "AWS::StackName"}, ":Shop"]


def test_each_function_knows_its_own_time_out(shared: Built, split: Built) -> None:
    for built, prefix, seconds in (
        (shared, "ShopReceiverHandler", 20),
        (split, "ShopReceiverHandler", 300),
        (split, "ShopApiHandler", 20),
    ):
        assert built.one(FUNCTION, prefix)["Timeout"] == seconds
        assert built.variables(prefix)["FUNCTION_TIMEOUT_SECONDS"] == str(seconds)
    assert split.variables("ShopApiHandler")["IDEMPOTENCY_WINDOW_SECONDS"] == str(23 * 86_400)


def test_the_functions_may_do_exactly_what_they_do(shared: Built, split: Built) -> None:
    table = {
        ("dynamodb:PartiQLInsert", "IdempotencyTable"),
        ("dynamodb:PartiQLUpdate", "IdempotencyTable"),
        ("dynamodb:BatchGetItem", "IdempotencyTable"),
        ("dynamodb:UpdateItem", "IdempotencyTable"),
    }
    queue = {
        ("sqs:ReceiveMessage", "ChannelQueue"),
        ("sqs:DeleteMessage", "ChannelQueue"),
        ("sqs:GetQueueAttributes", "ChannelQueue"),
        ("sqs:ChangeMessageVisibility", "ChannelQueue"),
        ("sqs:SendMessage", "ChannelDeadLetterQueue"),
        ("sns:Publish", "DeadLetterNotifierTopic"),
        ("kms:Decrypt", "DeadLetterNotifierTopicKey"),
        ("kms:GenerateDataKey", "DeadLetterNotifierTopicKey"),
    }

    def logs(group: str) -> set[tuple[str, str]]:
        return {(f"logs:{action}", f"{group}LogGroup") for action in ("CreateLogStream", "PutLogEvents")}

    assert shared.grants("ShopReceiverHandler") == table | queue | logs("ReceiverHandler")
    assert split.grants("ShopReceiverHandler") == table | queue | logs("ReceiverHandler")
    assert split.grants("ShopApiHandler") == table | logs("ApiHandler") | {("sqs:SendMessage", "ChannelQueue")}


def test_a_route_may_send_to_the_queue_only_if_told(shared: Built, split: Built, shared_rest: Built) -> None:
    assert ("sqs:SendMessage", "ChannelQueue") not in shared.grants("ShopReceiverHandler")
    assert ("sqs:SendMessage", "ChannelQueue") in shared_rest.grants("ShopReceiverHandler")
    assert split.variables("ShopApiHandler")["QUEUE_URL"] == split.variables("ShopReceiverHandler")["QUEUE_URL"]


def test_a_function_that_sends_nothing_is_told_no_queue(split_rest: Built) -> None:
    assert split_rest.variables("ShopApiHandler")["QUEUE_URL"] == ""


def test_the_api_function_has_what_is_told_and_the_rest_of_the_queues(split: Built, split_rest: Built) -> None:
    inherited = split.one(FUNCTION, "ShopApiHandler")
    told = split_rest.one(FUNCTION, "ShopApiHandler")

    assert (inherited["MemorySize"], told["MemorySize"]) == (512, 1024)
    assert inherited["Environment"]["Variables"]["SHOP"] == "s"
    assert "SHOP" not in told["Environment"]["Variables"]
    assert "ReservedConcurrentExecutions" not in inherited
    assert told["ReservedConcurrentExecutions"] == 40
    assert "ReservedConcurrentExecutions" not in split_rest.one(FUNCTION, "ShopReceiverHandler")


def test_the_api_function_has_a_network_of_its_own_if_told(shop: HandlerPackage, stack: Stack) -> None:
    one = Network(vpc=ec2.Vpc(stack, "One"))
    other = Network(vpc=ec2.Vpc(stack, "Other"))
    environment = ShopEnvironment(shop="s")
    queue = function(shop, network=one)

    assert ApiFunctionSettings().function_props(queue, environment).network is one
    assert ApiFunctionSettings(network=other).function_props(queue, environment).network is other


@pytest.mark.parametrize("mode", ["shared", "split"])
def test_sweeper_may_send_where_the_application_may(stack: Stack, shop: HandlerPackage, mode: FunctionMode) -> None:
    news, first = (
        TopicChannel(stack, "News"),
        QueueChannel(stack, "First", QueueChannelProps(handler_timeout=Duration.seconds(5))),
    )
    later = QueueChannel(stack, "Later", QueueChannelProps(handler_timeout=Duration.seconds(5)))
    application = ApiAndQueueFunction(
        stack, "Shop", props(shop, mode=mode, outbox_targets=[news, first], sends_to_queue=True)
    )

    application.add_outbox_target(later)

    sends = {each for each in permissions(stack) if each[0] in {"sqs:SendMessage", "sns:Publish"}}
    roles = {
        name.removeprefix("Shop").partition("Handler")[0]
        for name, each in resources(stack, "AWS::IAM::Policy").items()
        if "LaterQueue" in str(each) and "sqs:SendMessage" in str(each)
    }
    assert {("sns:Publish", "NewsTopic"), ("sqs:SendMessage", "FirstQueue"), ("sqs:SendMessage", "LaterQueue")} <= sends
    assert roles == {"Sweeper", "Receiver"} | ({"Api"} if mode == "split" else set())


def test_sweeper_and_functions_have_one_place(shared: Built, split: Built) -> None:
    for built in (shared, split):
        places = [
            str(each["Properties"]["Environment"]["Variables"]["WEB_PLACE"])
            for each in built.resources.values()
            if each["Type"] == FUNCTION
        ]
        assert (len(places), len(set(places))) == (2 if built is shared else 3, 1)


def test_table_without_its_index_is_refused_unless_there_is_no_sweeper(stack: Stack, shop: HandlerPackage) -> None:
    table = IdempotencyTable(stack, "Table")

    with pytest.raises(InvalidPropsError, match=r"^table must have requests=True for the sweeper, got False"):
        props(shop, table=table)
    assert ApiAndQueueFunction(stack, "Shop", props(shop, table=table, sweeper=False)).sweeper is None


FUNCTION_METRICS = ("CallsFailed", "ConfigurationFaults", "Errors", "FailuresAfterCommit", "LeasesLost", "Throttles")


def test_alarms_watch_answers_queue_and_both_functions(shared: Built, split: Built, shared_rest: Built) -> None:
    watched = [
        sorted(str(each.get("MetricName")) for each in built.of(ALARM).values())
        for built in (shared, split, shared_rest)
    ]
    receiver = [
        "ApproximateAgeOfOldestMessage",
        "ApproximateNumberOfMessagesVisible",
        *FUNCTION_METRICS,
    ]

    assert watched[0] == sorted(["5xx", *receiver])
    assert watched[1] == sorted(["5xx", *receiver, *FUNCTION_METRICS])
    assert watched[2] == sorted(["5XXError", *receiver])
    assert all(each["AlarmActions"] for each in split.of(ALARM).values())
    faults = [each["Dimensions"] for each in split.of(ALARM).values() if each["MetricName"] == "ConfigurationFaults"]
    assert faults[0] != faults[1]


def test_an_alarm_is_raised_after_three_minutes_with_server_errors(shared: Built) -> None:
    alarm = shared.one(ALARM, "ShopApiServerErrorAlarm")

    assert (alarm["Period"], alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (60, 3, 5)


def test_synthesis_says_what_a_shared_function_costs(shared: Built, split: Built, shop: HandlerPackage) -> None:
    [said] = Annotations.from_stack(shared.stack).find_info("/Stack/Shop", Match.any_value())
    text = str(said.entry.data)

    assert "512 MiB and a time-out of 20 seconds" in text
    assert "at most 5 of what the account has" in text
    assert not Annotations.from_stack(split.stack).find_info("/Stack/Shop", Match.any_value())
    reserved = props(shop, function=function(shop, reserved_concurrency=30)).price_of_sharing
    assert "at most 5 of 30 reserved, which leaves 25 to the API" in reserved


def test_what_holds_data_is_kept_unless_told(shared: Built, shared_rest: Built) -> None:
    kinds = {"AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::Logs::LogGroup", "AWS::KMS::Key"}

    for built, policy in ((shared, "Retain"), (shared_rest, "Delete")):
        assert {each["DeletionPolicy"] for each in built.resources.values() if each["Type"] in kinds} == {policy}


def test_given_constructs_are_used(stack: Stack, shop: HandlerPackage) -> None:
    table = IdempotencyTable(stack, "Table", IdempotencyTableProps(requests=True))
    notifier = DeadLetterNotifier(stack, "Notifier")
    channel = QueueChannel(stack, "Queue", QueueChannelProps(handler_timeout=Duration.seconds(30), fifo=True))
    existing = apigatewayv2.HttpApi(stack, "Api", create_default_stage=False)
    application = ApiAndQueueFunction(
        stack,
        "Shop",
        props(
            shop,
            channel=channel,
            table=table,
            dead_letter_notifier=notifier,
            api=WebApiSettings(existing=existing, path="shop"),
            shared_keys="orders",
        ),
    )
    found = Template.from_stack(stack)

    found.resource_count_is("AWS::DynamoDB::Table", 1)
    found.resource_count_is("AWS::ApiGatewayV2::Api", 1)
    found.resource_count_is("AWS::SQS::Queue", 2)
    found.has_resource_properties(FUNCTION, {"Timeout": 30, "Environment": {"Variables": {"SHARED_KEYS": "orders"}}})
    assert application.channel is channel
    assert application.server_error_alarm is None


RULES: list[tuple[Callable[[HandlerPackage], dict[str, Any]], str]] = [
    (
        lambda _: {"timeout": Duration.seconds(31)},
        'timeout in the mode shared must be at most the 30 seconds that an HTTP API waits, got 31: .* use mode="split"',
    ),
    (
        lambda _: {"timeout": Duration.seconds(30), "api": WebApiSettings(kind="rest")},
        "timeout in the mode shared must be at most the 29 seconds that a REST API waits, got 30",
    ),
    (
        lambda _: {"mode": "split", "api_function": ApiFunctionSettings(timeout=Duration.seconds(31))},
        "timeout of api_function must be at most the 30 seconds that an HTTP API waits, got 31: shorten it",
    ),
    (
        lambda _: {
            "mode": "split",
            "api": WebApiSettings(kind="rest"),
            "api_function": ApiFunctionSettings(timeout=Duration.seconds(30)),
        },
        "timeout of api_function must be at most the 29 seconds that a REST API waits, got 30",
    ),
    (
        lambda shop: {"function": function(shop, max_concurrency=None)},
        "max_concurrency of function must be given in the mode shared, because .* got None",
    ),
    (
        lambda shop: {
            "function": function(shop, max_concurrency=None, pollers=ProvisionedPollers(minimum=2, maximum=4))
        },
        "pollers of function must be left out in the mode shared",
    ),
    (
        lambda shop: {"function": function(shop, reserved_concurrency=14)},
        "reserved_concurrency of function must be at least 15, which are 5 of max_concurrency and 10 of .* got 14",
    ),
    (
        lambda shop: {"function": function(shop, reserved_concurrency=105), "api_concurrency": 101},
        "reserved_concurrency of function must be at least 106",
    ),
    (lambda _: {"api_concurrency": 0}, "api_concurrency must be between 1"),
    (lambda _: {"api_function": ApiFunctionSettings()}, "api_function must be left out in the mode shared"),
    (lambda _: {"mode": "both"}, "mode must be one of shared, split, got 'both'"),
    (lambda _: {"function": "shop"}, "function must be of type ReceiverSettings"),
    (lambda _: {"api": "http"}, "api must be of type WebApiSettings"),
    (lambda _: {"api_function": 1, "mode": "split"}, "api_function must be of type ApiFunctionSettings"),
    (lambda _: {"channel": "queue"}, "channel must be of type QueueChannel"),
    (lambda _: {"timeout": Duration.seconds(0)}, "timeout must be between 1 and 900"),
]


@pytest.mark.parametrize(("settings", "message"), RULES)
def test_wrong_props_are_refused(
    shop: HandlerPackage, settings: Callable[[HandlerPackage], dict[str, Any]], message: str
) -> None:
    with pytest.raises(InvalidPropsError, match=message):
        props(shop, **settings(shop))


def test_a_channel_has_the_time_out_of_the_function(stack: Stack, shop: HandlerPackage) -> None:
    channel = QueueChannel(stack, "Queue", QueueChannelProps(handler_timeout=Duration.seconds(31)))

    with pytest.raises(InvalidPropsError, match=r"timeout must be left out with channel"):
        props(shop, channel=channel, timeout=Duration.seconds(31), mode="split")
    with pytest.raises(
        InvalidPropsError, match=r"handler_timeout of channel in the mode shared must be at most the 30"
    ):
        props(shop, channel=channel)


def test_work_of_any_length_and_any_concurrency_is_allowed_in_two_functions(shop: HandlerPackage) -> None:
    queue = function(shop, max_concurrency=None, reserved_concurrency=2)

    assert props(shop, mode="split", timeout=Duration.minutes(15), function=queue).handler_timeout.to_seconds() == 900


def test_the_limits_themselves_are_allowed(shop: HandlerPackage) -> None:
    props(shop, timeout=Duration.seconds(30), function=function(shop, reserved_concurrency=15))
    props(shop, timeout=Duration.seconds(29), api=WebApiSettings(kind="rest"))


def test_a_reserved_concurrency_that_only_the_deployment_knows_is_passed_on(shop: HandlerPackage) -> None:
    reserved = Token.as_number({"Ref": "Reserved"})

    assert (
        "at most 5 of what is reserved"
        in props(shop, function=function(shop, reserved_concurrency=reserved)).price_of_sharing
    )


def test_errors_of_parts_begin_with_the_path(stack: Stack, shop: HandlerPackage) -> None:
    short = Duration.days(1)

    with pytest.raises(InvalidPropsError, match=r"^Stack/Shop: idempotency_window must be at least"):
        ApiAndQueueFunction(stack, "Shop", props(shop, idempotency_window=short))


@pytest.mark.parametrize("pack", [AwsSolutionsChecks, ServerlessChecks])
@pytest.mark.parametrize("name", ["shared", "split", "shared_rest", "split_rest"])
def test_cdk_nag_finds_nothing_that_is_not_acknowledged(
    request: pytest.FixtureRequest, name: str, pack: type[NagPack]
) -> None:
    stack = request.getfixturevalue(name).stack

    report = pack(stack).validate_scope(stack)

    assert [(each.rule_name, each.violating_resources) for each in report.violations] == []


@pytest.mark.parametrize("name", ["shared", "split", "split_rest"])
def test_the_own_checks_find_nothing(request: pytest.FixtureRequest, name: str) -> None:
    built: Built = request.getfixturevalue(name)
    parsed = CheckedTemplate.parse({"Resources": built.resources})

    found = [found.resource.logical_id for rule in MessagingChecks(protect=True).rules for found in rule.find(parsed)]
    assert [name.removesuffix(name[-8:]) for name in found] == ["ShopSweeperSchedule"]  # which is acknowledged


def test_every_setting_of_the_api_reaches_it(stack: Stack, shop: HandlerPackage) -> None:
    """A setting that `WebApiSettings` gets later is passed on, too."""
    settings = WebApiSettings(rate_limit=7, burst_limit=9, public=True)
    application = ApiAndQueueFunction(stack, "Shop", props(shop, api=settings))
    passed = application.api._props  # noqa: SLF001

    assert all(getattr(passed, each.name) == getattr(settings, each.name) for each in dataclasses.fields(settings))
