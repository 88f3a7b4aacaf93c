"""Rules about queues and the functions that consume them."""

from collections.abc import Iterator
from typing import NamedTuple

from tsunagu.cdk.checks.rule import Finding, Rule
from tsunagu.cdk.checks.template import Resource, Template
from tsunagu.cdk.constructs.queue_channel import VISIBILITY_PER_HANDLER_TIMEOUT

QUEUE, FUNCTION, MAPPING, ALARM, SUBSCRIPTION, SCHEDULE, EVENT_RULE = (
    "AWS::SQS::Queue",
    "AWS::Lambda::Function",
    "AWS::Lambda::EventSourceMapping",
    "AWS::CloudWatch::Alarm",
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
        function: The function; None when it is in another template.
    """

    mapping: Resource
    queue: Resource
    function: Resource | None


def consumptions(template: Template) -> Iterator[Consumption]:
    """Iterate over queues of the template and the functions that consume them."""
    for mapping in template.of_type(MAPPING):
        queue = template.target(mapping.properties.get("EventSourceArn"))
        if queue is not None and queue.type == QUEUE:
            yield Consumption(mapping, queue, template.target(mapping.properties.get("FunctionName")))


def dead_letter_queues(template: Template) -> Iterator[tuple[Resource, Resource]]:
    """Iterate over pairs of a queue and its dead-letter queue in the template."""
    return _redriven(template, QUEUE)


def _undelivered(template: Template) -> Iterator[tuple[Resource, Resource]]:
    """Iterate over pairs of a subscription and its dead-letter queue in the template."""
    return _redriven(template, SUBSCRIPTION)


def kept_by_targets(template: Template) -> Iterator[tuple[Resource, Resource]]:
    """Iterate over pairs of a schedule or rule and the dead-letter queue of a target of it, in the template."""
    for source in template.of_type(SCHEDULE, EVENT_RULE):
        for target in [source.properties.get("Target"), *source.items("Targets")]:
            config = target.get("DeadLetterConfig") if isinstance(target, dict) else None
            queue = template.target(config.get("Arn")) if isinstance(config, dict) else None
            if queue is not None:
                yield source, queue


def _redriven(template: Template, resource_type: str) -> Iterator[tuple[Resource, Resource]]:
    for source in template.of_type(resource_type):
        policy = source.properties.get("RedrivePolicy")
        target = template.target(policy.get("deadLetterTargetArn")) if isinstance(policy, dict) else None
        if target is not None:
            yield source, target


def _short_visibility(template: Template) -> Iterator[Finding]:
    for mapping, queue, function in consumptions(template):
        timeout = function.number("Timeout", _DEFAULT_TIMEOUT) if function else None
        window = mapping.number("MaximumBatchingWindowInSeconds", 0)
        visibility = queue.number("VisibilityTimeout", _DEFAULT_VISIBILITY)
        if timeout is None or window is None or visibility is None:
            continue
        if visibility < VISIBILITY_PER_HANDLER_TIMEOUT * timeout + window:
            yield Finding(queue, "Properties/VisibilityTimeout")


def _whole_batch_response(template: Template) -> Iterator[Finding]:
    for mapping, _, _ in consumptions(template):
        if "ReportBatchItemFailures" not in mapping.items("FunctionResponseTypes"):
            yield Finding(mapping, "Properties/FunctionResponseTypes")


def _filtering_mapping(template: Template) -> Iterator[Finding]:
    for mapping, _, _ in consumptions(template):
        if "FilterCriteria" in mapping.properties:
            yield Finding(mapping, "Properties/FilterCriteria")


def _throttled_consumer(template: Template) -> Iterator[Finding]:
    for mapping, _, function in consumptions(template):
        reserved = function.number("ReservedConcurrentExecutions", 1_000_000) if function else None
        scaling = mapping.properties.get("ScalingConfig")
        wanted = scaling.get("MaximumConcurrency") if isinstance(scaling, dict) else None
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
        receives = queue.properties["RedrivePolicy"].get("maxReceiveCount")
        if isinstance(receives, int) and receives < _LEAST_RECEIVES:
            yield Finding(queue, "Properties/RedrivePolicy/maxReceiveCount")


def _dropped_ticks(template: Template) -> Iterator[Finding]:
    for schedule in template.of_type(SCHEDULE):
        target = schedule.properties.get("Target")
        if isinstance(target, dict) and "DeadLetterConfig" not in target:
            yield Finding(schedule, "Properties/Target/DeadLetterConfig")


def _silent_dead_letter_queue(template: Template) -> Iterator[Finding]:
    watched = {queue.logical_id for alarm in template.of_type(ALARM) for queue in _queues_watched(template, alarm)}
    kept = [*dead_letter_queues(template), *_undelivered(template), *kept_by_targets(template)]
    for logical_id, queue in {queue.logical_id: queue for _, queue in kept}.items():
        if logical_id not in watched:
            yield Finding(queue, "Properties/QueueName")


def _queues_watched(template: Template, alarm: Resource) -> Iterator[Resource]:
    if alarm.properties.get("MetricName") != "ApproximateNumberOfMessagesVisible" or not alarm.items("AlarmActions"):
        return
    for dimension in alarm.items("Dimensions"):
        queue = template.target(dimension.get("Value"))
        if queue is not None:
            yield queue


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
        rule_id="DeadLetterAlarm",
        description="No alarm notifies anyone of messages in the dead-letter queue.",
        fix="Add an alarm with an action on its ApproximateNumberOfMessagesVisible.",
        find=_silent_dead_letter_queue,
    ),
    Rule(
        rule_id="ScheduleDeadLetters",
        description="EventBridge Scheduler drops what it cannot start: the schedule stops without a sign.",
        fix="Set DeadLetterConfig of the target to a queue, with an alarm.",
        find=_dropped_ticks,
    ),
)
