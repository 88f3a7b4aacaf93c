"""The rules on a template that the CDK wrote, each broken in one place."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.snapshots.stages import templates
from tsunagu.cdk.checks import MessagingChecks
from tsunagu.templates.template import Template

Resources = dict[str, Any]
BILLING = "OrdersStepsReserveBillingChannel"
# A tick of the sweep that is lost is followed by another one.
ACKNOWLEDGED = ("ScheduleDeadLetters", "OrdersRunSweeperSchedule")

Breakage = Callable[[Resources], None]


def named(resources: Resources, prefix: str) -> Resources:
    """Properties of the one resource whose logical id is `prefix` and a hash."""
    [found] = [name for name in resources if name[:-8] == prefix]
    properties: Resources = resources[found]["Properties"]
    return properties


def put(prefix: str, name: str, value: Any) -> Breakage:
    """Set one property of one resource."""
    return lambda resources: named(resources, prefix).update({name: value})


def drop(prefix: str, name: str) -> Breakage:
    """Leave one property of one resource out."""
    return lambda resources: named(resources, prefix).pop(name)


def keep_only_the_account(prefix: str) -> Breakage:
    """Leave only the account in the policy of a key."""
    return lambda resources: named(resources, prefix)["KeyPolicy"].update(
        Statement=named(resources, prefix)["KeyPolicy"]["Statement"][:1]
    )


def keep_sns_out(prefix: str) -> Breakage:
    """Leave only the refusal of what comes without TLS in the policy of a queue."""
    return lambda resources: named(resources, prefix)["PolicyDocument"].update(
        Statement=named(resources, prefix)["PolicyDocument"]["Statement"][:1]
    )


def expire_after(days: int) -> Breakage:
    """Let the objects of the pipeline's bucket expire."""
    return lambda resources: named(resources, "OrdersClaimCheckBucket")["LifecycleConfiguration"]["Rules"][0].update(
        ExpirationInDays=days
    )


def forget_sources(resources: Resources) -> None:
    """Leave the conditions out of the topic's policy."""
    for statement in named(resources, "DeadLetterNotifierTopicPolicy")["PolicyDocument"]["Statement"]:
        statement.pop("Condition")


def findings(stack: str, breakage: Breakage) -> set[tuple[str, str]]:
    """Rules that a stack of the strictest stage breaks after `breakage`, with the resource that breaks them."""
    template = copy.deepcopy(templates("prod")[f"tsunagu-prod-{stack}"])
    breakage(template["Resources"])
    parsed = Template.parse(template)
    rules = MessagingChecks(protect=True).rules
    return {(rule.rule_id, found.resource.logical_id[:-8]) for rule in rules for found in rule.find(parsed)}


@pytest.mark.parametrize(
    ("breakage", "finding"),
    [
        (put("FifoChannelQueue", "VisibilityTimeout", 29), ("QueueVisibility", "FifoChannelQueue")),
        (drop("StandardReceiverMapping", "FunctionResponseTypes"), ("PartialBatchResponse", "StandardReceiverMapping")),
        (
            put("FifoReceiverHandlerFunction", "ReservedConcurrentExecutions", 1),
            ("ReservedConcurrency", "FifoReceiverHandlerFunction"),
        ),
        (
            drop("StandardChannelDeadLetterQueue", "MessageRetentionPeriod"),
            ("DeadLetterRetention", "StandardChannelDeadLetterQueue"),
        ),
        (
            drop("FifoReceiverDeadLetterAlarm", "AlarmActions"),
            ("DeadLetterAlarm", "FifoChannelDeadLetterQueue"),
        ),
        (keep_only_the_account("DeadLetterNotifierTopicKey"), ("KeyPolicyService", "DeadLetterNotifierTopicKey")),
        (forget_sources, ("ResourcePolicySource", "DeadLetterNotifierTopicPolicy")),
        (drop("IdempotencyTable", "TimeToLiveSpecification"), ("IdempotencyTtl", "IdempotencyTable")),
        (drop("PaymentsTable", "DeletionProtectionEnabled"), ("DeletionProtection", "PaymentsTable")),
    ],
)
def test_broken_stack_breaks_one_rule(breakage: Breakage, finding: tuple[str, str]) -> None:
    assert findings("payments", breakage) == {finding}


@pytest.mark.parametrize(
    ("breakage", "finding"),
    [
        (drop(f"{BILLING}Subscription", "RedrivePolicy"), ("SubscriptionDeadLetters", f"{BILLING}Subscription")),
        (
            drop(f"{BILLING}SubscriptionDeadLetterAlarm", "AlarmActions"),
            ("DeadLetterAlarm", f"{BILLING}SubscriptionDeadLetterQueue"),
        ),
        (keep_sns_out(f"{BILLING}QueuePolicy"), ("QueuePolicyService", f"{BILLING}Queue")),
        (
            keep_sns_out(f"{BILLING}SubscriptionDeadLetterQueuePolicy"),
            ("QueuePolicyService", f"{BILLING}SubscriptionDeadLetterQueue"),
        ),
        (keep_only_the_account("QueueKey"), ("KeyPolicyService", "QueueKey")),
        (expire_after(21), ("ClaimExpiration", "OrdersClaimCheckBucket")),
    ],
)
def test_broken_pipeline_breaks_one_rule(breakage: Breakage, finding: tuple[str, str]) -> None:
    assert findings("order-pipeline", breakage) == {finding, ACKNOWLEDGED}
