"""Values that only the deployment knows, wherever a construct accepts them."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from aws_cdk import CfnParameter, Duration, Fn, Stack
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Template

from tsunagu.cdk import (
    FilterPolicy,
    HandlerFunction,
    HandlerFunctionProps,
    HandlerPackage,
    IdempotentReceiver,
    IdempotentReceiverProps,
    QueueChannel,
    QueueChannelProps,
    RequestGatewaySettings,
    TopicChannel,
    TopicChannelProps,
)
from tsunagu.cdk.patterns.subscribers import subscribe
from tsunagu.contracts.environment import EnvironmentContract
from tsunagu.errors import InvalidPropsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits(EnvironmentContract):
    most: int
    rate: float
    name: str


def number(stack: Stack, name: str = "Number") -> Any:
    return CfnParameter(stack, name, type="Number").value_as_number


def text(stack: Stack, name: str = "Text") -> str:
    return CfnParameter(stack, name).value_as_string


def template(stack: Stack) -> dict[str, Any]:
    found = dict(Template.from_stack(stack).to_json())
    assert "e+289" not in json.dumps(found)
    assert "Token[" not in json.dumps(found)
    return found


def properties(stack: Stack, kind: str) -> list[dict[str, Any]]:
    return [each["Properties"] for each in template(stack)["Resources"].values() if each["Type"] == kind]


def test_addresses_of_subscribers_are_passed_on(stack: Stack) -> None:
    topic = TopicChannel(stack, "Topic", TopicChannelProps())
    topic.subscribe_email("People", text(stack, "Email"))
    topic.subscribe_https("Web", text(stack, "Url"))
    topic.subscribe_https("Host", f"https://{text(stack, 'Host')}/orders")

    endpoints = [each["Endpoint"] for each in properties(stack, "AWS::SNS::Subscription")]
    assert endpoints == [
        {"Ref": "Email"},
        {"Ref": "Url"},
        {"Fn::Join": ["", ["https://", {"Ref": "Host"}, "/orders"]]},
    ]


def test_a_subscriber_whose_kind_only_the_deployment_knows_is_refused(stack: Stack) -> None:
    topic = TopicChannel(stack, "Topic", TopicChannelProps())
    unused: Any = None

    with pytest.raises(
        InvalidPropsError, match=r"^Stack: subscribers must be .*, got a value that only the deployment"
    ):
        subscribe(stack, topic, unused, {"People": text(stack)}, outside=stack)


def test_numbers_of_a_function_and_of_its_environment_are_passed_on(stack: Stack, package: HandlerPackage) -> None:
    limits = Limits(most=number(stack, "Most"), rate=number(stack, "Rate"), name=text(stack, "Name"))
    props = HandlerFunctionProps(
        package=package,
        timeout=Duration.seconds(5),
        memory_mib=number(stack, "Memory"),
        reserved_concurrency=number(stack, "Reserved"),
        environment=[limits],
    )
    HandlerFunction(stack, "Handler", props)

    [function] = properties(stack, "AWS::Lambda::Function")
    assert function["MemorySize"] == {"Ref": "Memory"}
    assert function["ReservedConcurrentExecutions"] == {"Ref": "Reserved"}
    assert function["Environment"]["Variables"] == {
        "MOST": {"Ref": "Most"},
        "RATE": {"Ref": "Rate"},
        "NAME": {"Ref": "Name"},
    }


def test_numbers_of_a_receiver_are_passed_on_or_refused(stack: Stack, package: HandlerPackage) -> None:
    channel = QueueChannel(stack, "Orders", QueueChannelProps(handler_timeout=Duration.seconds(5)))
    most, namespace = number(stack, "MostAtOnce"), text(stack, "Namespace")
    settings: dict[str, Any] = {"package": package, "channel": channel}
    props = IdempotentReceiverProps(
        **settings, max_concurrency=most, reserved_concurrency=number(stack, "Reserved"), metrics_namespace=namespace
    )
    IdempotentReceiver(stack, "Receiver", props)

    [mapping] = properties(stack, "AWS::Lambda::EventSourceMapping")
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "MostAtOnce"}}
    for prop in ("batch_size", "max_attempts"):
        with pytest.raises(InvalidPropsError, match=f"^{prop} must be known when the app is synthesized"):
            IdempotentReceiverProps(**settings, **{prop: most})


def test_a_topic_whose_arn_only_the_deployment_knows_is_fifo_where_the_stack_says_so(stack: Stack) -> None:
    existing = sns.Topic.from_topic_arn(stack, "Existing", Fn.import_value("Topic"))
    orders = QueueChannel(stack, "Orders", QueueChannelProps(handler_timeout=Duration.seconds(5), fifo=True))
    topic = TopicChannel(stack, "Topic", TopicChannelProps(existing=existing, fifo=True))
    topic.subscribe(orders, filter_policy=FilterPolicy(conditions={"kind": [text(stack)]}))

    assert {each["FifoQueue"] for each in properties(stack, "AWS::SQS::Queue")} == {True}


@pytest.mark.parametrize("prop", ["name", "path", "largest_body_bytes"])
def test_what_a_gateway_computes_with_must_be_known(stack: Stack, prop: str) -> None:
    value = number(stack) if prop == "largest_body_bytes" else text(stack)
    props: dict[str, Any] = {"name": "reports", prop: value}

    with pytest.raises(InvalidPropsError, match=f"^{prop} must be known when the app is synthesized"):
        RequestGatewaySettings(**props)
