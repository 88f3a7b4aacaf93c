"""Rules about queues and the functions that consume them."""

from collections.abc import Iterator
from typing import NamedTuple

from tsunagu.cdk.checks.rule import Finding, Rule
from tsunagu.cdk.constructs.queue_channel import VISIBILITY_PER_HANDLER_TIMEOUT
from tsunagu.templates.intrinsics import is_intrinsic
from tsunagu.templates.template import Resource, Template, mapping

QUEUE, FUNCTION, MAPPING, SUBSCRIPTION, SCHEDULE, EVENT_RULE = (
    "AWS::SQS::Queue",
    "AWS::Lambda::Function",
    "AWS::Lambda::EventSourceMapping",
    "AWS::SNS::Subscription",
    "AWS::Scheduler::Schedule",
    "AWS::Events::Rule",
)
# Defaults of AWS, in seconds.
_DEFAULT_VISIBILITY, _DEFAULT_TIMEOUT, DEFAULT_RETENTION = 30, 3, 345_600
_LEAST_RECEIVES = 5  # AWS's advice: a throttled batch returns to the queue, and each return counts as a receive


class Consumption(NamedTuple):
    """A queue and the function that consumes it.

    Attributes:
        mapping: Event source mapping between them.
        queue: The queue.
        function: The function; None when it is not in these templates.
    """

    mapping: Resource
    queue: Resource
    function: Resource | None


def consumptions(template: Template) -> Iterator[Consumption]:
    """Iterate over queues of the template and the functions that consume them."""
    for source in template.of_type(MAPPING):
        queue = template.target(source.properties.get("EventSourceArn"))
        if queue is not None and queue.type == QUEUE:
            yield Consumption(source, queue, _consumer(template, source.properties.get("FunctionName")))


def _consumer(template: Template, name: object) -> Resource | None:
    function = template.target(name) or template.named(FUNCTION, "FunctionName", name)
    return function if function is not None and function.type == FUNCTION else None


def variable(template: Template, function: Resource, name: str) -> Resource | None:
    """Return the resource that an environment variable of a function refers to."""
    return template.target(mapping(function.mapping("Environment").get("Variables")).get(name))


def dead_letter_queues(template: Template) -> Iterator[tuple[Resource, Resource]]:
    """Iterate over pairs of a queue and its dead-letter queue in the template."""
    return _redriven(template, QUEUE)


def undelivered(template: Template) -> Iterator[tuple[Resource, Resource]]:
    """Iterate over pairs of a subscription and its dead-letter queue in the template."""
    return _redriven(template, SUBSCRIPTION)


def kept_by_targets(template: Template) -> Iterator[tuple[Resource, Resource]]:
    """Iterate over pairs of a schedule or rule and the dead-letter queue of a target of it, in the template."""
    for source in template.of_type(SCHEDULE, EVENT_RULE):
        for target in [*source.items("Target"), *source.items("Targets")]:
            queue = template.target(mapping(mapping(target).get("DeadLetterConfig")).get("Arn"))
            if queue is not None and queue.type == QUEUE:
                yield source, queue


def _redriven(template: Template, resource_type: str) -> Iterator[tuple[Resource, Resource]]:
    for source in template.of_type(resource_type):
        target = template.target(source.mapping("RedrivePolicy").get("deadLetterTargetArn"))
        if target is not None and target.type == QUEUE:
            yield source, target


def _short_visibility(template: Template) -> Iterator[Finding]:
    for source, queue, function in consumptions(template):
        timeout = function.number("Timeout", _DEFAULT_TIMEOUT) if function else None
        window = source.number("MaximumBatchingWindowInSeconds", 0)
        visibility = queue.number("VisibilityTimeout", _DEFAULT_VISIBILITY)
        if timeout is None or window is None or visibility is None:
            continue
        if visibility < VISIBILITY_PER_HANDLER_TIMEOUT * timeout + window:
            yield Finding(queue, "Properties/VisibilityTimeout")


