"""A publish-subscribe channel: one topic, and a queue of its own for each kind of consumer."""

from dataclasses import dataclass
from typing import Literal, cast

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from tsunagu.cdk.constructs.customer_managed_key import CustomerManagedKey, CustomerManagedKeyProps
from tsunagu.cdk.constructs.error_path import props_error
from tsunagu.cdk.constructs.filter_policy import FilterPolicy
from tsunagu.cdk.constructs.key_access import SEND_ACTIONS, require_customer_managed, with_key
from tsunagu.cdk.constructs.queue_channel import QueueChannel
from tsunagu.cdk.constructs.ranges import check_range
from tsunagu.cdk.constructs.topic_subscription import TopicSubscription, TopicSubscriptionProps, let_in
from tsunagu.contracts.messages import SNS_MESSAGE_BYTES
from tsunagu.errors import InvalidPropsError

# https://docs.aws.amazon.com/sns/latest/dg/large-message-payloads.html
MESSAGE_BYTES = range(1_024, 1_048_577)
_HTTPS = "https://"


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicChannelProps:
    """Settings of a topic channel.

    Attributes:
        fifo: Keep the order inside each message group. Default: a standard topic.
        high_throughput: Let each message group of a FIFO topic have its own quota, and count duplicates by group.
            Default: one quota for the topic.
        max_message_bytes: Largest message with its attributes, 1,024 to 1,048,576 bytes; above 262,144 the topic
            delivers to queues, functions and Firehose only. Of an existing topic, what it is set to. Default: 262,144.
        key: Customer-managed key of the topic; not a subscriber's queue's, because a key that serves both is a
            dependency cycle. Default: a key of the channel's own, or an existing topic's.
        existing: Topic to use instead of a new one; nothing about it is changed. Default: a new topic.
        protect: Keep the key, and the dead letters of subscriptions by URL, when their stack is deleted. Default: kept.

    Raises:
        InvalidPropsError: The size is out of range, the key is not customer-managed, or two of the settings exclude
            each other.
    """

    fifo: bool = False
    high_throughput: bool = False
    max_message_bytes: int = SNS_MESSAGE_BYTES
    key: kms.IKey | None = None
    existing: sns.ITopic | None = None
    protect: bool = True

    def __post_init__(self) -> None:
        """Refuse what AWS, or another setting, would not allow."""
        check_range("max_message_bytes", self.max_message_bytes, MESSAGE_BYTES, "bytes")
        require_customer_managed("key", self.key)
        if self.existing is not None and (self.fifo or self.high_throughput):
            msg = (
                "fifo and high_throughput must be left out where the topic exists, because nothing about it is changed"
            )
            raise InvalidPropsError(msg)
        if self.high_throughput and not self.fifo:
            msg = "high_throughput must be left out on a standard topic, got it without fifo"
            raise InvalidPropsError(msg)


