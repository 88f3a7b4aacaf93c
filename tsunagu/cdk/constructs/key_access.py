"""Who may use the key of an encrypted queue or topic: services by the key's policy, roles by their own."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aws_cdk import Annotations, ArnFormat, Stack, Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from tsunagu.errors import InvalidPropsError

if TYPE_CHECKING:
    from aws_cdk import aws_sns as sns
    from constructs import Construct

SNS = "sns.amazonaws.com"
SEND_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")  # SQS and SNS ask for both when a message comes in
RECEIVE_ACTIONS = ("kms:Decrypt",)
_AWS_MANAGED_ALIAS = "alias/aws/"


def allow_service(scope: "Construct", key: kms.IKey, service: str, *, source_arn: str | None = None) -> None:
    """Let an AWS service use `key` to send, but only on behalf of the account of `scope`.

    A topic or queue that is encrypted with a customer-managed key silently loses what a service sends to it when the
    key's policy does not name that service. An imported key keeps its policy: CloudFormation cannot change it, so
    synthesis only tells what the policy must say.

    Not for EventBridge and a topic: its calls to KMS carry no source, so that the conditions would shut it out.

    Args:
        scope: Construct whose account is the only source that counts.
        key: Key of the topic or queue.
        service: Service principal, such as `cloudwatch.amazonaws.com`.
        source_arn: Resource, with wildcards if need be, on whose behalf the service acts. Default: any of the account.

    See https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
    """
    sid = f"Allow{service.partition('.')[0].title()}"
    _let_send(scope, key, service, sid=sid, conditions=source_conditions(scope, source_arn))


def allow_topic(queue: "Construct", key: kms.IKey, topic: "sns.ITopic") -> None:
    """Let SNS use `key` to deliver what is published to `topic` into an encrypted queue.

    The topic's ARN is the condition, and names its account, which may be another one. The key of a third stack, with
    neither the queue nor the topic in it, cannot name the topic without making its stack depend on those that depend on
    it: its policy lets SNS in for any topic of the topic's account and region, and the queue's policy for this one.
    An imported key keeps its policy, as with `allow_service`.

    Args:
        queue: Queue that the key encrypts; synthesis tells about an imported key there.
        key: Key of the queue.
        topic: What the queue is subscribed to, or is the dead-letter queue of a subscription to.

    See https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
    """
    home = Stack.of(key)
    nameable = not Token.is_unresolved(topic.topic_arn) or home in (Stack.of(queue), Stack.of(topic))
    conditions = from_topic(topic) if nameable else _from_account(home, topic)
    _let_send(queue, key, SNS, sid=None, conditions=conditions)


def _let_send(
    scope: "Construct", key: kms.IKey, service: str, *, sid: str | None, conditions: Mapping[str, Mapping[str, str]]
) -> None:
    statement = iam.PolicyStatement(
        sid=sid,
        principals=[iam.ServicePrincipal(service)],
        actions=list(SEND_ACTIONS),
        resources=["*"],  # in a key's policy, this key
        conditions=conditions,
    )
    if not key.add_to_resource_policy(statement, True).statement_added:  # noqa: FBT003 - jsii's own signature
        Annotations.of(scope).add_info(
            f"the policy of the imported key must allow {service} {' and '.join(SEND_ACTIONS)}, "
            "or what the service sends is lost"
        )


def from_topic(topic: "sns.ITopic") -> dict[str, dict[str, str]]:
    """Conditions that let SNS deliver what is published to one topic, and nothing else."""
    return {"ArnEquals": {"aws:SourceArn": topic.topic_arn}}


def _from_account(stack: Stack, topic: "sns.ITopic") -> dict[str, dict[str, str]]:
    """Conditions that let SNS deliver for any topic of `topic`'s account and region.

    The account is in the ARN only: AWS documents no `aws:SourceAccount` for what SNS delivers.
    """
    topics = stack.format_arn(
        service="sns",
        region=topic.env.region,
        account=topic.env.account,
        resource="*",
        arn_format=ArnFormat.NO_RESOURCE_NAME,
    )
    return {"ArnLike": {"aws:SourceArn": topics}}


def source_conditions(scope: "Construct", source_arn: str | None = None) -> dict[str, dict[str, str]]:
    """Conditions that keep a service from acting on behalf of another account (the confused deputy)."""
    conditions = {"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}}
    if source_arn is not None:
        conditions["ArnLike"] = {"aws:SourceArn": source_arn}
    return conditions


def with_key(grant: iam.Grant, key: kms.IKey | None, grantee: iam.IGrantable, actions: Sequence[str]) -> iam.Grant:
    """Add the use of an encrypted resource's key to `grant`; nothing to add for one without a key of its own."""
    return grant if key is None else grant.combine(key.grant(grantee, *actions))


def require_customer_managed(name: str, key: kms.IKey | None) -> None:
    """Refuse a key that AWS manages.

    Raises:
        InvalidPropsError: The key is an alias of AWS's own key: its policy is fixed and lets no other service send.
    """
    alias = getattr(key, "alias_name", "")
    if alias.startswith(_AWS_MANAGED_ALIAS):
        msg = f"{name} must be a customer-managed key, got {alias}, whose policy lets no other AWS service send"
        raise InvalidPropsError(msg)
