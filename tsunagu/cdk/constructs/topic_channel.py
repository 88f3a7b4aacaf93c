"""A publish-subscribe channel: one topic, with a queue for each kind of consumer."""

from dataclasses import dataclass
from typing import Annotated, Literal, cast

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from tsunagu.cdk.constructs.checked_construct import CheckedConstruct
from tsunagu.cdk.constructs.customer_managed_key import CustomerManagedKey, CustomerManagedKeyProps
from tsunagu.cdk.constructs.error_path import props_error
from tsunagu.cdk.constructs.filter_policy import FilterPolicy
from tsunagu.cdk.constructs.flow_metadata import mark
from tsunagu.cdk.constructs.grants import Grantor
from tsunagu.cdk.constructs.key_access import SEND_ACTIONS, CustomerKey
from tsunagu.cdk.constructs.queue_channel import QueueChannel
from tsunagu.cdk.constructs.topic_subscription import TopicSubscription, TopicSubscriptionProps, allow_delivery
from tsunagu.cdk.props import Between, CheckedProps, is_known
from tsunagu.contracts.flows import Kind
from tsunagu.contracts.messages import SNS_MESSAGE_BYTES
from tsunagu.errors import InvalidPropsError

# https://docs.aws.amazon.com/sns/latest/dg/large-message-payloads.html
MESSAGE_BYTES = range(1_024, 1_048_577)
_HTTPS = "https://"


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicChannelProps(CheckedProps):
    """Settings of a topic channel.

    Attributes:
        fifo: Keep the order inside each message group. For an existing topic, give it only where the deployment alone
            knows the topic's ARN, which else tells it. Default: a standard topic.
        high_throughput: Give each message group of a FIFO topic its own quota and its own deduplication. Default: one
            quota for the topic.
        content_based_deduplication: FIFO only: give a message without a deduplication id the hash of its body, for
            publishers that cannot give an id. Default: a publisher gives the id.
        max_message_bytes: Largest message with its attributes, 1,024 to 1,048,576 bytes. Above 262,144 the topic
            delivers to queues, functions and Firehose only. For an existing topic, give the size that it has.
            Default: 262,144.
        key: Customer-managed key of the topic. It may be the key of the queues, too. Default: a new key, or the key of
            the existing topic.
        existing: Topic to use instead of a new one; it is not changed. Default: a new topic.
        protect: Keep the key, and the dead letters of subscriptions by URL or e-mail, when their stack is deleted.
            Default: they are kept.

    Raises:
        InvalidPropsError: The size is out of range, the key is not customer-managed, or two settings exclude each
            other.
    """

    fifo: bool = False
    high_throughput: bool = False
    content_based_deduplication: bool = False
    max_message_bytes: Annotated[int, Between(MESSAGE_BYTES, "bytes")] = SNS_MESSAGE_BYTES
    key: CustomerKey | None = None
    existing: sns.ITopic | None = None
    protect: bool = True

    def __post_init__(self) -> None:
        """Refuse settings that AWS does not allow, or that exclude each other."""
        CheckedProps.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        for_fifo = [name for name in ("high_throughput", "content_based_deduplication") if getattr(self, name)]
        if self.existing is not None and (for_fifo or (self.fifo and is_known(self.existing.topic_arn))):
            msg = "fifo and high_throughput must be left out with existing, because an existing topic is not changed"
            raise InvalidPropsError(msg)
        for name in for_fifo if not self.fifo else ():
            msg = f"{name} must be left out without fifo, because only FIFO topics have it, got True"
            raise InvalidPropsError(msg)