class TopicChannel(Construct):
    """Deliver each message to every subscriber whose filter it passes; one that fails or is slow holds up no other.

    Attributes:
        topic: Where producers publish.
        key: Key of the topic; None for an existing topic whose key is not known here.
        props: What the channel was made of.
    """

    def __init__(self, scope: Construct, construct_id: str, props: TopicChannelProps | None = None) -> None:
        super().__init__(scope, construct_id)
        self.props = props or TopicChannelProps()
        existing = self.props.existing
        self.key: kms.IKey | None = self.props.key or (existing.master_key if existing else self._new_key())
        self.topic: sns.ITopic = existing or self._topic()

    def subscribe(
        self,
        channel: QueueChannel,
        *,
        filter_policy: FilterPolicy | None = None,
        dead_letter_key: kms.IKey | None = None,
        construct_id: str = "Subscription",
    ) -> TopicSubscription:
        """Deliver messages to a queue, raw, and let SNS through the policies of queue, dead-letter queue and keys.

        The subscription is made beside the queue, so that topic and queue may be in stacks of their own. The channel's
        own dead-letter queue needs nothing of SNS: SQS itself moves messages there.

        Args:
            channel: The subscriber's queue.
            filter_policy: Which messages it gets. Default: all of them.
            dead_letter_key: Key of what SNS cannot deliver. Default: the channel's.
            construct_id: Id inside `channel`; a channel with several subscriptions needs one for each.

        Raises:
            InvalidPropsError: The queue is a FIFO queue and the topic is not, or they share a key.
        """
        self._refuse_queue(channel, channel.props.key, dead_letter_key)
        permission = let_in(channel.queue, self.topic, channel.props.key)
        props = TopicSubscriptionProps(
            topic=self.topic,
            protocol="sqs",
            endpoint=channel.queue.queue_arn,
            filter_policy=filter_policy,
            key=dead_letter_key or channel.props.key,
            protect=channel.props.protect,
        )
        made = TopicSubscription(channel, construct_id, props)
        if permission is not None:
            made.subscription.node.add_dependency(permission)
        return made

    def subscribe_https(
        self,
        construct_id: str,
        url: str,
        *,
        filter_policy: FilterPolicy | None = None,
        scope: Construct | None = None,
    ) -> TopicSubscription:
        """Deliver messages to a web server, in SNS's envelope and signed; the server must confirm the subscription.

        Args:
            construct_id: Id inside `scope`.
            url: Begins with `https://`.
            filter_policy: Which messages are delivered. Default: all of them.
            scope: Where the subscription and its dead-letter queue are made; may be in another stack. Default: this
                channel.

        Raises:
            InvalidPropsError: The URL is of another kind, or the topic delivers to queues and functions only.
        """
        if not url.startswith(_HTTPS):
            msg = f"url must begin with {_HTTPS}, got {url!r}"
            raise props_error(self, msg)
        props = self._outside("https", url, filter_policy)
        return TopicSubscription(scope or self, construct_id, props)

    def subscribe_email(
        self,
        construct_id: str,
        address: str,
        *,
        filter_policy: FilterPolicy | None = None,
        scope: Construct | None = None,
    ) -> TopicSubscription:
        """Deliver messages by e-mail, once the receiver has confirmed.

        Args:
            construct_id: Id inside `scope`.
            address: E-mail address.
            filter_policy: Which messages are delivered. Default: all of them.
            scope: Where the subscription and its dead-letter queue are made; may be in another stack. Default: this
                channel.

        Raises:
            InvalidPropsError: It is no address, or the topic delivers to queues and functions only.
        """
        if "@" not in address:
            msg = f"address must be an e-mail address, got {address!r}"
            raise props_error(self, msg)
        props = self._outside("email", address, filter_policy)
        return TopicSubscription(scope or self, construct_id, props)

    def grant_publish(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` publish to the topic, and use its key to do so."""
        grant = iam.Grant.add_to_principal(
            grantee=grantee, actions=["sns:Publish"], resource_arns=[self.topic.topic_arn]
        )
        return with_key(grant, self.key, grantee, SEND_ACTIONS)

    def _refuse_queue(self, channel: QueueChannel, *keys: kms.IKey | None) -> None:
        if channel.props.fifo and not self.topic.fifo:
            msg = (
                "channel must be a standard channel, because a standard topic cannot deliver to a FIFO queue, "
                f"got the FIFO channel {channel.node.path}"
            )
            raise props_error(self, msg)
        if self.key is not None and self.key in keys:
            msg = (
                f"key must differ from the key of {channel.node.path}, because one key for a topic and a queue is a "
                "dependency cycle, got the same key for both"
            )
            raise props_error(self, msg)

    def _outside(
        self, protocol: Literal["https", "email"], endpoint: str, policy: FilterPolicy | None
    ) -> TopicSubscriptionProps:
        if self.topic.fifo:
            msg = (
                f"{endpoint} must be subscribed to a standard topic, because a FIFO topic reaches no web server and no "
                "e-mail address"
            )
            raise props_error(self, msg)
        if self.props.max_message_bytes > SNS_MESSAGE_BYTES:
            msg = (
                f"max_message_bytes must be at most {SNS_MESSAGE_BYTES:,} to subscribe {endpoint}, because SNS "
                f"delivers larger messages to queues, functions and Firehose only, got {self.props.max_message_bytes:,}"
            )
            raise props_error(self, msg)
        return TopicSubscriptionProps(
            topic=self.topic,
            protocol=protocol,
            endpoint=endpoint,
            raw=False,
            filter_policy=policy,
            protect=self.props.protect,
        )

    def _topic(self) -> sns.Topic:
        scope = sns.FifoThroughputScope.MESSAGE_GROUP if self.props.high_throughput else None
        topic = sns.Topic(
            self,
            "Topic",
            master_key=self.key,
            enforce_ssl=True,
            fifo=self.props.fifo or None,
            fifo_throughput_scope=scope,
        )
        if self.props.max_message_bytes != SNS_MESSAGE_BYTES:
            # The L2 construct does not know the property yet.
            resource = cast("sns.CfnTopic", topic.node.default_child)
            resource.maximum_message_size = self.props.max_message_bytes
        return topic

    def _new_key(self) -> kms.IKey:
        props = CustomerManagedKeyProps(description="Messages of a topic", protect=self.props.protect)
        return CustomerManagedKey(self, "TopicKey", props).key
