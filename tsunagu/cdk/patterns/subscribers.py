"""Subscribers of a completion topic: queues, web servers and e-mail addresses."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tsunagu.cdk.constructs.error_path import props_error
from tsunagu.cdk.constructs.queue_channel import QueueChannel
from tsunagu.cdk.props import shown

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
        InvalidPropsError: A text is neither of the two, or the topic cannot deliver to the subscriber.
    """
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
