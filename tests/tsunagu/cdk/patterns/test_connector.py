from typing import Any

import pytest
from aws_cdk import Duration, Stack

from tests.tsunagu.cdk.constructs.synthesized import resources
from tsunagu.cdk.assets import HandlerPackage
from tsunagu.cdk.constructs.customer_managed_key import CustomerManagedKey, CustomerManagedKeyProps
from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier
from tsunagu.cdk.constructs.idempotency_table import IdempotencyTable
from tsunagu.cdk.constructs.queue_channel import QueueChannel, QueueChannelProps
from tsunagu.cdk.constructs.topic_channel import TopicChannel
from tsunagu.cdk.patterns.connector import Connector, ConnectorProps
from tsunagu.cdk.patterns.service import Service
from tsunagu.errors import InvalidPropsError

FUNCTION, MAPPING, QUEUE, SUBSCRIPTION = (
    "AWS::Lambda::Function",
    "AWS::Lambda::EventSourceMapping",
    "AWS::SQS::Queue",
    "AWS::SNS::Subscription",
)
DAY_SECONDS = 86_400


def connector(stack: Stack, package: HandlerPackage, *names: str, **settings: Any) -> Connector:
    services = [Service(name=name, package=package) for name in names or ("inventory", "billing")]
    return Connector(stack, "Reserve", ConnectorProps(services=services, **settings))


def of_type(stack: Stack, resource_type: str) -> list[dict[str, Any]]:
    return [found["Properties"] for found in resources(stack, resource_type).values()]


def test_each_service_has_a_queue_dead_letters_a_function_and_a_role_of_its_own(
    stack: Stack, package: HandlerPackage
) -> None:
    connector(stack, package)

    sources = {str(mapping["EventSourceArn"]) for mapping in of_type(stack, MAPPING)}
    targets = {str(mapping["FunctionName"]) for mapping in of_type(stack, MAPPING)}
    roles = {str(function["Role"]) for function in of_type(stack, FUNCTION)}
    dead = {
        str(queue["RedrivePolicy"]["deadLetterTargetArn"])
        for queue in of_type(stack, QUEUE)
        if "RedrivePolicy" in queue
    }
    undelivered = {str(subscription["RedrivePolicy"]) for subscription in of_type(stack, SUBSCRIPTION)}
    assert [len(found) for found in (sources, targets, roles, dead, undelivered)] == [2, 2, 2, 2, 2]


def test_service_takes_messages_for_all_and_for_itself_alone(stack: Stack, package: HandlerPackage) -> None:
    connector(stack, package)

    found = {
        str(subscription["Endpoint"]["Fn::GetAtt"][0])[:-8]: subscription["FilterPolicy"]
        for subscription in of_type(stack, SUBSCRIPTION)
    }
    assert found == {
        "ReserveInventoryChannelQueue": {"tsunagu_service": [{"exists": False}, "inventory"]},
        "ReserveBillingChannelQueue": {"tsunagu_service": [{"exists": False}, "billing"]},
    }


def test_every_queue_of_dead_letters_raises_an_alarm(stack: Stack, package: HandlerPackage) -> None:
    connector(stack, package, "billing")

    watched = {
        str(alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0])[:-8]
        for alarm in of_type(stack, "AWS::CloudWatch::Alarm")
        if alarm["Namespace"] == "AWS/SQS"
    }
    assert watched == {
        "ReserveBillingChannelQueue",
        "ReserveBillingChannelDeadLetterQueue",
        "ReserveBillingChannelSubscriptionDeadLetterQueue",
    }


def test_messages_are_remembered_until_the_last_redrive_of_the_slowest_service(
    stack: Stack, package: HandlerPackage
) -> None:
    slow = QueueChannel(
        stack, "Slow", QueueChannelProps(handler_timeout=Duration.seconds(5), retention=Duration.days(6))
    )
    services = [Service(name="billing", package=package), Service(name="audit", package=package, channel=slow)]

    Connector(stack, "Reserve", ConnectorProps(services=services))

    windows = {
        function["Environment"]["Variables"]["IDEMPOTENCY_WINDOW_SECONDS"] for function in of_type(stack, FUNCTION)
    }
    assert windows == {str((14 + 6 + 14 + 6 + 1) * DAY_SECONDS)}


