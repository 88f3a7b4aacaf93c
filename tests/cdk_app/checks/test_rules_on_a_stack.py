"""The rules see what the CDK writes, not only what a test imagines: a real template is broken in one place."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from cdk_app.checks import MessagingChecks
from cdk_app.checks.template import Template
from tests.snapshots.stages import templates

Resources = dict[str, Any]
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


def forget_services(resources: Resources) -> None:
    """Leave only the account in the policy of the topic's key."""
    del named(resources, "DeadLetterNotifierTopicKey")["KeyPolicy"]["Statement"][1:]


def forget_sources(resources: Resources) -> None:
    """Leave the conditions out of the topic's policy."""
    for statement in named(resources, "DeadLetterNotifierTopicPolicy")["PolicyDocument"]["Statement"]:
        statement.pop("Condition")


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
        (forget_services, ("KeyPolicyService", "DeadLetterNotifierTopicKey")),
        (forget_sources, ("ResourcePolicySource", "DeadLetterNotifierTopicPolicy")),
        (drop("IdempotencyTable", "TimeToLiveSpecification"), ("IdempotencyTtl", "IdempotencyTable")),
        (drop("PaymentsTable", "DeletionProtectionEnabled"), ("DeletionProtection", "PaymentsTable")),
    ],
)
def test_broken_stack_breaks_one_rule(breakage: Breakage, finding: tuple[str, str]) -> None:
    template = copy.deepcopy(templates("prod")["tsunagu-prod-payments"])

    breakage(template["Resources"])

    rules = MessagingChecks(protect=True).rules
    parsed = Template.parse(template)
    assert {(rule.rule_id, found.resource.logical_id[:-8]) for rule in rules for found in rule.find(parsed)} == {
        finding
    }
