"""Finds dead-letter queues: in deployed stacks, or by their URL."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from tsunagu.errors import InvalidInputError, NotFoundError
from tsunagu.operations.aws import Aws
from tsunagu.operations.dead_letter_origins import redrive_target
from tsunagu.operations.deployed_functions import DeployedFunction, function_name_of
from tsunagu.operations.deployed_queues import DeployedQueue, StackQueues, read_queues
from tsunagu.operations.inventory import StackInventory
from tsunagu.operations.letters.places import LetterConsumer, LetterQueue, SourceQueue, Subscription
from tsunagu.operations.reader import Reader
from tsunagu.runtime.aws.sdk_errors import error_code


def letter_queues_of(aws: Aws, inventory: StackInventory) -> list[LetterQueue]:
    """Return the dead-letter queues of a stack, in the order of its template.

    Args:
        aws: Clients.
        inventory: The stack.
    """
    reader = Reader(aws)
    found = read_queues(reader, inventory)
    return [letter_queue_in(reader, queue, found) for queue in found.dead_letter_queues if queue.arn]


def letter_queue_at(aws: Aws, queue_url: str) -> LetterQueue:
    """Return the dead-letter queue with a URL, and the queues whose messages end there.

    Args:
        aws: Clients.
        queue_url: The queue.

    Raises:
        NotFoundError: There is no such queue.
        InvalidInputError: It is no dead-letter queue: no queue names it as one, and a function consumes it, or it has
            a dead-letter queue of its own.
    """
    attributes = _attributes(aws, queue_url)
    sources = [*_sources(aws, queue_url, attributes["QueueArn"])]
    if not sources:
        _check_that_looks_do_no_harm(aws, queue_url, attributes)
    names = [name for source in sources for name in _consumers(aws, source.arn)]
    return LetterQueue(
        name=queue_url.rpartition("/")[2],
        url=queue_url,
        arn=attributes["QueueArn"],
        queues=tuple(sources),
        consumers=tuple(_consumer_named(aws, name) for name in dict.fromkeys(names)),
    )


def letter_queue_in(reader: Reader, queue: DeployedQueue, stack: StackQueues) -> LetterQueue:
    """Return a dead-letter queue of a stack.

    Args:
        reader: Reads from AWS, and notes what it may not read.
        queue: The queue.
        stack: All queues and functions of the stack.
    """
    by_kind: dict[str, list[Any]] = {}
    for origin in queue.origins:
        by_kind.setdefault(origin.kind, []).append(origin)
    queues = [stack.with_arn(origin.arn) for origin in by_kind.get("queue", [])]
    known = [each for each in queues if each is not None]
    names = {origin.arn for origin in by_kind.get("function", [])}
    receivers = [function for each in known for function in each.receivers]
    subscriptions = [found for each in by_kind.get("subscription", []) for found in _subscription(reader, each.arn)]
    endpoints = {function_name_of(each.endpoint) for each in subscriptions if each.protocol == "lambda"}
    others = [each for each in stack.functions if each.name in names | endpoints]
    return LetterQueue(
        name=queue.name,
        url=queue.url,
        arn=queue.arn,
        stack_name=queue.stack_name,
        queues=tuple(SourceQueue(arn=each.arn, url=each.url, max_receive_count=_count(each, queue)) for each in known),
        subscriptions=tuple(subscriptions),
        functions=tuple(each.name for each in stack.functions if each.dead_letter_arn == queue.arn),
        consumers=tuple({each.name: _consumer(each) for each in (*receivers, *others)}.values()),
        # `tsunagu send` takes the name of a receiver for its queue, too.
        other_names=frozenset({*_other_names(queue), *(each.label for each in receivers)} - {""}),
        others=tuple(f"{each.kind} {each.name}" for kind in ("schedule", "rule") for each in by_kind.get(kind, [])),
    )


def _other_names(queue: DeployedQueue) -> Iterator[str]:
    yield queue.logical_id
    for part in queue.parts:
        yield from (part.name, part.path)


def _count(source: DeployedQueue, queue: DeployedQueue) -> int | None:
    return source.max_receive_count if source.dead_letter_arn == queue.arn else None


def _consumer(function: DeployedFunction) -> LetterConsumer:
    return LetterConsumer.of_function(function.name, function.log_group, function.environment)


def _subscription(reader: Reader, arn: str) -> Iterator[Subscription]:
    nothing: dict[str, str] = {}
    found = reader.read(lambda: reader.aws.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"], nothing)
    topic_arn = arn.rpartition(":")[0]
    endpoint = found.get("Endpoint") or _endpoint(reader, topic_arn, arn)
    if found:
        yield Subscription(
            arn=arn,
            topic_arn=topic_arn,
            protocol=found.get("Protocol") or _protocol(endpoint),
            endpoint=endpoint,
            is_raw=found.get("RawMessageDelivery", "").lower() == "true",
        )


def _endpoint(reader: Reader, topic_arn: str, arn: str) -> str:
    """Return the endpoint of a subscription as its topic says it: emulators leave it out of the attributes."""
    pages = reader.aws.sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn)
    nothing: list[Any] = []
    listed = reader.read(lambda: [each for page in pages for each in page["Subscriptions"]], nothing)
    return next((each["Endpoint"] for each in listed if each["SubscriptionArn"] == arn), "")


def _protocol(endpoint: str) -> str:
    return endpoint.split(":")[2] if endpoint.startswith("arn:") else ""


def _attributes(aws: Aws, queue_url: str) -> dict[Any, str]:
    try:
        return aws.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
    except ClientError as error:
        if not error_code(error).endswith(("NonExistentQueue", "QueueDoesNotExist", "InvalidAddress")):
            raise
        msg = f"--queue-url must be the URL of a queue at {aws.sqs.meta.endpoint_url}, got {queue_url}"
        raise NotFoundError(msg) from None


def _sources(aws: Aws, queue_url: str, queue_arn: str) -> Iterator[SourceQueue]:
    for url in _source_urls(aws, queue_url):
        attributes = _attributes(aws, url)
        target, count = redrive_target(attributes.get("RedrivePolicy", ""))
        if target == queue_arn:
            yield SourceQueue(arn=attributes["QueueArn"], url=url, max_receive_count=count)


def _source_urls(aws: Aws, queue_url: str) -> list[str]:
    """Return the queues that name the dead-letter queue; where SQS cannot say it (emulators), all queues."""
    try:
        asked = aws.sqs.get_paginator("list_dead_letter_source_queues").paginate(QueueUrl=queue_url)
        return [url for page in asked for url in page.get("queueUrls", [])]
    except ClientError as error:
        if not error_code(error).endswith(("InvalidAction", "UnsupportedOperation", "UnknownOperationException")):
            raise
    listed = aws.sqs.get_paginator("list_queues").paginate()
    return [url for page in listed for url in page.get("QueueUrls", []) if url != queue_url]


def _check_that_looks_do_no_harm(aws: Aws, queue_url: str, attributes: dict[Any, str]) -> None:
    consumers = [*_consumers(aws, attributes["QueueArn"])]
    if consumers or attributes.get("RedrivePolicy"):
        why = f"one that {consumers[0]} consumes" if consumers else "one with a dead-letter queue of its own"
        msg = f"--queue-url must be a dead-letter queue, where a look does no harm, got {why}: {queue_url}"
        raise InvalidInputError(msg)


def _consumers(aws: Aws, queue_arn: str) -> Iterator[str]:
    pages = aws.functions.get_paginator("list_event_source_mappings").paginate(EventSourceArn=queue_arn)
    reader = Reader(aws)
    found = reader.read(lambda: [each for page in pages for each in page["EventSourceMappings"]], [])
    yield from (function_name_of(each["FunctionArn"]) for each in found)


def _consumer_named(aws: Aws, name: str) -> LetterConsumer:
    nothing: dict[str, Any] = {}
    found: Any = Reader(aws).read(lambda: aws.functions.get_function_configuration(FunctionName=name), nothing)
    log_group = found.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{name}")
    return LetterConsumer.of_function(name, log_group, found.get("Environment", {}).get("Variables", {}))
