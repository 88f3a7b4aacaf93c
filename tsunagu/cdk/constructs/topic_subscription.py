"""A subscription to a topic, with a dead-letter queue for messages that SNS cannot deliver."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from tsunagu.cdk.constructs.acknowledgement import acknowledge
from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.error_path import props_error
from tsunagu.cdk.constructs.filter_policy import FilterPolicy
from tsunagu.cdk.constructs.flow_metadata import mark
from tsunagu.cdk.constructs.key_access import CustomerKey, allow_topic, from_topic, sns_principal
from tsunagu.cdk.constructs.protection import removal_policy
from tsunagu.cdk.constructs.queue_channel import DATA_KEY_REUSE, DEAD_LETTER_RETENTION
from tsunagu.cdk.props import CheckedProps, is_known
from tsunagu.contracts.flows import Kind

if TYPE_CHECKING:
    from constructs import IDependable


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSubscriptionProps(CheckedProps):
    """Settings of a subscription.

    Attributes:
        topic: The topic.
        protocol: How SNS delivers.
        endpoint: Receiver of the messages: the ARN of a queue, a URL, or an e-mail address.
        raw: Deliver the message without SNS's envelope. Default: without it.
        filter_policy: Filter of the messages that are delivered. Default: all messages.
        fifo: Whether the topic is a FIFO topic. Default: what its ARN says.
        key: Customer-managed key of the dead-letter queue. Default: SQS's own key (SSE-SQS), without a charge.
        dead_letter_queue: Queue of the messages that cannot be delivered, for a topic of another region: SNS needs it
            in the region of the topic. Its policy, and that of its key, must let SNS send for the topic. Default: a new
            queue.
        protect: Keep the new dead-letter queue when its stack is deleted. Default: it is kept.

    Raises:
        InvalidPropsError: The key is not customer-managed.
    """

    topic: sns.ITopic
    protocol: Literal["sqs", "https", "email"]
    endpoint: str
    raw: bool = True
    filter_policy: FilterPolicy | None = None
    fifo: bool = False
    key: CustomerKey | None = None
    dead_letter_queue: sqs.IQueue | None = None
    protect: bool = True


class TopicSubscription(CheckedConstruct):
    """Deliver messages of a topic to one endpoint, and keep those that cannot be delivered for 14 days.

    Without a dead-letter queue SNS drops a message for good: at once when a permission or the endpoint is missing,
    after its retries when the endpoint fails. This construct adds all permissions: the CDK adds none to the key of the
    dead-letter queue of a subscription.

    Attributes:
        dead_letter_queue: Queue of messages that SNS could not deliver; a FIFO queue for a FIFO topic.
        subscription: The subscription.
    """

    def __init__(self, scope: Construct, construct_id: str, props: TopicSubscriptionProps) -> None:
        super().__init__(scope, construct_id)
        self.dead_letter_queue: sqs.IQueue = props.dead_letter_queue or self._new_dead_letter_queue(props)
        allow_delivery(self.dead_letter_queue, props.topic, None if props.dead_letter_queue else props.key)
        self.subscription = self._subscription(props)
        mark(self.subscription, Kind.SUBSCRIPTION, self, protected=props.protect)

    def _new_dead_letter_queue(self, props: TopicSubscriptionProps) -> sqs.Queue:
        own, region = Stack.of(self).region, props.topic.env.region
        if is_known(own) and is_known(region) and own != region:
            msg = (
                f"dead_letter_queue must be a queue in {region}, because SNS keeps what it cannot deliver in "
                f"the region of the topic only, got none for a subscription in {own}"
            )
            raise props_error(self, msg)
        encryption = sqs.QueueEncryption.SQS_MANAGED if props.key is None else sqs.QueueEncryption.KMS
        queue = sqs.Queue(
            self,
            "DeadLetterQueue",
            fifo=props.topic.fifo or props.fifo or None,
            retention_period=DEAD_LETTER_RETENTION,
            encryption=encryption,
            encryption_master_key=props.key,
            data_key_reuse=DATA_KEY_REUSE if props.key else None,
            enforce_ssl=True,
            removal_policy=removal_policy(protect=props.protect),
        )
        # The rule recognises a dead-letter queue only when another queue names it.
        acknowledge(queue, "AwsSolutions-SQS3", "it is the dead-letter queue of a subscription: nothing is behind it")
        acknowledge(queue, "Serverless-SQSRedrivePolicy", "it is the dead-letter queue: nothing is behind it")
        mark(queue, Kind.DEAD_LETTERS, self, protected=props.protect)
        return queue

    def _subscription(self, props: TopicSubscriptionProps) -> sns.CfnSubscription:
        return sns.CfnSubscription(
            self,
            "Subscription",
            topic_arn=props.topic.topic_arn,
            protocol=props.protocol,
            endpoint=props.endpoint,
            raw_message_delivery=props.raw or None,
            region=self._region(props.topic),
            redrive_policy={"deadLetterTargetArn": self.dead_letter_queue.queue_arn},
            **_filter(props.filter_policy),
        )

    def _region(self, topic: sns.ITopic) -> str | None:
        """Return the region of the topic, where it is, or may be, another one than that of the stack."""
        own, region = Stack.of(self).region, topic.env.region
        is_of_app = topic.node.default_child is not None
        if own == region or (is_of_app and not (is_known(own) and is_known(region))):
            return None
        return region


def allow_delivery(queue: sqs.IQueue, topic: sns.ITopic, key: kms.IKey | None) -> "IDependable | None":
    """Let SNS deliver messages of `topic` into `queue`, by the policies of the queue and of its key.

    Returns:
        The permission, as a dependency of the subscription; None for a queue whose policy cannot be changed.
    """
    if key is not None:
        allow_topic(queue, key, topic)
    statement = iam.PolicyStatement(
        principals=[iam.ServicePrincipal(sns_principal(queue, topic))],
        actions=["sqs:SendMessage"],
        resources=[queue.queue_arn],
        conditions=from_topic(topic),
    )
    return queue.add_to_resource_policy(statement).policy_dependable


def _filter(policy: FilterPolicy | None) -> dict[str, Any]:
    if policy is None:
        return {}
    return {"filter_policy": dict(policy.conditions), "filter_policy_scope": policy.scope.value}
