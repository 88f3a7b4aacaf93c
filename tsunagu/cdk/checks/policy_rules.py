"""Rules about the policies of queues, topics and keys."""

from collections.abc import Iterator, Sequence
from typing import Any

from tsunagu.cdk.checks.alarm_rules import ALARM
from tsunagu.cdk.checks.consumer_rules import EVENT_RULE, QUEUE, SUBSCRIPTION, kept_by_targets
from tsunagu.cdk.checks.policies import ALLOW, Statement, read_policy
from tsunagu.cdk.checks.rule import Finding, Rule
from tsunagu.cdk.constructs.key_access import AWS_MANAGED_ALIAS, CLOUDWATCH, SEND_ACTIONS, SNS
from tsunagu.templates.intrinsics import is_intrinsic
from tsunagu.templates.template import Resource, Template, mapping

_TOPIC, _KEY = ("AWS::SNS::Topic", "AWS::KMS::Key")
_EVENTS = "events.amazonaws.com"
# Policies of queues, and policies that CloudFormation keeps for one queue.
_QUEUE_POLICIES = ("AWS::SQS::QueuePolicy", "AWS::SQS::QueueInlinePolicy")
_RESOURCE_POLICIES = (*_QUEUE_POLICIES, "AWS::SNS::TopicPolicy", "AWS::SNS::TopicInlinePolicy")


def _open_resource_policy(template: Template) -> Iterator[Finding]:
    for policy in template.of_type(*_RESOURCE_POLICIES):
        statements = read_policy(policy.properties.get("PolicyDocument")) or []
        for statement in statements:
            if statement.has_effect(ALLOW) and _is_open(statement, statements):
                yield Finding(policy, f"Properties/PolicyDocument/{statement.location}")


def _is_open(statement: Statement, policy: Sequence[Statement]) -> bool:
    """Return whether a statement allows everyone, or a service for whomever it acts."""
    if statement.names_everyone():
        return not statement.bounds_caller() and not any(other.refuses_strangers(statement) for other in policy)
    return statement.names_services() and not statement.bounds_source()


def _key_of(template: Template, resource: Resource) -> Resource | None:
    return template.target(resource.properties.get("KmsMasterKeyId"))


def _allows_send(key: Resource, service: str) -> bool:
    statements = read_policy(key.properties.get("KeyPolicy"))
    return statements is None or all(
        any(statement.allows_service(service, action) for statement in statements) for action in SEND_ACTIONS
    )


def _hops(template: Template) -> Iterator[tuple[str, Resource]]:
    """Iterate over services that send, each with the queue or topic to which it sends."""
    sends = [(CLOUDWATCH, action) for alarm in template.of_type(ALARM) for action in _actions(alarm)]
    for subscription in template.of_type(SUBSCRIPTION):
        sends.append((SNS, subscription.properties.get("Endpoint")))
        sends.append((SNS, subscription.mapping("RedrivePolicy").get("deadLetterTargetArn")))
    for rule in template.of_type(EVENT_RULE):
        sends += [(_EVENTS, mapping(target).get("Arn")) for target in rule.items("Targets")]
    for service, arn in sends:
        target = template.target(arn)
        if target is not None and target.type in {QUEUE, _TOPIC}:
            yield service, target
    # A schedule sends dead letters with its role, a rule with the policy of the queue.
    yield from ((_EVENTS, queue) for source, queue in kept_by_targets(template) if source.type == EVENT_RULE)


def _undeliverable(template: Template) -> Iterator[Finding]:
    closed = {}
    for service, target in _hops(template):
        if target.type == QUEUE and not _allows_delivery(template, target, service):
            closed[target.key] = target
    return (Finding(queue, "Properties/QueueName") for queue in closed.values())


def _allows_delivery(template: Template, queue: Resource, service: str) -> bool:
    """Return whether a policy of the queue allows a service to send, as far as it is known."""
    for policy in template.of_type(*_QUEUE_POLICIES):
        if not any(_may_be(template, target, queue) for target in (*policy.items("Queues"), *policy.items("Queue"))):
            continue
        statements = read_policy(policy.properties.get("PolicyDocument"))
        if statements is None or any(found.allows_service(service, "sqs:SendMessage") for found in statements):
            return True
    return False


def _may_be(template: Template, value: object, queue: Resource) -> bool:
    """Return whether a value refers to the queue, or to one that only the deployment knows."""
    target = template.target(value)
    return target.key == queue.key if target is not None else is_intrinsic(value)


def _dropped_messages(template: Template) -> Iterator[Finding]:
    for subscription in template.of_type(SUBSCRIPTION):
        if "RedrivePolicy" not in subscription.properties:
            yield Finding(subscription, "Properties/RedrivePolicy")


def _actions(alarm: Resource) -> Sequence[Any]:
    return [action for name in ("AlarmActions", "OKActions", "InsufficientDataActions") for action in alarm.items(name)]


def _closed_key(template: Template) -> Iterator[Finding]:
    closed = {}
    for service, target in _hops(template):
        key = _key_of(template, target)
        if key is not None and key.type == _KEY and not _allows_send(key, service):
            closed[key.key] = key
    return (Finding(key, "Properties/KeyPolicy") for _, key in sorted(closed.items()))


def _aws_managed_key(template: Template) -> Iterator[Finding]:
    targets = {target.key: target for _, target in _hops(template)}
    for target in targets.values():
        key = target.properties.get("KmsMasterKeyId")
        if isinstance(key, str) and key.startswith(AWS_MANAGED_ALIAS):
            yield Finding(target, "Properties/KmsMasterKeyId")


POLICY_RULES = (
    Rule(
        rule_id="ResourcePolicySource",
        description="The policy allows everyone, or an AWS service that acts for any account (the confused deputy).",
        fix="Name the principal, and add aws:SourceArn or aws:SourceAccount to the conditions.",
        find=_open_resource_policy,
    ),
    Rule(
        rule_id="KeyPolicyService",
        description="An AWS service sends to a queue or topic that this key encrypts, and the key does not allow it: "
        "its messages are lost silently.",
        fix="Allow the service kms:Decrypt and kms:GenerateDataKey in the key's policy.",
        find=_closed_key,
    ),
    Rule(
        rule_id="QueuePolicyService",
        description="An AWS service sends to this queue, and no policy of the queue allows it: its messages are lost "
        "or dead-lettered.",
        fix="Allow the service sqs:SendMessage in the queue's policy, with aws:SourceArn.",
        find=_undeliverable,
    ),
    Rule(
        rule_id="SubscriptionDeadLetters",
        description="SNS drops messages that it cannot deliver to this subscriber.",
        fix="Set RedrivePolicy to a dead-letter queue, whose policy and key allow SNS.",
        find=_dropped_messages,
    ),
    Rule(
        rule_id="AwsManagedKey",
        description="An AWS service sends to a queue or topic with an AWS-managed key, whose policy allows no service.",
        fix="Use a customer-managed key whose policy names the service.",
        find=_aws_managed_key,
    ),
)
