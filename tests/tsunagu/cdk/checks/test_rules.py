"""Each rule finds the one template that breaks it, and no rule finds anything in the sound template."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.tsunagu.cdk.checks.sound import SOUND, Resources, findings
from tsunagu.cdk.checks import MessagingChecks

Breakage = Callable[[Resources], None]


def put(logical_id: str, name: str, value: Any) -> Breakage:
    """Set one property of one resource."""
    return lambda resources: resources[logical_id]["Properties"].update({name: value})


def drop(logical_id: str, name: str) -> Breakage:
    """Leave one property of one resource out."""
    return lambda resources: resources[logical_id]["Properties"].pop(name)


def attribute(logical_id: str, name: str, value: str) -> Breakage:
    """Set an attribute beside the properties of one resource."""
    return lambda resources: resources[logical_id].update({name: value})


def allow(principal: Any, **conditions: Any) -> Breakage:
    """Let somebody else send to the queue too."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sqs:SendMessage", "Condition": conditions}
    return lambda resources: resources["OrdersPolicy"]["Properties"]["PolicyDocument"]["Statement"].append(statement)


def key_for(service: str, *actions: str) -> Breakage:
    """Let one service only use the key."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": list(actions)}
    return put("Key", "KeyPolicy", {"Statement": [statement]})


def expiring(days: Any, status: str = "Enabled") -> dict[str, Any]:
    """Lifecycle of a bucket whose objects expire."""
    return {"Rules": [{"Status": status, "ExpirationInDays": days}]}


def test_sound_template_breaks_no_rule() -> None:
    assert findings(SOUND) == set()


def test_empty_template_breaks_no_rule() -> None:
    assert findings({}) == set()


@pytest.mark.parametrize(
    ("breakage", "finding"),
    [
        (put("Orders", "VisibilityTimeout", 64), ("QueueVisibility", "Orders")),
        (drop("Orders", "VisibilityTimeout"), ("QueueVisibility", "Orders")),
        (put("Function", "Timeout", 11), ("QueueVisibility", "Orders")),
        (put("Mapping", "MaximumBatchingWindowInSeconds", 6), ("QueueVisibility", "Orders")),
        (drop("Mapping", "FunctionResponseTypes"), ("PartialBatchResponse", "Mapping")),
        (put("Mapping", "FilterCriteria", {"Filters": []}), ("MappingFilter", "Mapping")),
        (put("Function", "ReservedConcurrentExecutions", 4), ("ReservedConcurrency", "Function")),
        (drop("DeadOrders", "MessageRetentionPeriod"), ("DeadLetterRetention", "DeadOrders")),
        (put("Orders", "MessageRetentionPeriod", 1_209_600), ("DeadLetterRetention", "DeadOrders")),
        (drop("Alarm", "AlarmActions"), ("DeadLetterAlarm", "DeadOrders")),
        (put("Alarm", "MetricName", "NumberOfMessagesSent"), ("DeadLetterAlarm", "DeadOrders")),
        (allow("*"), ("ResourcePolicySource", "OrdersPolicy")),
        (allow({"AWS": "*"}), ("ResourcePolicySource", "OrdersPolicy")),
        (allow({"AWS": ["*"]}, Bool={"aws:SecureTransport": "true"}), ("ResourcePolicySource", "OrdersPolicy")),
        (allow({"Service": "sns.amazonaws.com"}), ("ResourcePolicySource", "OrdersPolicy")),
        (key_for("sns.amazonaws.com", "kms:Decrypt", "kms:GenerateDataKey"), ("KeyPolicyService", "Key")),
        (key_for("cloudwatch.amazonaws.com", "kms:Decrypt"), ("KeyPolicyService", "Key")),
        (put("Topic", "KmsMasterKeyId", "alias/aws/sns"), ("AwsManagedKey", "Topic")),
        (put("Undelivered", "KmsMasterKeyId", "alias/aws/sqs"), ("AwsManagedKey", "Undelivered")),
        (put("OrdersPolicy", "Queues", [{"Ref": "Orders"}]), ("QueuePolicyService", "Undelivered")),
        (put("OrdersPolicy", "Queues", [{"Ref": "Undelivered"}]), ("QueuePolicyService", "Orders")),
        (put("Claims", "LifecycleConfiguration", expiring(21)), ("ClaimExpiration", "Claims")),
        (drop("Subscription", "RedrivePolicy"), ("SubscriptionDeadLetters", "Subscription")),
        (drop("UndeliveredAlarm", "AlarmActions"), ("DeadLetterAlarm", "Undelivered")),
        (drop("UnstartedAlarm", "AlarmActions"), ("DeadLetterAlarm", "Unstarted")),
        (put("UnstartedPolicy", "Queues", []), ("QueuePolicyService", "Unstarted")),
        (put("Nightly", "Target", {"Arn": {"Ref": "Machine"}}), ("ScheduleDeadLetters", "Nightly")),
        (drop("Items", "TimeToLiveSpecification"), ("IdempotencyTtl", "Items")),
        (
            put("Items", "TimeToLiveSpecification", {"AttributeName": "ttl", "Enabled": True}),
            ("IdempotencyTtl", "Items"),
        ),
        (put("Orders", "QueueName", "orders"), ("FixedName", "Orders")),
        (put("Items", "TableName", "items"), ("FixedName", "Items")),
        (attribute("Orders", "DeletionPolicy", "Delete"), ("StatefulDelete", "Orders")),
        (attribute("Key", "DeletionPolicy", "Delete"), ("StatefulDelete", "Key")),
        (drop("Items", "DeletionProtectionEnabled"), ("DeletionProtection", "Items")),
    ],
)
def test_broken_template_breaks_one_rule(breakage: Breakage, finding: tuple[str, str]) -> None:
    resources = copy.deepcopy(SOUND)

    breakage(resources)

    assert findings(resources) == {finding}


def test_receive_budget_below_five_is_found() -> None:
    resources = copy.deepcopy(SOUND)

    resources["Orders"]["Properties"]["RedrivePolicy"]["maxReceiveCount"] = 4

    assert findings(resources) == {("ReceiveBudget", "Orders")}


def test_one_reserved_execution_is_too_few_for_any_queue() -> None:
    resources = copy.deepcopy(SOUND)
    drop("Mapping", "ScalingConfig")(resources)

    put("Function", "ReservedConcurrentExecutions", 1)(resources)

    assert findings(resources) == {("ReservedConcurrency", "Function")}


@pytest.mark.parametrize("lifecycle", [expiring(22), expiring(21, "Disabled"), {"Rules": []}])
def test_objects_that_outlive_a_redrive_break_no_rule(lifecycle: dict[str, Any]) -> None:
    resources = copy.deepcopy(SOUND)

    put("Claims", "LifecycleConfiguration", lifecycle)(resources)

    assert findings(resources) == set()


@pytest.mark.parametrize(
    "breakage",
    [
        put("Claims", "LifecycleConfiguration", {"Ref": "Lifecycle"}),
        put("Claims", "LifecycleConfiguration", expiring({"Ref": "Days"})),
        put("Subscription", "Endpoint", {"Fn::ImportValue": "OrdersArn"}),
        put("Orders", "VisibilityTimeout", {"Ref": "Visibility"}),
        put("Function", "Timeout", {"Ref": "Timeout"}),
        put("Mapping", "EventSourceArn", {"Fn::ImportValue": "OrdersArn"}),
        put("Mapping", "FunctionName", {"Fn::ImportValue": "FunctionName"}),
        put("DeadOrders", "MessageRetentionPeriod", {"Ref": "Retention"}),
        put("Orders", "KmsMasterKeyId", {"Fn::ImportValue": "KeyArn"}),
        put("Orders", "QueueName", {"Ref": "QueueName"}),
        put("Function", "Environment", {"Variables": {"IDEMPOTENCY_TABLE_NAME": {"Fn::ImportValue": "Items"}}}),
    ],
)
def test_what_only_the_deployment_knows_breaks_no_rule(breakage: Breakage) -> None:
    resources = copy.deepcopy(SOUND)

    breakage(resources)

    assert findings(resources) == set()


def test_unprotected_stage_may_delete_what_is_stateful() -> None:
    guarded, unguarded = MessagingChecks(protect=True), MessagingChecks()

    assert set(guarded.rule_ids) - set(unguarded.rule_ids) == {"StatefulDelete", "DeletionProtection"}


def test_rule_names_are_unique() -> None:
    names = MessagingChecks(protect=True).rule_ids

    assert len(names) == len(set(names))