def _whole_batch_response(template: Template) -> Iterator[Finding]:
    for source, _, _ in consumptions(template):
        types = source.items("FunctionResponseTypes")
        if "ReportBatchItemFailures" not in types and not any(map(is_intrinsic, types)):
            yield Finding(source, "Properties/FunctionResponseTypes")


def _filtering_mapping(template: Template) -> Iterator[Finding]:
    for source, _, _ in consumptions(template):
        if "FilterCriteria" in source.properties and not source.is_unknown("FilterCriteria"):
            yield Finding(source, "Properties/FilterCriteria")


def _throttled_consumer(template: Template) -> Iterator[Finding]:
    for source, _, function in consumptions(template):
        reserved = function.number("ReservedConcurrentExecutions", 1_000_000) if function else None
        wanted = source.mapping("ScalingConfig").get("MaximumConcurrency")
        least = wanted if isinstance(wanted, int) else 2
        if function is not None and reserved is not None and reserved < least:
            yield Finding(function, "Properties/ReservedConcurrentExecutions")


def _short_dead_letter_retention(template: Template) -> Iterator[Finding]:
    for queue, dead_letter_queue in dead_letter_queues(template):
        retention = queue.number("MessageRetentionPeriod", DEFAULT_RETENTION)
        kept = dead_letter_queue.number("MessageRetentionPeriod", DEFAULT_RETENTION)
        if retention is not None and kept is not None and kept <= retention:
            yield Finding(dead_letter_queue, "Properties/MessageRetentionPeriod")


def _small_receive_budget(template: Template) -> Iterator[Finding]:
    for queue, _ in dead_letter_queues(template):
        receives = queue.mapping("RedrivePolicy").get("maxReceiveCount")
        if isinstance(receives, int) and receives < _LEAST_RECEIVES:
            yield Finding(queue, "Properties/RedrivePolicy/maxReceiveCount")


def _dropped_ticks(template: Template) -> Iterator[Finding]:
    for schedule in template.of_type(SCHEDULE):
        targets = [target for target in schedule.items("Target") if isinstance(target, dict)]
        if any("DeadLetterConfig" not in target and not is_intrinsic(target) for target in targets):
            yield Finding(schedule, "Properties/Target/DeadLetterConfig")


CONSUMER_RULES = (
    Rule(
        rule_id="QueueVisibility",
        description="The visibility time-out is below six function time-outs and the batching window, so that messages "
        "are delivered again while they are still being processed.",
        fix="Raise VisibilityTimeout, or lower the function's Timeout.",
        find=_short_visibility,
    ),
    Rule(
        rule_id="PartialBatchResponse",
        description="One message that fails returns its whole batch to the queue.",
        fix="Set FunctionResponseTypes to ReportBatchItemFailures, and report failures in the handler.",
        find=_whole_batch_response,
    ),
    Rule(
        rule_id="MappingFilter",
        description="The mapping deletes the messages that its filter does not match.",
        fix="Filter where the messages are published, for example in the SNS subscription.",
        find=_filtering_mapping,
    ),
    Rule(
        rule_id="ReservedConcurrency",
        description="The reserved concurrency is below what the queue's mapping uses: throttled batches return and "
        "use up the receives of their messages.",
        fix="Reserve at least MaximumConcurrency, and never less than 2.",
        find=_throttled_consumer,
    ),
    Rule(
        rule_id="DeadLetterRetention",
        description="The dead-letter queue keeps messages no longer than their source queue. In a standard queue the "
        "age counts from the first send, so that SQS deletes dead letters too early.",
        fix="Set MessageRetentionPeriod of the dead-letter queue to 14 days.",
        find=_short_dead_letter_retention,
    ),
    Rule(
        rule_id="ReceiveBudget",
        description="SQS dead-letters messages after so few receives that throttling alone dead-letters valid ones.",
        fix="Raise maxReceiveCount to at least 5.",
        find=_small_receive_budget,
    ),
    Rule(
        rule_id="ScheduleDeadLetters",
        description="EventBridge Scheduler drops what it cannot start: the schedule stops without a sign.",
        fix="Set DeadLetterConfig of the target to a queue, with an alarm.",
        find=_dropped_ticks,
    ),
)
