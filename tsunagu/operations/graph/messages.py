"""Links of queues, topics and functions: subscriptions, event source mappings, redrive policies and destinations."""

from collections.abc import Iterator

from tsunagu.operations.graph.links import Link, dead_letters
from tsunagu.operations.graph.model import EdgeKind
from tsunagu.templates.intrinsics import entries, is_intrinsic
from tsunagu.templates.template import Resource, Template, mapping

_ADDRESSES = ("email", "email-json", "sms", "http", "https")
# Lists of a bucket's notification configuration, with the property that names the target.
_NOTIFICATIONS = {
    "QueueConfigurations": ("Queue", "QueueArn"),
    "TopicConfigurations": ("Topic", "TopicArn"),
    "LambdaConfigurations": ("Function",),
    "LambdaFunctionConfigurations": ("LambdaFunctionArn",),
}


def of_queue(_template: Template, queue: Resource) -> Iterator[Link]:
    """Yield the link to the dead-letter queue of a queue."""
    yield from dead_letters(queue, queue.properties.get("RedrivePolicy"))


def of_topic(_template: Template, topic: Resource) -> Iterator[Link]:
    """Yield the links to the subscribers that the topic itself names."""
    for each in topic.items("Subscription"):
        yield Link(topic, _endpoint(mapping(each)))


def of_subscription(_template: Template, subscription: Resource) -> Iterator[Link]:
    """Yield the link from a topic to its subscriber, and to the queue of what could not be delivered."""
    topic, endpoint = subscription.properties.get("TopicArn"), _endpoint(subscription.properties)
    label = "filtered" if subscription.properties.get("FilterPolicy") else ""
    yield Link(topic, endpoint, label=label)
    yield from dead_letters(topic, subscription.properties.get("RedrivePolicy"), beneath=endpoint)


def of_mapping(_template: Template, found: Resource) -> Iterator[Link]:
    """Yield the link from a queue, stream or table to the function that takes its messages."""
    source, function = found.properties.get("EventSourceArn"), found.properties.get("FunctionName")
    size = found.properties.get("BatchSize")
    yield Link(source, function, label=f"batches of {size}" if isinstance(size, int) else "")
    yield from _destinations(function, found.properties)


def of_function(_template: Template, function: Resource) -> Iterator[Link]:
    """Yield the link to the dead-letter queue of a function's asynchronous invocations."""
    yield from dead_letters(function, function.properties.get("DeadLetterConfig"))


def of_invocations(_template: Template, found: Resource) -> Iterator[Link]:
    """Yield the links to the destinations of a function's asynchronous invocations."""
    yield from _destinations(found.properties.get("FunctionName"), found.properties)


def of_url(_template: Template, url: Resource) -> Iterator[Link]:
    """Yield the link from the URL of a function to the function."""
    yield Link(url, url.properties.get("TargetFunctionArn"))


def of_bucket(_template: Template, bucket: Resource) -> Iterator[Link]:
    """Yield the links to what a bucket notifies of its objects. The CDK configures that by a custom resource."""
    source = bucket.properties.get("BucketName") if bucket.type.startswith("Custom::") else bucket
    for name, targets in _NOTIFICATIONS.items():
        for each in entries(bucket.mapping("NotificationConfiguration").get(name)):
            found = next((mapping(each)[target] for target in targets if target in mapping(each)), None)
            yield Link(source, found, label="objects")


def _destinations(function: object, properties: object) -> Iterator[Link]:
    destinations = mapping(mapping(properties).get("DestinationConfig"))
    for name, kind in (("OnSuccess", EdgeKind.FLOW), ("OnFailure", EdgeKind.DEAD_LETTER)):
        target = mapping(destinations.get(name)).get("Destination")
        if target is not None:
            yield Link(function, target, kind, name, function if kind is EdgeKind.DEAD_LETTER else None)


def _endpoint(subscription: object) -> object:
    """Return the subscriber. An address is left out, because a picture is shown to others."""
    found = mapping(subscription)
    protocol = found.get("Protocol")
    if protocol in _ADDRESSES and not is_intrinsic(found.get("Endpoint")):
        return f"{protocol} subscriber"
    return found.get("Endpoint")