class TopicChannel(CheckedConstruct):
    """Deliver each message to every subscriber whose filter it passes. A slow subscriber does not delay the others.

    Attributes:
        topic: Topic to which producers publish.
        key: Key of the topic; None when the key of an existing topic is not known.
        fifo: Whether it is a FIFO topic.
        props: Settings of the channel.
    """

    def __init__(self, scope: Construct, construct_id: str, props: TopicChannelProps | None = None) -> None:
        super().__init__(scope, construct_id)
        self.props = props or TopicChannelProps()
        existing = self.props.existing
        self.key: kms.IKey | None = self.props.key or (existing.master_key if existing else self._new_key())
        self.topic: sns.ITopic = existing or self._topic()
        self.fifo = bool(self.topic.fifo or self.props.fifo)

    def subscribe(
        self,
        channel: QueueChannel,
        *,
        filter_policy: FilterPolicy | None = None,
        dead_letter_key: kms.IKey | None = None,
        dead_letter_queue: sqs.IQueue | None = None,
        construct_id: str = "Subscription",
    ) -> TopicSubscription:
        """Deliver messages to a queue without SNS's envelope, and give SNS the permissions that it needs.

        The subscription is created inside `channel`, so that topic and queue may be in different stacks. SQS itself
        moves messages to the channel's own dead-letter queue, which therefore needs no permission for SNS.

        Args:
            channel: Channel of the subscriber.
            filter_policy: Filter of the messages that it gets. Default: all messages.
            dead_letter_key: Key of the queue for messages that SNS cannot deliver. Default: the channel's key.
            dead_letter_queue: That queue, in the region of the topic. Default: a new one; the topic must be in the
                region of the queue then.
            construct_id: Id inside `channel`; each subscription of one channel needs its own.

        Raises:
            InvalidPropsError: The queue is a FIFO queue and the topic is not, or the topic is in another region and
                `dead_letter_queue` is not given.
        """
        self._refuse_queue(channel)
        permission = allow_delivery(channel.queue, self.topic, channel.props.key)
        props = TopicSubscriptionProps(
            topic=self.topic,
            protocol="sqs",
            endpoint=channel.queue.queue_arn,
            fifo=self.fifo,
            filter_policy=filter_policy,
            key=dead_letter_key or channel.props.key,
            dead_letter_queue=dead_letter_queue,
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
        """Deliver messages to a web server, signed and in SNS's envelope. The server must confirm the subscription.

        Args:
            construct_id: Id inside `scope`.
            url: URL that begins with `https://`.
            filter_policy: Filter of the messages that are delivered. Default: all messages.
            scope: Scope of the subscription and its dead-letter queue, which may be in another stack. Default: this
                channel.

        Raises:
            InvalidPropsError: The URL is not https, or the topic cannot deliver to web servers.
        """
        if is_known(url) and not url.startswith(_HTTPS):
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
        """Deliver messages by e-mail. The receiver must confirm the subscription.

        Args:
            construct_id: Id inside `scope`.
            address: E-mail address.
            filter_policy: Filter of the messages that are delivered. Default: all messages.
            scope: Scope of the subscription and its dead-letter queue, which may be in another stack. Default: this
                channel.

        Raises:
            InvalidPropsError: `address` is not an e-mail address, or the topic cannot deliver by e-mail.
        """
        if is_known(address) and "@" not in address:
            msg = f"address must be an e-mail address, got {address!r}"
            raise props_error(self, msg)
        props = self._outside("email", address, filter_policy)
        return TopicSubscription(scope or self, construct_id, props)

    def grant_publish(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` publish to the topic, and use the topic's key."""
        grantor = Grantor(self, self.topic, self.key)
        return grantor.grant(grantee, ["sns:Publish"], self.topic.topic_arn, key_actions=SEND_ACTIONS)

    def _refuse_queue(self, channel: QueueChannel) -> None:
        if channel.props.fifo and not self.fifo:
            msg = (
                "channel must be a standard channel, because a standard topic cannot deliver to a FIFO queue, "
                f"got the FIFO channel {channel.node.path}"
            )
            raise props_error(self, msg)

    def _outside(
        self, protocol: Literal["https", "email"], endpoint: str, policy: FilterPolicy | None
    ) -> TopicSubscriptionProps:
        if self.fifo:
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
            content_based_deduplication=self.props.content_based_deduplication or None,
        )
        if self.props.max_message_bytes != SNS_MESSAGE_BYTES:
            # The L2 construct does not have the property yet.
            resource = cast("sns.CfnTopic", topic.node.default_child)
            resource.maximum_message_size = self.props.max_message_bytes
        mark(topic, Kind.TOPIC, self, protected=self.props.protect)
        return topic

    def _new_key(self) -> kms.IKey:
        props = CustomerManagedKeyProps(description="Messages of a topic", protect=self.props.protect)
        return CustomerManagedKey(self, "TopicKey", props).key
