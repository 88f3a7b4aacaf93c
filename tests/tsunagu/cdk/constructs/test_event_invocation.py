from typing import Any

import pytest
from aws_cdk import Duration, Stack

from tests.tsunagu.cdk.constructs.request_stacks import Parts
from tests.tsunagu.cdk.constructs.synthesized import only, permissions, properties, resources
from tsunagu.cdk.constructs.customer_managed_key import CustomerManagedKey, CustomerManagedKeyProps
from tsunagu.errors import InvalidPropsError

CONFIG = "AWS::Lambda::EventInvokeConfig"


def dead_letter_queue(stack: Stack) -> tuple[str, dict[str, Any]]:
    [found] = [each for each in resources(stack, "AWS::SQS::Queue").items() if each[0].startswith("Events")]
    return found


def test_lambda_retries_and_sends_what_it_gives_up_to_the_queue(stack: Stack) -> None:
    Parts.of(stack).events(retries=1, maximum_age=Duration.minutes(10))

    config = properties(stack, CONFIG)
    name, _ = dead_letter_queue(stack)
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (1, 600)
    assert config["DestinationConfig"] == {"OnFailure": {"Destination": {"Fn::GetAtt": [name, "Arn"]}}}


def test_default_is_what_lambda_does_by_itself(stack: Stack) -> None:
    Parts.of(stack).events()

    config = properties(stack, CONFIG)
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (2, 21_600)


def test_role_of_the_function_may_send_and_the_configuration_waits_for_that(stack: Stack) -> None:
    Parts.of(stack).events()

    assert ("sqs:SendMessage", "EventsDeadLetterQueue") in permissions(stack)
    [policy] = resources(stack, "AWS::IAM::Policy")
    assert policy in only(stack, CONFIG)["DependsOn"]


def test_events_are_kept_for_fourteen_days(stack: Stack) -> None:
    Parts.of(stack).events()

    _, queue = dead_letter_queue(stack)
    assert queue["Properties"]["MessageRetentionPeriod"] == 14 * 86_400
    assert queue["Properties"]["SqsManagedSseEnabled"] is True
    assert queue["DeletionPolicy"] == "Retain"


def test_key_of_the_queue_is_granted_to_who_sends(stack: Stack) -> None:
    key = CustomerManagedKey(stack, "Secret", CustomerManagedKeyProps(description="Reports")).key

    Parts.of(stack).events(key=key)

    assert {("kms:Decrypt", "SecretKey"), ("kms:GenerateDataKey", "SecretKey")} <= permissions(stack)


def test_event_that_was_given_up_raises_an_alarm(stack: Stack) -> None:
    parts = Parts.of(stack)

    parts.events(dead_letter_notifier=parts.notifier)

    alarm = properties(stack, "AWS::CloudWatch::Alarm")
    name, _ = dead_letter_queue(stack)
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": {"Fn::GetAtt": [name, "QueueName"]}}]
    assert alarm["AlarmActions"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"retries": 3}, "retries must be between 0 and 2, got 3"),
        ({"maximum_age": Duration.hours(7)}, "maximum_age must be between 60 and 21,600 seconds, got 25,200"),
    ],
)
def test_numbers_that_lambda_does_not_take_are_refused(stack: Stack, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidPropsError, match=f"^{message}$"):
        Parts.of(stack).events(**settings)
