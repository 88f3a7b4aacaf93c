"""Rules about the policies of queues, topics and keys."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tsunagu.cdk.checks.consumer_rules import ALARM, EVENT_RULE, QUEUE, SUBSCRIPTION, kept_by_targets
from tsunagu.cdk.checks.rule import Finding, Rule
from tsunagu.cdk.checks.template import Resource, Template
from tsunagu.cdk.constructs.key_access import AWS_MANAGED_ALIAS, CLOUDWATCH, SEND_ACTIONS, SNS

_TOPIC, _KEY = ("AWS::SNS::Topic", "AWS::KMS::Key")
_EVENTS = "events.amazonaws.com"
_QUEUE_POLICY = "AWS::SQS::QueuePolicy"
_RESOURCE_POLICIES = (_QUEUE_POLICY, "AWS::SNS::TopicPolicy")
_SOURCE_KEYS = {"aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:principalorgid"}


def _statements(policy: object) -> list[Mapping[str, Any]]:
    return policy.get("Statement", []) if isinstance(policy, dict) else []


def _as_list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _services(statement: Mapping[str, Any]) -> Sequence[Any]:
    principal = statement.get("Principal")
    return _as_list(principal["Service"]) if isinstance(principal, dict) and "Service" in principal else []


def _is_public(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    named = principal.get("AWS") if isinstance(principal, dict) else principal
    return "*" in _as_list(named)


def _names_source(statement: Mapping[str, Any]) -> bool:
    keys = {key.lower() for operator in statement.get("Condition", {}).values() for key in operator}
    return bool(keys & _SOURCE_KEYS)


def _open_resource_policy(template: Template) -> Iterator[Finding]:
    for policy in template.of_type(*_RESOURCE_POLICIES):
        for number, statement in enumerate(_statements(policy.properties.get("PolicyDocument"))):
            unbounded = _is_public(statement) or _services(statement)
            if statement.get("Effect") == "Allow" and unbounded and not _names_source(statement):
                yield Finding(policy, f"Properties/PolicyDocument/Statement/{number}")


def _key_of(template: Template, resource: Resource) -> Resource | None:
    return template.target(resource.properties.get("KmsMasterKeyId"))


def _allows_send(key: Resource, service: str) -> bool:
    allowed: set[str] = set()
    for statement in _statements(key.properties.get("KeyPolicy")):
        if statement.get("Effect") == "Allow" and service in _services(statement):
            allowed.update(action.removesuffix("*") for action in _as_list(statement.get("Action")))
    return allowed.issuperset(SEND_ACTIONS) or "kms:" in allowed


def _hops(template: Template) -> Iterator[tuple[str, Resource]]:
    """Iterate over services that send, each with the queue or topic to which it sends."""
    sends = [(CLOUDWATCH, action) for alarm in template.of_type(ALARM) for action in _actions(alarm)]
    for subscription in template.of_type(SUBSCRIPTION):
        redrive = subscription.properties.get("RedrivePolicy")
        sends.append((SNS, subscription.properties.get("Endpoint")))
        sends.append((SNS, redrive.get("deadLetterTargetArn") if isinstance(redrive, dict) else None))
    for rule in template.of_type(EVENT_RULE):
        sends += [(_EVENTS, target.get("Arn")) for target in rule.items("Targets")]
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
            closed[target.logical_id] = target
    return (Finding(queue, "Properties/QueueName") for queue in closed.values())


def _allows_delivery(template: Template, queue: Resource, service: str) -> bool:
    for policy in template.of_type(_QUEUE_POLICY):
        if queue not in [template.target(target) for target in policy.items("Queues")]:
            continue
        for statement in _statements(policy.properties.get("PolicyDocument")):
            sends = {"sqs:SendMessage", "sqs:*"} & {*_as_list(statement.get("Action"))}
            if statement.get("Effect") == "Allow" and service in _services(statement) and sends:
                return True
    return False


def _dropped_messages(template: Template) -> Iterator[Finding]:
    for subscription in template.of_type(SUBSCRIPTION):
        if "RedrivePolicy" not in subscription.properties:
            yield Finding(subscription, "Properties/RedrivePolicy")


def _actions(alarm: Resource) -> Sequence[Any]:
    return [action for name in ("AlarmActions", "OKActions", "InsufficientDataActions") for action in alarm.items(name)]


def _closed_key(template: Template) -> Iterator[Finding]:
    closed = set()
    for service, target in _hops(template):
        key = _key_of(template, target)
        if key is not None and key.type == _KEY and not _allows_send(key, service):
            closed.add(key.logical_id)
    return (Finding(template.resources[logical_id], "Properties/KeyPolicy") for logical_id in sorted(closed))


def _aws_managed_key(template: Template) -> Iterator[Finding]:
    targets = {target.logical_id: target for _, target in _hops(template)}
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
