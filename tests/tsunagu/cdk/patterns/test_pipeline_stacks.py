"""Constructs that a pipeline is given may be in another stack of the same app."""

from typing import Any

import pytest
from aws_cdk import App, Duration, Stack

from tests.apps import new_app
from tests.tsunagu.cdk.constructs.synthesized import resources
from tsunagu.cdk.assets import HandlerPackage
from tsunagu.cdk.constructs.customer_managed_key import CustomerManagedKey, CustomerManagedKeyProps
from tsunagu.cdk.constructs.handler_function import HandlerFunctionProps
from tsunagu.cdk.constructs.topic_channel import TopicChannel
from tsunagu.cdk.patterns.pipeline_props import ServicePipelineProps, Step
from tsunagu.cdk.patterns.service import Service
from tsunagu.cdk.patterns.service_pipeline import ServicePipeline

SUBSCRIPTION, QUEUE, ALARM = "AWS::SNS::Subscription", "AWS::SQS::Queue", "AWS::CloudWatch::Alarm"


@pytest.fixture
def app(app_context: dict[str, Any]) -> App:
    return new_app(context=app_context)


@pytest.fixture
def given(app: App) -> Stack:
    return Stack(app, "Given")


@pytest.fixture
def own(app: App) -> Stack:
    return Stack(app, "Own")


def pipeline(stack: Stack, package: HandlerPackage, **settings: Any) -> ServicePipeline:
    props = ServicePipelineProps(
        name="orders",
        preprocessor=HandlerFunctionProps(package=package, timeout=Duration.seconds(20)),
        steps=[Step(name="reserve", services=[Service(name="billing", package=package)])],
        **settings,
    )
    return ServicePipeline(stack, "Orders", props)


def test_key_of_the_queues_may_be_of_another_stack(app: App, given: Stack, own: Stack, package: HandlerPackage) -> None:
    key = CustomerManagedKey(given, "Secret", CustomerManagedKeyProps(description="Orders")).key

    pipeline(own, package, queue_key=key)
    app.synth()

    assert [stack.stack_name for stack in own.dependencies] == ["Given"]
    assert not given.dependencies


def test_completion_topic_of_another_stack_reaches_web_servers_and_people_through_subscriptions_of_the_pipelines_stack(
    app: App, given: Stack, own: Stack, package: HandlerPackage
) -> None:
    completed = TopicChannel(given, "Told")
    subscribers = {"Warehouse": "https://warehouse.example.com", "People": "mailto:people@example.com"}

    pipeline(own, package, completion_topic=completed, subscribers=subscribers)
    app.synth()

    assert not given.dependencies
    assert not any(resources(given, resource_type) for resource_type in (SUBSCRIPTION, QUEUE, ALARM))
    for subscriber in subscribers:
        [dead_letters] = [
            queue
            for queue in resources(own, QUEUE)
            if queue.startswith(f"OrdersSubscribers{subscriber}DeadLetterQueue")
        ]
        assert [
            alarm for alarm in resources(own, ALARM).values() if dead_letters in str(alarm["Properties"]["Dimensions"])
        ]
