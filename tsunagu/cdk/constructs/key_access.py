"""Permissions of AWS services to use the key of an encrypted queue or topic, by the policy of the key."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from aws_cdk import Annotations, ArnFormat, Stack, region_info
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from tsunagu.cdk.props import is_known
from tsunagu.errors import InvalidPropsError

if TYPE_CHECKING:
    from aws_cdk import aws_sns as sns
    from constructs import IConstruct

CLOUDWATCH = "cloudwatch.amazonaws.com"
SNS = "sns.amazonaws.com"
SEND_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")  # SQS and SNS need both to accept a message
RECEIVE_ACTIONS = ("kms:Decrypt",)
AWS_MANAGED_ALIAS = "alias/aws/"


def allow_service(scope: "IConstruct", key: kms.IKey, service: str, *, source_arn: str | None = None) -> None:
    """Let an AWS service use `key` to send, but only for the account of `scope`.

    Without this permission, messages that the service sends to an encrypted topic or queue are lost silently.
    CloudFormation cannot change the policy of an imported key, so synthesis prints what that policy must allow.

    Do not use it for EventBridge and a topic: EventBridge calls KMS without a source, which the conditions refuse.

    Args:
        scope: Construct in the account for which the service may act.
        key: Key of the topic or queue.
        service: Service principal, such as `cloudwatch.amazonaws.com`.
        source_arn: Resource for which the service acts; may have wildcards. Default: any resource of the account.

    See https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
    """
    sid = f"Allow{service.partition('.')[0].title()}"
    _let_send(scope, key, service, sid=sid, conditions=source_conditions(scope, source_arn))


def allow_topic(queue: "IConstruct", key: kms.IKey, topic: "sns.ITopic") -> None:
    """Let SNS use `key` to deliver what is published to `topic` into an encrypted queue.

    The condition is the topic's ARN. The topic may be in another account. When the key also encrypts the topic, or is
    in a third stack, with neither the queue nor the topic, its policy cannot name the topic: that would be a dependency
    cycle. It then allows any topic of the topic's account and region, and the queue's policy allows this topic only. An
    imported key keeps its policy, as with `allow_service`.

    Args:
        queue: Queue that the key encrypts.
        key: Key of the queue.
        topic: Topic of the queue's subscription, or of the subscription whose dead-letter queue it is.

    See https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
    """
    home = Stack.of(key)
    near = is_known(topic.topic_arn) or home in (Stack.of(queue), Stack.of(topic))
    nameable = near and key is not topic.master_key and not _alias(key)
    conditions = from_topic(topic) if nameable else _from_account(home, topic)
    _let_send(queue, key, sns_principal(queue, topic), sid=None, conditions=conditions)


def _let_send(
    scope: "IConstruct", key: kms.IKey, service: str, *, sid: str | None, conditions: Mapping[str, Mapping[str, str]]
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
            "or messages that the service sends are lost"
        )


def sns_principal(queue: "IConstruct", topic: "sns.ITopic") -> str:
    """Return the principal by which SNS delivers messages of `topic` to `queue`.

    Between two regions, one of which an account must opt in to, it is the principal of that region.
    See https://docs.aws.amazon.com/sns/latest/dg/sns-cross-region-delivery.html
    """
    regions = (Stack.of(queue).region, topic.env.region)
    if not all(map(is_known, regions)) or regions[0] == regions[1]:
        return SNS
    opt_in = (region for region in regions if region_info.RegionInfo.get(region).is_opt_in_region)
    region = next(opt_in, None)
    return f"sns.{region}.amazonaws.com" if region else SNS


def from_topic(topic: "sns.ITopic") -> dict[str, dict[str, str]]:
    """Return conditions that let SNS deliver messages of one topic only."""
    return {"ArnEquals": {"aws:SourceArn": topic.topic_arn}}


def _from_account(stack: Stack, topic: "sns.ITopic") -> dict[str, dict[str, str]]:
    """Return conditions that let SNS deliver messages of any topic of `topic`'s account and region.

    Only the ARN names the account: AWS documents no `aws:SourceAccount` for deliveries of SNS.
    """
    topics = stack.format_arn(
        service="sns",
        region=topic.env.region,
        account=topic.env.account,
        resource="*",
        arn_format=ArnFormat.NO_RESOURCE_NAME,
    )
    return {"ArnLike": {"aws:SourceArn": topics}}


def source_conditions(scope: "IConstruct", source_arn: str | None = None) -> dict[str, dict[str, str]]:
    """Return conditions that stop a service from acting for another account (the confused deputy)."""
    conditions = {"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}}
    if source_arn is not None:
        conditions["ArnLike"] = {"aws:SourceArn": source_arn}
    return conditions


def _alias(key: kms.IKey) -> str:
    """Return the name by which a key is known, or nothing. Which key is behind an alias is not known."""
    return str(getattr(key, "alias_name", ""))


class CustomerManaged:
    """The rule of keys: an AWS-managed key is refused, because its policy is fixed and lets no other service send."""

    def check(self, name: str, value: kms.IKey) -> None:
        """Refuse a key that AWS manages.

        Raises:
            InvalidPropsError: The key is an AWS-managed key.
        """
        alias = _alias(value)
        if alias.startswith(AWS_MANAGED_ALIAS):
            msg = f"{name} must be a customer-managed key, got {alias}, whose policy lets no other AWS service send"
            raise InvalidPropsError(msg)


CustomerKey = Annotated[kms.IKey, CustomerManaged()]
