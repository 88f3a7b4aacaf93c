"""What the page about web and queue takes for granted."""

from aws_cdk import Stack

from tsunagu.cdk import ApiAndQueueFunction, ApiAndQueueFunctionProps, QueueChannel, ReceiverSettings, TopicChannel

__all__ = ["ApiAndQueueFunction", "ApiAndQueueFunctionProps", "self"]

QUEUE_URL: str
self: Stack
settings: ReceiverSettings
shipping: QueueChannel
news: TopicChannel


class User:
    """Who calls."""

    id: str


def current_user() -> User:
    """Return who calls."""
    return User()
