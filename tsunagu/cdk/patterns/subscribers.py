"""Subscribers of a completion topic: queues, web servers and e-mail addresses."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aws_cdk import Stack

from tsunagu.cdk.constructs.error_path import props_error
from tsunagu.cdk.constructs.queue_channel import QueueChannel
from tsunagu.cdk.props import is_known, shown

if TYPE_CHECKING:
    from constructs import Construct

    from tsunagu.cdk.constructs.dead_letter_notifier import DeadLetterNotifier
    from tsunagu.cdk.constructs.topic_channel import TopicChannel

_HTTPS, _MAILTO = "https://", "mailto:"


def subscribe(
    pattern: "Construct",
    topic: "TopicChannel",
    notifier: "DeadLetterNotifier",
    subscribers: Mapping[str, QueueChannel | str],
    *,
    outside: "Construct",
) -> None:
    """Subscribe queues, web servers and e-mail addresses, each with an alarm on what cannot be delivered.

    Args:
        pattern: Construct that has the prop `subscribers`, for errors.
        topic: The topic.
        notifier: Gets the alarms.
        subscribers: Subscribers by construct id: a channel, `https://…`, or `mailto:` and an address.
        outside: Scope of the subscriptions that belong to no channel.

    Raises:
        InvalidPropsError: A text is neither of the two, the topic cannot deliver to the subscriber, or it is in another
            region.
    """
    if subscribers:
        require_region_of_stack(pattern, "completion_topic", topic)
    for subscriber_id, subscriber in subscribers.items():
        if isinstance(subscriber, QueueChannel):
            made = topic.subscribe(subscriber)
        elif subscriber.startswith(_HTTPS):
            made = topic.subscribe_https(subscriber_id, subscriber, scope=outside)
        elif subscriber.startswith(_MAILTO):
            made = topic.subscribe_email(subscriber_id, subscriber.removeprefix(_MAILTO), scope=outside)
        else:
            msg = (
                f"subscribers must be QueueChannel, {_HTTPS}… or {_MAILTO}…, got {shown(subscriber)} for "
                f"{subscriber_id}; what follows the prefix may be known at deployment only"
            )
            raise props_error(pattern, msg)
        notifier.watch_subscription(made)


def require_region_of_stack(pattern: "Construct", prop: str, topic: "TopicChannel") -> None:
    """Refuse a topic of another region, whose subscriptions need dead-letter queues and alarms there.

    Args:
        pattern: Construct that subscribes to the topic.
        prop: Prop that the topic was given by.
        topic: The topic.

    Raises:
        InvalidPropsError: The topic is in another region.
    """
    own, region = Stack.of(pattern).region, topic.topic.env.region
    if is_known(own) and is_known(region) and own != region:
        msg = (
            f"{prop} must be a topic in {own}, because the alarm on what SNS cannot deliver is there, got one in "
            f"{region}: subscribe a channel by TopicChannel.subscribe(dead_letter_queue=…), with an alarm in {region}"
        )
        raise props_error(pattern, msg)