def test_settings_of_a_service_reach_its_function_and_no_other(stack: Stack, package: HandlerPackage) -> None:
    services = [
        Service(name="billing", package=package, memory_mib=512, max_concurrency=3, batch_size=5, max_attempts=2),
        Service(name="inventory", package=package, handler_timeout=Duration.seconds(7)),
    ]

    Connector(stack, "Reserve", ConnectorProps(services=services))

    functions = {function["Timeout"]: function for function in of_type(stack, FUNCTION)}
    assert (functions[30]["MemorySize"], functions[7]["MemorySize"]) == (512, 256)
    assert functions[30]["Environment"]["Variables"]["MAX_ATTEMPTS"] == "2"
    assert functions[7]["Environment"]["Variables"]["MAX_ATTEMPTS"] == "5"
    scaling = {mapping["BatchSize"]: mapping.get("ScalingConfig") for mapping in of_type(stack, MAPPING)}
    assert scaling == {5: {"MaximumConcurrency": 3}, 10: None}


def test_one_table_one_topic_and_one_dead_letter_notifier_serve_all_services(
    stack: Stack, package: HandlerPackage
) -> None:
    topic, table, notifier = (
        TopicChannel(stack, "Topic"),
        IdempotencyTable(stack, "Items"),
        DeadLetterNotifier(stack, "Told"),
    )

    made = connector(stack, package, topic=topic, table=table, dead_letter_notifier=notifier)

    assert (made.topic, made.table, made.dead_letter_notifier) == (topic, table, notifier)
    assert len(resources(stack, "AWS::DynamoDB::Table")) == 1
    assert len(resources(stack, "AWS::SNS::Topic")) == 3  # the third is that of the notifier's alarms


def test_queues_are_encrypted_with_the_key_that_is_given(stack: Stack, package: HandlerPackage) -> None:
    key = CustomerManagedKey(stack, "Secret", CustomerManagedKeyProps(description="Orders")).key

    connector(stack, package, queue_key=key)

    assert len(of_type(stack, QUEUE)) == 6
    assert {queue["KmsMasterKeyId"]["Fn::GetAtt"][0][:-8] for queue in of_type(stack, QUEUE)} == {"SecretKey"}


def test_what_is_not_protected_goes_with_its_stack(stack: Stack, package: HandlerPackage) -> None:
    services = [Service(name="billing", package=package, protect=False)]

    Connector(stack, "Reserve", ConnectorProps(services=services, protect=False))

    for resource_type in ("AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::Logs::LogGroup", QUEUE):
        assert {found["DeletionPolicy"] for found in resources(stack, resource_type).values()} == {"Delete"}


def test_setting_that_does_not_fit_the_queue_names_the_service(stack: Stack, package: HandlerPackage) -> None:
    services = [Service(name="billing", package=package, handler_timeout=Duration.seconds(900))]

    with pytest.raises(
        InvalidPropsError, match=r"^Stack/Reserve/Billing: batch_size must be at most 5, so that 5 attempts"
    ):
        Connector(stack, "Reserve", ConnectorProps(services=services))


def test_services_have_names_of_their_own(package: HandlerPackage) -> None:
    services = [Service(name="billing", package=package)] * 2

    with pytest.raises(InvalidPropsError, match="services must have different names, got billing twice"):
        ConnectorProps(services=services)


def test_connector_has_a_service() -> None:
    with pytest.raises(InvalidPropsError, match="services must have at least one service, got none"):
        ConnectorProps(services=[])


def test_window_in_which_a_late_redrive_was_forgotten_is_refused(package: HandlerPackage) -> None:
    services = [Service(name="billing", package=package)]

    with pytest.raises(InvalidPropsError) as refusal:
        ConnectorProps(services=services, idempotency_window=Duration.days(36))

    assert str(refusal.value) == (
        "idempotency_window must be at least 3,196,800 seconds, because a message that is redriven later would take "
        "effect twice, got 3,110,400"
    )
